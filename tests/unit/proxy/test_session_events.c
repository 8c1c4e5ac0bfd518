#include "base/clock.h"
#include "stage.h"
#include "suites_sim.h"

/* Every event in every state of a session: whether it goes on, and why it ends at last. */
enum event {
    CLIENT_BYTES,
    CLIENT_FIN,
    CLIENT_RST,
    CLIENT_GOODBYE,
    SERVER_BYTES,
    SERVER_FIN,
    SERVER_RST,
    TIMER_DUE,
    CUT,
    DRAIN,
};

/* A moment, after which whatever ends at once has ended. */
#define MOMENT_NS (100 * NS_PER_MS)

static struct stage_client  client;
static struct stage_server *server;

static void in_handshaking(void)
{
    stage_open(&(struct stage_options){0});
    stage_dial(&client);
}

static void in_connecting(void)
{
    stage_open(&(struct stage_options){0});
    sim_unserve(stage.net, &stage.servers[0].service);
    sim_answer(stage.net, &stage.servers[0].address, SIM_IS_SILENT);
    stage_dial(&client);
    client_send(&client, MOCK_HELLO, "");
    stage_pass(10 * NS_PER_MS);
    ck_assert(client.is_established);
}

static void in_relaying(void)
{
    stage_open(&(struct stage_options){0});
    stage_establish(&client);
}

/* An alert went out, and the client has not yet ended. */
static void in_finishing(void)
{
    stage_open(&(struct stage_options){0});
    stage_dial(&client);
    client_send_raw(&client, "GET / HTTP/1.1\r\n", 16);
    stage_pass(MOMENT_NS);
    ck_assert(client.has_alert && client.has_end);
}

/* What was cancelled has not yet come back. */
static void in_closing(void)
{
    in_relaying();
    sim_faults(stage.net)->cancel_late = 1000;
    sim_faults(stage.net)->delay = 1000;
    sim_faults(stage.net)->delay_ns_max = NS_PER_S;
    (void)worker_cut(stage.worker, END_KILLED);
}

static void act(enum event event, uint64_t deadline_ns)
{
    switch (event) {
    case CLIENT_BYTES:
        client_send(&client, MOCK_DATA, "x");
        break;
    case CLIENT_FIN:
        sim_fin(client.actor.endpoint);
        break;
    case CLIENT_RST:
        sim_reset(&client.actor);
        break;
    case CLIENT_GOODBYE:
        client_send(&client, MOCK_CLOSE, "");
        break;
    case SERVER_BYTES:
        server_send(server, "answer");
        break;
    case SERVER_FIN:
        sim_fin(server->actor.endpoint);
        break;
    case SERVER_RST:
        sim_reset(&server->actor);
        break;
    case TIMER_DUE:
        stage_pass(deadline_ns);
        break;
    case CUT:
        (void)worker_cut(stage.worker, END_KILLED);
        break;
    case DRAIN:
        worker_drain(stage.worker, NULL);
        break;
    }
}

/* END_NONE: the session goes on. */
static void check(void (*state)(void), enum event event, uint64_t deadline_ns,
                  enum end_reason reason)
{
    client = (struct stage_client){0};
    state();
    server = &stage.servers[0];
    act(event, deadline_ns);
    stage_pass(MOMENT_NS);
    ck_assert_uint_eq(stage.reports, reason == END_NONE ? 0 : 1);
    ck_assert_int_eq(stage.last.reason, reason);
}

START_TEST(handshaking_meets_every_event)
{
    static const enum end_reason ends[] = {
        [CLIENT_FIN] = END_CLIENT_CLOSE,
        [CLIENT_RST] = END_CLIENT_RESET,
        [CUT] = END_KILLED,
        [TIMER_DUE] = END_HELLO_TIMEOUT,
        [DRAIN] = END_NONE,
    };
    static const enum event events[] = {CLIENT_FIN, CLIENT_RST, TIMER_DUE, CUT, DRAIN};

    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        check(in_handshaking, events[i], 5 * NS_PER_S, ends[events[i]]);
        ck_assert_uint_eq(stage.servers[0].accepted, 0);
        stage_close();
    }
}
END_TEST

START_TEST(handshaking_waits_for_the_rest_of_a_record)
{
    client = (struct stage_client){0};
    in_handshaking();
    client_send_raw(&client, "\x01\x00", 2);
    stage_pass(MOMENT_NS);
    ck_assert_uint_eq(stage.reports, 0);
    client_send_raw(&client, "\x00", 1);
    stage_pass(MOMENT_NS);
    ck_assert_uint_eq(stage.servers[0].accepted, 1);
    stage_close();
}
END_TEST

START_TEST(a_goodbye_or_data_in_the_handshake_is_answered_with_an_alert)
{
    static const enum event events[] = {CLIENT_BYTES, CLIENT_GOODBYE};

    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        check(in_handshaking, events[i], 0, END_NONE);
        ck_assert(client.has_alert && client.has_end && !client.has_reset);
        sim_close(&client.actor);
        stage_until_reports(1);
        ck_assert_int_eq(stage.last.reason, END_HELLO_INVALID);
        stage_close();
    }
}
END_TEST

START_TEST(connecting_meets_every_event)
{
    static const enum end_reason ends[] = {
        [CLIENT_BYTES] = END_NONE,        [CLIENT_FIN] = END_NONE, [CLIENT_RST] = END_CLIENT_RESET,
        [CLIENT_GOODBYE] = END_NONE,      [CUT] = END_KILLED,      [DRAIN] = END_NONE,
        [TIMER_DUE] = END_CONNECT_TIMEOUT};
    static const enum event events[] = {CLIENT_BYTES, CLIENT_FIN, CLIENT_RST, CLIENT_GOODBYE,
                                        TIMER_DUE,    CUT,        DRAIN};

    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        check(in_connecting, events[i], 4 * NS_PER_S, ends[events[i]]);
        ck_assert(!client.has_goodbye);
        stage_close();
    }
}
END_TEST

START_TEST(relaying_meets_every_event)
{
    static const enum end_reason ends[] = {[CLIENT_BYTES] = END_NONE,
                                           [CLIENT_FIN] = END_NONE,
                                           [CLIENT_RST] = END_CLIENT_RESET,
                                           [CLIENT_GOODBYE] = END_NONE,
                                           [SERVER_BYTES] = END_NONE,
                                           [SERVER_FIN] = END_NONE,
                                           [CUT] = END_KILLED,
                                           [SERVER_RST] = END_SERVER_RESET,
                                           [DRAIN] = END_NONE,
                                           [TIMER_DUE] = END_IDLE_TIMEOUT};

    for (enum event event = CLIENT_BYTES; event <= DRAIN; event++) {
        bool is_end = ends[event] != END_NONE;

        check(in_relaying, event, 60 * NS_PER_S, ends[event]);
        ck_assert_uint_eq(server->bytes, event == CLIENT_BYTES ? 1 : 0);
        ck_assert_uint_eq(client.bytes, event == SERVER_BYTES ? 6 : 0);
        ck_assert_int_eq(server->has_end, event == CLIENT_GOODBYE);
        ck_assert_int_eq(client.has_goodbye, event == SERVER_FIN);
        ck_assert_int_eq(client.has_end, event == SERVER_FIN);
        ck_assert_int_eq(client.has_reset, is_end && event != CLIENT_RST);
        ck_assert_int_eq(server->has_reset, is_end && event != SERVER_RST);
        stage_close();
    }
}
END_TEST

START_TEST(finishing_keeps_its_reason_whatever_comes)
{
    static const bool       ends[] = {[CLIENT_FIN] = true,
                                      [CLIENT_RST] = true,
                                      [TIMER_DUE] = true,
                                      [CUT] = true,
                                      [DRAIN] = false};
    static const enum event events[] = {CLIENT_BYTES, CLIENT_FIN, CLIENT_RST, CLIENT_GOODBYE,
                                        TIMER_DUE,    CUT,        DRAIN};

    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        check(in_finishing, events[i], 2 * NS_PER_S,
              ends[events[i]] ? END_HELLO_INVALID : END_NONE);
        stage_until_reports(1);
        ck_assert_int_eq(stage.last.reason, END_HELLO_INVALID);
        stage_close();
    }
}
END_TEST

START_TEST(closing_ends_whatever_comes)
{
    for (enum event event = CLIENT_BYTES; event <= DRAIN; event++) {
        client = (struct stage_client){0};
        in_closing();
        server = &stage.servers[0];
        ck_assert_uint_eq(stage.reports, 0);
        act(event, NS_PER_MS);
        stage_until_reports(1);
        ck_assert_int_eq(stage.last.reason, END_KILLED);
        *sim_faults(stage.net) = (struct sim_faults){0};
        stage_close();
    }
}
END_TEST

Suite *session_events_suite(void)
{
    return suite_of("session_events",
                    (const TTest *const[]){
                        handshaking_meets_every_event, handshaking_waits_for_the_rest_of_a_record,
                        a_goodbye_or_data_in_the_handshake_is_answered_with_an_alert,
                        connecting_meets_every_event, relaying_meets_every_event,
                        finishing_keeps_its_reason_whatever_comes, closing_ends_whatever_comes,
                        NULL});
}
