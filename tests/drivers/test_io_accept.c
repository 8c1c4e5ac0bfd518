/* Accepting: many at once, none lost, none left inside, and what happens when descriptors run out.
 */
#include "suites.h"
#include "world.h"
#include "world_sim.h"

#include "base/clock.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { CLIENTS = 20, ACCEPTS = 4 };

/* Clients that connect on their own; nobody needs to accept for that. */
struct crowd {
    struct call calls[CLIENTS];
    int         fds[CLIENTS];
    size_t      count;
};

static void crowd_connect(struct world *world, struct crowd *crowd, size_t count)
{
    memset(crowd, 0, sizeof(*crowd));
    crowd->count = count;
    for (size_t i = 0; i < count; i++) {
        crowd->fds[i] = world_socket(world);
        world_connect(world, &crowd->calls[i], crowd->fds[i]);
    }
    for (size_t i = 0; i < count; i++) {
        world_finish(world, &crowd->calls[i]);
        ck_assert_int_eq(call_error(&crowd->calls[i]), ERROR_NONE);
    }
}

static void crowd_close(struct world *world, struct crowd *crowd)
{
    for (size_t i = 0; i < crowd->count; i++) {
        world_close_fd(world, crowd->fds[i]);
    }
}

static int accept_one(struct world *world)
{
    struct call accepting = {0};

    world_accept(world, &accepting);
    world_finish(world, &accepting);
    ck_assert_int_eq(call_error(&accepting), ERROR_NONE);
    return (int)accepting.op.result;
}

/* As a listener that stops must: cancels until one accept ends cancelled. Closes what comes. */
static size_t take_until_cancelled(struct world *world)
{
    size_t taken = 0;

    for (int rounds = 0; rounds < 10 * CLIENTS; rounds++) {
        struct call accepting = {0};

        world_accept(world, &accepting);
        io_cancel(world->loop, &accepting.op);
        world_finish(world, &accepting);
        if (call_error(&accepting) == ERROR_CANCELLED) {
            return taken;
        }
        ck_assert_int_eq(call_error(&accepting), ERROR_NONE);
        world_close_fd(world, (int)accepting.op.result);
        taken++;
    }
    ck_abort_msg("connections come without end");
    return 0;
}

START_TEST(several_accepts_share_what_comes)
{
    struct world world = world_open((size_t)_i);
    struct call  accepts[ACCEPTS] = {0};
    struct crowd crowd;

    for (int i = 0; i < ACCEPTS; i++) {
        world_accept(&world, &accepts[i]);
    }
    crowd_connect(&world, &crowd, ACCEPTS);
    for (int i = 0; i < ACCEPTS; i++) {
        world_finish(&world, &accepts[i]);
        ck_assert_int_eq(call_error(&accepts[i]), ERROR_NONE);
        for (int j = 0; j < i; j++) {
            ck_assert_int_ne(accepts[i].op.result, accepts[j].op.result);
        }
    }
    for (int i = 0; i < ACCEPTS; i++) {
        world_close_fd(&world, (int)accepts[i].op.result);
    }
    crowd_close(&world, &crowd);
    world_close(&world);
}
END_TEST

/* io_uring's multishot brings connections nobody asked for yet: they wait for those who will. */
START_TEST(connections_that_come_unasked_are_handed_out_later)
{
    struct world world = world_open((size_t)_i);
    struct crowd crowd;
    int          fds[CLIENTS];
    struct call  first = {0};

    world_accept(&world, &first);
    io_turn(world.loop, 0);
    crowd_connect(&world, &crowd, CLIENTS);
    world_settle(&world);
    world_finish(&world, &first);
    fds[0] = (int)first.op.result;
    for (int i = 1; i < CLIENTS; i++) {
        fds[i] = accept_one(&world);
        if (i % 5 == 0) {
            world_settle(&world);
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        world_send_all(&world, crowd.fds[i], world_pattern(3));
    }
    for (int i = 0; i < CLIENTS; i++) {
        world_expect_bytes(&world, fds[i], 3, 0);
        world_close_fd(&world, fds[i]);
    }
    crowd_close(&world, &crowd);
    world_close(&world);
}
END_TEST

/* A listener's slot: accepts again and again. */
struct slot {
    struct io_op  op;
    struct world *world;
    int          *fds;
    size_t       *count;
};

static void on_slot(struct io_op *op)
{
    struct slot *slot = container_of(op, struct slot, op);

    ck_assert_int_eq(error_kind(&op->error), ERROR_NONE);
    slot->fds[*slot->count] = (int)op->result;
    (*slot->count)++;
    if (*slot->count <= CLIENTS - ACCEPTS) {
        io_accept(slot->world->loop, op, slot->world->listen_fd, on_slot);
    }
}

START_TEST(one_turn_brings_no_more_connections_than_accepts_were_pending)
{
    struct world world = world_open((size_t)_i);
    struct slot  slots[ACCEPTS];
    struct crowd crowd;
    int          fds[CLIENTS];
    size_t       count = 0;

    crowd_connect(&world, &crowd, CLIENTS);
    for (size_t i = 0; i < ACCEPTS; i++) {
        slots[i] = (struct slot){.world = &world, .fds = fds, .count = &count};
        io_accept(world.loop, &slots[i].op, world.listen_fd, on_slot);
    }
    for (int turns = 0; turns < WORLD_TURNS_MAX && count < CLIENTS; turns++) {
        size_t before = count;

        io_turn(world.loop, WORLD_TURN_MS * NS_PER_MS);
        ck_assert_uint_le(count - before, ACCEPTS);
    }
    ck_assert_uint_eq(count, CLIENTS);
    for (size_t i = 0; i < count; i++) {
        world_close_fd(&world, fds[i]);
    }
    crowd_close(&world, &crowd);
    world_close(&world);
}
END_TEST

START_TEST(an_accept_works_again_after_a_cancel)
{
    struct world world = world_open((size_t)_i);

    for (int round = 0; round < 10; round++) {
        struct call accepts[ACCEPTS] = {0};

        for (int i = 0; i < ACCEPTS; i++) {
            world_accept(&world, &accepts[i]);
        }
        if (round % 2 == 0) {
            io_turn(world.loop, 0);
        }
        for (int i = 0; i < ACCEPTS; i++) {
            io_cancel(world.loop, &accepts[i].op);
        }
        for (int i = 0; i < ACCEPTS; i++) {
            world_finish(&world, &accepts[i]);
            ck_assert_int_eq(call_error(&accepts[i]), ERROR_CANCELLED);
        }
        world_close_pair(&world, world_pair(&world));
    }
    world_close(&world);
}
END_TEST

START_TEST(a_cancel_of_one_accept_leaves_the_others)
{
    struct world world = world_open((size_t)_i);
    struct call  one = {0}, two = {0};
    struct crowd crowd;

    world_accept(&world, &one);
    world_accept(&world, &two);
    io_turn(world.loop, 0);
    io_cancel(world.loop, &one.op);
    world_finish(&world, &one);
    ck_assert_int_eq(call_error(&one), ERROR_CANCELLED);
    ck_assert(io_op_is_pending(&two.op));
    crowd_connect(&world, &crowd, 1);
    world_finish(&world, &two);

    ck_assert_int_eq(call_error(&two), ERROR_NONE);
    world_close_fd(&world, (int)two.op.result);
    crowd_close(&world, &crowd);
    world_close(&world);
}
END_TEST

START_TEST(no_connection_is_lost_between_cancel_and_arrival)
{
    struct world world = world_open((size_t)_i);

    for (int round = 0; round < 5; round++) {
        struct crowd crowd;
        struct call  accepting = {0};
        size_t       taken = 0;

        world_accept(&world, &accepting);
        io_turn(world.loop, 0);
        crowd_connect(&world, &crowd, CLIENTS);
        io_cancel(world.loop, &accepting.op);
        world_finish(&world, &accepting);
        if (call_error(&accepting) == ERROR_NONE) {
            world_close_fd(&world, (int)accepting.op.result);
            taken++;
        }
        taken += take_until_cancelled(&world);
        /* The rest is still in the backlog. */
        while (taken < CLIENTS) {
            world_close_fd(&world, accept_one(&world));
            taken++;
        }
        for (size_t i = 0; i < CLIENTS; i++) {
            world_expect_end(&world, crowd.fds[i]);
        }
        crowd_close(&world, &crowd);
        (void)take_until_cancelled(&world);
    }
    world_close(&world);
}
END_TEST

START_TEST(connections_nobody_took_are_reset_when_the_listener_closes)
{
    struct world world = world_open((size_t)_i);
    struct crowd crowd;
    struct call  accepting = {0};

    world_accept(&world, &accepting);
    io_turn(world.loop, 0);
    crowd_connect(&world, &crowd, CLIENTS);
    world_settle(&world);
    world_finish(&world, &accepting);
    world_close_fd(&world, (int)accepting.op.result);
    world_close_fd(&world, world.listen_fd);

    size_t resets = 0;

    for (size_t i = 0; i < CLIENTS; i++) {
        struct call receiving = {0};

        world_recv(&world, &receiving, crowd.fds[i]);
        world_finish(&world, &receiving);
        resets += call_error(&receiving) == ERROR_RESET ? 1 : 0;
    }
    ck_assert_uint_eq(resets, CLIENTS - 1);
    crowd_close(&world, &crowd);
    io_loop_close(&world.loop);
    if (world.is_simulated) {
        world_sim_close();
    }
}
END_TEST

/* The number of a listening socket comes back as another one. */
START_TEST(a_loop_closes_with_a_listener_it_once_accepted_on)
{
    struct world world = world_open((size_t)_i);
    struct crowd crowd;

    world_close_pair(&world, world_pair(&world));
    crowd_connect(&world, &crowd, 3);
    world_settle(&world);
    crowd_close(&world, &crowd);
    if (!world.is_simulated) {
        io_loop_close(&world.loop);
        ck_assert_int_eq(close(world.listen_fd), 0);
        return;
    }
    world_close(&world);
}
END_TEST

START_TEST(shutting_a_listener_down_ends_its_accepts)
{
    struct world world = world_open((size_t)_i);
    struct call  accepts[ACCEPTS] = {0};

    for (int i = 0; i < ACCEPTS; i++) {
        world_accept(&world, &accepts[i]);
    }
    io_turn(world.loop, 0);
    io_shutdown_both(world.loop, world.listen_fd);
    for (int i = 0; i < ACCEPTS; i++) {
        world_finish(&world, &accepts[i]);
        ck_assert_int_ne(call_error(&accepts[i]), ERROR_NONE);
    }
    world_close(&world);
}
END_TEST

/* Takes away every descriptor beyond those that are open. */
static rlim_t limit_descriptors(void)
{
    struct rlimit limit;
    int           next = dup(STDERR_FILENO);

    ck_assert_int_ge(next, 0);
    ck_assert_int_eq(close(next), 0);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    rlim_t before = limit.rlim_cur;

    limit.rlim_cur = (rlim_t)next;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return before;
}

static void restore_descriptors(rlim_t before)
{
    struct rlimit limit;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = before;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

START_TEST(running_out_of_descriptors_ends_one_accept_and_does_not_spin)
{
    struct world world = world_open((size_t)_i);
    struct crowd crowd;
    struct call  accepts[2] = {0};
    size_t       exhausted = 0, turns = 0;

    if (world.is_simulated) {
        world_close(&world); /* the simulator's own tests do this */
        return;
    }
    crowd_connect(&world, &crowd, 2);
    rlim_t before = limit_descriptors();

    world_accept(&world, &accepts[0]);
    world_finish(&world, &accepts[0]);
    ck_assert_int_eq(call_error(&accepts[0]), ERROR_EXHAUSTED);

    /* While the owner waits, nothing turns although the connections still wait, too. */
    for (uint64_t end_ns = clock_now_ns() + 200 * NS_PER_MS; clock_now_ns() < end_ns; turns++) {
        io_turn(world.loop, 20 * NS_PER_MS);
    }
    ck_assert_uint_le(turns, 20);
    restore_descriptors(before);
    memset(accepts, 0, sizeof(accepts));
    for (int i = 0; i < 2; i++) {
        world_accept(&world, &accepts[i]);
    }
    for (int i = 0; i < 2; i++) {
        world_finish(&world, &accepts[i]);
        exhausted += call_error(&accepts[i]) == ERROR_EXHAUSTED ? 1 : 0;
    }
    ck_assert_uint_eq(exhausted, 0);
    for (int i = 0; i < 2; i++) {
        world_close_fd(&world, (int)accepts[i].op.result);
    }
    crowd_close(&world, &crowd);
    world_close(&world);
}
END_TEST

Suite *accept_suite(void)
{
    return world_suite("io accept",
                       (const TTest *const[]){
                           several_accepts_share_what_comes,
                           one_turn_brings_no_more_connections_than_accepts_were_pending,
                           connections_that_come_unasked_are_handed_out_later,
                           an_accept_works_again_after_a_cancel,
                           a_cancel_of_one_accept_leaves_the_others,
                           no_connection_is_lost_between_cancel_and_arrival,
                           connections_nobody_took_are_reset_when_the_listener_closes,
                           a_loop_closes_with_a_listener_it_once_accepted_on,
                           shutting_a_listener_down_ends_its_accepts,
                           running_out_of_descriptors_ends_one_accept_and_does_not_spin,
                           NULL,
                       });
}
