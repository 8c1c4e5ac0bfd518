#include "proxy/session_steps.h"

#include "base/clock.h"
#include "base/require.h"
#include "io/io.h"
#include "proxy/session.h"
#include "proxy/session_memory.h"
#include "proxy/worker_internal.h"
#include "tls/challenges.h"

#define ACKNOWLEDGED_POLL_MAX_NS (100 * NS_PER_MS)

static enum step       step_handshaking(struct session *session);
static enum step       handshake_compute(struct session *session);
static enum step       handshake_outcome(struct session *session, enum tls_next next);
static enum step       handshake_queue(struct session *session);
static bool            handshake_begin(struct session *session);
static void            handshake_established(struct session *session);
static enum end_reason handshake_reason(enum tls_failure failure);
static enum step       step_relaying(struct session *session);
static enum step       step_finishing(struct session *session);
static enum step       finish_alert(struct session *session);
static enum step       finish_reset(struct session *session);
static enum step       step_closing(struct session *session);
static bool            close_side(struct session *session, struct side *side, bool is_gentle);
static void            on_client_close(struct io_op *op);
static void            on_backend_close(struct io_op *op);

enum step session_step(struct session *session)
{
    switch (session_state(session)) {
    case SESSION_PROXY_HEADER:
        return step_proxy_header(session);
    case SESSION_HANDSHAKING:
        return step_handshaking(session);
    case SESSION_CONNECTING:
        return step_connecting(session);
    case SESSION_RELAYING:
        return step_relaying(session);
    case SESSION_FINISHING:
        return step_finishing(session);
    case SESSION_CLOSING:
        return step_closing(session);
    case SESSION_CLOSED:
    case SESSION_STATES:
        break;
    }
    return STEP_WAIT;
}

/* --- HANDSHAKING --------------------------------------------------------------------------- */

/* Waits for input, or for room for output; then for a turn, since a step may take 0.3 ms of
 * computing; then computes. */
static enum step step_handshaking(struct session *session)
{
    struct side *client = &session->client;

    if (session->has_turn) {
        session->has_turn = false;
        return handshake_compute(session);
    }
    session_send_client(session);
    if (session->wants_room ? side_is_flushed(client) : side_has_input(client)) {
        return handshake_queue(session);
    }
    if (!session->wants_room && client->has_ended) {
        session_finish(session, FINISH_ALERT, END_CLIENT_CLOSE);
        return STEP_AGAIN;
    }
    if (!side_has_input(client)) {
        session_receive_client(session);
    }
    session_watch(session);
    return STEP_WAIT;
}

static enum step handshake_queue(struct session *session)
{
    struct reactor *reactor = worker_reactor(session->worker);
    unsigned        outputs = side_lacks_output(&session->client);

    if (!list_is_linked(&session->turn.link) && session_may_take(session, outputs) &&
        worker_handshake_begin(session->worker, session)) {
        session->queued_ns = reactor_now_ns(reactor);
        reactor_defer(reactor, &session->turn);
    }
    if (list_is_linked(&session->turn.link) && list_is_linked(&session->place.link)) {
        session->lacks = outputs; /* it keeps its place in line until it may compute */
    }
    session_watch(session);
    return STEP_WAIT;
}

static enum step handshake_compute(struct session *session)
{
    struct side *client = &session->client;

    if (!handshake_begin(session)) {
        session_end(session, END_RESOURCE);
        return STEP_AGAIN;
    }
    if (!session_may_take(session, side_lacks_output(client))) {
        session_watch(session);
        return STEP_WAIT;
    }
    side_open_output(client, session_buffers(session));
    struct bytes_const input = side_input(client);

    io_flush(worker_loop(session->worker)); /* nobody's bytes wait until it is computed */
    tls_engine_drain(&session->engine, &client->out);
    tls_engine_feed(&session->engine, input);
    enum tls_next next = tls_engine_handshake(&session->engine);

    if (next == TLS_DONE && tls_challenge_was_answered(&session->engine)) {
        next = tls_engine_goodbye(&session->engine); /* while there is an output for it */
    }
    size_t left = tls_engine_unread(&session->engine);

    tls_engine_feed(&session->engine, (struct bytes_const){0});
    side_used(client, input.len - left, session_buffers(session));
    session_send_client(session);
    side_close_output(client, session_buffers(session));
    return handshake_outcome(session, next);
}

static enum step handshake_outcome(struct session *session, enum tls_next next)
{
    session->wants_room = next == TLS_DRAIN_ME;
    switch (next) {
    case TLS_DONE:
        handshake_established(session);
        return STEP_AGAIN;
    case TLS_FEED_ME:
    case TLS_DRAIN_ME:
        return STEP_AGAIN;
    case TLS_PEER_SAID_GOODBYE:
        session_finish(session, FINISH_ALERT, END_CLIENT_CLOSE);
        return STEP_AGAIN;
    case TLS_FAILED:
        reactor_count(worker_reactor(session->worker), METRIC_HANDSHAKES_FAILED, 1);
        session_finish(session, FINISH_ALERT,
                       handshake_reason(tls_engine_failure(&session->engine)));
        return STEP_AGAIN;
    }
    return STEP_WAIT;
}

/* The TLS state is made when the first bytes came: a silent client costs none. */
static bool handshake_begin(struct session *session)
{
    struct error error;

    if (!session->has_engine) {
        session->has_engine =
            tls_engine_init(&session->engine, session->frontend->tls, TLS_SERVER, &error);
    }
    return session->has_engine;
}

static void handshake_established(struct session *session)
{
    struct reactor  *reactor = worker_reactor(session->worker);
    struct tls_facts facts;

    tls_engine_facts(&session->engine, &facts);
    session->established_ns = clock_now_ns();
    session->progress_ns = session->established_ns;
    reactor_count(reactor, METRIC_HANDSHAKES_TOTAL, 1);
    reactor_count(reactor, METRIC_HANDSHAKES_RESUMED, facts.is_resumed ? 1 : 0);
    tls_engine_settle(&session->engine);
    if (tls_challenge_was_answered(&session->engine)) {
        session_finish(session, FINISH_ALERT, END_ACME);
        return;
    }
    session->pool = generation_route(session->frontend, facts.sni);
    session_move(session, SESSION_CONNECTING);
}

static enum end_reason handshake_reason(enum tls_failure failure)
{
    switch (failure) {
    case TLS_FAILURE_NOT_TLS:
    case TLS_FAILURE_HELLO_INVALID:
        return END_HELLO_INVALID;
    case TLS_FAILURE_NAME_UNKNOWN:
        return END_SNI_UNMATCHED;
    case TLS_FAILURE_CERTIFICATE:
        return END_CERT_REJECTED;
    case TLS_FAILURE_MEMORY:
        return END_RESOURCE;
    case TLS_FAILURE_NONE:
    case TLS_FAILURE_HANDSHAKE:
    case TLS_FAILURE_PROTOCOL:
    case TLS_FAILURE_FLOOD:
        break;
    }
    return END_HS_FAILED;
}

/* --- RELAYING ------------------------------------------------------------------------------ */

static enum step step_relaying(struct session *session)
{
    flow_run_up(session);
    if (session_state(session) == SESSION_RELAYING) {
        flow_run_down(session);
    }
    if (session_state(session) != SESSION_RELAYING) {
        return STEP_AGAIN;
    }
    if (flow_state(&session->up) == FLOW_SHUT && flow_state(&session->down) == FLOW_SHUT) {
        session_finish(session, session->up.is_lost ? FINISH_RESET : FINISH_CLEAN, END_NONE);
        return STEP_AGAIN;
    }
    session_watch(session);
    return STEP_WAIT;
}

/* --- FINISHING ----------------------------------------------------------------------------- */

static enum step step_finishing(struct session *session)
{
    bool is_late = session->poll_ns == CLOCK_NEVER;

    side_drop_input(&session->client, session_buffers(session));
    side_drop_input(&session->backend, session_buffers(session));
    if (is_late) {
        session_move(session, SESSION_CLOSING);
        return STEP_AGAIN;
    }
    session_send_client(session);
    if (!side_is_flushed(&session->client)) {
        session_watch(session);
        return STEP_WAIT;
    }
    switch ((enum session_finish)session->finish) {
    case FINISH_CLEAN:
        session_move(session, SESSION_CLOSING);
        return STEP_AGAIN;
    case FINISH_ALERT:
        return finish_alert(session);
    case FINISH_RESET:
        return finish_reset(session);
    }
    return STEP_WAIT;
}

/* Closing over bytes that were not read would send RST, which may overtake the alert: what the
 * client still sends is received and dropped until it ends. */
static enum step finish_alert(struct session *session)
{
    struct side *client = &session->client;

    if (!client->has_our_fin) {
        io_shutdown_send(session_loop(session), client->fd);
        client->has_our_fin = true;
    }
    if (client->has_ended) {
        session_move(session, SESSION_CLOSING);
        return STEP_AGAIN;
    }
    session_receive_client(session);
    session_watch(session);
    return STEP_WAIT;
}

/* RST throws away what the peer has not acknowledged, so the last bytes are given time. The kernel
 * tells of acknowledgements only when asked. */
static enum step finish_reset(struct session *session)
{
    size_t left = io_unacknowledged(session_loop(session), session->client.fd);

    if (left == 0) {
        session_move(session, SESSION_CLOSING);
        return STEP_AGAIN;
    }
    if (left != session->unacknowledged) {
        session_progressed(session);
        session->unacknowledged = (uint32_t)left;
    }
    reactor_timer_set(worker_reactor(session->worker), &session->timer,
                      reactor_now_ns(worker_reactor(session->worker)) + session->poll_ns);
    if (session->poll_ns < ACKNOWLEDGED_POLL_MAX_NS) {
        session->poll_ns *= 2;
    }
    return STEP_WAIT;
}

/* --- CLOSING ------------------------------------------------------------------------------- */

/* Closes what is open once no operation uses it, and is over when that is done. A backend gets
 * FIN only as the end of a session whose both directions ended cleanly; else RST. */
static enum step step_closing(struct session *session)
{
    struct side *client = &session->client;
    struct side *backend = &session->backend;
    bool         is_clean = session->finish == FINISH_CLEAN;

    if (side_is_busy(client) || side_is_busy(backend)) {
        return STEP_WAIT;
    }
    bool waits_client =
        close_side(session, client,
                   session->finish != FINISH_RESET && (client->has_our_fin || client->has_ended));
    bool waits_backend =
        close_side(session, backend, is_clean && backend->has_our_fin && backend->has_ended);

    if (waits_client || waits_backend) {
        return STEP_WAIT;
    }
    session_move(session, SESSION_CLOSED);
    worker_session_over(session->worker, session);
    return STEP_WAIT;
}

static bool close_side(struct session *session, struct side *side, bool is_gentle)
{
    int fd = side->fd;

    side_drop_input(side, session_buffers(session));
    side_drop_output(side, session_buffers(session));
    if (fd < 0) {
        return false;
    }
    if (!is_gentle) {
        io_reset_on_close(session_loop(session), fd);
    }
    side->fd = -1;
    io_close(session_loop(session), &side->recv, fd,
             side == &session->client ? on_client_close : on_backend_close);
    return true;
}

static void on_client_close(struct io_op *op)
{
    session_advance(container_of(op, struct session, client.recv));
}

static void on_backend_close(struct io_op *op)
{
    session_advance(container_of(op, struct session, backend.recv));
}
