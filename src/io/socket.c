#include "io/socket.h"

#include "base/require.h"
#include "io/socket_calls.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

static bool prepare_listener(int fd, const struct address *address,
                             const struct listen_options *options);
static bool set_flag(int fd, int level, int name);
static void prepare_stream(int fd, const struct address *address);
static bool remove_stale(const struct address *address);
static bool is_listened_on(const struct address *address);

int socket_listen(const struct address *address, const struct listen_options *options,
                  struct error *error)
{
    const char *step = "socket";
    int         fd = socket_new_stream(address->socket.any.sa_family);

    require(address->len > 0);
    if (fd < 0 || !prepare_listener(fd, address, options)) {
        goto fail;
    }
    step = "bind";
    if (!remove_stale(address) || bind(fd, &address->socket.any, address->len) != 0) {
        goto fail;
    }
    step = "listen";
    if (listen(fd, options->backlog) != 0) {
        goto fail;
    }
    return fd;
fail:
    *error = error_from_errno(errno, step);
    if (fd >= 0) {
        (void)close(fd);
    }
    return -1;
}

int socket_for(const struct address *address, struct error *error)
{
    require(address->len > 0);
    int fd = socket_new_stream(address->socket.any.sa_family);

    if (fd < 0) {
        *error = error_from_errno(errno, "socket");
        return -1;
    }
    prepare_stream(fd, address);
    return fd;
}

void socket_local(int fd, struct address *address)
{
    address->len = sizeof(address->socket);
    if (getsockname(fd, &address->socket.any, &address->len) != 0) {
        address->len = 0;
    }
}

bool socket_is_lost_connection(int accept_errno)
{
    switch (accept_errno) {
    case ECONNABORTED:
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENETUNREACH:
        return true;
    default:
        return false;
    }
}

void socket_reset_on_close(int fd)
{
    struct linger   at_once = {.l_onoff = 1, .l_linger = 0};
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};

    /* A FIN in the place of RST would be a lie. To be connected to nobody is RST at once. */
    if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) != 0) {
        (void)connect(fd, &nobody, sizeof(nobody));
    }
}

void socket_reset(int fd)
{
    socket_reset_on_close(fd);
    (void)close(fd);
}

/* SO_ERROR would tell as well, and clear it. */
bool socket_is_broken(int fd)
{
    struct pollfd asked = {.fd = fd};

    return poll(&asked, 1, 0) == 1 && (asked.revents & POLLERR) != 0;
}

void socket_peer(int fd, struct address *address)
{
    address->len = sizeof(address->socket);
    if (getpeername(fd, &address->socket.any, &address->len) != 0) {
        address->len = 0;
    }
}

static bool prepare_listener(int fd, const struct address *address,
                             const struct listen_options *options)
{
    if (address_is_unix(address)) {
        return options->file_mode == 0 || fchmod(fd, (mode_t)options->file_mode) == 0;
    }
    prepare_stream(fd, address);
    if (!set_flag(fd, SOL_SOCKET, SO_REUSEADDR)) {
        return false;
    }
    if (options->reuse_port && !set_flag(fd, SOL_SOCKET, SO_REUSEPORT)) {
        return false;
    }
    return address->socket.any.sa_family != AF_INET6 || set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY);
}

static bool set_flag(int fd, int level, int name)
{
    int on = 1;

    return setsockopt(fd, level, name, &on, sizeof(on)) == 0;
}

/* Good to have, not worth failing for. */
static void prepare_stream(int fd, const struct address *address)
{
    if (!address_is_unix(address)) {
        (void)set_flag(fd, IPPROTO_TCP, TCP_NODELAY);
        socket_keep_alive(fd);
    }
}

/* A daemon that was killed leaves its socket file behind. Anything else at that path is not ours
 * to remove: bind then says that the address is in use. */
static bool remove_stale(const struct address *address)
{
    const char *path = address->socket.unix_path.sun_path;
    struct stat found;

    if (!address_is_unix(address) || path[0] == '\0' || lstat(path, &found) != 0) {
        return true;
    }
    if (!S_ISSOCK(found.st_mode) || is_listened_on(address)) {
        errno = EADDRINUSE;
        return false;
    }
    return unlink(path) == 0;
}

static bool is_listened_on(const struct address *address)
{
    int fd = socket_new_stream(AF_UNIX);

    if (fd < 0) {
        return true;
    }
    bool refused = connect(fd, &address->socket.any, address->len) != 0 && errno == ECONNREFUSED;

    (void)close(fd);
    return !refused;
}
