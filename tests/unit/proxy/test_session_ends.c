#include "base/clock.h"
#include "stage.h"
#include "suites_sim.h"

#include <string.h>

/* How long a session may take to end after its reason came about: some turns, some latencies. */
#define SOON_NS (2 * NS_PER_MS)

static struct stage_client  client;
static struct stage_server *server;

static void begin(const struct stage_options *options)
{
    client = (struct stage_client){0};
    stage_open(options);
    server = &stage.servers[0];
}

static void begin_relaying(const struct stage_options *options)
{
    begin(options);
    stage_establish(&client);
}

/* The session ends for this reason. */
static void check_end(enum end_reason reason)
{
    stage_until_reports(1);
    ck_assert_str_eq(end_reason_word(stage.last.reason), end_reason_word(reason));
    stage_close();
}

/* ... and exactly then, counted from the accept. */
static void check_end_after(uint64_t ns, enum end_reason reason)
{
    stage_until_reports(1);
    ck_assert_uint_ge(stage.last.duration_ns, ns);
    ck_assert_uint_lt(stage.last.duration_ns, ns + SOON_NS);
    check_end(reason);
}

/* ... and exactly so long after this moment. */
static void check_end_in(uint64_t ns, enum end_reason reason)
{
    stage_pass(ns - SOON_NS);
    ck_assert_uint_eq(stage.reports, 0);
    stage_pass(2 * SOON_NS);
    ck_assert_uint_eq(stage.reports, 1);
    check_end(reason);
}

/* --- timeouts ------------------------------------------------------------------------------- */

START_TEST(a_silent_client_ends_when_its_hello_is_due)
{
    begin(&(struct stage_options){0});
    stage_dial(&client);
    check_end_after(5 * NS_PER_S, END_HELLO_TIMEOUT);
}
END_TEST

START_TEST(no_byte_puts_the_hello_off)
{
    begin(&(struct stage_options){0});
    stage_dial(&client);
    for (unsigned i = 0; i < 4; i++) {
        client_send_raw(&client, i == 0 ? "\x01" : i == 1 ? "\x00" : "\x40", 1);
        stage_pass(NS_PER_S);
    }
    check_end_after(5 * NS_PER_S, END_HELLO_TIMEOUT);
}
END_TEST

START_TEST(a_handshake_has_its_own_deadline_once_the_hello_came)
{
    begin(&(struct stage_options){0});
    client.is_slow = true;
    stage_dial(&client);
    client_send(&client, MOCK_HELLO, "www.example.com");
    stage_until_reports(1);
    ck_assert_uint_eq(stage.last_name_len, 15);
    check_end_after(10 * NS_PER_S, END_HS_TIMEOUT);
}
END_TEST

START_TEST(a_hello_may_not_take_longer_than_the_handshake)
{
    begin(
        &(struct stage_options){.timeouts = {.hello_ns = 9 * NS_PER_S, .handshake_ns = NS_PER_S}});
    stage_dial(&client);
    check_end_after(NS_PER_S, END_HELLO_TIMEOUT);
}
END_TEST

START_TEST(silence_ends_at_the_idle_timeout)
{
    begin_relaying(&(struct stage_options){0});
    stage_pass(30 * NS_PER_S);
    client_send(&client, MOCK_DATA, "x");
    stage_pass(30 * NS_PER_S);
    server_send(server, "x");
    check_end_in(60 * NS_PER_S, END_IDLE_TIMEOUT);
}
END_TEST

START_TEST(half_a_session_has_the_shorter_timeout)
{
    begin_relaying(&(struct stage_options){0});
    client_send(&client, MOCK_CLOSE, "");
    check_end_in(30 * NS_PER_S, END_HALF_CLOSED_TIMEOUT);
    begin_relaying(&(struct stage_options){0});
    sim_fin(server->actor.endpoint);
    check_end_in(30 * NS_PER_S, END_HALF_CLOSED_TIMEOUT);
}
END_TEST

START_TEST(a_reply_that_flows_keeps_half_a_session_alive)
{
    begin_relaying(&(struct stage_options){0});
    client_send(&client, MOCK_CLOSE, "");
    for (unsigned i = 0; i < 5; i++) {
        stage_pass(20 * NS_PER_S);
        server_send(server, "more");
    }
    check_end_in(30 * NS_PER_S, END_HALF_CLOSED_TIMEOUT);
}
END_TEST

START_TEST(a_client_that_was_done_cannot_keep_half_a_session_alive)
{
    begin_relaying(&(struct stage_options){0});
    client_send(&client, MOCK_CLOSE, "");
    for (unsigned i = 0; i < 5; i++) {
        stage_pass(5 * NS_PER_S);
        client_send(&client, MOCK_DATA, "x");
    }
    check_end_in(5 * NS_PER_S, END_HALF_CLOSED_TIMEOUT);
}
END_TEST

START_TEST(a_lifetime_ends_even_a_busy_session)
{
    begin_relaying(&(struct stage_options){.timeouts = {.lifetime_ns = 100 * NS_PER_S}});
    for (unsigned i = 0; i < 9; i++) {
        stage_pass(10 * NS_PER_S);
        client_send(&client, MOCK_DATA, "x");
    }
    check_end_after(100 * NS_PER_S, END_LIFETIME);
}
END_TEST

/* A peer that was told of its mistake may not stay for as long as it likes to talk. */
START_TEST(a_client_that_talks_on_after_the_alert_is_left_after_two_seconds)
{
    begin(&(struct stage_options){0});
    stage_dial(&client);
    client_send_raw(&client, "GET / HTTP/1.1\r\n", 16);
    for (unsigned i = 0; i < 20 && stage.reports == 0; i++) {
        stage_pass(NS_PER_S);
        (void)sim_send(client.actor.endpoint, (struct bytes_const){(const uint8_t *)"x", 1});
    }
    check_end_after(2 * NS_PER_S, END_HELLO_INVALID);
}
END_TEST

/* --- connecting ----------------------------------------------------------------------------- */

static void dial_and_greet(void)
{
    stage_dial(&client);
    client_send(&client, MOCK_HELLO, "");
}

static void answer(unsigned which, enum sim_answer answer)
{
    sim_unserve(stage.net, &stage.servers[which].service);
    sim_answer(stage.net, &stage.servers[which].address, answer);
}

START_TEST(the_only_servers_trouble_is_the_sessions)
{
    static const struct {
        enum sim_answer answer;
        enum end_reason reason;
    } rows[] = {{SIM_REFUSES, END_CONNECT_REFUSED},
                {SIM_IS_UNREACHABLE, END_CONNECT_UNREACHABLE},
                {SIM_IS_SILENT, END_CONNECT_TIMEOUT}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin(&(struct stage_options){.servers = 3, .retries = 2});
        for (unsigned j = 0; j < 3; j++) {
            answer(j, rows[i].answer);
        }
        dial_and_greet();
        stage_until_reports(1);
        stage_pass(NS_PER_MS);
        ck_assert(client.has_reset && !client.has_goodbye);
        ck_assert_uint_eq(reactor_metric(stage.reactor, METRIC_CONNECT_FAILURES), 3);
        ck_assert_str_eq(stage.last.server, "-");
        ck_assert_uint_eq(stage.last.connect_ns, SUMMARY_NEVER);
        check_end(rows[i].reason);
    }
}
END_TEST

START_TEST(different_troubles_are_no_backend)
{
    begin(&(struct stage_options){.servers = 2, .retries = 1});
    answer(0, SIM_REFUSES);
    answer(1, SIM_IS_UNREACHABLE);
    dial_and_greet();
    check_end(END_NO_BACKEND);
}
END_TEST

START_TEST(each_server_has_the_whole_connect_timeout)
{
    begin(&(struct stage_options){.servers = 2, .retries = 1});
    answer(0, SIM_IS_SILENT);
    answer(1, SIM_IS_SILENT);
    dial_and_greet();
    check_end_after(8 * NS_PER_S, END_CONNECT_TIMEOUT);
}
END_TEST

START_TEST(the_next_server_is_tried_and_only_as_often_as_allowed)
{
    begin(&(struct stage_options){.servers = 3, .retries = 1});
    answer(0, SIM_REFUSES);
    dial_and_greet();
    stage_pass(NS_PER_S);
    ck_assert_uint_eq(stage.servers[1].accepted, 1);
    sim_close(&client.actor);
    check_end(END_TLS_TRUNCATED);
    begin(&(struct stage_options){.servers = 3, .retries = 1});
    answer(0, SIM_REFUSES);
    answer(1, SIM_REFUSES);
    dial_and_greet();
    check_end(END_CONNECT_REFUSED);
}
END_TEST

/* The cancel came too late: the server has answered, and that took as long as it did. */
START_TEST(a_server_that_answers_at_the_last_moment_is_used)
{
    begin(&(struct stage_options){
        .timeouts = {.connect_ns = 50 * NS_PER_US},
        .faults = {.latency_ns_min = 20 * NS_PER_US, .latency_ns_max = 20 * NS_PER_US}});
    sim_faults(stage.net)->cancel_late = 1000;
    sim_faults(stage.net)->delay = 1000;
    sim_faults(stage.net)->delay_ns_max = NS_PER_MS;
    for (unsigned i = 0; i < 20 && stage.last.connect_ns == 0; i++) {
        client = (struct stage_client){0};
        stage.last.connect_ns = SUMMARY_NEVER;
        dial_and_greet();
        stage_pass(20 * NS_PER_MS);
        sim_reset(&client.actor);
        stage_until_reports(i + 1);
        if (stage.last.connect_ns == SUMMARY_NEVER || stage.last.connect_ns < 50 * NS_PER_US) {
            stage.last.connect_ns = 0;
        }
    }
    ck_assert_uint_ge(stage.last.connect_ns, 50 * NS_PER_US);
    ck_assert_uint_lt(stage.last.connect_ns, 5 * NS_PER_MS);
    stage_close();
}
END_TEST

/* To the server FIN would be the whole request of a client that said nothing. */
START_TEST(an_attempt_given_up_as_it_succeeds_ends_in_a_reset)
{
    begin(&(struct stage_options){
        .timeouts = {.connect_ns = 50 * NS_PER_US},
        .faults = {.latency_ns_min = 20 * NS_PER_US, .latency_ns_max = 20 * NS_PER_US}});
    sim_faults(stage.net)->delay = 1000;
    sim_faults(stage.net)->delay_ns_max = 10 * NS_PER_MS;
    dial_and_greet();
    stage_until_reports(1);
    stage_pass(NS_PER_MS);
    ck_assert_int_eq(stage.last.reason, END_CONNECT_TIMEOUT);
    ck_assert_uint_eq(stage.servers[0].accepted, 1);
    ck_assert(stage.servers[0].has_reset);
    ck_assert(!stage.servers[0].has_end);
    stage_close();
}
END_TEST

START_TEST(want_of_descriptors_for_a_server_is_want_of_resources)
{
    begin(&(struct stage_options){0});
    stage_dial(&client);
    sim_faults(stage.net)->socket_exhausted = 1000;
    client_send(&client, MOCK_HELLO, "");
    check_end(END_RESOURCE);
}
END_TEST

START_TEST(a_client_that_resets_while_its_server_reads_nothing_is_noticed)
{
    char piece[65] = {0};

    begin_relaying(
        &(struct stage_options){.faults = {.socket_bytes_min = 1000, .socket_bytes_max = 1000}});
    server->is_deaf = true;
    memset(piece, 'p', 64);
    for (unsigned i = 0; i < 50; i++) {
        client_send(&client, MOCK_DATA, piece);
        stage_pass(NS_PER_MS);
    }
    stage_pass(10 * NS_PER_S);
    ck_assert_uint_eq(stage.reports, 0);
    sim_reset(&client.actor);
    stage_pass(2100 * NS_PER_MS);
    ck_assert_uint_eq(stage.reports, 1);
    check_end(END_CLIENT_RESET);
}
END_TEST

/* --- handshakes ----------------------------------------------------------------------------- */

START_TEST(a_handshake_that_goes_wrong_after_the_hello_has_failed)
{
    begin(&(struct stage_options){0});
    client.is_slow = true;
    dial_and_greet();
    stage_pass(NS_PER_MS);
    client_send(&client, MOCK_DATA, "early");
    stage_pass(NS_PER_MS);
    ck_assert(client.has_alert && client.has_end && !client.has_reset);
    sim_close(&client.actor);
    stage_until_reports(1);
    ck_assert(stage.last.has_tls_failure);
    ck_assert_int_eq(stage.last.tls_failure, TLS_FAILURE_HANDSHAKE);
    check_end(END_HS_FAILED);
}
END_TEST

START_TEST(a_challenge_ends_with_its_handshake_and_reaches_no_server)
{
    mock_set_trouble(MOCK_CHALLENGES);
    begin(&(struct stage_options){0});
    stage_dial(&client);
    client_send(&client, MOCK_HELLO, "www.example.com");
    stage_pass(NS_PER_MS);
    ck_assert(client.has_goodbye && client.has_end && !client.has_reset && !client.has_alert);
    client_send(&client, MOCK_DATA, "nobody wants it");
    stage_pass(NS_PER_MS);
    ck_assert_uint_eq(stage.reports, 0);
    sim_close(&client.actor);
    stage_until_reports(1);
    mock_set_trouble(MOCK_NO_TROUBLE);
    ck_assert_uint_eq(server->accepted, 0);
    ck_assert_uint_eq(stage.last.bytes_in + stage.last.bytes_out, 0);
    ck_assert_str_eq(stage.last.backend, "-");
    check_end(END_ACME);
}
END_TEST

START_TEST(a_client_that_stays_after_its_challenge_is_closed_by_us)
{
    mock_set_trouble(MOCK_CHALLENGES);
    begin(&(struct stage_options){0});
    stage_dial(&client);
    client_send(&client, MOCK_HELLO, "www.example.com");
    stage_pass(NS_PER_MS);
    mock_set_trouble(MOCK_NO_TROUBLE);
    check_end_in(2 * NS_PER_S, END_ACME);
}
END_TEST

START_TEST(only_a_client_without_a_byte_is_a_probe)
{
    begin(&(struct stage_options){0});
    stage_dial(&client);
    sim_close(&client.actor);
    stage_until_reports(1);
    ck_assert(stage.last.is_probe);
    ck_assert_uint_eq(reactor_metric(stage.reactor, METRIC_PROBES), 1);
    check_end(END_CLIENT_CLOSE);
    begin(&(struct stage_options){0});
    stage_dial(&client);
    client_send_raw(&client, "\x01", 1);
    stage_pass(NS_PER_MS);
    sim_close(&client.actor);
    stage_until_reports(1);
    ck_assert(!stage.last.is_probe);
    check_end(END_CLIENT_CLOSE);
}
END_TEST

/* --- how the peers end ---------------------------------------------------------------------- */

START_TEST(the_first_to_end_in_good_order_is_the_reason)
{
    begin_relaying(&(struct stage_options){0});
    client_send(&client, MOCK_CLOSE, "");
    sim_fin(client.actor.endpoint);
    stage_pass(NS_PER_MS);
    sim_fin(server->actor.endpoint);
    stage_pass(NS_PER_MS);
    ck_assert(client.has_goodbye && client.has_end && server->has_end && !server->has_reset);
    check_end(END_CLIENT_CLOSE);
    begin_relaying(&(struct stage_options){0});
    sim_fin(server->actor.endpoint);
    stage_pass(NS_PER_MS);
    client_send(&client, MOCK_CLOSE, "");
    sim_fin(client.actor.endpoint);
    stage_pass(NS_PER_MS);
    ck_assert(client.has_goodbye && client.has_end && server->has_end && !server->has_reset);
    check_end(END_SERVER_CLOSE);
}
END_TEST

START_TEST(a_missing_goodbye_is_a_truncation_and_resets_the_server)
{
    begin_relaying(&(struct stage_options){0});
    client_send(&client, MOCK_DATA, "half a requ");
    sim_fin(client.actor.endpoint);
    stage_pass(NS_PER_MS);
    ck_assert_uint_eq(server->bytes, 11);
    ck_assert(!server->has_end && !server->has_reset);
    server_send(server, "reply");
    sim_fin(server->actor.endpoint);
    stage_pass(NS_PER_MS);
    ck_assert_uint_eq(client.bytes, 5);
    ck_assert(client.has_goodbye && server->has_reset);
    check_end(END_TLS_TRUNCATED);
}
END_TEST

START_TEST(a_missing_goodbye_may_pass_as_an_end)
{
    begin_relaying(&(struct stage_options){.truncation = CONFIG_TRUNCATION_FIN});
    sim_fin(client.actor.endpoint);
    stage_pass(NS_PER_MS);
    ck_assert(server->has_end);
    sim_fin(server->actor.endpoint);
    stage_pass(NS_PER_MS);
    ck_assert(client.has_goodbye && !server->has_reset);
    check_end(END_TLS_TRUNCATED);
}
END_TEST

START_TEST(a_record_that_cannot_be_read_is_answered_with_an_alert)
{
    begin_relaying(&(struct stage_options){0});
    client_send(&client, MOCK_HELLO, "again");
    stage_pass(NS_PER_MS);
    ck_assert(client.has_alert && client.has_end && !client.has_goodbye);
    sim_close(&client.actor);
    stage_until_reports(1);
    stage_pass(NS_PER_MS);
    ck_assert(stage.last.has_tls_failure && server->has_reset && !server->has_end);
    check_end(END_TLS_ERROR);
}
END_TEST

START_TEST(what_a_resetting_server_sent_before_arrives_first)
{
    begin_relaying(&(struct stage_options){0});
    server_send(server, "answer");
    stage_pass(NS_PER_MS);
    sim_reset(&server->actor);
    stage_pass(NS_PER_MS);
    ck_assert_uint_eq(client.bytes, 6);
    ck_assert(client.has_reset && !client.has_goodbye);
    check_end(END_SERVER_RESET);
}
END_TEST

/* It takes no more, but had ended cleanly: the client has all that there was, and its own bytes,
 * which nobody will read, end the session. */
START_TEST(bytes_for_a_server_that_left_end_the_session)
{
    begin_relaying(&(struct stage_options){0});
    server_send(server, "all");
    sim_close(&server->actor);
    stage_pass(NS_PER_MS);
    ck_assert(client.has_goodbye && client.has_end);
    for (unsigned i = 0; i < 3 && stage.reports == 0; i++) {
        client_send(&client, MOCK_DATA, "x");
        stage_pass(NS_PER_MS);
    }
    ck_assert_uint_eq(client.bytes, 3);
    check_end(END_SERVER_CLOSE);
}
END_TEST

START_TEST(a_cut_keeps_the_reason_it_was_given)
{
    static const enum end_reason reasons[] = {END_DRAINED, END_KILLED};

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        begin_relaying(&(struct stage_options){0});
        ck_assert_uint_eq(worker_cut(stage.worker, reasons[i]), 1);
        ck_assert_uint_eq(worker_cut(stage.worker, END_RESOURCE), 0);
        check_end(reasons[i]);
    }
}
END_TEST

START_TEST(what_went_through_is_counted)
{
    begin_relaying(&(struct stage_options){0});
    client_send(&client, MOCK_DATA, "question");
    stage_pass(NS_PER_MS);
    server_send(server, "the answer");
    stage_pass(NS_PER_MS);
    sim_reset(&client.actor);
    stage_until_reports(1);
    ck_assert_uint_eq(stage.last.bytes_in, 8);
    ck_assert_uint_eq(stage.last.bytes_out, 10);
    ck_assert_str_eq(stage.last.frontend, "front");
    ck_assert_str_eq(stage.last.backend, "back");
    ck_assert_str_eq(stage.last.server, "10.0.0.1:5000");
    ck_assert_uint_ne(stage.last.handshake_ns, SUMMARY_NEVER);
    ck_assert_uint_lt(stage.last.connect_ns, NS_PER_MS);
    check_end(END_CLIENT_RESET);
}
END_TEST

Suite *session_ends_suite(void)
{
    return suite_of(
        "session_ends",
        (const TTest *const[]){a_silent_client_ends_when_its_hello_is_due,
                               no_byte_puts_the_hello_off,
                               a_handshake_has_its_own_deadline_once_the_hello_came,
                               a_hello_may_not_take_longer_than_the_handshake,
                               silence_ends_at_the_idle_timeout,
                               half_a_session_has_the_shorter_timeout,
                               a_reply_that_flows_keeps_half_a_session_alive,
                               a_client_that_was_done_cannot_keep_half_a_session_alive,
                               a_lifetime_ends_even_a_busy_session,
                               a_client_that_talks_on_after_the_alert_is_left_after_two_seconds,
                               the_only_servers_trouble_is_the_sessions,
                               different_troubles_are_no_backend,
                               each_server_has_the_whole_connect_timeout,
                               the_next_server_is_tried_and_only_as_often_as_allowed,
                               a_server_that_answers_at_the_last_moment_is_used,
                               an_attempt_given_up_as_it_succeeds_ends_in_a_reset,
                               want_of_descriptors_for_a_server_is_want_of_resources,
                               a_client_that_resets_while_its_server_reads_nothing_is_noticed,
                               a_handshake_that_goes_wrong_after_the_hello_has_failed,
                               a_challenge_ends_with_its_handshake_and_reaches_no_server,
                               a_client_that_stays_after_its_challenge_is_closed_by_us,
                               only_a_client_without_a_byte_is_a_probe,
                               the_first_to_end_in_good_order_is_the_reason,
                               a_missing_goodbye_is_a_truncation_and_resets_the_server,
                               a_missing_goodbye_may_pass_as_an_end,
                               a_record_that_cannot_be_read_is_answered_with_an_alert,
                               what_a_resetting_server_sent_before_arrives_first,
                               bytes_for_a_server_that_left_end_the_session,
                               a_cut_keeps_the_reason_it_was_given,
                               what_went_through_is_counted,
                               NULL});
}
