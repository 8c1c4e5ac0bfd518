/* Sessions that come with a PROXY header, and sessions that bring one to their server. */
#include "base/clock.h"
#include "proxy/proxy_decoder.h"
#include "stage.h"
#include "suites_sim.h"

#include <stdio.h>
#include <string.h>

/* Callers of the simulator come from here, the first from 10.0.0.2, port 1. */
#define EVERYONE "10.0.0.0/8"
#define NOBODY   "192.0.2.0/24"
#define LINE     "PROXY TCP4 203.0.113.7 198.51.100.1 40000 443\r\n"
#define LOCAL    "\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00"

enum { LOCAL_BYTES = sizeof(LOCAL) - 1, LINE_BYTES = sizeof(LINE) - 1 };

static struct stage_client  client;
static struct stage_server *server;

static const struct stage_options required = {.accept_proxy = CONFIG_ACCEPT_PROXY_REQUIRED,
                                              .accept_proxy_from = EVERYONE};
static const struct stage_options optional = {.accept_proxy = CONFIG_ACCEPT_PROXY_OPTIONAL,
                                              .accept_proxy_from = EVERYONE};

static void begin(const struct stage_options *options)
{
    client = (struct stage_client){0};
    stage_open(options);
    server = &stage.servers[0];
    stage_dial(&client);
}

static void say(const char *text)
{
    client_send_raw(&client, text, strlen(text));
}

static void greet(void)
{
    client_send(&client, MOCK_HELLO, "www.example.com");
    stage_pass(10 * NS_PER_MS);
}

static void leave(void)
{
    client_send(&client, MOCK_CLOSE, "");
    sim_fin(client.actor.endpoint);
    stage_pass(10 * NS_PER_MS);
    sim_fin(server->actor.endpoint);
    stage_until_reports(1);
}

static void check_client(const char *expected)
{
    char text[ADDRESS_TEXT_BYTES];

    ck_assert_str_eq(address_text(&stage.last.client, text), expected);
}

static void check_end(enum end_reason reason)
{
    stage_until_reports(1);
    ck_assert_str_eq(end_reason_word(stage.last.reason), end_reason_word(reason));
    stage_close();
}

static void check_refused(enum proxy_fault fault)
{
    stage_until_reports(1);
    ck_assert_str_eq(proxy_fault_text(stage.last.proxy_fault), proxy_fault_text(fault));
    ck_assert_uint_eq(server->accepted, 0);
    check_end(END_PROXY_HEADER_INVALID);
}

/* The header with which the server's bytes begin. */
static struct proxy_header sent(size_t *len)
{
    struct proxy_decoder decoder = {0};
    struct proxy_header  header = {.is_local = true};
    struct bytes_const   input = {(const uint8_t *)server->first, server->first_bytes};

    ck_assert_int_eq(proxy_decoder_feed(&decoder, &input, &header), PROXY_DONE);
    *len = server->first_bytes - input.len;
    return header;
}

static void check_sent(const char *source, const char *destination)
{
    size_t              len = 0;
    struct proxy_header header = sent(&len);
    char                text[ADDRESS_TEXT_BYTES];

    ck_assert_str_eq(address_text(&header.source, text), source);
    ck_assert_str_eq(address_text(&header.destination, text), destination);
}

/* --- in ------------------------------------------------------------------------------------- */

START_TEST(a_client_is_whom_the_header_names)
{
    begin(&required);
    say(LINE);
    greet();
    ck_assert(client.is_established);
    leave();
    check_client("203.0.113.7:40000");
    check_end(END_CLIENT_CLOSE);
}
END_TEST

START_TEST(what_comes_in_one_piece_with_the_header_is_the_hello)
{
    uint8_t            piece[LINE_BYTES + MOCK_HEAD_BYTES + 16];
    struct bytes_const name = {(const uint8_t *)"www.example.com", 15};

    begin(&required);
    memcpy(piece, LINE, LINE_BYTES);
    size_t len = LINE_BYTES + mock_record(MOCK_HELLO, name, piece + LINE_BYTES);

    client_send_raw(&client, (const char *)piece, len);
    stage_pass(10 * NS_PER_MS);
    ck_assert(client.is_established);
    leave();
    check_client("203.0.113.7:40000");
    check_end(END_CLIENT_CLOSE);
}
END_TEST

START_TEST(a_header_may_come_in_any_pieces)
{
    for (size_t piece = 1; piece < LINE_BYTES; piece += 11) {
        begin(&required);
        for (size_t i = 0; i < LINE_BYTES; i += piece) {
            client_send_raw(&client, LINE + i, LINE_BYTES - i < piece ? LINE_BYTES - i : piece);
            stage_pass(LINE_BYTES - i > piece ? NS_PER_MS : 0);
        }
        greet();
        ck_assert(client.is_established);
        leave();
        check_client("203.0.113.7:40000");
        check_end(END_CLIENT_CLOSE);
    }
}
END_TEST

START_TEST(nothing_is_answered_before_the_header_is_whole)
{
    begin(&required);
    client_send_raw(&client, LINE, LINE_BYTES - 1);
    stage_pass(NS_PER_S);
    ck_assert_uint_eq(stage.reports, 0);
    ck_assert_uint_eq(reactor_metric(stage.reactor, METRIC_HANDSHAKES_ACTIVE), 0);
    say("\n");
    greet();
    ck_assert(client.is_established);
    stage_close();
}
END_TEST

START_TEST(local_and_unknown_are_who_they_are)
{
    static const char *const headers[] = {"PROXY UNKNOWN\r\n", LOCAL};

    for (size_t i = 0; i < 2; i++) {
        begin(&required);
        client_send_raw(&client, headers[i], i == 0 ? strlen(headers[0]) : LOCAL_BYTES);
        greet();
        leave();
        check_client("10.0.0.2:1");
        check_end(END_CLIENT_CLOSE);
    }
}
END_TEST

/* A load balancer that looks whether we are there. */
START_TEST(who_only_brings_a_header_is_a_probe)
{
    begin(&required);
    client_send_raw(&client, LOCAL, LOCAL_BYTES);
    stage_pass(NS_PER_MS);
    sim_fin(client.actor.endpoint);
    stage_until_reports(1);
    ck_assert(stage.last.is_probe);
    check_end(END_CLIENT_CLOSE);
}
END_TEST

START_TEST(a_malformed_header_is_refused)
{
    begin(&required);
    say("PROXY TCP4 203.0.113.7 198.51.100.1 40000 70000\r\n");
    stage_pass(10 * NS_PER_MS);
    ck_assert(client.has_reset);
    check_refused(PROXY_FAULT_LINE_PORT);
}
END_TEST

START_TEST(tls_where_a_header_is_required_is_refused)
{
    begin(&required);
    greet();
    ck_assert(!client.is_established);
    check_refused(PROXY_FAULT_SIGNATURE);
}
END_TEST

START_TEST(a_header_is_due_within_hello_and_no_byte_puts_it_off)
{
    begin(&required);
    for (unsigned i = 0; i < 4; i++) {
        client_send_raw(&client, LINE + i, 1);
        stage_pass(NS_PER_S);
    }
    ck_assert_uint_eq(stage.reports, 0);
    stage_until_reports(1);
    ck_assert_uint_ge(stage.last.duration_ns, 5 * NS_PER_S);
    ck_assert_uint_lt(stage.last.duration_ns, 5 * NS_PER_S + 2 * NS_PER_MS);
    check_refused(PROXY_FAULT_LATE);
}
END_TEST

START_TEST(a_header_never_outlasts_the_handshake)
{
    struct stage_options options = required;

    options.timeouts.handshake_ns = 2 * NS_PER_S;
    begin(&options);
    stage_until_reports(1);
    ck_assert_uint_lt(stage.last.duration_ns, 2 * NS_PER_S + 2 * NS_PER_MS);
    check_refused(PROXY_FAULT_LATE);
}
END_TEST

START_TEST(a_header_takes_from_the_time_of_the_hello)
{
    begin(&required);
    stage_pass(4 * NS_PER_S);
    say(LINE);
    stage_until_reports(1);
    ck_assert_uint_lt(stage.last.duration_ns, 5 * NS_PER_S + 2 * NS_PER_MS);
    check_end(END_HELLO_TIMEOUT);
}
END_TEST

START_TEST(a_header_cut_short_is_refused_and_an_absent_one_is_a_probe)
{
    begin(&required);
    client_send_raw(&client, LINE, 9);
    sim_fin(client.actor.endpoint);
    check_refused(PROXY_FAULT_CUT);
    begin(&required);
    sim_fin(client.actor.endpoint);
    stage_until_reports(1);
    ck_assert(stage.last.is_probe);
    check_end(END_CLIENT_CLOSE);
}
END_TEST

START_TEST(a_reset_ends_the_wait_for_a_header)
{
    begin(&required);
    client_send_raw(&client, LINE, 9);
    stage_pass(NS_PER_MS);
    sim_reset(&client.actor);
    check_end(END_CLIENT_RESET);
}
END_TEST

START_TEST(a_cut_ends_the_wait_for_a_header)
{
    begin(&required);
    (void)worker_cut(stage.worker, END_KILLED);
    check_end(END_KILLED);
}
END_TEST

/* F-82: whoever can set the address could be anyone. */
START_TEST(the_word_of_others_does_not_count)
{
    struct stage_options options = required;

    options.accept_proxy_from = NOBODY;
    begin(&options);
    stage_pass(10 * NS_PER_MS);
    ck_assert(client.has_reset);
    stage_until_reports(1);
    check_client("10.0.0.2:1");
    ck_assert_uint_eq(server->accepted, 0);
    check_end(END_ACL_DENIED);
}
END_TEST

/* Its address is gone with it, so it is on no list; but nobody was denied anything. */
START_TEST(who_left_before_it_was_accepted_is_a_probe)
{
    static struct stage_client first;
    struct stage_options       options = required;

    options.frontend_connections = 1;
    first = (struct stage_client){0};
    client = (struct stage_client){0};
    stage_open(&options);
    stage_dial(&first);
    stage_knock(&client);
    stage_pass(10 * NS_PER_MS);
    sim_reset(&client.actor);
    stage_pass(NS_PER_MS);
    sim_reset(&first.actor);
    stage_until_reports(2);
    ck_assert(stage.last.is_probe);
    ck_assert_int_eq(stage.last.reason, END_CLIENT_RESET);
    stage_close();
}
END_TEST

START_TEST(where_it_is_optional_tls_may_come_at_once)
{
    begin(&optional);
    greet();
    ck_assert(client.is_established);
    leave();
    check_client("10.0.0.2:1");
    check_end(END_CLIENT_CLOSE);
    begin(&optional);
    say(LINE);
    greet();
    leave();
    check_client("203.0.113.7:40000");
    check_end(END_CLIENT_CLOSE);
}
END_TEST

START_TEST(where_it_is_optional_a_malformed_one_is_refused)
{
    begin(&optional);
    say("PROXY TCP4 203.0.113.7\r\n");
    check_refused(PROXY_FAULT_LINE_ADDRESS);
}
END_TEST

START_TEST(where_it_is_optional_others_are_taken_as_they_are)
{
    struct stage_options options = optional;

    options.accept_proxy_from = NOBODY;
    begin(&options);
    greet();
    ck_assert(client.is_established);
    leave();
    check_client("10.0.0.2:1");
    check_end(END_CLIENT_CLOSE);
    begin(&options);
    say(LINE);
    check_end(END_HELLO_INVALID);
}
END_TEST

/* --- out ------------------------------------------------------------------------------------ */

START_TEST(a_server_gets_the_header_before_the_client_has_said_anything)
{
    static const int versions[] = {CONFIG_SEND_PROXY_V1, CONFIG_SEND_PROXY_V2};

    for (size_t i = 0; i < 2; i++) {
        begin(&(struct stage_options){.send_proxy = versions[i]});
        greet();
        check_sent("10.0.0.2:1", "127.0.0.1:4000");
        server_send(server, "welcome");
        stage_pass(NS_PER_MS);
        ck_assert_uint_eq(client.bytes, strlen("welcome"));
        stage_close();
    }
}
END_TEST

START_TEST(what_the_client_said_already_goes_out_with_the_header)
{
    size_t len = 0;

    begin(&(struct stage_options){.send_proxy = CONFIG_SEND_PROXY_V1});
    /* The request comes while the server is being connected. */
    sim_faults(stage.net)->latency_ns_max = 10 * NS_PER_MS;
    client_send(&client, MOCK_HELLO, "");
    for (unsigned i = 0; i < 1000 && !client.is_established; i++) {
        reactor_turn(stage.reactor, NS_PER_MS);
    }
    client_send(&client, MOCK_DATA, "request");
    stage_pass(200 * NS_PER_MS);
    (void)sent(&len);
    ck_assert_uint_eq(server->first_bytes, len + strlen("request"));
    ck_assert_mem_eq(server->first + len, "request", strlen("request"));
    stage_close();
}
END_TEST

START_TEST(a_header_is_none_of_the_clients_bytes)
{
    begin(&(struct stage_options){.send_proxy = CONFIG_SEND_PROXY_V2});
    greet();
    client_send(&client, MOCK_DATA, "12345");
    stage_pass(NS_PER_MS);
    leave();
    ck_assert_uint_eq(stage.last.bytes_in, 5);
    ck_assert_uint_gt(server->bytes, 5);
    ck_assert_uint_eq(reactor_metric(stage.reactor, METRIC_BYTES_FROM_CLIENTS), 5);
    check_end(END_CLIENT_CLOSE);
}
END_TEST

START_TEST(a_session_that_is_cut_with_its_header_on_the_way_has_sent_nothing)
{
    begin(&(struct stage_options){.send_proxy = CONFIG_SEND_PROXY_V2,
                                  .faults = {.socket_bytes_min = 20, .socket_bytes_max = 20}});
    stage.servers[0].is_deaf = true;
    greet();
    stage_pass(NS_PER_S);
    (void)worker_cut(stage.worker, END_KILLED);
    stage_until_reports(1);
    ck_assert_uint_eq(stage.last.bytes_in, 0);
    check_end(END_KILLED);
}
END_TEST

START_TEST(what_came_in_a_header_goes_out_in_one)
{
    struct stage_options options = required;

    options.send_proxy = CONFIG_SEND_PROXY_V2;
    options.proxy_options = CONFIG_PROXY_CRC32C | CONFIG_PROXY_AUTHORITY;
    begin(&options);
    say(LINE);
    greet();
    check_sent("203.0.113.7:40000", "198.51.100.1:443");
    stage_close();
}
END_TEST

START_TEST(the_facts_are_those_asked_for)
{
    static const char authority[] = "\x02\x00\x0fwww.example.com";
    size_t            len = 0;

    begin(&(struct stage_options){.send_proxy = CONFIG_SEND_PROXY_V2});
    greet();
    (void)sent(&len);
    ck_assert_uint_eq(len, 16 + 12);
    stage_close();
    begin(&(struct stage_options){.send_proxy = CONFIG_SEND_PROXY_V2,
                                  .proxy_options = CONFIG_PROXY_AUTHORITY});
    greet();
    (void)sent(&len);
    ck_assert_uint_eq(len, 16 + 12 + sizeof(authority) - 1);
    ck_assert_mem_eq(server->first + 16 + 12, authority, sizeof(authority) - 1);
    stage_close();
    begin(&(struct stage_options){.send_proxy = CONFIG_SEND_PROXY_V2,
                                  .proxy_options = CONFIG_PROXY_SSL | CONFIG_PROXY_ALPN |
                                                   CONFIG_PROXY_CERT_CN | CONFIG_PROXY_UNIQUE_ID});
    greet();
    (void)sent(&len);
    ck_assert_mem_eq(server->first + 16 + 12, "\x20\x00\x12\x01\x00\x00\x00\x01", 8);
    ck_assert_mem_eq(server->first + 16 + 12 + 21, "\x05\x00\x1a", 3);
    stage_close();
}
END_TEST

START_TEST(the_next_server_gets_it_when_the_first_does_not_answer)
{
    begin(&(struct stage_options){.send_proxy = CONFIG_SEND_PROXY_V1, .servers = 2, .retries = 1});
    sim_answer(stage.net, &stage.servers[0].address, SIM_REFUSES);
    greet();
    ck_assert_uint_eq(stage.servers[0].accepted, 0);
    server = &stage.servers[1];
    check_sent("10.0.0.2:1", "127.0.0.1:4000");
    stage_close();
}
END_TEST

Suite *session_proxy_suite(void)
{
    return suite_of(
        "session_proxy",
        (const TTest *const[]){a_client_is_whom_the_header_names,
                               what_comes_in_one_piece_with_the_header_is_the_hello,
                               a_header_may_come_in_any_pieces,
                               nothing_is_answered_before_the_header_is_whole,
                               local_and_unknown_are_who_they_are,
                               who_only_brings_a_header_is_a_probe,
                               a_malformed_header_is_refused,
                               tls_where_a_header_is_required_is_refused,
                               a_header_is_due_within_hello_and_no_byte_puts_it_off,
                               a_header_never_outlasts_the_handshake,
                               a_header_takes_from_the_time_of_the_hello,
                               a_header_cut_short_is_refused_and_an_absent_one_is_a_probe,
                               a_reset_ends_the_wait_for_a_header,
                               a_cut_ends_the_wait_for_a_header,
                               who_left_before_it_was_accepted_is_a_probe,
                               the_word_of_others_does_not_count,
                               where_it_is_optional_tls_may_come_at_once,
                               where_it_is_optional_a_malformed_one_is_refused,
                               where_it_is_optional_others_are_taken_as_they_are,
                               a_server_gets_the_header_before_the_client_has_said_anything,
                               what_the_client_said_already_goes_out_with_the_header,
                               a_header_is_none_of_the_clients_bytes,
                               a_session_that_is_cut_with_its_header_on_the_way_has_sent_nothing,
                               what_came_in_a_header_goes_out_in_one,
                               the_facts_are_those_asked_for,
                               the_next_server_gets_it_when_the_first_does_not_answer,
                               NULL});
}
