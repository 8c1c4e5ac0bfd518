#include "proxy/session.h"

#include "base/clock.h"
#include "stage.h"
#include "suites_sim.h"

#include <stdio.h>
#include <stdlib.h>

/* The drawings of session.h and flow.h, as who may move where. */
static const bool session_may[SESSION_STATES][SESSION_STATES] = {
    [SESSION_PROXY_HEADER] =
        {[SESSION_HANDSHAKING] = true, [SESSION_FINISHING] = true, [SESSION_CLOSING] = true},
    [SESSION_HANDSHAKING] =
        {[SESSION_CONNECTING] = true, [SESSION_FINISHING] = true, [SESSION_CLOSING] = true},
    [SESSION_CONNECTING] =
        {[SESSION_RELAYING] = true, [SESSION_FINISHING] = true, [SESSION_CLOSING] = true},
    [SESSION_RELAYING] = {[SESSION_FINISHING] = true, [SESSION_CLOSING] = true},
    [SESSION_FINISHING] = {[SESSION_CLOSING] = true},
    [SESSION_CLOSING] = {[SESSION_CLOSED] = true},
};
static const bool flow_may[FLOW_STATES][FLOW_STATES] = {
    [FLOW_OPEN] = {[FLOW_DRAINING] = true, [FLOW_SHUT] = true},
    [FLOW_DRAINING] = {[FLOW_SHUT] = true},
};

/* A session beside the worker's own, which never moves: only its table is looked at. */
static struct session             session;
static struct generation_frontend frontend;
static struct generation          generation;
static struct io_op               accepting;
static struct stage_client        client;

static void on_accept(struct io_op *op)
{
    session_start(&session, stage.worker, &frontend, (int)op->result);
}

static void on_close(struct io_op *op)
{
    (void)op;
}

static void begin(void)
{
    stage_open(&(struct stage_options){0});
    generation.snapshot = stage_snapshot();
    frontend = (struct generation_frontend){.snapshot = &generation.snapshot->frontends[0],
                                            .generation = &generation};
    stage.address.socket.ip4.sin_port++;
    io_accept(reactor_loop(stage.reactor), &accepting, sim_listen_fd(stage.net, &stage.address),
              on_accept);
    stage_knock(&client);
    stage_pass(NS_PER_MS);
    ck_assert_int_ge(session.client.fd, 0);
}

static void end(void)
{
    struct io_loop *loop = reactor_loop(stage.reactor);

    reactor_timer_clear(stage.reactor, &session.timer);
    session.state.now = SESSION_CLOSED;
    io_cancel(loop, &session.client.recv);
    stage_pass(NS_PER_MS);
    io_close(loop, &session.client.recv, session.client.fd, on_close);
    io_close(loop, &accepting, accepting.fd, on_close);
    stage_pass(NS_PER_MS);
    stage_close();
}

START_TEST(a_session_may_move_as_drawn_and_not_otherwise)
{
    begin();
    for (unsigned from = 0; from < SESSION_STATES; from++) {
        for (unsigned to = 0; to < SESSION_STATES; to++) {
            session.state.now = (uint8_t)from;
            ck_assert_int_eq(state_may_move(&session.state, to), session_may[from][to]);
        }
    }
    end();
}
END_TEST

START_TEST(a_flow_may_move_as_drawn_and_not_otherwise)
{
    struct flow flow;

    for (unsigned from = 0; from < FLOW_STATES; from++) {
        for (unsigned to = 0; to < FLOW_STATES; to++) {
            flow_init(&flow);
            flow.state.now = (uint8_t)from;
            ck_assert_int_eq(state_may_move(&flow.state, to), flow_may[from][to]);
        }
    }
}
END_TEST

START_TEST(another_move_of_a_session_aborts)
{
    unsigned from = (unsigned)_i / SESSION_STATES, to = (unsigned)_i % SESSION_STATES;

    begin();
    ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr)); /* it says what it may not do */
    session.state.now = (uint8_t)from;
    if (session_may[from][to]) {
        abort();
    }
    session_move(&session, (enum session_state)to);
}
END_TEST

Suite *session_suite(void)
{
    Suite *suite = suite_of(
        "session", (const TTest *const[]){a_session_may_move_as_drawn_and_not_otherwise,
                                          a_flow_may_move_as_drawn_and_not_otherwise, NULL});
    TCase *aborts = tcase_create("aborts");

    tcase_add_loop_test_raise_signal(aborts, another_move_of_a_session_aborts, 6, 0,
                                     SESSION_STATES * SESSION_STATES);
    suite_add_tcase(suite, aborts);
    return suite;
}
