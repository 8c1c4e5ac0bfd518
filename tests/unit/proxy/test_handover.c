#include "base/clock.h"
#include "proxy/listener.h"
#include "proxy/turnstile.h"
#include "proxy/worker_internal.h"
#include "stage.h"
#include "suites_sim.h"

static struct stage_client clients[STAGE_CLIENTS_MAX];

static void begin(const struct stage_options *options)
{
    for (size_t i = 0; i < STAGE_CLIENTS_MAX; i++) {
        clients[i] = (struct stage_client){0};
    }
    stage_open(options);
    stage_establish(&clients[0]);
    ck_assert_uint_eq(worker_sessions(stage.worker), 1);
}

/* Another client's connection was accepted and is between the workers. */
static void send_over(struct stage_client *client)
{
    stage_knock(client);
    for (int i = 0; i < 1000 && !seat_is_expecting(worker_seat(stage.neighbour)); i++) {
        reactor_turn(stage.reactor, NS_PER_MS);
    }
    ck_assert(seat_is_expecting(worker_seat(stage.neighbour)));
    ck_assert_uint_eq(worker_sessions(stage.worker) + worker_sessions(stage.neighbour), 1);
}

static void expect(size_t here, size_t there, uint64_t passed_on)
{
    stage_pass(10 * NS_PER_MS);
    ck_assert(!seat_is_expecting(worker_seat(stage.neighbour)));
    ck_assert_uint_eq(worker_sessions(stage.worker), here);
    ck_assert_uint_eq(worker_sessions(stage.neighbour), there);
    ck_assert_uint_eq(reactor_metric(stage.reactor, METRIC_CONNECTIONS_PASSED_ON), passed_on);
}

static void expect_served(struct stage_client *client)
{
    client_send(client, MOCK_HELLO, "www.example.com");
    stage_pass(10 * NS_PER_MS);
    ck_assert(client->is_established);
}

START_TEST(who_has_more_passes_connections_on)
{
    begin(&(struct stage_options){.has_neighbour = true});
    for (size_t i = 1; i < 8; i++) {
        stage_knock(&clients[i]);
        stage_pass(NS_PER_MS);
    }
    expect(4, 4, 4);
    for (size_t i = 1; i < 8; i++) {
        expect_served(&clients[i]);
    }
    stage_close();
}
END_TEST

START_TEST(all_at_once_are_dealt_out_too)
{
    begin(&(struct stage_options){.has_neighbour = true});
    for (size_t i = 1; i < STAGE_CLIENTS_MAX; i++) {
        stage_knock(&clients[i]);
    }
    stage_pass(100 * NS_PER_MS);
    ck_assert_uint_eq(worker_sessions(stage.worker) + worker_sessions(stage.neighbour),
                      STAGE_CLIENTS_MAX);
    ck_assert_uint_ge(worker_sessions(stage.neighbour), STAGE_CLIENTS_MAX * 2 / 5);
    ck_assert_uint_le(worker_sessions(stage.neighbour), STAGE_CLIENTS_MAX * 3 / 5);
    stage_close();
}
END_TEST

START_TEST(alone_a_worker_keeps_what_it_accepts)
{
    begin(&(struct stage_options){0});
    stage_dial(&clients[1]);
    ck_assert_uint_eq(worker_sessions(stage.worker), 2);
    ck_assert_uint_eq(reactor_metric(stage.reactor, METRIC_CONNECTIONS_PASSED_ON), 0);
    stage_close();
}
END_TEST

static void on_empty(void *owner)
{
    (void)owner;
    stage.empty++;
}

static void on_pass(struct turnstile_place *place)
{
    ck_assert(!list_is_linked(&place->link));
}

START_TEST(who_drains_refuses_and_is_not_empty_before_it_did)
{
    struct turnstile_place queue[2 * ACCEPTS_PER_TURN + 1];

    begin(&(struct stage_options){.has_neighbour = true});
    send_over(&clients[1]);
    for (size_t i = 0; i < sizeof(queue) / sizeof(queue[0]); i++) {
        queue[i] = (struct turnstile_place){.pass = on_pass};
        turnstile_enter(worker_turnstile(stage.neighbour), &queue[i]);
    }
    worker_drain(stage.neighbour, on_empty);
    reactor_turn(stage.reactor, 0);
    ck_assert(seat_is_expecting(worker_seat(stage.neighbour)));
    ck_assert_uint_eq(stage.empty, 0);
    expect(2, 0, 0);
    ck_assert_uint_eq(stage.empty, 1);
    expect_served(&clients[1]);
    stage.empty = 0;
    stage_close();
}
END_TEST

START_TEST(who_drains_is_sent_nothing)
{
    begin(&(struct stage_options){.has_neighbour = true});
    worker_drain(stage.neighbour, on_empty);
    stage_dial(&clients[1]);
    expect(2, 0, 0);
    stage.empty = 0;
    stage_close();
}
END_TEST

START_TEST(who_has_another_configuration_refuses)
{
    struct snapshot other;
    struct error    error;

    begin(&(struct stage_options){.has_neighbour = true});
    other = *stage_snapshot();
    send_over(&clients[1]);
    ck_assert(worker_prepare(stage.neighbour, &other, &error));
    worker_adopt(stage.neighbour);
    expect(2, 0, 0);
    expect_served(&clients[1]);
    stage_close();
}
END_TEST

START_TEST(who_is_full_refuses)
{
    begin(&(struct stage_options){.has_neighbour = true, .connections = 1});
    send_over(&clients[1]);
    expect(1, 0, 0);
    sim_reset(&clients[0].actor);
    expect(1, 0, 0);
    expect_served(&clients[1]);
    stage_close();
}
END_TEST

START_TEST(a_sender_that_drains_waits_for_the_answer)
{
    begin(&(struct stage_options){.has_neighbour = true});
    send_over(&clients[1]);
    worker_drain(stage.worker, on_empty);
    sim_reset(&clients[0].actor);
    expect(0, 1, 1);
    stage_pass(NS_PER_S);
    ck_assert_uint_eq(stage.empty, 1);
    expect_served(&clients[1]);
    stage.empty = 0;
    stage_close();
}
END_TEST

START_TEST(a_cut_loses_nothing_that_is_on_its_way)
{
    begin(&(struct stage_options){.has_neighbour = true});
    send_over(&clients[1]);
    (void)worker_cut(stage.worker, END_KILLED);
    (void)worker_cut(stage.neighbour, END_KILLED);
    expect(0, 1, 1);
    expect_served(&clients[1]);
    stage_close();
}
END_TEST

Suite *handover_suite(void)
{
    const TTest *const tests[] = {who_has_more_passes_connections_on,
                                  all_at_once_are_dealt_out_too,
                                  alone_a_worker_keeps_what_it_accepts,
                                  who_drains_refuses_and_is_not_empty_before_it_did,
                                  who_drains_is_sent_nothing,
                                  who_has_another_configuration_refuses,
                                  who_is_full_refuses,
                                  a_sender_that_drains_waits_for_the_answer,
                                  a_cut_loses_nothing_that_is_on_its_way,
                                  NULL};

    return suite_of("handover", tests);
}
