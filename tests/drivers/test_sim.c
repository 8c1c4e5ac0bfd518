/* What the simulator promises to those who build simulations on it. */
#include "driver_sim.h"

#include "base/clock.h"
#include "io/io_internal.h"
#include "suites.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { TURNS_MAX = 100000, MESSAGE_BYTES = 300000 };

/* One side of a test: an operation, and what became of it. */
struct call {
    struct io_op op;
    bool         is_done;
    size_t       len;
    uint8_t      first;
};

/* An actor that writes down what it sees. */
struct peer {
    struct sim_actor   actor;
    struct sim_service service;
    uint8_t            received[MESSAGE_BYTES];
    size_t             received_len;
    const uint8_t     *sending;
    size_t             sending_len;
    bool               is_ended;
    bool               is_reset;
    bool               is_open;
    bool               fins_when_sent;
};

static void on_call(struct io_op *op)
{
    struct call *call = container_of(op, struct call, op);

    call->is_done = true;
    call->len = op->received.len;
    if (op->kind == IO_RECV && op->received.len > 0) {
        call->first = op->received.data[0];
    }
}

static void receive_all(struct peer *peer)
{
    int64_t received = 1;

    while (received > 0) {
        received = sim_recv(peer->actor.endpoint,
                            (struct bytes){.data = peer->received + peer->received_len,
                                           .len = MESSAGE_BYTES - peer->received_len});
        peer->received_len += received > 0 ? (size_t)received : 0;
    }
    peer->is_ended = peer->is_ended || received == SIM_END;
    peer->is_reset = peer->is_reset || received == SIM_RESET;
}

static void on_peer_ready(struct sim_actor *actor)
{
    struct peer       *peer = container_of(actor, struct peer, actor);
    struct bytes_const left = {.data = peer->sending, .len = peer->sending_len};
    size_t             sent = sim_send(actor->endpoint, left);

    peer->sending += sent;
    peer->sending_len -= sent;
    peer->is_open = sim_state(actor->endpoint) == SIM_OPEN;
    receive_all(peer);
    if (peer->fins_when_sent && peer->is_open && peer->sending_len == 0) {
        sim_fin(actor->endpoint);
    }
}

static void on_peer_accepted(struct sim_service *service, struct sim_endpoint *endpoint)
{
    sim_adopt(&container_of(service, struct peer, service)->actor, endpoint);
}

static struct peer *peer_new(void)
{
    struct peer *peer = calloc(1, sizeof(*peer));

    ck_assert_ptr_nonnull(peer);
    peer->actor.on_ready = on_peer_ready;
    peer->service.on_accept = on_peer_accepted;
    return peer;
}

static struct address address_of(const char *text)
{
    struct address addresses[ADDRESSES_PER_TEXT_MAX];
    const char    *problem;

    ck_assert_uint_eq(address_parse(text, addresses, &problem), 1);
    return addresses[0];
}

static void finish(struct io_loop *loop, struct call *call)
{
    for (int turns = 0; turns < TURNS_MAX && io_op_is_pending(&call->op); turns++) {
        io_turn(loop, NS_PER_S);
    }
    ck_assert(!io_op_is_pending(&call->op));
}

static void turn_for(struct io_loop *loop, struct sim_net *net, uint64_t ns)
{
    uint64_t end_ns = sim_now_ns(net) + ns;

    while (sim_now_ns(net) < end_ns) {
        io_turn(loop, end_ns - sim_now_ns(net));
    }
}

static int accept_one(struct io_loop *loop, int listen_fd)
{
    struct call accepting = {0};

    io_accept(loop, &accepting.op, listen_fd, on_call);
    finish(loop, &accepting);
    ck_assert_int_eq(accepting.op.error.kind, ERROR_NONE);
    return (int)accepting.op.result;
}

static void close_fd(struct io_loop *loop, int fd)
{
    struct call closing = {0};

    io_close(loop, &closing.op, fd, on_call);
    finish(loop, &closing);
}

START_TEST(time_jumps_to_the_next_event_and_no_further_than_told)
{
    struct sim_net *net = sim_net_new(&(struct sim_options){.seed = 1});
    struct io_loop *loop = sim_loop_open(net);
    uint64_t        begin_ns = clock_now_ns();

    io_turn(loop, 5 * NS_PER_S);
    ck_assert_uint_eq(clock_now_ns() - begin_ns, 5 * NS_PER_S + SIM_TURN_NS);
    io_wake(loop);
    io_turn(loop, 5 * NS_PER_S);
    ck_assert_uint_eq(clock_now_ns() - begin_ns, 5 * NS_PER_S + 2 * SIM_TURN_NS);
    io_loop_close(&loop);
    sim_net_free(&net);
}
END_TEST

START_TEST(an_actor_dials_talks_and_ends)
{
    struct sim_net *net = sim_net_new(&(struct sim_options){.seed = 1});
    struct io_loop *loop = sim_loop_open(net);
    struct address  address = address_of("192.0.2.1:443"), from;
    int             listen_fd = sim_listen_fd(net, &address);
    struct peer    *peer = peer_new();
    struct call     receiving = {0}, ending = {0}, sending = {0};

    peer->sending = (const uint8_t *)"hello";
    peer->sending_len = 5;
    peer->fins_when_sent = true;
    sim_dial(net, &peer->actor, &address);
    int fd = accept_one(loop, listen_fd);

    io_peer(loop, fd, &from);
    ck_assert_int_eq(from.socket.any.sa_family, AF_INET);
    io_recv(loop, &receiving.op, fd, on_call);
    finish(loop, &receiving);
    ck_assert_uint_eq(receiving.len, 5);
    ck_assert_uint_eq(receiving.first, 'h');
    io_recv(loop, &ending.op, fd, on_call);
    finish(loop, &ending);
    ck_assert_int_eq(ending.op.result, 0);
    ck_assert_int_eq(ending.op.error.kind, ERROR_NONE);

    io_send(loop, &sending.op, fd, (struct bytes_const){.data = (const uint8_t *)"bye", .len = 3},
            on_call);
    finish(loop, &sending);
    ck_assert_uint_eq(io_unacknowledged(loop, fd), 3);
    turn_for(loop, net, NS_PER_MS);
    ck_assert_uint_eq(io_unacknowledged(loop, fd), 0);
    close_fd(loop, fd);
    turn_for(loop, net, NS_PER_MS);
    ck_assert_uint_eq(peer->received_len, 3);
    ck_assert(peer->is_ended);
    ck_assert(!peer->is_reset);

    sim_close(&peer->actor);
    close_fd(loop, listen_fd);
    turn_for(loop, net, NS_PER_MS);
    ck_assert_uint_eq(sim_open_fds(net), 0);
    ck_assert_uint_eq(sim_links(net), 0);
    io_loop_close(&loop);
    sim_net_free(&net);
    free(peer);
}
END_TEST

START_TEST(a_service_takes_connections_and_bytes_wait_for_room)
{
    struct sim_net *net = sim_net_new(&(struct sim_options){
        .seed = 1, .faults = {.socket_bytes_min = 10, .socket_bytes_max = 20}});
    struct io_loop *loop = sim_loop_open(net);
    struct address  address = address_of("unix:/run/app.sock");
    struct peer    *peer = peer_new();
    struct call     connecting = {0}, sending = {0};
    struct error    error;
    uint8_t         bytes[100] = {0};
    int             fd = io_socket(loop, &address, &error);

    ck_assert_int_eq(fd, SIM_FD_FIRST);
    peer->actor.on_ready = NULL;
    sim_serve(net, &peer->service, &address);
    io_connect(loop, &connecting.op, fd, &address, on_call);
    finish(loop, &connecting);
    ck_assert_int_eq(connecting.op.error.kind, ERROR_NONE);
    for (size_t sent = 0;;) {
        memset(&sending, 0, sizeof(sending));
        io_send(loop, &sending.op, fd, (struct bytes_const){.data = bytes, .len = 100}, on_call);
        turn_for(loop, net, NS_PER_S);
        if (io_op_is_pending(&sending.op)) {
            break;
        }
        sent += (size_t)sending.op.result;
        ck_assert_uint_le(sent, 40);
    }

    ck_assert_int_gt(sim_recv(peer->actor.endpoint, (struct bytes){.data = bytes, .len = 5}), 0);
    finish(loop, &sending);
    sim_reset(&peer->actor);
    close_fd(loop, fd);
    sim_unserve(net, &peer->service);
    io_loop_close(&loop);
    sim_net_free(&net);
    free(peer);
}
END_TEST

START_TEST(bytes_come_before_the_reset_that_follows_them)
{
    struct sim_net *net = sim_net_new(&(struct sim_options){.seed = 1});
    struct io_loop *loop = sim_loop_open(net);
    struct address  address = address_of("192.0.2.1:443");
    int             listen_fd = sim_listen_fd(net, &address);
    struct peer    *peer = peer_new();
    struct call     receiving = {0}, ending = {0};

    sim_dial(net, &peer->actor, &address);
    int fd = accept_one(loop, listen_fd);

    turn_for(loop, net, NS_PER_MS);
    ck_assert_uint_eq(
        sim_send(peer->actor.endpoint, (struct bytes_const){.data = peer->received, .len = 7}), 7);
    sim_reset(&peer->actor);
    turn_for(loop, net, NS_PER_MS);
    io_recv(loop, &receiving.op, fd, on_call);
    finish(loop, &receiving);
    io_recv(loop, &ending.op, fd, on_call);
    finish(loop, &ending);

    ck_assert_uint_eq(receiving.len, 7);
    ck_assert_int_eq(ending.op.error.kind, ERROR_RESET);
    close_fd(loop, fd);
    close_fd(loop, listen_fd);
    io_loop_close(&loop);
    sim_net_free(&net);
    free(peer);
}
END_TEST

START_TEST(addresses_answer_as_they_were_told)
{
    struct sim_net *net = sim_net_new(&(struct sim_options){.seed = 1});
    struct io_loop *loop = sim_loop_open(net);
    struct error    error;
    struct {
        const char     *text;
        enum sim_answer answer;
        enum error_kind kind;
    } const cases[] = {
        {"192.0.2.1:1", SIM_ACCEPTS, ERROR_REFUSED}, /* nobody is there */
        {"192.0.2.1:2", SIM_REFUSES, ERROR_REFUSED},
        {"192.0.2.1:3", SIM_IS_SILENT, ERROR_TIMEOUT},
        {"[2001:db8::1]:4", SIM_IS_UNREACHABLE, ERROR_UNREACHABLE},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address address = address_of(cases[i].text);
        struct call    connecting = {0};
        int            fd = io_socket(loop, &address, &error);

        sim_answer(net, &address, cases[i].answer);
        io_connect(loop, &connecting.op, fd, &address, on_call);
        finish(loop, &connecting);
        ck_assert_int_eq(connecting.op.error.kind, cases[i].kind);
        close_fd(loop, fd);
    }
    ck_assert_uint_eq(sim_links(net), 0);
    io_loop_close(&loop);
    sim_net_free(&net);
}
END_TEST

START_TEST(a_connection_nobody_accepted_is_reset_when_the_listener_closes)
{
    struct sim_net *net = sim_net_new(&(struct sim_options){.seed = 1});
    struct io_loop *loop = sim_loop_open(net);
    struct address  address = address_of("192.0.2.1:443");
    int             listen_fd = sim_listen_fd(net, &address);
    struct peer    *peer = peer_new();

    sim_dial(net, &peer->actor, &address);
    turn_for(loop, net, NS_PER_MS);
    ck_assert(peer->is_open);
    close_fd(loop, listen_fd);
    turn_for(loop, net, NS_PER_MS);

    ck_assert(peer->is_reset);
    sim_close(&peer->actor);
    ck_assert_uint_eq(sim_links(net), 0);
    io_loop_close(&loop);
    sim_net_free(&net);
    free(peer);
}
END_TEST

START_TEST(a_vanished_peer_acknowledges_nothing)
{
    struct sim_net *net = sim_net_new(&(struct sim_options){.seed = 1});
    struct io_loop *loop = sim_loop_open(net);
    struct address  address = address_of("192.0.2.1:443");
    int             listen_fd = sim_listen_fd(net, &address);
    struct peer    *peer = peer_new();
    struct call     sending = {0};

    sim_dial(net, &peer->actor, &address);
    int fd = accept_one(loop, listen_fd);

    sim_vanish(peer->actor.endpoint);
    io_send(loop, &sending.op, fd, (struct bytes_const){.data = peer->received, .len = 9}, on_call);
    finish(loop, &sending);
    turn_for(loop, net, NS_PER_S);

    ck_assert_uint_eq(io_unacknowledged(loop, fd), 9);
    ck_assert_uint_eq(peer->received_len, 0);
    close_fd(loop, fd);
    close_fd(loop, listen_fd);
    io_loop_close(&loop);
    sim_net_free(&net);
    free(peer);
}
END_TEST

static const struct sim_faults rough_faults = {.short_recv = 300,
                                               .short_send = 300,
                                               .send_parts = 200,
                                               .delay = 300,
                                               .shuffle = 500,
                                               .loss = 20,
                                               .reset = 2,
                                               .socket_bytes_min = 1000,
                                               .socket_bytes_max = 50000,
                                               .latency_ns_max = 3 * NS_PER_MS};

/* Sends back what comes until the end. The bytes are copied in done: afterwards they are the
 * loop's again. */
static void echo_until_end(struct io_loop *loop, int fd)
{
    struct call receiving, sending;
    uint8_t    *copy = malloc(IO_RECV_BYTES);
    bool        is_over = false;

    while (!is_over) {
        memset(&receiving, 0, sizeof(receiving));
        io_recv(loop, &receiving.op, fd, on_call);
        finish(loop, &receiving);
        is_over = receiving.op.error.kind != ERROR_NONE || receiving.op.result == 0;
        for (size_t sent = 0; !is_over && sent < receiving.len;) {
            memset(&sending, 0, sizeof(sending));
            memset(copy, receiving.first, receiving.len);
            io_send(loop, &sending.op, fd,
                    (struct bytes_const){.data = copy + sent, .len = receiving.len - sent},
                    on_call);
            finish(loop, &sending);
            is_over = sending.op.error.kind != ERROR_NONE;
            sent += (size_t)sending.op.result;
        }
    }
    free(copy);
}

/* A client that sends a message through an echo written with io operations, on a bad network. */
static uint64_t rough_run(uint64_t seed, bool *was_cut)
{
    struct sim_net *net = sim_net_new(&(struct sim_options){.seed = seed, .faults = rough_faults});
    struct io_loop *loop = sim_loop_open(net);
    struct address  address = address_of("192.0.2.1:443");
    int             listen_fd = sim_listen_fd(net, &address);
    struct peer    *peer = peer_new();
    uint8_t        *message = malloc(MESSAGE_BYTES);

    for (size_t i = 0; i < MESSAGE_BYTES; i++) {
        message[i] = (uint8_t)(i * 7 + i / 255);
    }
    peer->sending = message;
    peer->sending_len = MESSAGE_BYTES;
    peer->fins_when_sent = true;
    sim_dial(net, &peer->actor, &address);
    int fd = accept_one(loop, listen_fd);

    echo_until_end(loop, fd);
    close_fd(loop, fd);
    turn_for(loop, net, 5 * NS_PER_S);
    *was_cut = peer->is_reset;
    ck_assert(peer->is_reset || (peer->is_ended && peer->received_len == MESSAGE_BYTES));
    uint64_t trace = sim_trace(net);

    sim_close(&peer->actor);
    close_fd(loop, listen_fd);
    turn_for(loop, net, 5 * NS_PER_S);
    ck_assert_uint_eq(sim_links(net), 0);
    ck_assert_uint_eq(sim_open_fds(net), 0);
    io_loop_close(&loop);
    sim_net_free(&net);
    free(peer);
    free(message);
    return trace;
}

START_TEST(a_seed_replays_the_same_run_and_another_seed_does_not)
{
    unsigned cut = 0, whole = 0;
    bool     was_cut;

    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint64_t trace = rough_run(seed, &was_cut);

        cut += was_cut ? 1 : 0;
        whole += was_cut ? 0 : 1;
        ck_assert_uint_eq(rough_run(seed, &was_cut), trace);
        ck_assert_uint_ne(rough_run(seed + 1000, &was_cut), trace);
    }
    ck_assert_uint_gt(cut, 0);
    ck_assert_uint_gt(whole, 0);
}
END_TEST

START_TEST(a_descriptor_nobody_has_open_aborts)
{
    struct sim_net *net = sim_net_new(&(struct sim_options){.seed = 1});
    struct io_loop *loop = sim_loop_open(net);

    io_shutdown_both(loop, SIM_FD_FIRST);
}
END_TEST

START_TEST(changing_bytes_lent_to_a_send_aborts)
{
    struct sim_net *net = sim_net_new(
        &(struct sim_options){.seed = 1, .faults = {.delay = 1000, .delay_ns_max = NS_PER_S}});
    struct io_loop *loop = sim_loop_open(net);
    struct address  address = address_of("192.0.2.1:443");
    int             listen_fd = sim_listen_fd(net, &address);
    struct peer    *peer = peer_new();
    struct call     sending = {0};
    uint8_t         bytes[4] = {0};

    sim_dial(net, &peer->actor, &address);
    int fd = accept_one(loop, listen_fd);

    io_send(loop, &sending.op, fd, (struct bytes_const){.data = bytes, .len = 4}, on_call);
    bytes[2] = 1;
    finish(loop, &sending);
}
END_TEST

static const uint8_t *kept;

static void on_kept(struct io_op *op)
{
    kept = op->received.data;
}

/* Under AddressSanitizer looking at it is reported; here it is only seen to be wiped. */
START_TEST(lent_bytes_are_wiped_after_done)
{
    struct sim_net *net = sim_net_new(&(struct sim_options){.seed = 1});
    struct io_loop *loop = sim_loop_open(net);
    struct address  address = address_of("192.0.2.1:443");
    int             listen_fd = sim_listen_fd(net, &address);
    struct peer    *peer = peer_new();
    struct io_op    op = {0};

    peer->sending = (const uint8_t *)"hello";
    peer->sending_len = 5;
    sim_dial(net, &peer->actor, &address);
    int fd = accept_one(loop, listen_fd);

    io_recv(loop, &op, fd, on_kept);
    while (io_op_is_pending(&op)) {
        io_turn(loop, NS_PER_S);
    }
#if defined(__SANITIZE_ADDRESS__)
    ck_assert_ptr_nonnull(kept);
#else
    ck_assert_uint_eq(kept[0], 0xDD);
    ck_assert_uint_eq(kept[4], 0xDD);
#endif
    close_fd(loop, fd);
    close_fd(loop, listen_fd);
    io_loop_close(&loop);
    sim_net_free(&net);
    free(peer);
}
END_TEST

START_TEST(descriptors_run_out_and_come_back_lowest_first)
{
    struct sim_net *net = sim_net_new(&(struct sim_options){.seed = 1, .descriptors_max = 2});
    struct io_loop *loop = sim_loop_open(net);
    struct address  address = address_of("192.0.2.1:443");
    int             listen_fd = sim_listen_fd(net, &address);
    struct peer    *one = peer_new(), *two = peer_new();
    struct call     accepting = {0};

    sim_dial(net, &one->actor, &address);
    sim_dial(net, &two->actor, &address);
    int fd = accept_one(loop, listen_fd);

    io_accept(loop, &accepting.op, listen_fd, on_call);
    finish(loop, &accepting);
    ck_assert_int_eq(accepting.op.error.kind, ERROR_EXHAUSTED);
    close_fd(loop, fd);
    ck_assert_int_eq(accept_one(loop, listen_fd), fd);
    close_fd(loop, fd);
    close_fd(loop, listen_fd);
    io_loop_close(&loop);
    sim_net_free(&net);
    free(one);
    free(two);
}
END_TEST

Suite *sim_suite(void)
{
    Suite *suite = suite_of(
        "simulator",
        (const TTest *const[]){
            time_jumps_to_the_next_event_and_no_further_than_told, an_actor_dials_talks_and_ends,
            a_service_takes_connections_and_bytes_wait_for_room,
            bytes_come_before_the_reset_that_follows_them, addresses_answer_as_they_were_told,
            a_connection_nobody_accepted_is_reset_when_the_listener_closes,
            a_vanished_peer_acknowledges_nothing,
            a_seed_replays_the_same_run_and_another_seed_does_not, lent_bytes_are_wiped_after_done,
            descriptors_run_out_and_come_back_lowest_first, NULL});
    TCase *aborts = tcase_create("mistakes");

    tcase_add_test_raise_signal(aborts, a_descriptor_nobody_has_open_aborts, SIGABRT);
    tcase_add_test_raise_signal(aborts, changing_bytes_lent_to_a_send_aborts, SIGABRT);
    suite_add_tcase(suite, aborts);
    return suite;
}
