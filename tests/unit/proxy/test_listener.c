#include "base/clock.h"
#include "stage.h"
#include "suites_sim.h"

static struct stage_client clients[STAGE_CLIENTS_MAX];

static void begin(const struct stage_options *options)
{
    for (size_t i = 0; i < STAGE_CLIENTS_MAX; i++) {
        clients[i] = (struct stage_client){0};
    }
    stage_open(options);
}

static uint64_t accepted(void)
{
    return reactor_metric(stage.reactor, METRIC_CONNECTIONS_TOTAL);
}

static uint64_t pauses(void)
{
    return reactor_metric(stage.reactor, METRIC_ACCEPT_PAUSES);
}

static void on_empty(void *owner)
{
    (void)owner;
    stage.is_empty = true;
}

START_TEST(want_of_descriptors_is_asked_about_less_and_less_often)
{
    begin(&(struct stage_options){.faults = {.accept_exhausted = 1000}});
    stage_knock(&clients[0]);
    stage_pass(4 * NS_PER_MS);
    ck_assert_uint_eq(pauses(), 1);
    stage_pass(4 * NS_PER_MS);
    ck_assert_uint_eq(pauses(), 2);
    stage_pass(1300 * NS_PER_MS);
    ck_assert_uint_ge(pauses(), 8);
    ck_assert_uint_le(pauses(), 10);
    uint64_t before = pauses(), turns = reactor_turns(stage.reactor);

    stage_pass(100 * NS_PER_S);
    ck_assert_uint_ge(pauses() - before, 98);
    ck_assert_uint_le(pauses() - before, 101);
    ck_assert_uint_le(reactor_turns(stage.reactor) - turns, 101 * 16);
    sim_faults(stage.net)->accept_exhausted = 0;
    stage_pass(NS_PER_S);
    ck_assert_uint_eq(accepted(), 1);
    stage_close();
}
END_TEST

START_TEST(a_closed_descriptor_is_used_at_once)
{
    begin(&(struct stage_options){.descriptors_max = 3});
    stage_establish(&clients[0]);
    stage_knock(&clients[1]);
    stage_pass(20 * NS_PER_S);
    ck_assert_uint_eq(accepted(), 1);
    ck_assert_uint_ge(pauses(), 10);
    sim_reset(&clients[0].actor);
    stage_pass(NS_PER_MS);
    ck_assert_uint_eq(accepted(), 2);
    stage_close();
}
END_TEST

START_TEST(a_full_frontend_or_worker_lets_clients_wait)
{
    static const struct stage_options rows[] = {{.frontend_connections = 1}, {.connections = 1}};

    for (size_t i = 0; i < 2; i++) {
        begin(&rows[i]);
        stage_establish(&clients[0]);
        for (size_t j = 1; j < 20; j++) {
            stage_knock(&clients[j]);
        }
        uint64_t turns = reactor_turns(stage.reactor);

        stage_pass(10 * NS_PER_S);
        ck_assert_uint_eq(accepted(), 1);
        ck_assert_uint_eq(pauses(), 0);
        ck_assert_uint_le(reactor_turns(stage.reactor) - turns, 10 * 20 * 4);
        for (unsigned j = 0; j < 19; j++) {
            ck_assert_uint_eq(accepted(), j + 1);
            sim_reset(&clients[j].actor);
            stage_pass(NS_PER_MS);
        }
        ck_assert_uint_eq(accepted(), 20);
        stage_close();
    }
}
END_TEST

START_TEST(a_client_that_left_while_it_waited_has_no_address)
{
    begin(&(struct stage_options){.frontend_connections = 1});
    stage_establish(&clients[0]);
    stage_knock(&clients[1]);
    stage_pass(10 * NS_PER_MS);
    sim_reset(&clients[1].actor);
    stage_pass(NS_PER_MS);
    sim_reset(&clients[0].actor);
    stage_until_reports(1);
    ck_assert_uint_ne(stage.last.client.len, 0);
    stage_until_reports(2);
    ck_assert(stage.last.is_probe);
    ck_assert_uint_eq(stage.last.client.len, 0);
    stage_close();
}
END_TEST

START_TEST(draining_serves_what_waits_in_the_queue)
{
    begin(&(struct stage_options){0});
    for (size_t i = 0; i < 40; i++) {
        stage_knock(&clients[i]);
    }
    worker_drain(stage.worker, on_empty);
    stage_pass(NS_PER_S);
    ck_assert_uint_eq(accepted(), 40);
    for (size_t i = 0; i < 40; i++) {
        ck_assert(!clients[i].has_reset);
        sim_close(&clients[i].actor);
    }
    stage_pass(NS_PER_MS);
    ck_assert(stage.is_empty);
    stage_close();
}
END_TEST

START_TEST(draining_serves_who_waits_for_a_place)
{
    begin(&(struct stage_options){.frontend_connections = 1});
    stage_establish(&clients[0]);
    stage_knock(&clients[1]);
    stage_pass(10 * NS_PER_MS);
    worker_drain(stage.worker, on_empty);
    stage_pass(NS_PER_S);
    ck_assert(!stage.is_empty);
    ck_assert_uint_eq(accepted(), 1);
    sim_reset(&clients[0].actor);
    stage_pass(100 * NS_PER_MS);
    ck_assert_uint_eq(accepted(), 2);
    sim_close(&clients[1].actor);
    stage_pass(100 * NS_PER_MS);
    ck_assert(stage.is_empty);
    stage_close();
}
END_TEST

START_TEST(draining_ends_even_if_descriptors_are_wanting_for_ever)
{
    begin(&(struct stage_options){.faults = {.accept_exhausted = 1000}});
    stage_knock(&clients[0]);
    stage_pass(100 * NS_PER_MS);
    worker_drain(stage.worker, on_empty);
    stage_pass(5 * NS_PER_S);
    ck_assert(stage.is_empty);
    stage_close();
}
END_TEST

START_TEST(nobody_is_accepted_after_the_last_call)
{
    begin(&(struct stage_options){0});
    stage_establish(&clients[0]);
    worker_drain(stage.worker, on_empty);
    stage_pass(NS_PER_S);
    stage_knock(&clients[1]);
    stage_pass(NS_PER_MS);
    ck_assert_int_eq(sim_state(clients[1].actor.endpoint), SIM_FAILED);
    ck_assert(!stage.is_empty);
    sim_close(&clients[0].actor);
    stage_until_reports(1);
    stage_pass(60 * NS_PER_S);
    ck_assert(stage.is_empty);
    stage_close();
}
END_TEST

Suite *listener_suite(void)
{
    return suite_of("listener",
                    (const TTest *const[]){want_of_descriptors_is_asked_about_less_and_less_often,
                                           a_closed_descriptor_is_used_at_once,
                                           a_full_frontend_or_worker_lets_clients_wait,
                                           a_client_that_left_while_it_waited_has_no_address,
                                           draining_serves_what_waits_in_the_queue,
                                           draining_serves_who_waits_for_a_place,
                                           draining_ends_even_if_descriptors_are_wanting_for_ever,
                                           nobody_is_accepted_after_the_last_call, NULL});
}
