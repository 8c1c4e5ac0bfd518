/*
 * From a connecting socket to an accepted one, and what waits for room: one claim each, on every
 * kernel driver and on both models of the simulator.
 */
#include "conform.h"
#include "scratch.h"
#include "suites.h"
#include "world_sim.h"

#include "base/clock.h"
#include "io/socket.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* More than any backlog here has room for, together with what is already on its way. */
enum { CROWD_MAX = 200, BACKLOG = 4, CONNECT_TURNS = 10, FILLS_MAX = 1000, FILL_BYTES = 1 << 20 };

/* --- what probes share ---------------------------------------------------------------------- */

static enum outcome finished(struct world *world, struct call *call)
{
    world_finish(world, call);
    return outcome_of(&call->op);
}

/* Connects a socket of its own to an address, and closes it. */
static enum outcome connect_to(struct world *world, const char *text)
{
    struct world   elsewhere = *world;
    struct call    connecting = {0};
    struct address addresses[ADDRESSES_PER_TEXT_MAX];
    const char    *problem;
    struct error   error;

    ck_assert_uint_eq(address_parse(text, addresses, &problem), 1);
    int fd = io_socket(world->loop, &addresses[0], &error);

    ck_assert_int_ge(fd, 0);
    elsewhere.address = addresses[0];
    world_connect(&elsewhere, &connecting, fd);
    enum outcome outcome = finished(world, &connecting);

    world_close_fd(world, fd);
    return outcome;
}

/* Connections that nobody accepts. */
struct crowd {
    struct world elsewhere; /* where they connect */
    int          fds[CROWD_MAX];
    struct call  calls[CROWD_MAX];
    size_t       count;
};

static void crowd_open(struct crowd *crowd, const struct world *world)
{
    memset(crowd, 0, sizeof(*crowd));
    crowd->elsewhere = *world;
}

/* One more connects, and everything goes quiet: tells what became of it. */
static enum outcome crowd_grow(struct crowd *crowd)
{
    struct world *world = &crowd->elsewhere;
    struct call  *call = &crowd->calls[crowd->count];

    ck_assert_uint_lt(crowd->count, CROWD_MAX);
    crowd->fds[crowd->count++] = world_socket(world);
    world_connect(world, call, crowd->fds[crowd->count - 1]);
    for (int turns = 0; turns < CONNECT_TURNS && io_op_is_pending(&call->op); turns++) {
        io_turn(world->loop, WORLD_TURN_MS * NS_PER_MS);
    }
    return outcome_of(&call->op);
}

static enum outcome crowd_grow_while_well(struct crowd *crowd)
{
    enum outcome outcome;

    do {
        outcome = crowd_grow(crowd);
    } while (outcome == IS_WELL);
    return outcome;
}

static struct call *crowd_last(struct crowd *crowd)
{
    return &crowd->calls[crowd->count - 1];
}

static void crowd_close(struct crowd *crowd)
{
    struct world *world = &crowd->elsewhere;

    for (size_t i = 0; i < crowd->count; i++) {
        io_cancel(world->loop, &crowd->calls[i].op);
        world_finish(world, &crowd->calls[i]);
        io_reset_on_close(world->loop, crowd->fds[i]); /* leaves nothing in TIME_WAIT */
        world_close_fd(world, crowd->fds[i]);
    }
}

/* A listening UNIX socket with a short queue, in the world's place. */
struct unix_place {
    struct world   world;
    struct scratch scratch;
};

static void unix_open(struct unix_place *place, const struct world *world)
{
    char           path[SCRATCH_PATH_BYTES];
    struct address addresses[ADDRESSES_PER_TEXT_MAX];
    const char    *problem;
    struct error   error;

    scratch_open(&place->scratch);
    scratch_name(&place->scratch, "socket", path);
    ck_assert_uint_eq(address_parse(path, addresses, &problem), 1);
    place->world = *world;
    place->world.address = addresses[0];
    place->world.listen_fd =
        world->is_simulated
            ? sim_listen_fd(world_sim_net(), &addresses[0])
            : socket_listen(&addresses[0], &(struct listen_options){.backlog = BACKLOG}, &error);
    ck_assert_int_ge(place->world.listen_fd, 0);
}

static void unix_close(struct unix_place *place)
{
    world_close_fd(&place->world, place->world.listen_fd);
    scratch_close(&place->scratch);
}

/* --- refusals -------------------------------------------------------------------------------- */

static enum outcome connect_to_port_1(struct world *world)
{
    return connect_to(world, "127.0.0.1:1");
}

START_TEST(connecting_where_nobody_listens_is_refused)
{
    conform_outcomes(connect_to_port_1, IS_REFUSED);
}
END_TEST

static enum outcome connect_to_missing_path(struct world *world)
{
    return connect_to(world, "unix:/nonexistent/socket");
}

START_TEST(connecting_to_a_unix_path_that_is_missing_is_refused)
{
    conform_outcomes(connect_to_missing_path, IS_REFUSED);
}
END_TEST

static enum outcome connect_to_stale_path(struct world *world)
{
    struct unix_place place;
    struct call       connecting = {0};

    unix_open(&place, world);
    int fd = world_socket(&place.world);

    world_close_fd(world, place.world.listen_fd);
    world_connect(&place.world, &connecting, fd);
    enum outcome outcome = finished(world, &connecting);

    world_close_fd(world, fd);
    scratch_close(&place.scratch);
    return outcome;
}

START_TEST(connecting_to_a_unix_path_that_nobody_listens_on_is_refused)
{
    conform_outcomes(connect_to_stale_path, IS_REFUSED);
}
END_TEST

/* Sends or receives on a socket that was refused, or that never connected. */
static enum outcome use_unconnected(struct world *world, bool was_refused, bool sends)
{
    struct world elsewhere = *world;
    struct call  connecting = {0}, using = {0};
    int          fd = world_socket(world);

    elsewhere.address.socket.ip4.sin_port = htons(1);
    if (was_refused) {
        world_connect(&elsewhere, &connecting, fd);
        ck_assert_int_eq(finished(world, &connecting), IS_REFUSED);
    }
    if (sends) {
        world_send(world, &using, fd, world_pattern(1));
    } else {
        world_recv(world, &using, fd);
    }
    enum outcome outcome = finished(world, &using);

    world_close_fd(world, fd);
    return outcome;
}

static enum outcome send_unconnected(struct world *world)
{
    return use_unconnected(world, false, true);
}

static enum outcome receive_unconnected(struct world *world)
{
    return use_unconnected(world, false, false);
}

static enum outcome send_refused(struct world *world)
{
    return use_unconnected(world, true, true);
}

static enum outcome receive_refused(struct world *world)
{
    return use_unconnected(world, true, false);
}

START_TEST(a_socket_that_never_connected_is_broken)
{
    conform_outcomes(send_unconnected, IS_BROKEN);
    conform_outcomes(receive_unconnected, IS_BROKEN);
}
END_TEST

START_TEST(a_socket_that_was_refused_sends_nothing_and_reads_an_end)
{
    conform_outcomes(send_refused, IS_BROKEN);
    conform_outcomes(receive_refused, END);
}
END_TEST

/* --- queues that are full -------------------------------------------------------------------- */

static enum outcome crowd_out(struct world *world)
{
    struct crowd crowd;

    crowd_open(&crowd, world);
    enum outcome outcome = crowd_grow_while_well(&crowd);

    crowd_close(&crowd);
    return outcome;
}

START_TEST(connecting_to_a_full_queue_waits)
{
    conform_outcomes(crowd_out, WAITS);
}
END_TEST

static enum outcome cancel_waiting(struct world *world)
{
    struct crowd crowd;

    crowd_open(&crowd, world);
    (void)crowd_grow_while_well(&crowd);
    io_cancel(world->loop, &crowd_last(&crowd)->op);
    enum outcome outcome = finished(world, crowd_last(&crowd));

    crowd_close(&crowd);
    return outcome;
}

START_TEST(a_connect_that_waits_can_be_cancelled)
{
    conform_outcomes(cancel_waiting, IS_CANCELLED);
}
END_TEST

static enum outcome shut_waiting(struct world *world)
{
    struct crowd crowd;

    crowd_open(&crowd, world);
    (void)crowd_grow_while_well(&crowd);
    io_shutdown_both(world->loop, crowd.fds[crowd.count - 1]);
    enum outcome outcome = finished(world, crowd_last(&crowd));

    crowd_close(&crowd);
    return outcome;
}

START_TEST(a_connect_that_waits_is_reset_when_its_socket_is_shut)
{
    conform_outcomes(shut_waiting, IS_RESET);
}
END_TEST

static enum outcome cancel_at_once(struct world *world)
{
    struct call connecting = {0};
    int         fd = world_socket(world);

    world_connect(world, &connecting, fd);
    io_cancel(world->loop, &connecting.op);
    enum outcome outcome = finished(world, &connecting);

    world_close_fd(world, fd);
    return outcome;
}

START_TEST(a_connect_that_is_cancelled_at_once_came_to_be_or_did_not)
{
    conform_outcomes(cancel_at_once, IS_WELL | IS_CANCELLED);
}
END_TEST

static enum outcome crowd_out_unix(struct world *world)
{
    struct unix_place place;

    unix_open(&place, world);
    enum outcome outcome = crowd_out(&place.world);

    unix_close(&place);
    return outcome;
}

START_TEST(connecting_to_a_full_unix_queue_ends_at_once)
{
    conform_outcomes(crowd_out_unix, IS_EXHAUSTED);
}
END_TEST

/* --- queues that close ----------------------------------------------------------------------- */

/* The listener closes over one connection, which then sends or receives. */
static enum outcome use_after_close(struct world *world, struct world *place, bool sends,
                                    size_t sent_before)
{
    struct call connecting = {0}, sending = {0}, using = {0};
    int         fd = world_socket(place);

    world_connect(place, &connecting, fd);
    ck_assert_int_eq(finished(world, &connecting), IS_WELL);
    if (sent_before > 0) {
        world_send(world, &sending, fd, world_pattern(sent_before));
        ck_assert_int_eq(finished(world, &sending), BYTES);
    }
    world_close_fd(world, place->listen_fd);
    world_settle(world);
    if (sends) {
        world_send(world, &using, fd, world_pattern(1));
    } else {
        world_recv(world, &using, fd);
    }
    enum outcome outcome = finished(world, &using);

    world_close_fd(world, fd);
    return outcome;
}

/* world_close wants a listener to close. */
static enum outcome use_after_tcp_close(struct world *world, bool sends, size_t sent_before)
{
    struct world place = *world;

    if (world->is_simulated) {
        place.address.socket.ip4.sin_port = htons(2);
        place.listen_fd = sim_listen_fd(world_sim_net(), &place.address);
    } else {
        place.listen_fd = world_listen(&place.address, BACKLOG);
    }
    return use_after_close(world, &place, sends, sent_before);
}

static enum outcome receive_after_close(struct world *world)
{
    return use_after_tcp_close(world, false, 0);
}

static enum outcome receive_after_send_and_close(struct world *world)
{
    return use_after_tcp_close(world, false, 1);
}

static enum outcome send_after_close(struct world *world)
{
    return use_after_tcp_close(world, true, 0);
}

START_TEST(a_connection_in_the_queue_is_reset_when_the_listener_closes)
{
    conform_outcomes(receive_after_close, IS_RESET);
    conform_outcomes(receive_after_send_and_close, IS_RESET);
    conform_outcomes(send_after_close, IS_RESET);
}
END_TEST

static enum outcome receive_after_unix_close(struct world *world)
{
    struct unix_place place;

    unix_open(&place, world);
    enum outcome outcome = use_after_close(world, &place.world, false, 0);

    scratch_close(&place.scratch);
    return outcome;
}

START_TEST(a_unix_connection_in_the_queue_is_reset_when_the_listener_closes)
{
    conform_outcomes(receive_after_unix_close, IS_RESET);
}
END_TEST

/* --- accepts --------------------------------------------------------------------------------- */

static enum outcome cancel_accept(struct world *world)
{
    struct call accepting = {0};

    world_accept(world, &accepting);
    io_turn(world->loop, 0);
    io_cancel(world->loop, &accepting.op);
    return finished(world, &accepting);
}

START_TEST(an_accept_that_waits_can_be_cancelled)
{
    conform_outcomes(cancel_accept, IS_CANCELLED);
}
END_TEST

static enum outcome cancel_accept_late(struct world *world)
{
    struct call accepting = {0}, again = {0};
    struct call connecting = {0};
    int         fd = world_socket(world);

    world_connect(world, &connecting, fd);
    ck_assert_int_eq(finished(world, &connecting), IS_WELL);
    world_accept(world, &accepting);
    io_cancel(world->loop, &accepting.op);
    enum outcome outcome = finished(world, &accepting);

    if (outcome == IS_CANCELLED) {
        world_accept(world, &again);
        ck_assert_int_eq(finished(world, &again), IS_WELL);
    }
    world_close_fd(world, (int)(outcome == IS_WELL ? accepting : again).op.result);
    world_close_fd(world, fd);
    return outcome;
}

START_TEST(an_accept_that_is_cancelled_loses_no_connection)
{
    conform_outcomes(cancel_accept_late, IS_WELL | IS_CANCELLED);
}
END_TEST

static enum outcome accept_on_shut(struct world *world)
{
    struct call accepting = {0};

    world_accept(world, &accepting);
    io_turn(world->loop, 0);
    io_shutdown_both(world->loop, world->listen_fd);
    return finished(world, &accepting);
}

START_TEST(shutting_a_listener_ends_its_accepts)
{
    conform_outcomes(accept_on_shut, IS_UNSUPPORTED);
}
END_TEST

/* --- sends that wait ------------------------------------------------------------------------- */

enum meanwhile { PEER_RESETS, PEER_CLOSES, WE_SHUT, WE_END, WE_CANCEL };

/* A send that waits for room, and what ends it. */
static enum outcome end_waiting_send(struct world *world, enum meanwhile meanwhile)
{
    struct pair pair = world_pair(world);
    struct call sending;

    for (int sends = 0; sends < FILLS_MAX; sends++) {
        memset(&sending, 0, sizeof(sending));
        world_send(world, &sending, pair.client, world_pattern(FILL_BYTES));
        world_settle(world);
        if (io_op_is_pending(&sending.op)) {
            break;
        }
    }
    ck_assert(io_op_is_pending(&sending.op));
    switch (meanwhile) {
    case PEER_RESETS:
        io_reset_on_close(world->loop, pair.server);
        world_close_fd(world, pair.server);
        break;
    case PEER_CLOSES:
        world_close_fd(world, pair.server);
        break;
    case WE_SHUT:
        io_shutdown_both(world->loop, pair.client);
        break;
    case WE_END:
        io_shutdown_send(world->loop, pair.client);
        break;
    case WE_CANCEL:
        io_cancel(world->loop, &sending.op);
        break;
    }
    enum outcome outcome = finished(world, &sending);

    if (meanwhile != PEER_RESETS && meanwhile != PEER_CLOSES) {
        world_close_fd(world, pair.server);
    }
    world_close_fd(world, pair.client);
    return outcome;
}

static enum outcome peer_resets(struct world *world)
{
    return end_waiting_send(world, PEER_RESETS);
}

static enum outcome peer_closes(struct world *world)
{
    return end_waiting_send(world, PEER_CLOSES);
}

static enum outcome we_shut(struct world *world)
{
    return end_waiting_send(world, WE_SHUT);
}

static enum outcome we_end(struct world *world)
{
    return end_waiting_send(world, WE_END);
}

static enum outcome we_cancel(struct world *world)
{
    return end_waiting_send(world, WE_CANCEL);
}

START_TEST(a_send_that_waits_is_told_of_a_reset)
{
    conform_outcomes(peer_resets, IS_RESET | BYTES);
    conform_outcomes(peer_closes, IS_RESET | BYTES);
}
END_TEST

START_TEST(a_send_that_waits_is_broken_when_its_socket_ends)
{
    conform_outcomes(we_shut, IS_BROKEN | BYTES);
    conform_outcomes(we_end, IS_BROKEN | BYTES);
}
END_TEST

START_TEST(a_send_that_waits_can_be_cancelled)
{
    conform_outcomes(we_cancel, IS_CANCELLED | BYTES);
}
END_TEST

Suite *conformance_connect_suite(void)
{
    return suite_of("io conformance, connecting",
                    (const TTest *const[]){
                        connecting_where_nobody_listens_is_refused,
                        connecting_to_a_unix_path_that_is_missing_is_refused,
                        connecting_to_a_unix_path_that_nobody_listens_on_is_refused,
                        a_socket_that_never_connected_is_broken,
                        a_socket_that_was_refused_sends_nothing_and_reads_an_end,
                        connecting_to_a_full_queue_waits,
                        a_connect_that_waits_can_be_cancelled,
                        a_connect_that_waits_is_reset_when_its_socket_is_shut,
                        a_connect_that_is_cancelled_at_once_came_to_be_or_did_not,
                        connecting_to_a_full_unix_queue_ends_at_once,
                        a_connection_in_the_queue_is_reset_when_the_listener_closes,
                        a_unix_connection_in_the_queue_is_reset_when_the_listener_closes,
                        an_accept_that_waits_can_be_cancelled,
                        an_accept_that_is_cancelled_loses_no_connection,
                        shutting_a_listener_ends_its_accepts,
                        a_send_that_waits_is_told_of_a_reset,
                        a_send_that_waits_is_broken_when_its_socket_ends,
                        a_send_that_waits_can_be_cancelled,
                        NULL,
                    });
}
