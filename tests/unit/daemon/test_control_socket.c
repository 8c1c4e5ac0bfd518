/* The file of the control socket: made, taken over, and removed when it is still ours. */
#include "daemon/control_socket.h"

#include "base/log.h"
#include "scratch.h"
#include "suites.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct scratch        scratch;
static struct control_socket opened;
static char                  path[4096];

static void ignore(enum log_level level, const char *line, size_t line_len)
{
    (void)level;
    (void)line;
    (void)line_len;
}

static void set_up(void)
{
    scratch_open(&scratch);
    log_set_sink(ignore);
    (void)snprintf(path, sizeof(path), "%s/control.sock", scratch.path);
    opened = (struct control_socket){.fd = -1};
}

static void tear_down(void)
{
    control_socket_close(&opened, NULL);
    log_set_sink(NULL);
    scratch_close(&scratch);
}

static struct config_control configured(const char *mode)
{
    return (struct config_control){.socket = {.text = path},
                                   .mode = {.text = mode},
                                   .group = {.text = ""},
                                   .level = CONFIG_CONTROL_OPERATOR,
                                   .timeout_ns = 1};
}

static bool open_it(const char *mode, const struct control_socket *before,
                    struct control_socket *into)
{
    struct config_control config = configured(mode);

    return control_socket_open(into, &config, getegid(), before);
}

static unsigned mode_of_file(void)
{
    struct stat file;

    ck_assert_int_eq(lstat(path, &file), 0);
    ck_assert(S_ISSOCK(file.st_mode));
    return (unsigned)file.st_mode & 0777;
}

START_TEST(the_file_has_the_permissions_of_the_configuration_whatever_the_umask)
{
    mode_t before = umask(0077);

    ck_assert(open_it("0666", NULL, &opened));
    ck_assert_uint_eq(mode_of_file(), 0666);
    (void)umask(before);
}
END_TEST

START_TEST(a_second_socket_at_the_same_path_is_refused)
{
    struct control_socket second;

    ck_assert(open_it("0660", NULL, &opened));
    ck_assert(!open_it("0660", NULL, &second));
    ck_assert_int_eq(second.fd, -1);
    ck_assert_uint_eq(mode_of_file(), 0660);
}
END_TEST

START_TEST(one_that_stays_is_taken_over_and_gets_its_new_permissions_when_settled)
{
    struct control_socket next;

    ck_assert(open_it("0660", NULL, &opened));
    ck_assert(open_it("0600", &opened, &next));
    ck_assert_int_eq(next.fd, opened.fd);
    ck_assert_uint_eq(mode_of_file(), 0660);
    control_socket_settle(&next, &opened);
    ck_assert_uint_eq(mode_of_file(), 0600);
    control_socket_close(&next, &opened); /* forgotten: the other still has it */
    ck_assert_uint_eq(mode_of_file(), 0600);
    opened = next;
}
END_TEST

START_TEST(the_end_removes_the_file)
{
    ck_assert(open_it("0660", NULL, &opened));
    control_socket_close(&opened, NULL);
    ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(a_file_that_is_anothers_by_now_is_not_removed)
{
    ck_assert(open_it("0660", NULL, &opened));
    ck_assert_int_eq(unlink(path), 0);
    struct control_socket second;

    ck_assert(open_it("0660", NULL, &second));
    control_socket_close(&opened, NULL);
    ck_assert_uint_eq(mode_of_file(), 0660);
    control_socket_close(&second, NULL);
    ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(without_a_path_there_is_no_socket)
{
    path[0] = '\0';
    ck_assert(open_it("0660", NULL, &opened));
    ck_assert_int_eq(opened.fd, -1);
}
END_TEST

START_TEST(a_path_that_cannot_be_is_an_error)
{
    (void)snprintf(path, sizeof(path), "%s/missing/control.sock", scratch.path);
    ck_assert(!open_it("0660", NULL, &opened));
    ck_assert_int_eq(opened.fd, -1);
}
END_TEST

START_TEST(the_daemons_own_user_may_do_everything)
{
    int ends[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    ck_assert(open_it("0660", NULL, &opened));
    struct control_peer peer = control_socket_peer(&opened, ends[0]);

    ck_assert_int_eq(peer.level, CONTROL_ADMIN);
    ck_assert_uint_eq(peer.uid, geteuid());
    ck_assert_int_eq(peer.pid, getpid());
    (void)close(ends[0]);
    (void)close(ends[1]);
}
END_TEST

START_TEST(who_cannot_be_asked_for_is_a_user)
{
    int pipes[2];

    ck_assert_int_eq(pipe(pipes), 0);
    ck_assert_int_eq(control_socket_peer(&opened, pipes[0]).level, CONTROL_USER);
    (void)close(pipes[0]);
    (void)close(pipes[1]);
}
END_TEST

Suite *control_socket_suite(void)
{
    Suite *suite = suite_create("control_socket");
    TCase *tcase = tcase_create("all");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, the_file_has_the_permissions_of_the_configuration_whatever_the_umask);
    tcase_add_test(tcase, a_second_socket_at_the_same_path_is_refused);
    tcase_add_test(tcase, one_that_stays_is_taken_over_and_gets_its_new_permissions_when_settled);
    tcase_add_test(tcase, the_end_removes_the_file);
    tcase_add_test(tcase, a_file_that_is_anothers_by_now_is_not_removed);
    tcase_add_test(tcase, without_a_path_there_is_no_socket);
    tcase_add_test(tcase, a_path_that_cannot_be_is_an_error);
    tcase_add_test(tcase, the_daemons_own_user_may_do_everything);
    tcase_add_test(tcase, who_cannot_be_asked_for_is_a_user);
    suite_add_tcase(suite, tcase);
    return suite;
}
