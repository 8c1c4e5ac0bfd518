/*
 * io_uring with everything too small: submission queue, completion queue, receive buffers. The
 * other drivers ignore these options, and are held to the same outcome.
 */
#include "suites.h"
#include "world.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

enum { PAIRS = 60, ROUNDS = 10, CROWD = 100 };

static const struct io_options CRAMPED = {
    .ring_entries = 2, .completion_entries = 4, .recv_buffers = 2};

/* An echo: receives, sends the same back from a copy, receives again. */
struct echo {
    struct io_op  receiving;
    struct io_op  sending;
    struct world *world;
    int           fd;
    uint8_t       copy[64];
    size_t        len;
    bool          is_ended;
};

static void on_echo_sent(struct io_op *op);

static void on_echo_received(struct io_op *op)
{
    struct echo *echo = container_of(op, struct echo, receiving);

    if (op->error.kind != ERROR_NONE || op->result == 0) {
        echo->is_ended = true;
        return;
    }
    ck_assert_uint_le(op->received.len, sizeof(echo->copy));
    echo->len = op->received.len;
    memcpy(echo->copy, op->received.data, echo->len);
    io_send(echo->world->loop, &echo->sending, echo->fd,
            (struct bytes_const){.data = echo->copy, .len = echo->len}, on_echo_sent);
}

static void on_echo_sent(struct io_op *op)
{
    struct echo *echo = container_of(op, struct echo, sending);

    ck_assert_int_eq(op->error.kind, ERROR_NONE);
    if ((size_t)op->result < echo->len) {
        echo->len -= (size_t)op->result;
        memmove(echo->copy, echo->copy + op->result, echo->len);
        io_send(echo->world->loop, op, echo->fd,
                (struct bytes_const){.data = echo->copy, .len = echo->len}, on_echo_sent);
        return;
    }
    io_recv(echo->world->loop, &echo->receiving, echo->fd, on_echo_received);
}

/* Every connection has bytes waiting all the time, and there are only two buffers: each must get
 * its turn. A receive that found no buffer and was forgotten would hang its connection. */
START_TEST(no_connection_starves_when_buffers_are_short)
{
    struct world world = world_open_with((size_t)_i, (struct io_options){.recv_buffers = 2});
    struct echo *echoes = calloc(PAIRS, sizeof(*echoes));
    struct pair  pairs[PAIRS];

    for (int i = 0; i < PAIRS; i++) {
        pairs[i] = world_pair(&world);
        echoes[i].world = &world;
        echoes[i].fd = pairs[i].server;
        io_recv(world.loop, &echoes[i].receiving, echoes[i].fd, on_echo_received);
    }
    io_turn(world.loop, 0);
    for (int round = 0; round < ROUNDS; round++) {
        struct call receives[PAIRS] = {0};

        for (int i = 0; i < PAIRS; i++) {
            world_recv(&world, &receives[i], pairs[i].client);
            world_send_all(&world, pairs[i].client, world_pattern(40));
        }
        for (int i = 0; i < PAIRS; i++) {
            world_finish(&world, &receives[i]);
            ck_assert_int_eq(call_error(&receives[i]), ERROR_NONE);
            ck_assert_uint_ge(receives[i].len, 1);
            if (receives[i].len < 40) {
                world_expect_bytes(&world, pairs[i].client, 40 - receives[i].len,
                                   (uint8_t)receives[i].len);
            }
        }
    }
    for (int i = 0; i < PAIRS; i++) {
        world_close_fd(&world, pairs[i].client);
        for (int turns = 0; turns < WORLD_TURNS_MAX && !echoes[i].is_ended; turns++) {
            io_turn(world.loop, WORLD_TURN_MS * NS_PER_MS);
        }
        ck_assert(echoes[i].is_ended);
        world_close_fd(&world, pairs[i].server);
    }
    world_close(&world);
    free(echoes);
}
END_TEST

START_TEST(receives_that_wait_for_a_buffer_can_be_cancelled)
{
    struct world world = world_open_with((size_t)_i, (struct io_options){.recv_buffers = 1});
    struct pair  pairs[PAIRS];
    struct call  receives[PAIRS] = {0};

    for (int i = 0; i < PAIRS; i++) {
        pairs[i] = world_pair(&world);
        world_send_all(&world, pairs[i].client, world_pattern(5));
    }
    for (int i = 0; i < PAIRS; i++) {
        world_recv(&world, &receives[i], pairs[i].server);
    }
    io_turn(world.loop, 0);
    for (int i = 0; i < PAIRS; i++) {
        io_cancel(world.loop, &receives[i].op);
    }
    for (int i = 0; i < PAIRS; i++) {
        size_t len = 0;

        world_finish(&world, &receives[i]);
        ck_assert_uint_eq(receives[i].done_count, 1);
        if (call_error(&receives[i]) == ERROR_NONE) {
            len = receives[i].len;
        }
        world_expect_bytes(&world, pairs[i].server, 5 - len, (uint8_t)len);
        world_close_pair(&world, pairs[i]);
    }
    world_close(&world);
}
END_TEST

/* Far more operations than places, submitted before the loop turns once. */
START_TEST(a_full_submission_queue_is_handed_in_and_filled_again)
{
    struct world world = world_open_with((size_t)_i, (struct io_options){.ring_entries = 2});
    struct pair  pairs[PAIRS];
    struct call  receives[PAIRS] = {0}, sends[PAIRS] = {0};

    for (int i = 0; i < PAIRS; i++) {
        pairs[i] = world_pair(&world);
    }
    for (int i = 0; i < PAIRS; i++) {
        world_recv(&world, &receives[i], pairs[i].server);
        world_send(&world, &sends[i], pairs[i].client, world_pattern(7));
    }
    for (int i = 0; i < PAIRS; i++) {
        world_finish(&world, &receives[i]);
        world_finish(&world, &sends[i]);
        ck_assert_uint_eq(receives[i].done_count, 1);
        ck_assert_uint_eq(sends[i].done_count, 1);
        ck_assert_int_eq(call_error(&sends[i]), ERROR_NONE);
        ck_assert_int_eq(call_error(&receives[i]), ERROR_NONE);
        world_close_pair(&world, pairs[i]);
    }
    world_close(&world);
}
END_TEST

START_TEST(cancels_and_everything_else_survive_a_cramped_ring)
{
    struct world world = world_open_with((size_t)_i, CRAMPED);
    struct pair  pairs[PAIRS];

    for (int i = 0; i < PAIRS; i++) {
        pairs[i] = world_pair(&world);
    }
    for (int round = 0; round < ROUNDS; round++) {
        struct call receives[PAIRS] = {0};

        for (int i = 0; i < PAIRS; i++) {
            world_recv(&world, &receives[i], pairs[i].server);
        }
        for (int i = 0; i < PAIRS; i++) {
            io_cancel(world.loop, &receives[(i * 7) % PAIRS].op);
        }
        for (int i = 0; i < PAIRS; i++) {
            world_finish(&world, &receives[i]);
            ck_assert_uint_eq(receives[i].done_count, 1);
            ck_assert_int_eq(call_error(&receives[i]), ERROR_CANCELLED);
        }
    }
    for (int i = 0; i < PAIRS; i++) {
        world_send_all(&world, pairs[i].client, world_pattern(9));
    }
    for (int i = 0; i < PAIRS; i++) {
        world_expect_bytes(&world, pairs[i].server, 9, 0);
        world_close_pair(&world, pairs[i]);
    }
    world_close(&world);
}
END_TEST

/* A hundred connections and their first bytes complete in one turn; there is room for four. The
 * multishot accept ends on the way (F_MORE is clear) and must be armed again. */
START_TEST(an_overflowing_completion_queue_loses_nothing)
{
    struct world world = world_open_with((size_t)_i, CRAMPED);
    struct call *connects = calloc(CROWD, sizeof(*connects));
    struct call *accepts = calloc(CROWD, sizeof(*accepts));
    struct call *receives = calloc(CROWD, sizeof(*receives));
    int          fds[CROWD];

    for (int i = 0; i < CROWD; i++) {
        fds[i] = world_socket(&world);
        world_connect(&world, &connects[i], fds[i]);
    }
    for (int i = 0; i < 60; i++) {
        world_accept(&world, &accepts[i]);
    }
    for (int i = 0; i < 60; i++) {
        world_finish(&world, &accepts[i]);
    }
    for (int i = 60; i < CROWD; i++) {
        world_accept(&world, &accepts[i]);
    }
    for (int i = 0; i < CROWD; i++) {
        world_finish(&world, &connects[i]);
        world_finish(&world, &accepts[i]);
        ck_assert_int_eq(call_error(&connects[i]), ERROR_NONE);
        ck_assert_int_eq(call_error(&accepts[i]), ERROR_NONE);
        world_recv(&world, &receives[i], (int)accepts[i].op.result);
    }
    for (int i = 0; i < CROWD; i++) {
        world_send_all(&world, fds[i], world_pattern(5));
    }
    for (int i = 0; i < CROWD; i++) {
        world_finish(&world, &receives[i]);
        ck_assert_uint_eq(receives[i].done_count, 1);
        ck_assert_int_eq(call_error(&receives[i]), ERROR_NONE);
        world_close_fd(&world, (int)accepts[i].op.result);
        world_close_fd(&world, fds[i]);
    }
    world_close(&world);
    free(connects);
    free(accepts);
    free(receives);
}
END_TEST

/* What has to be asked for again must not keep the loop from sleeping. */
START_TEST(an_idle_loop_sleeps)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);
    struct call  receiving = {0}, accepting = {0};
    unsigned     turns = 0;

    world_recv(&world, &receiving, pair.server);
    world_accept(&world, &accepting);
    world_settle(&world);
    for (uint64_t end_ns = clock_now_ns() + 200 * NS_PER_MS; clock_now_ns() < end_ns; turns++) {
        io_turn(world.loop, 20 * NS_PER_MS);
    }
    ck_assert_uint_le(turns, 20);

    io_cancel(world.loop, &receiving.op);
    io_cancel(world.loop, &accepting.op);
    world_finish(&world, &receiving);
    world_finish(&world, &accepting);
    world_close_pair(&world, pair);
    world_close(&world);
}
END_TEST

Suite *cramped_suite(void)
{
    return world_suite("io cramped", (const TTest *const[]){
                                         no_connection_starves_when_buffers_are_short,
                                         receives_that_wait_for_a_buffer_can_be_cancelled,
                                         a_full_submission_queue_is_handed_in_and_filled_again,
                                         cancels_and_everything_else_survive_a_cramped_ring,
                                         an_overflowing_completion_queue_loses_nothing,
                                         an_idle_loop_sleeps,
                                         NULL,
                                     });
}
