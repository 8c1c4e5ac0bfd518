/* How connections end, and what is promised of bytes, on every driver that works here. */
#include "suites.h"
#include "world.h"

#include "base/clock.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

enum { MEGABYTE = 1 << 20 };

/* That it sent, as the kernel counts (tcp(7), TCP_INFO); 0 in the simulator. */
static unsigned segments(const struct world *world, int fd)
{
    struct tcp_info info = {0};
    socklen_t       len = sizeof(info);

    if (world->is_simulated) {
        return 0;
    }
    ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    return info.tcpi_segs_out;
}

/* Fills the socket until a send has to wait; `sending` is that send. */
static void fill(struct world *world, int fd, struct call *sending)
{
    for (int sends = 0; sends < 1000; sends++) {
        memset(sending, 0, sizeof(*sending));
        world_send(world, sending, fd, world_pattern(MEGABYTE));
        world_settle(world);
        if (io_op_is_pending(&sending->op)) {
            return;
        }
        ck_assert_int_eq(call_error(sending), ERROR_NONE);
    }
    ck_abort_msg("the socket takes bytes without end");
}

START_TEST(what_is_flushed_reaches_the_peer_before_the_next_turn)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);
    struct call  sending = {0};
    uint8_t      bytes[8];

    world_send(&world, &sending, pair.client, world_pattern(sizeof(bytes)));
    io_flush(world.loop);
    ck_assert_uint_eq(sending.done_count, 0); /* law 2 */
    if (!world.is_simulated) {
        ck_assert_int_eq(recv(pair.server, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT),
                         sizeof(bytes));
    }
    world_finish(&world, &sending);

    world_expect_bytes(&world, pair.server, sizeof(bytes), 0);
    world_close_pair(&world, pair);
    world_close(&world);
}
END_TEST

START_TEST(shutdown_then_wait_then_close_sends_a_fin)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);
    struct call  receiving = {0};

    world_recv(&world, &receiving, pair.server);
    io_turn(world.loop, 0);
    io_shutdown_both(world.loop, pair.server);
    world_finish(&world, &receiving);
    world_close_fd(&world, pair.server);

    ck_assert_int_eq(call_error(&receiving), ERROR_NONE);
    ck_assert_int_eq(receiving.op.result, 0);
    world_expect_end(&world, pair.client);
    world_close_fd(&world, pair.client);
    world_close(&world);
}
END_TEST

START_TEST(cancel_then_wait_then_close_sends_a_fin)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);
    struct call  receiving = {0};

    world_recv(&world, &receiving, pair.server);
    io_turn(world.loop, 0);
    io_cancel(world.loop, &receiving.op);
    world_finish(&world, &receiving);
    world_close_fd(&world, pair.server);

    world_expect_end(&world, pair.client);
    world_close_fd(&world, pair.client);
    world_close(&world);
}
END_TEST

START_TEST(reset_on_close_sends_an_rst)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);
    struct call  receiving = {0};

    world_recv(&world, &receiving, pair.client);
    io_turn(world.loop, 0);
    io_reset_on_close(world.loop, pair.server);
    world_close_fd(&world, pair.server);
    world_finish(&world, &receiving);

    ck_assert_int_eq(call_error(&receiving), ERROR_RESET);
    world_close_fd(&world, pair.client);
    world_close(&world);
}
END_TEST

START_TEST(bytes_before_a_fin_come_first)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);

    world_send_all(&world, pair.server, world_pattern(5000));
    world_close_fd(&world, pair.server);

    world_expect_bytes(&world, pair.client, 5000, 0);
    world_expect_end(&world, pair.client);
    world_close_fd(&world, pair.client);
    world_close(&world);
}
END_TEST

START_TEST(the_last_bytes_and_their_fin_are_one_segment)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);
    struct call  sending = {0};
    unsigned     before = segments(&world, pair.server);

    world_send_last(&world, &sending, pair.server, world_pattern(500));
    world_finish(&world, &sending);
    ck_assert_int_eq(sending.op.result, 500);
    io_shutdown_send(world.loop, pair.server);

    ck_assert_uint_eq(segments(&world, pair.server) - before, world.is_simulated ? 0 : 1);
    world_expect_bytes(&world, pair.client, 500, 0);
    world_expect_end(&world, pair.client);
    world_close_pair(&world, pair);
    world_close(&world);
}
END_TEST

START_TEST(the_last_bytes_come_though_no_fin_follows)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);
    struct call  sending = {0};

    world_send_last(&world, &sending, pair.server, world_pattern(500));
    world_finish(&world, &sending);
    world_expect_bytes(&world, pair.client, 500, 0);
    world_close_pair(&world, pair);
    world_close(&world);
}
END_TEST

START_TEST(bytes_before_an_rst_come_first)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);

    world_send_all(&world, pair.server, world_pattern(500));
    for (int i = 0; i < 100 && io_unacknowledged(world.loop, pair.server) > 0; i++) {
        world_settle(&world);
    }
    io_reset_on_close(world.loop, pair.server);
    world_close_fd(&world, pair.server);
    world_settle(&world);

    world_expect_bytes(&world, pair.client, 500, 0);
    world_expect_error(&world, pair.client, ERROR_RESET);
    world_close_fd(&world, pair.client);
    world_close(&world);
}
END_TEST

/* The kernel tells one call of a reset; if that was a send, a receive would read a clean end. */
START_TEST(a_reset_never_looks_like_an_end_even_after_a_send_was_told)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);
    struct call  sending = {0};

    io_reset_on_close(world.loop, pair.server);
    world_close_fd(&world, pair.server);
    world_settle(&world);
    world_settle(&world);
    world_send(&world, &sending, pair.client, world_pattern(10));
    world_finish(&world, &sending);
    ck_assert_int_eq(call_error(&sending), ERROR_RESET);

    world_expect_error(&world, pair.client, ERROR_RESET);
    memset(&sending, 0, sizeof(sending));
    world_send(&world, &sending, pair.client, world_pattern(10));
    world_finish(&world, &sending);
    ck_assert_int_eq(call_error(&sending), ERROR_BROKEN);
    world_close_fd(&world, pair.client);
    world_close(&world);
}
END_TEST

/* A send that had moved some bytes when the reset came tells of the bytes, not of the reset. */
START_TEST(a_reset_never_looks_like_an_end_even_after_half_a_send)
{
    for (int order = 0; order < 2; order++) {
        struct world world = world_open((size_t)_i);
        struct pair  pair = world_pair(&world);
        struct call  sending = {0};
        struct call  receiving = {0};

        if (order == 0) {
            world_recv(&world, &receiving, pair.client);
            io_turn(world.loop, 0);
        }
        fill(&world, pair.client, &sending);
        if (order == 1) {
            world_recv(&world, &receiving, pair.client);
            io_turn(world.loop, 0);
        }
        io_reset_on_close(world.loop, pair.server);
        world_close_fd(&world, pair.server);
        world_finish(&world, &receiving);
        world_finish(&world, &sending);

        ck_assert_int_eq(call_error(&receiving), ERROR_RESET);
        ck_assert(call_error(&sending) != ERROR_NONE || sending.op.result > 0);
        world_close_fd(&world, pair.client);
        world_close(&world);
    }
}
END_TEST

START_TEST(a_half_closed_connection_still_carries_bytes_the_other_way)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);

    world_send_all(&world, pair.client, world_pattern(10));
    io_shutdown_send(world.loop, pair.client);
    world_expect_bytes(&world, pair.server, 10, 0);
    world_expect_end(&world, pair.server);
    world_expect_end(&world, pair.server);
    world_send_all(&world, pair.server, world_pattern(70000));

    world_expect_bytes(&world, pair.client, 70000, 0);
    world_close_fd(&world, pair.server);
    world_expect_end(&world, pair.client);
    world_close_fd(&world, pair.client);
    world_close(&world);
}
END_TEST

START_TEST(a_pending_recv_goes_on_after_shutdown_send)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);
    struct call  receiving = {0};

    world_recv(&world, &receiving, pair.client);
    io_shutdown_send(world.loop, pair.client);
    world_settle(&world);
    ck_assert(io_op_is_pending(&receiving.op));
    world_send_all(&world, pair.server, world_pattern(3));
    world_finish(&world, &receiving);

    ck_assert_int_eq(call_error(&receiving), ERROR_NONE);
    ck_assert_int_ge(receiving.op.result, 1);
    world_close_pair(&world, pair);
    world_close(&world);
}
END_TEST

/* One direction of a connection in full flight. */
struct flow {
    struct io_op   sending;
    struct io_op   receiving;
    struct world  *world;
    int            from;
    int            to;
    const uint8_t *bytes;
    size_t         sent;
    size_t         received;
    bool           is_ended;
    bool           is_wrong;
};

static void on_flow_received(struct io_op *op)
{
    struct flow *flow = container_of(op, struct flow, receiving);

    ck_assert_int_eq(op->error.kind, ERROR_NONE);
    flow->is_ended = op->result == 0;
    if (flow->is_ended) {
        return;
    }
    ck_assert_uint_le(flow->received + op->received.len, MEGABYTE);
    flow->is_wrong = flow->is_wrong ||
                     memcmp(op->received.data, flow->bytes + flow->received, op->received.len) != 0;
    flow->received += op->received.len;
    io_recv(flow->world->loop, op, flow->to, on_flow_received);
}

static void on_flow_sent(struct io_op *op)
{
    struct flow *flow = container_of(op, struct flow, sending);

    ck_assert_int_eq(op->error.kind, ERROR_NONE);
    flow->sent += (size_t)op->result;
    if (flow->sent == MEGABYTE) {
        io_shutdown_send(flow->world->loop, flow->from);
        return;
    }
    io_send(flow->world->loop, op, flow->from,
            (struct bytes_const){.data = flow->bytes + flow->sent, .len = MEGABYTE - flow->sent},
            on_flow_sent);
}

static void flow_start(struct flow *flow)
{
    flow->bytes = world_pattern(MEGABYTE).data;
    io_recv(flow->world->loop, &flow->receiving, flow->to, on_flow_received);
    io_send(flow->world->loop, &flow->sending, flow->from, world_pattern(MEGABYTE), on_flow_sent);
}

START_TEST(a_megabyte_goes_both_ways_at_once_unharmed)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);
    struct flow  up = {.world = &world, .from = pair.client, .to = pair.server};
    struct flow  down = {.world = &world, .from = pair.server, .to = pair.client};

    flow_start(&up);
    flow_start(&down);
    for (int turns = 0; turns < 100000 && !(up.is_ended && down.is_ended); turns++) {
        io_turn(world.loop, WORLD_TURN_MS * NS_PER_MS);
    }

    ck_assert_uint_eq(up.received, MEGABYTE);
    ck_assert_uint_eq(down.received, MEGABYTE);
    ck_assert(!up.is_wrong);
    ck_assert(!down.is_wrong);
    world_close_pair(&world, pair);
    world_close(&world);
}
END_TEST

/* A send that begins again whenever it ends. */
struct eager {
    struct io_op  op;
    struct world *world;
    int           fd;
    unsigned      done_count;
    bool          is_tired;
};

static void on_eager(struct io_op *op)
{
    struct eager *eager = container_of(op, struct eager, op);

    eager->done_count++;
    if (!eager->is_tired) {
        io_send(eager->world->loop, op, eager->fd, world_pattern(1), on_eager);
    }
}

START_TEST(one_turn_is_bounded_however_eagerly_done_submits)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);
    struct eager eager = {.world = &world, .fd = pair.client};

    io_send(world.loop, &eager.op, pair.client, world_pattern(1), on_eager);
    for (int turns = 0; turns < 5; turns++) {
        unsigned before = eager.done_count;

        io_turn(world.loop, WORLD_TURN_MS * NS_PER_MS);
        ck_assert_uint_le(eager.done_count - before, IO_COMPLETIONS_PER_TURN_MAX);
    }
    ck_assert_uint_gt(eager.done_count, 0);
    eager.is_tired = true;
    io_cancel(world.loop, &eager.op);
    for (int turns = 0; turns < WORLD_TURNS_MAX && io_op_is_pending(&eager.op); turns++) {
        io_turn(world.loop, WORLD_TURN_MS * NS_PER_MS);
    }
    world_close_pair(&world, pair);
    world_close(&world);
}
END_TEST

START_TEST(shutdown_both_ends_a_send_that_waits)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);
    struct call  sending = {0};

    fill(&world, pair.client, &sending);
    io_shutdown_both(world.loop, pair.client);
    world_finish(&world, &sending);

    ck_assert(call_error(&sending) == ERROR_BROKEN || sending.op.result > 0);
    world_close_pair(&world, pair);
    world_close(&world);
}
END_TEST

START_TEST(a_send_that_waits_can_be_cancelled)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);
    struct call  sending = {0};

    fill(&world, pair.client, &sending);
    io_cancel(world.loop, &sending.op);
    world_finish(&world, &sending);

    ck_assert(call_error(&sending) == ERROR_CANCELLED ||
              (call_error(&sending) == ERROR_NONE && sending.op.result > 0));
    world_close_pair(&world, pair);
    world_close(&world);
}
END_TEST

START_TEST(a_send_that_waits_ends_when_the_peer_resets)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);
    struct call  sending = {0};

    fill(&world, pair.client, &sending);
    io_reset_on_close(world.loop, pair.server);
    world_close_fd(&world, pair.server);
    world_finish(&world, &sending);

    ck_assert(call_error(&sending) == ERROR_RESET || sending.op.result > 0);
    world_close_fd(&world, pair.client);
    world_close(&world);
}
END_TEST

START_TEST(everything_sent_is_acknowledged_in_the_end)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);

    world_send_all(&world, pair.client, world_pattern(900));
    world_expect_bytes(&world, pair.server, 900, 0);
    for (int i = 0; i < 200 && io_unacknowledged(world.loop, pair.client) > 0; i++) {
        world_settle(&world);
    }
    ck_assert_uint_eq(io_unacknowledged(world.loop, pair.client), 0);

    struct call sending = {0};

    fill(&world, pair.client, &sending);
    ck_assert_uint_gt(io_unacknowledged(world.loop, pair.client), 0);
    io_cancel(world.loop, &sending.op);
    world_finish(&world, &sending);
    world_close_pair(&world, pair);
    world_close(&world);
}
END_TEST

START_TEST(a_reset_shows_to_who_does_not_receive_and_is_still_told)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);

    ck_assert(!io_is_broken(world.loop, pair.server));
    world_send_all(&world, pair.client, world_pattern(100));
    ck_assert(!io_is_broken(world.loop, pair.server));
    io_reset_on_close(world.loop, pair.client);
    world_close_fd(&world, pair.client);
    for (int i = 0; i < 200 && !io_is_broken(world.loop, pair.server); i++) {
        world_settle(&world);
    }
    ck_assert(io_is_broken(world.loop, pair.server));
    world_expect_bytes(&world, pair.server, 100, 0);
    world_expect_error(&world, pair.server, ERROR_RESET);
    world_close_fd(&world, pair.server);
    world_close(&world);
}
END_TEST

START_TEST(an_end_is_nothing_broken)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);

    world_send_all(&world, pair.client, world_pattern(100));
    io_shutdown_send(world.loop, pair.server);
    world_close_fd(&world, pair.client);
    world_settle(&world);
    ck_assert(!io_is_broken(world.loop, pair.server));
    world_expect_bytes(&world, pair.server, 100, 0);
    world_expect_end(&world, pair.server);
    world_close_fd(&world, pair.server);
    world_close(&world);
}
END_TEST

START_TEST(a_number_reused_before_its_close_is_told_is_a_new_socket)
{
    struct world world = world_open((size_t)_i);
    struct error error = ERROR_OK;
    struct call  accepting = {0}, closing = {0}, connecting = {0}, closing_again = {0};
    int          fd = world_socket(&world);

    world_accept(&world, &accepting);
    world_close_begin(&world, &closing, fd);
    int again = io_socket(world.loop, &world.address, &error);

    ck_assert_int_ge(again, 0);
    world_connect(&world, &connecting, again);
    world_finish(&world, &connecting);
    ck_assert_int_eq(call_error(&connecting), ERROR_NONE);
    ck_assert_uint_eq(closing.done_count, 1);
    world_finish(&world, &accepting);
    world_close_begin(&world, &closing_again, again);
    world_finish(&world, &closing_again);
    world_expect_end(&world, (int)accepting.op.result);
    world_close_fd(&world, (int)accepting.op.result);
    world_close(&world);
}
END_TEST

START_TEST(memory_that_is_given_back_was_in_nobodys_use)
{
    struct world world = world_open((size_t)_i);
    struct pair  kept = world_pair(&world);
    struct pair  gone = world_pair(&world);
    struct call  receiving = {0};

    world_recv(&world, &receiving, kept.server);
    io_turn(world.loop, 0);
    world_close_pair(&world, gone);
    io_loop_trim(world.loop);
    world_send_all(&world, kept.client, world_pattern(3));
    world_finish(&world, &receiving);
    ck_assert_uint_eq(receiving.len, 3);
    gone = world_pair(&world);
    world_close_pair(&world, gone);
    world_close_pair(&world, kept);
    world_close(&world);
}
END_TEST

Suite *rules_suite(void)
{
    return world_suite("io rules", (const TTest *const[]){
                                       what_is_flushed_reaches_the_peer_before_the_next_turn,
                                       shutdown_then_wait_then_close_sends_a_fin,
                                       cancel_then_wait_then_close_sends_a_fin,
                                       reset_on_close_sends_an_rst,
                                       bytes_before_a_fin_come_first,
                                       the_last_bytes_and_their_fin_are_one_segment,
                                       the_last_bytes_come_though_no_fin_follows,
                                       bytes_before_an_rst_come_first,
                                       a_reset_never_looks_like_an_end_even_after_a_send_was_told,
                                       a_reset_never_looks_like_an_end_even_after_half_a_send,
                                       a_half_closed_connection_still_carries_bytes_the_other_way,
                                       a_pending_recv_goes_on_after_shutdown_send,
                                       a_megabyte_goes_both_ways_at_once_unharmed,
                                       one_turn_is_bounded_however_eagerly_done_submits,
                                       shutdown_both_ends_a_send_that_waits,
                                       a_send_that_waits_can_be_cancelled,
                                       a_send_that_waits_ends_when_the_peer_resets,
                                       everything_sent_is_acknowledged_in_the_end,
                                       a_reset_shows_to_who_does_not_receive_and_is_still_told,
                                       an_end_is_nothing_broken,
                                       memory_that_is_given_back_was_in_nobodys_use,
                                       a_number_reused_before_its_close_is_told_is_a_new_socket,
                                       NULL,
                                   });
}
