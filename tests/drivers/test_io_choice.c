/* Which driver io_loop_open takes, and what it says when it cannot have the better one. */
#include "forbid.h"
#include "suites.h"
#include "world.h"

#include "base/require.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct io_loop *open_named(const char *driver, struct error *error)
{
    *error = ERROR_OK;
    return io_loop_open(&(struct io_options){.driver = driver}, error);
}

START_TEST(a_named_driver_is_taken)
{
    struct error    error;
    struct io_loop *loop = open_named("epoll", &error);

    ck_assert_ptr_nonnull(loop);
    ck_assert_str_eq(io_loop_driver(loop), "epoll");
    ck_assert_int_eq(io_loop_fallback(loop).kind, ERROR_NONE);
    io_loop_close(&loop);
    ck_assert_ptr_null(loop);
    io_loop_close(&loop);
}
END_TEST

/* Whoever takes either mode of running tasks asks for TASKRUN_FLAG with it. */
START_TEST(a_driver_with_choices_tells_which_it_took)
{
    char            memory[200];
    struct text     told;
    struct error    error;
    struct io_loop *loop = open_named("epoll", &error);

    text_init(&told, memory, sizeof(memory));
    ck_assert_ptr_nonnull(loop);
    io_loop_describe(loop, &told);
    ck_assert_uint_eq(text_len(&told), 0);
    io_loop_close(&loop);
    if (!world_has("io_uring")) {
        return;
    }
    loop = io_loop_open(&(struct io_options){.driver = "io_uring", .ring_entries = 64}, &error);
    ck_assert_ptr_nonnull(loop);
    io_loop_describe(loop, &told);
    ck_assert_ptr_nonnull(strstr(memory, "entries=64 registered="));
    ck_assert(strstr(memory, "TASKRUN ") == NULL || strstr(memory, "TASKRUN_FLAG ") != NULL);
    io_loop_close(&loop);
}
END_TEST

START_TEST(a_driver_nobody_knows_is_unsupported)
{
    struct error error;

    ck_assert_ptr_null(open_named("kqueue", &error));
    ck_assert_int_eq(error.kind, ERROR_UNSUPPORTED);
}
END_TEST

START_TEST(auto_takes_io_uring_where_it_works)
{
    struct error    error;
    struct io_loop *loop = open_named("auto", &error);

    ck_assert_ptr_nonnull(loop);
    ck_assert_str_eq(io_loop_driver(loop), world_has("io_uring") ? "io_uring" : "epoll");
    io_loop_close(&loop);
}
END_TEST

/* In a process of its own, since what is forbidden stays forbidden. */
static int falls_back(int call, int error_code)
{
    pid_t child = fork();
    int   status = -1;

    if (child == 0) {
        struct error    error, refusal;
        struct io_loop *loop;

        forbid(call, error_code);
        loop = open_named("auto", &error);
        refusal = loop == NULL ? ERROR_OK : io_loop_fallback(loop);
        _exit(loop != NULL && strcmp(io_loop_driver(loop), "epoll") == 0 &&
                      (refusal.kind != ERROR_NONE || !world_has("io_uring")) &&
                      open_named("io_uring", &error) == NULL && error.kind != ERROR_NONE
                  ? EXIT_SUCCESS
                  : EXIT_FAILURE);
    }
    ck_assert_int_gt(child, 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(auto_falls_back_when_the_kernel_refuses_a_ring)
{
    static const int refusals[] = {ENOSYS, EPERM, EINVAL, ENOMEM};

    ck_assert_int_eq(falls_back(__NR_io_uring_setup, refusals[_i]), EXIT_SUCCESS);
}
END_TEST

START_TEST(auto_falls_back_when_the_ring_does_not_work)
{
    static const int refusals[] = {ENOSYS, EPERM, EINVAL, ENOMEM};

    ck_assert_int_eq(falls_back(__NR_io_uring_register, refusals[_i]), EXIT_SUCCESS);
}
END_TEST

/* A ring that opens and then takes nothing: the self-test must not hang, nor abort. */
START_TEST(auto_falls_back_when_the_ring_takes_nothing)
{
    static const int refusals[] = {ENOSYS, EPERM, EAGAIN, EBUSY};

    ck_assert_int_eq(falls_back(__NR_io_uring_enter, refusals[_i]), EXIT_SUCCESS);
}
END_TEST

static void on_byte(struct io_op *op)
{
    require(op->error.kind == ERROR_NONE && op->result == 1);
}

/* Filters older than epoll_pwait2 may say EPERM where the kernel would say ENOSYS; any other answer
 * is a kernel that lacks something just now. */
static int epoll_receives_without_pwait2(int error_code)
{
    static struct io_op op;
    struct error        error;
    struct io_loop     *loop = open_named("epoll", &error);
    int                 fds[2];

    forbid(__NR_epoll_pwait2, error_code);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) != 0 ||
        write(fds[1], "x", 1) != 1) {
        return EXIT_FAILURE;
    }
    io_recv(loop, &op, fds[0], on_byte);
    for (int turns = 0; turns < 20; turns++) {
        io_turn(loop, 1000000);
    }
    return io_op_is_pending(&op) ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* EXIT_SUCCESS: it received; EXIT_FAILURE: it did not, and turned on. */
static int in_child(int (*run)(int error_code), int error_code)
{
    pid_t child = fork();
    int   status = -1;

    if (child == 0) {
        _exit(run(error_code));
    }
    ck_assert_int_gt(child, 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(epoll_does_without_the_newer_wait)
{
    ck_assert_int_eq(in_child(epoll_receives_without_pwait2, ENOSYS), EXIT_SUCCESS);
    ck_assert_int_eq(in_child(epoll_receives_without_pwait2, EPERM), EXIT_SUCCESS);
}
END_TEST

START_TEST(a_wait_that_the_kernel_refuses_ends_nothing)
{
    ck_assert_int_eq(in_child(epoll_receives_without_pwait2, EIO), EXIT_FAILURE);
}
END_TEST

static void on_done(struct io_op *op)
{
    require(op->error.kind == ERROR_CANCELLED);
}

/* Operations beyond the two places of the queue are held back, and can be cancelled there. */
static int holds_back(void)
{
    static struct io_op ops[10];
    struct error        error;
    struct io_loop     *loop =
        io_loop_open(&(struct io_options){.driver = "io_uring", .ring_entries = 2}, &error);
    size_t done = 0;

    forbid(__NR_io_uring_enter, EAGAIN);
    for (size_t i = 0; i < 10; i++) {
        int fds[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) != 0) {
            return EXIT_FAILURE;
        }
        io_recv(loop, &ops[i], fds[0], on_done);
    }
    for (size_t i = 0; i < 10; i++) {
        io_cancel(loop, &ops[i]);
    }
    for (int turns = 0; turns < 20; turns++) {
        io_turn(loop, 1000000);
    }
    for (size_t i = 0; i < 10; i++) {
        done += io_op_is_pending(&ops[i]) ? 0 : 1;
    }
    return done == 8 ? EXIT_SUCCESS : EXIT_FAILURE;
}

START_TEST(what_the_kernel_does_not_take_is_held_back)
{
    int   status = -1;
    pid_t child = world_has("io_uring") ? fork() : -1;

    if (child == 0) {
        _exit(holds_back());
    }
    if (child > 0) {
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_int_eq(status, 0);
    }
}
END_TEST

START_TEST(two_loops_in_one_process_do_not_meet)
{
    struct world one = world_open((size_t)_i);

    if (!one.is_simulated) {
        struct world two = world_open((size_t)_i);
        struct pair  first = world_pair(&one), second = world_pair(&two);

        world_send_all(&one, first.client, world_pattern(10));
        world_send_all(&two, second.client, world_pattern(20));
        world_expect_bytes(&two, second.server, 20, 0);
        world_expect_bytes(&one, first.server, 10, 0);
        world_close_pair(&one, first);
        world_close_pair(&two, second);
        world_close(&two);
    }
    world_close(&one);
}
END_TEST

Suite *choice_suite(void)
{
    Suite *suite = world_suite("io choice",
                               (const TTest *const[]){two_loops_in_one_process_do_not_meet, NULL});
    TCase *tcase = tcase_create("choice");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_named_driver_is_taken);
    tcase_add_test(tcase, a_driver_with_choices_tells_which_it_took);
    tcase_add_test(tcase, a_driver_nobody_knows_is_unsupported);
    tcase_add_test(tcase, auto_takes_io_uring_where_it_works);
    tcase_add_loop_test(tcase, auto_falls_back_when_the_kernel_refuses_a_ring, 0, 4);
    tcase_add_loop_test(tcase, auto_falls_back_when_the_ring_does_not_work, 0, 4);
    tcase_add_loop_test(tcase, auto_falls_back_when_the_ring_takes_nothing, 0, 4);
    tcase_add_test(tcase, epoll_does_without_the_newer_wait);
    tcase_add_test(tcase, a_wait_that_the_kernel_refuses_ends_nothing);
    tcase_add_test(tcase, what_the_kernel_does_not_take_is_held_back);
    suite_add_tcase(suite, tcase);
    return suite;
}
