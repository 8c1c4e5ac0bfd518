#include "io/socket.h"

#include "forbid.h"
#include "io/socket_calls.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct listen_options OPTIONS = {.backlog = 16};

static struct address parsed(const char *text)
{
    struct address addresses[ADDRESSES_PER_TEXT_MAX];
    const char    *problem;

    ck_assert_uint_eq(address_parse(text, addresses, &problem), 1);
    return addresses[0];
}

static int listen_on(const struct address *address)
{
    struct error error = ERROR_OK;
    int          fd = socket_listen(address, &OPTIONS, &error);

    ck_assert_int_ge(fd, 0);
    return fd;
}

static int option_of(int fd, int level, int name)
{
    int       value = 0;
    socklen_t len = sizeof(value);

    ck_assert_int_eq(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

static void check_flags(int fd)
{
    ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
}

/* A directory of its own, and a socket path inside. */
static struct address path_in(char *directory)
{
    char path[100];

    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/socket", directory);
    return parsed(path);
}

static void remove_all(const char *directory, const struct address *address)
{
    (void)unlink(address->socket.unix_path.sun_path);
    ck_assert_int_eq(rmdir(directory), 0);
}

START_TEST(a_listener_is_not_blocking_and_not_inherited)
{
    struct address address = parsed("127.0.0.1:0"), local;
    int            fd = listen_on(&address);

    check_flags(fd);
    socket_local(fd, &local);
    ck_assert_int_eq(local.socket.any.sa_family, AF_INET);
    ck_assert_int_ne(local.socket.ip4.sin_port, 0);
    ck_assert_int_eq(option_of(fd, SOL_SOCKET, SO_REUSEADDR), 1);
    ck_assert_int_eq(option_of(fd, SOL_SOCKET, SO_REUSEPORT), 0);
    (void)close(fd);
}
END_TEST

START_TEST(accepted_sockets_inherit_no_delay_and_keepalive)
{
    struct address address = parsed("127.0.0.1:0");
    struct error   error;
    int            listen_fd = listen_on(&address);
    int            client = socket_for(&address, &error);

    check_flags(client);
    socket_local(listen_fd, &address);
    (void)connect(client, &address.socket.any, address.len);
    (void)fcntl(listen_fd, F_SETFL, 0);
    int server = accept(listen_fd, NULL, NULL);

    ck_assert_int_ge(server, 0);
    ck_assert_int_ne(option_of(server, IPPROTO_TCP, TCP_NODELAY), 0);
    ck_assert_int_ne(option_of(server, SOL_SOCKET, SO_KEEPALIVE), 0);
    ck_assert_int_eq(option_of(server, IPPROTO_TCP, TCP_KEEPIDLE), 60);
    ck_assert_int_eq(option_of(server, IPPROTO_TCP, TCP_KEEPINTVL), 10);
    ck_assert_int_eq(option_of(server, IPPROTO_TCP, TCP_KEEPCNT), 6);
    ck_assert_int_ne(option_of(client, IPPROTO_TCP, TCP_NODELAY), 0);
    (void)close(server);
    (void)close(client);
    (void)close(listen_fd);
}
END_TEST

/* A port below those that the kernel gives to others' connections. */
static bool listen_on_both(int *fd6, int *fd4)
{
    enum { PORT_FIRST = 21000, PORT_LAST = 31000 };
    struct error error = ERROR_OK;

    for (int port = PORT_FIRST; port <= PORT_LAST; port++) {
        struct address ip6 = parsed("[::]:1"), ip4 = parsed("0.0.0.0:1");

        ip6.socket.ip6.sin6_port = htons((uint16_t)port);
        ip4.socket.ip4.sin_port = ip6.socket.ip6.sin6_port;
        *fd6 = socket_listen(&ip6, &OPTIONS, &error);
        *fd4 = socket_listen(&ip4, &OPTIONS, &error);
        if (*fd6 >= 0 && *fd4 >= 0) {
            return true;
        }
        (void)close(*fd6 >= 0 ? *fd6 : *fd4);
    }
    return false; /* a machine without IPv6 */
}

START_TEST(one_port_serves_both_families_through_two_sockets)
{
    int fd6 = -1, fd4 = -1;

    if (!listen_on_both(&fd6, &fd4)) {
        return;
    }
    ck_assert_int_eq(option_of(fd6, IPPROTO_IPV6, IPV6_V6ONLY), 1);
    (void)close(fd4);
    (void)close(fd6);
}
END_TEST

START_TEST(reuse_port_lets_several_sockets_share_a_port)
{
    struct listen_options shared = {.backlog = 16, .reuse_port = true};
    struct address        address = parsed("127.0.0.1:0");
    struct error          error;
    int                   one = socket_listen(&address, &shared, &error);

    ck_assert_int_ge(one, 0);
    socket_local(one, &address);
    int two = socket_listen(&address, &shared, &error);

    ck_assert_int_ge(two, 0);
    (void)close(one);
    (void)close(two);
}
END_TEST

START_TEST(a_port_in_use_is_an_error_that_says_so)
{
    struct address address = parsed("127.0.0.1:0");
    struct error   error = ERROR_OK;
    int            fd = listen_on(&address);

    socket_local(fd, &address);
    ck_assert_int_eq(socket_listen(&address, &OPTIONS, &error), -1);
    ck_assert_int_ne(error.kind, ERROR_NONE);
    ck_assert_uint_eq(error.code, EADDRINUSE);
    ck_assert_str_eq(error.step, "bind");
    (void)close(fd);
}
END_TEST

START_TEST(a_socket_file_left_behind_is_replaced)
{
    char           directory[] = "/tmp/test-socket-XXXXXX";
    struct address address = path_in(directory);

    (void)close(listen_on(&address));
    ck_assert_int_eq(access(address.socket.unix_path.sun_path, F_OK), 0);
    (void)close(listen_on(&address));
    remove_all(directory, &address);
}
END_TEST

START_TEST(a_socket_file_somebody_listens_on_is_left_alone)
{
    char           directory[] = "/tmp/test-socket-XXXXXX";
    struct address address = path_in(directory);
    struct error   error;
    int            fd = listen_on(&address);

    ck_assert_int_eq(socket_listen(&address, &OPTIONS, &error), -1);
    ck_assert_uint_eq(error.code, EADDRINUSE);
    (void)close(fd);
    remove_all(directory, &address);
}
END_TEST

START_TEST(a_socket_file_can_be_closed_to_others_from_the_beginning)
{
    char           directory[] = "/tmp/test-socket-XXXXXX";
    struct address address = path_in(directory);
    mode_t         before = umask(0);
    struct error   error;
    struct stat    file;
    int            fd =
        socket_listen(&address, &(struct listen_options){.backlog = 1, .file_mode = 0600}, &error);

    (void)umask(before);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(lstat(address.socket.unix_path.sun_path, &file), 0);
    ck_assert_uint_eq(file.st_mode & 0777, 0600);
    (void)close(fd);
    remove_all(directory, &address);
}
END_TEST

START_TEST(a_file_that_is_no_socket_is_left_alone)
{
    char           directory[] = "/tmp/test-socket-XXXXXX";
    struct address address = path_in(directory);
    const char    *path = address.socket.unix_path.sun_path;
    struct error   error;
    int            file = open(path, O_CREAT | O_WRONLY, 0600);

    (void)close(file);
    ck_assert_int_eq(socket_listen(&address, &OPTIONS, &error), -1);
    ck_assert_int_eq(access(path, F_OK), 0);
    remove_all(directory, &address);
}
END_TEST

/* A peer must not take an abort for an end, whatever the kernel refuses. */
START_TEST(an_abort_is_a_reset_even_when_linger_cannot_be_set)
{
    struct address address = parsed("127.0.0.1:0");
    int            listen_fd = listen_on(&address);
    int            client_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int            status = -1;
    char           byte;

    socket_local(listen_fd, &address);
    ck_assert_int_eq(connect(client_fd, &address.socket.any, address.len), 0);
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        int fd = -1;

        while (fd < 0) {
            fd = socket_accept(listen_fd);
        }
        forbid(__NR_setsockopt, ENOMEM);
        socket_reset(fd);
        _exit(EXIT_SUCCESS);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(recv(client_fd, &byte, 1, 0), -1);
    ck_assert_int_eq(errno, ECONNRESET);
    (void)close(client_fd);
    (void)close(listen_fd);
}
END_TEST

START_TEST(what_is_no_socket_has_no_local_address)
{
    struct address address;

    socket_local(-1, &address);
    ck_assert_uint_eq(address.len, 0);
}
END_TEST

Suite *socket_suite(void)
{
    return suite_of("socket",
                    (const TTest *const[]){a_listener_is_not_blocking_and_not_inherited,
                                           accepted_sockets_inherit_no_delay_and_keepalive,
                                           one_port_serves_both_families_through_two_sockets,
                                           reuse_port_lets_several_sockets_share_a_port,
                                           a_port_in_use_is_an_error_that_says_so,
                                           a_socket_file_left_behind_is_replaced,
                                           a_socket_file_somebody_listens_on_is_left_alone,
                                           a_socket_file_can_be_closed_to_others_from_the_beginning,
                                           a_file_that_is_no_socket_is_left_alone,
                                           an_abort_is_a_reset_even_when_linger_cannot_be_set,
                                           what_is_no_socket_has_no_local_address, NULL});
}
