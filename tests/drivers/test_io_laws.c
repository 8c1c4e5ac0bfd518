/* The five laws at the top of io.h, each on every driver that works here. */
#include "suites.h"
#include "world.h"

#include "base/clock.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>

static const uint8_t HELLO[] = {0, 1, 2, 3, 4};

static struct bytes_const hello(void)
{
    return (struct bytes_const){.data = HELLO, .len = sizeof(HELLO)};
}

START_TEST(done_comes_exactly_once)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);
    struct call  sending = {0}, receiving = {0};

    world_send(&world, &sending, pair.client, hello());
    world_recv(&world, &receiving, pair.server);
    world_finish(&world, &receiving);
    world_settle(&world);

    ck_assert_uint_eq(sending.done_count, 1);
    ck_assert_uint_eq(receiving.done_count, 1);
    ck_assert_uint_eq(receiving.len, sizeof(HELLO));
    ck_assert_mem_eq(receiving.copy, HELLO, sizeof(HELLO));
    world_close_pair(&world, pair);
    world_close(&world);
}
END_TEST

START_TEST(done_comes_exactly_once_when_cancelled)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);
    struct call  receiving = {0};

    world_recv(&world, &receiving, pair.server);
    io_turn(world.loop, 0);
    io_cancel(world.loop, &receiving.op);
    io_cancel(world.loop, &receiving.op);
    world_finish(&world, &receiving);
    world_settle(&world);

    ck_assert_uint_eq(receiving.done_count, 1);
    ck_assert_int_eq(call_error(&receiving), ERROR_CANCELLED);
    world_close_pair(&world, pair);
    world_close(&world);
}
END_TEST

START_TEST(done_never_runs_inside_submit_or_cancel)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);
    struct call  sending = {0}, receiving = {0}, accepting = {0};

    world_send_all(&world, pair.client, hello());
    world_settle(&world);
    world_send(&world, &sending, pair.client, hello());
    world_recv(&world, &receiving, pair.server);
    world_accept(&world, &accepting);
    io_cancel(world.loop, &accepting.op);
    io_cancel(world.loop, &sending.op);

    ck_assert_uint_eq(sending.done_count, 0);
    ck_assert_uint_eq(receiving.done_count, 0);
    ck_assert_uint_eq(accepting.done_count, 0);
    ck_assert(io_op_is_pending(&sending.op));
    ck_assert(io_op_is_pending(&receiving.op));
    world_finish(&world, &sending);
    world_finish(&world, &receiving);
    world_finish(&world, &accepting);
    world_close_pair(&world, pair);
    world_close(&world);
}
END_TEST

START_TEST(an_op_may_be_cancelled_before_the_loop_turned)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);
    struct call  receiving = {0}, accepting = {0}, polling = {0};

    world_recv(&world, &receiving, pair.client);
    world_poll(&world, &polling, pair.server);
    world_accept(&world, &accepting);
    io_cancel(world.loop, &receiving.op);
    io_cancel(world.loop, &polling.op);
    io_cancel(world.loop, &accepting.op);
    world_finish(&world, &receiving);
    world_finish(&world, &polling);
    world_finish(&world, &accepting);

    ck_assert_int_eq(call_error(&receiving), ERROR_CANCELLED);
    ck_assert_int_eq(call_error(&polling), ERROR_CANCELLED);
    ck_assert_int_eq(call_error(&accepting), ERROR_CANCELLED);
    world_close_pair(&world, pair);
    world_close(&world);
}
END_TEST

START_TEST(cancelling_an_idle_op_does_nothing)
{
    struct world world = world_open((size_t)_i);
    struct call  never = {0};

    io_cancel(world.loop, &never.op);
    world_settle(&world);

    ck_assert_uint_eq(never.done_count, 0);
    world_close(&world);
}
END_TEST

/* Whichever wins, bytes are either handed out or still there for the next receive. */
START_TEST(a_cancel_that_races_with_bytes_loses_none)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);

    for (int round = 0; round < 30; round++) {
        struct call receiving = {0};
        size_t      len = 0;

        world_recv(&world, &receiving, pair.server);
        world_send_all(&world, pair.client, hello());
        if (round % 3 != 0) {
            io_turn(world.loop, 0);
        }
        io_cancel(world.loop, &receiving.op);
        world_finish(&world, &receiving);
        ck_assert_uint_eq(receiving.done_count, 1);
        if (call_error(&receiving) == ERROR_NONE) {
            len = receiving.len;
        } else {
            ck_assert_int_eq(call_error(&receiving), ERROR_CANCELLED);
        }
        world_expect_bytes(&world, pair.server, sizeof(HELLO) - len, (uint8_t)len);
    }
    world_close_pair(&world, pair);
    world_close(&world);
}
END_TEST

/* Two receives that end in the same turn, the first of which meddles with the second. */
struct meddler {
    struct io_op  op;
    struct world *world;
    struct call  *other;
    bool          takes_bytes;
};

static void on_meddle(struct io_op *op)
{
    struct meddler *meddler = container_of(op, struct meddler, op);
    uint8_t         bytes[sizeof(HELLO)];

    if (!meddler->takes_bytes) {
        io_cancel(meddler->world->loop, &meddler->other->op);
    } else if (io_op_is_pending(&meddler->other->op)) {
        ck_assert_int_eq(recv(meddler->other->op.fd, bytes, sizeof(bytes), MSG_DONTWAIT),
                         sizeof(bytes));
    }
}

START_TEST(cancelling_a_neighbour_inside_done_loses_no_bytes)
{
    struct world   world = world_open((size_t)_i);
    struct pair    one = world_pair(&world), two = world_pair(&world);
    struct call    receiving = {0};
    struct meddler meddler = {.world = &world, .other = &receiving};
    size_t         len = 0;

    world_send_all(&world, one.client, hello());
    world_send_all(&world, two.client, hello());
    world_settle(&world);
    io_recv(world.loop, &meddler.op, one.server, on_meddle);
    world_recv(&world, &receiving, two.server);
    world_finish(&world, &receiving);
    for (int turns = 0; turns < WORLD_TURNS_MAX && io_op_is_pending(&meddler.op); turns++) {
        io_turn(world.loop, WORLD_TURN_MS * NS_PER_MS);
    }
    if (call_error(&receiving) == ERROR_NONE) {
        len = receiving.len;
    }

    world_expect_bytes(&world, two.server, sizeof(HELLO) - len, (uint8_t)len);
    world_close_pair(&world, one);
    world_close_pair(&world, two);
    world_close(&world);
}
END_TEST

/* A readiness driver was told that bytes are there, and somebody else takes them first. */
START_TEST(a_receive_that_finds_nothing_goes_on_waiting)
{
    struct world   world = world_open((size_t)_i);
    struct pair    one = world_pair(&world), two = world_pair(&world);
    struct call    receiving = {0};
    struct meddler meddler = {.world = &world, .other = &receiving, .takes_bytes = true};

    if (strcmp(world_driver((size_t)_i), "epoll") == 0) {
        world_send_all(&world, one.client, hello());
        world_send_all(&world, two.client, hello());
        world_settle(&world);
        io_recv(world.loop, &meddler.op, one.server, on_meddle);
        world_recv(&world, &receiving, two.server);
        world_settle(&world);
        ck_assert(!io_op_is_pending(&meddler.op));
        ck_assert(io_op_is_pending(&receiving.op));
        world_send_all(&world, two.client, hello());
        world_finish(&world, &receiving);
        ck_assert_uint_eq(receiving.len, sizeof(HELLO));
    }
    world_close_pair(&world, one);
    world_close_pair(&world, two);
    world_close(&world);
}
END_TEST

START_TEST(an_op_can_be_submitted_again_inside_its_own_done)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);

    for (int round = 0; round < 100; round++) {
        world_send_all(&world, round % 2 == 0 ? pair.client : pair.server, hello());
        world_expect_bytes(&world, round % 2 == 0 ? pair.server : pair.client, sizeof(HELLO), 0);
    }
    world_close_pair(&world, pair);
    world_close(&world);
}
END_TEST

START_TEST(a_send_into_a_full_socket_waits_until_there_is_room)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);
    size_t       filled = 0;
    struct call  sending = {0};

    for (;;) {
        memset(&sending, 0, sizeof(sending));
        world_send(&world, &sending, pair.client, world_pattern(1 << 20));
        world_settle(&world);
        if (io_op_is_pending(&sending.op)) {
            break;
        }
        ck_assert_int_eq(call_error(&sending), ERROR_NONE);
        filled += (size_t)sending.op.result;
        ck_assert_uint_lt(filled, 64 << 20);
    }
    /* On io_uring the send that waits has already put its beginning into the socket. */
    struct call receiving = {0};

    while (io_op_is_pending(&sending.op)) {
        memset(&receiving, 0, sizeof(receiving));
        world_recv(&world, &receiving, pair.server);
        world_finish(&world, &receiving);
        ck_assert_int_eq(call_error(&receiving), ERROR_NONE);
    }

    ck_assert_int_eq(call_error(&sending), ERROR_NONE);
    ck_assert_int_ge(sending.op.result, 1);
    world_close_pair(&world, pair);
    world_close(&world);
}
END_TEST

START_TEST(two_receives_on_one_socket_abort)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);
    struct call  one = {0}, two = {0};

    world_recv(&world, &one, pair.client);
    world_recv(&world, &two, pair.client);
}
END_TEST

START_TEST(two_sends_on_one_socket_abort)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);
    struct call  one = {0}, two = {0};

    world_send(&world, &one, pair.client, hello());
    world_send(&world, &two, pair.client, hello());
}
END_TEST

START_TEST(closing_under_a_pending_op_aborts)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);
    struct call  receiving = {0};

    world_recv(&world, &receiving, pair.client);
    world_close_fd(&world, pair.client);
}
END_TEST

START_TEST(submitting_a_pending_op_aborts)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);
    struct call  call = {0};

    world_recv(&world, &call, pair.client);
    world_recv(&world, &call, pair.server);
}
END_TEST

START_TEST(sending_nothing_aborts)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);
    struct call  call = {0};

    world_send(&world, &call, pair.client, (struct bytes_const){.data = HELLO, .len = 0});
}
END_TEST

START_TEST(closing_a_loop_with_a_pending_op_aborts)
{
    struct world world = world_open((size_t)_i);
    struct call  call = {0};

    world_accept(&world, &call);
    io_loop_close(&world.loop);
}
END_TEST

Suite *laws_suite(void)
{
    Suite *suite = suite_create("io laws");
    TCase *tcase = tcase_create("every driver");
    int    drivers = (int)world_drivers_count();

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, done_comes_exactly_once, 0, drivers);
    tcase_add_loop_test(tcase, done_comes_exactly_once_when_cancelled, 0, drivers);
    tcase_add_loop_test(tcase, done_never_runs_inside_submit_or_cancel, 0, drivers);
    tcase_add_loop_test(tcase, an_op_may_be_cancelled_before_the_loop_turned, 0, drivers);
    tcase_add_loop_test(tcase, cancelling_an_idle_op_does_nothing, 0, drivers);
    tcase_add_loop_test(tcase, a_cancel_that_races_with_bytes_loses_none, 0, drivers);
    tcase_add_loop_test(tcase, cancelling_a_neighbour_inside_done_loses_no_bytes, 0, drivers);
    tcase_add_loop_test(tcase, a_receive_that_finds_nothing_goes_on_waiting, 0, drivers);
    tcase_add_loop_test(tcase, an_op_can_be_submitted_again_inside_its_own_done, 0, drivers);
    tcase_add_loop_test(tcase, a_send_into_a_full_socket_waits_until_there_is_room, 0, drivers);
    tcase_add_loop_test_raise_signal(tcase, two_receives_on_one_socket_abort, SIGABRT, 0, drivers);
    tcase_add_loop_test_raise_signal(tcase, two_sends_on_one_socket_abort, SIGABRT, 0, drivers);
    tcase_add_loop_test_raise_signal(tcase, closing_under_a_pending_op_aborts, SIGABRT, 0, drivers);
    tcase_add_loop_test_raise_signal(tcase, submitting_a_pending_op_aborts, SIGABRT, 0, drivers);
    tcase_add_loop_test_raise_signal(tcase, sending_nothing_aborts, SIGABRT, 0, drivers);
    tcase_add_loop_test_raise_signal(tcase, closing_a_loop_with_a_pending_op_aborts, SIGABRT, 0,
                                     drivers);
    suite_add_tcase(suite, tcase);
    return suite;
}
