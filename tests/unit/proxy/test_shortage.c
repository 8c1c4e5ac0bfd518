/* What is short is waited for: buffers, descriptors, turns. Nobody who behaves is ended for it. */
#include "base/clock.h"
#include "proxy/buffers.h"
#include "proxy/listener.h"
#include "stage.h"
#include "suites_sim.h"

#include <string.h>

enum { SOCKET_BYTES = 6000, KILOBYTE = 1000, BYTES_MAX = 64 };
enum { STUCK_KILOBYTES = 3 * SOCKET_BYTES / KILOBYTE };

static struct stage_client  clients[STAGE_CLIENTS_MAX];
static struct stage_client *deaf = &clients[0];
static struct stage_client *honest = &clients[1];
static struct stage_server *server;

static const struct stage_options few_buffers = {
    .buffers_max = BUFFERS_MIN,
    .faults = {.socket_bytes_min = SOCKET_BYTES, .socket_bytes_max = SOCKET_BYTES}};

static void begin(const struct stage_options *options)
{
    memset(clients, 0, sizeof(clients));
    stage_open(options);
    server = &stage.servers[0];
}

static uint64_t metric(enum metric metric)
{
    return reactor_metric(stage.reactor, metric);
}

static void greet(struct stage_client *client)
{
    client_send(client, MOCK_HELLO, "www.example.com");
    stage_pass(NS_PER_MS);
}

/* A client and a server who read nothing of what the other sends: two buffers are held up. */
static void get_stuck(void)
{
    char text[KILOBYTE + 1] = {0}, piece[BYTES_MAX + 1] = {0};

    memset(text, 't', KILOBYTE);
    memset(piece, 'p', BYTES_MAX);
    stage_dial(deaf);
    greet(deaf);
    deaf->is_deaf = true;
    server->is_deaf = true;
    for (unsigned i = 0; i < STUCK_KILOBYTES; i++) {
        server_send(server, text);
        stage_pass(NS_PER_MS);
    }
    for (unsigned i = 0; i < STUCK_KILOBYTES * KILOBYTE / BYTES_MAX; i++) {
        client_send(deaf, MOCK_DATA, piece);
        stage_pass(NS_PER_MS / 10);
    }
    server->is_deaf = false; /* from now on it is the server of whoever came last */
    ck_assert_uint_eq(metric(METRIC_BUFFERS_TAKEN), 2);
    ck_assert_uint_eq(stage.reports, 0);
}

static void begin_stuck(void)
{
    begin(&few_buffers);
    get_stuck();
}

/* One more client, who sends: two buffers more than there are. */
static void begin_waiting(void)
{
    begin_stuck();
    stage_dial(honest);
    greet(honest);
    ck_assert(honest->is_established);
    ck_assert_uint_eq(server->accepted, 2);
    client_send(honest, MOCK_DATA, "x");
    stage_pass(NS_PER_MS);
    ck_assert_uint_eq(server->bytes, 0);
    ck_assert_uint_eq(stage.reports, 0);
}

/* --- buffers -------------------------------------------------------------------------------- */

START_TEST(who_finds_no_buffer_waits_until_one_who_reads_nothing_is_ended)
{
    begin_waiting();
    stage_pass(1200 * NS_PER_MS);
    ck_assert_uint_eq(stage.reports, 1);
    ck_assert_int_eq(stage.last.reason, END_RESOURCE);
    ck_assert(deaf->actor.endpoint != NULL);
    ck_assert_uint_eq(server->bytes, 1);
    stage_pass(NS_PER_S);
    ck_assert_uint_eq(stage.reports, 1);
    ck_assert_uint_eq(metric(METRIC_BUFFERS_TAKEN), 0);
    stage_close();
}
END_TEST

START_TEST(who_finds_no_buffer_is_served_once_peers_read)
{
    begin_waiting();
    deaf->is_deaf = false;
    deaf->actor.on_ready(&deaf->actor);
    stage_pass(100 * NS_PER_MS);
    ck_assert_uint_eq(stage.reports, 0);
    ck_assert_uint_eq(server->bytes, 1);
    stage_close();
}
END_TEST

START_TEST(nobody_new_is_accepted_while_buffers_are_short)
{
    begin_waiting();
    uint64_t accepted = metric(METRIC_CONNECTIONS_TOTAL);

    stage_knock(&clients[2]);
    stage_pass(500 * NS_PER_MS);
    ck_assert_uint_eq(metric(METRIC_CONNECTIONS_TOTAL), accepted);
    ck_assert_uint_ge(metric(METRIC_ACCEPT_PAUSES), 1);
    stage_pass(NS_PER_S);
    ck_assert_uint_eq(metric(METRIC_CONNECTIONS_TOTAL), accepted + 1);
    greet(&clients[2]);
    ck_assert(clients[2].is_established);
    stage_close();
}
END_TEST

START_TEST(handshakes_wait_in_line_behind_those_who_came_first)
{
    begin_stuck();
    stage_dial(honest);
    stage_dial(&clients[2]);
    greet(honest);
    client_send(honest, MOCK_DATA, "x");
    stage_pass(NS_PER_MS);
    greet(&clients[2]);
    ck_assert(!clients[2].is_established);
    stage_pass(1200 * NS_PER_MS);
    ck_assert_uint_eq(stage.reports, 1);
    ck_assert_int_eq(stage.last.reason, END_RESOURCE);
    ck_assert_uint_eq(server->bytes, 1);
    ck_assert(clients[2].is_established);
    stage_close();
}
END_TEST

START_TEST(who_leaves_the_line_makes_room_for_the_next)
{
    begin_stuck();
    stage_dial(honest);
    stage_dial(&clients[2]);
    greet(honest);
    client_send(honest, MOCK_DATA, "x");
    stage_pass(NS_PER_MS);
    greet(&clients[2]);
    ck_assert(!clients[2].is_established);
    sim_reset(&honest->actor);
    stage_pass(5 * NS_PER_MS);
    /* Nobody listens to who waits in line: it is noticed when a buffer is free. */
    stage_pass(1200 * NS_PER_MS);
    ck_assert(clients[2].is_established);
    ck_assert_uint_eq(stage.reports, 2);
    stage_close();
}
END_TEST

/* All buffers are held up by clients who read nothing, when the second server of one who was served
 * before accepts: the first did not answer. */
static void begin_waiting_for_header(uint64_t connect_ns)
{
    struct stage_options options = few_buffers;
    char                 text[KILOBYTE + 1] = {0};

    options.send_proxy = CONFIG_SEND_PROXY_V1;
    options.timeouts.connect_ns = connect_ns;
    options.servers = 2;
    options.retries = 1;
    begin(&options);
    get_stuck();
    stage_dial(&clients[2]);
    greet(&clients[2]);
    sim_unserve(stage.net, &server->service);
    sim_answer(stage.net, &server->address, SIM_IS_SILENT);
    stage_dial(honest);
    greet(honest);
    ck_assert(honest->is_established);
    clients[2].is_deaf = true;
    memset(text, 't', KILOBYTE);
    for (unsigned i = 0; i < STUCK_KILOBYTES; i++) {
        server_send(server, text);
        stage_pass(NS_PER_MS);
    }
    server = &stage.servers[1];
    stage_pass(connect_ns);
    ck_assert_uint_eq(server->accepted, 1);
    ck_assert_uint_eq(server->bytes, 0);
    ck_assert_uint_eq(stage.reports, 0);
}

START_TEST(a_proxy_header_waits_for_a_buffer)
{
    begin_waiting_for_header(600 * NS_PER_MS);
    stage_pass(590 * NS_PER_MS);
    ck_assert_uint_ge(stage.reports, 1);
    ck_assert(!honest->has_reset);
    ck_assert_uint_gt(server->bytes, 0);
    ck_assert_mem_eq(server->first, "PROXY TCP4", 10);
    stage_close();
}
END_TEST

START_TEST(a_proxy_header_waits_no_longer_than_a_connect_may_take)
{
    begin_waiting_for_header(200 * NS_PER_MS);
    stage_pass(210 * NS_PER_MS);
    ck_assert_uint_eq(stage.reports, 1);
    ck_assert_int_eq(stage.last.reason, END_RESOURCE);
    ck_assert(honest->has_reset);
    ck_assert(server->has_reset);
    ck_assert_uint_eq(server->bytes, 0);
    stage_close();
}
END_TEST

START_TEST(a_wait_for_buffers_costs_no_more_than_a_look_now_and_then)
{
    begin_waiting();
    uint64_t turns = reactor_turns(stage.reactor);

    stage_pass(800 * NS_PER_MS);
    ck_assert_uint_le(reactor_turns(stage.reactor) - turns, 40);
    stage_close();
}
END_TEST

START_TEST(what_came_and_can_not_even_be_kept_ends_who_has_most_waiting)
{
    const unsigned small = BUFFERS_MIN * SMALL_BUFFERS_EACH, large = BUFFERS_MIN / 2;
    char           piece[BYTES_MAX + 1] = {0};

    begin(&few_buffers);
    for (unsigned i = 1; i <= small + large + 1; i++) {
        stage_dial(&clients[i]);
        greet(&clients[i]);
    }
    get_stuck();
    for (unsigned i = 1; i <= small; i++) {
        client_send(&clients[i], MOCK_DATA, "x");
    }
    stage_pass(NS_PER_MS);
    memset(piece, 'p', BYTES_MAX);
    for (unsigned i = small + 1; i <= small + large; i++) {
        for (unsigned j = 0; j < 5 * KILOBYTE / BYTES_MAX; j++) {
            client_send(&clients[i], MOCK_DATA, piece);
        }
    }
    stage_pass(NS_PER_MS);
    ck_assert_uint_eq(stage.reports, 0);
    client_send(&clients[small + large + 1], MOCK_DATA, "x");
    stage_pass(10 * NS_PER_MS);
    ck_assert_uint_eq(stage.reports, 1);
    ck_assert_int_eq(stage.last.reason, END_RESOURCE);
    ck_assert(clients[small + 1].has_reset);
    ck_assert(!clients[small + large + 1].has_reset);
    stage_close();
}
END_TEST

START_TEST(what_came_and_can_not_even_be_kept_ends_its_session)
{
    const unsigned kept = BUFFERS_MIN * SMALL_BUFFERS_EACH + BUFFERS_MIN / 2;

    begin(&few_buffers);
    for (unsigned i = 0; i < kept + 2; i++) {
        stage_dial(&clients[i + 1]);
        greet(&clients[i + 1]);
    }
    get_stuck();
    for (unsigned i = 0; i < kept + 2; i++) {
        client_send(&clients[i + 1], MOCK_DATA, "x");
    }
    stage_pass(10 * NS_PER_MS);
    ck_assert_uint_eq(stage.reports, 2);
    ck_assert_int_eq(stage.last.reason, END_RESOURCE);
    stage_pass(1200 * NS_PER_MS);
    ck_assert_uint_eq(stage.reports, 3);
    ck_assert_uint_eq(metric(METRIC_BUFFERS_TAKEN), 0);
    stage_close();
}
END_TEST

/* --- descriptors ---------------------------------------------------------------------------- */

START_TEST(a_session_without_a_descriptor_waits_for_one_and_comes_before_new_ones)
{
    /* The listening socket, a session with both its sockets, and one more. */
    begin(&(struct stage_options){.descriptors_max = 4});
    stage_establish(&clients[0]);
    stage_dial(honest);
    greet(honest);
    ck_assert(honest->is_established);
    stage_knock(&clients[2]);
    stage_pass(2 * NS_PER_S);
    ck_assert_uint_eq(server->accepted, 1);
    ck_assert_uint_eq(stage.reports, 0);
    sim_reset(&clients[0].actor);
    stage_pass(50 * NS_PER_MS);
    ck_assert_uint_eq(server->accepted, 2);
    ck_assert_uint_eq(metric(METRIC_CONNECTIONS_TOTAL), 2);
    stage_pass(NS_PER_S);
    ck_assert_uint_eq(metric(METRIC_CONNECTIONS_TOTAL), 3);
    ck_assert_uint_eq(stage.reports, 1);
    stage_close();
}
END_TEST

/* --- turns ---------------------------------------------------------------------------------- */

START_TEST(all_listeners_together_begin_eight_sessions_a_turn)
{
    begin(&(struct stage_options){0});
    struct address others[3];

    for (unsigned i = 0; i < STAGE_CLIENTS_MAX; i++) {
        if (i % 16 == 0 && i > 0) {
            struct address *other = &others[i / 16 - 1];

            *other = stage.address;
            other->socket.ip4.sin_port = (uint16_t)(other->socket.ip4.sin_port + i);
            ck_assert(worker_listen(stage.worker, 0, sim_listen_fd(stage.net, other)));
            stage.address = *other;
        }
        stage_knock(&clients[i]);
    }
    for (unsigned turns = 0; metric(METRIC_CONNECTIONS_TOTAL) < STAGE_CLIENTS_MAX; turns++) {
        uint64_t before = metric(METRIC_CONNECTIONS_TOTAL);

        reactor_turn(stage.reactor, NS_PER_MS);
        ck_assert_uint_le(metric(METRIC_CONNECTIONS_TOTAL) - before, ACCEPTS_PER_TURN);
        ck_assert_uint_lt(turns, 100);
    }
    stage_close();
}
END_TEST

START_TEST(a_session_whose_time_is_up_goes_on_in_a_later_turn)
{
    enum { UPDATES = 50, RECORDS_PER_CALL = 5 };

    begin(&(struct stage_options){0});
    stage_establish(honest);
    mock_set_records_per_call(RECORDS_PER_CALL);
    uint64_t turns = reactor_turns(stage.reactor);

    for (unsigned i = 0; i < UPDATES; i++) {
        client_send(honest, MOCK_KEY_UPDATE, " ");
    }
    client_send(honest, MOCK_DATA, "x");
    stage_pass(10 * NS_PER_MS);
    ck_assert_uint_eq(server->bytes, 1);
    ck_assert_uint_ge(reactor_turns(stage.reactor) - turns, UPDATES / RECORDS_PER_CALL);
    mock_set_records_per_call(0);
    stage_close();
}
END_TEST

START_TEST(a_session_whose_time_is_up_may_end_before_it_goes_on)
{
    begin(&(struct stage_options){0});
    stage_establish(honest);
    mock_set_records_per_call(1);
    for (unsigned i = 0; i < 20; i++) {
        client_send(honest, MOCK_KEY_UPDATE, " ");
    }
    stage_pass(12 * NS_PER_US);
    (void)worker_cut(stage.worker, END_KILLED);
    stage_pass(NS_PER_S);
    ck_assert_uint_eq(stage.reports, 1);
    mock_set_records_per_call(0);
    stage_close();
}
END_TEST

START_TEST(who_waits_for_a_turn_can_be_cut)
{
    begin(&(struct stage_options){0});
    for (unsigned i = 0; i < 40; i++) {
        stage_knock(&clients[i]);
    }
    while (metric(METRIC_CONNECTIONS_TOTAL) == 0) {
        reactor_turn(stage.reactor, NS_PER_MS);
    }
    stage_close();
}
END_TEST

Suite *shortage_suite(void)
{
    return suite_of(
        "shortage",
        (const TTest *const[]){
            who_finds_no_buffer_waits_until_one_who_reads_nothing_is_ended,
            who_finds_no_buffer_is_served_once_peers_read,
            nobody_new_is_accepted_while_buffers_are_short,
            handshakes_wait_in_line_behind_those_who_came_first,
            who_leaves_the_line_makes_room_for_the_next, a_proxy_header_waits_for_a_buffer,
            a_proxy_header_waits_no_longer_than_a_connect_may_take,
            a_wait_for_buffers_costs_no_more_than_a_look_now_and_then,
            what_came_and_can_not_even_be_kept_ends_who_has_most_waiting,
            what_came_and_can_not_even_be_kept_ends_its_session,
            a_session_without_a_descriptor_waits_for_one_and_comes_before_new_ones,
            all_listeners_together_begin_eight_sessions_a_turn, who_waits_for_a_turn_can_be_cut,
            a_session_whose_time_is_up_goes_on_in_a_later_turn,
            a_session_whose_time_is_up_may_end_before_it_goes_on, NULL});
}
