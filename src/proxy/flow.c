#include "proxy/flow.h"

#include "base/require.h"
#include "proxy/session.h"
#include "proxy/session_memory.h"
#include "proxy/worker_internal.h"

static const char *const names[] = {"OPEN", "DRAINING", "SHUT"};
static const uint32_t    moves[] = {
       [FLOW_OPEN] = STATE_BIT(FLOW_DRAINING) | STATE_BIT(FLOW_SHUT),
       [FLOW_DRAINING] = STATE_BIT(FLOW_SHUT),
       [FLOW_SHUT] = 0,
};
static const struct state_table table = {
    .machine = "flow", .names = names, .next = moves, .count = FLOW_STATES};

static bool up_has_input(const struct session *session);
static bool up_decrypt(struct session *session);
static void up_source_ended(struct session *session, bool is_truncated);
static void up_finish(struct session *session);
static bool down_encrypt(struct session *session);
static void down_finish(struct session *session);

void flow_init(struct flow *flow)
{
    *flow = (struct flow){0};
    state_init(&flow->state, &table, FLOW_OPEN);
}

void flow_abandon(struct flow *flow)
{
    if (flow_state(flow) != FLOW_SHUT) {
        flow->is_lost = true;
        state_move(&flow->state, FLOW_SHUT);
    }
}

/* --- client to backend -------------------------------------------------------------------- */

void flow_begin_up(struct session *session)
{
    if (!side_is_flushed(&session->backend) && side_has_input(&session->client)) {
        (void)up_decrypt(session);
    }
}

void flow_run_up(struct session *session)
{
    struct side *client = &session->client;

    if (flow_state(&session->up) == FLOW_OPEN && up_has_input(session) &&
        side_is_flushed(&session->backend) && !up_decrypt(session)) {
        return;
    }
    if (flow_state(&session->up) == FLOW_OPEN && client->has_ended && !up_has_input(session)) {
        up_source_ended(session, true);
    }
    if (flow_state(&session->up) != FLOW_OPEN) {
        /* Nobody wants what still comes; it is received so that an RST or FIN is noticed. */
        side_drop_input(client, session_buffers(session));
    }
    session_send_backend(session);
    if (session->up.is_held && side_is_flushed(&session->backend)) {
        session_continue(session); /* time was up, and no send is there to bring us back */
    }
    if (flow_state(&session->up) == FLOW_DRAINING && side_is_flushed(&session->backend)) {
        up_finish(session);
    }
    if (!up_has_input(session) && side_is_flushed(&session->backend)) {
        session_receive_client(session);
    }
}

static bool up_has_input(const struct session *session)
{
    return side_has_input(&session->client) ||
           (session->up.is_held && flow_state(&session->up) == FLOW_OPEN);
}

/* Decrypts what came into the backend's output. False when the session ended over it. */
static bool up_decrypt(struct session *session)
{
    struct side *client = &session->client;

    if (!session_may_take(session,
                          side_lacks_output(client) + side_lacks_output(&session->backend))) {
        return true;
    }
    side_open_output(&session->backend, session_buffers(session));
    side_open_output(client, session_buffers(session));
    struct bytes_const input = side_input(client);

    tls_engine_drain(&session->engine, &client->out);
    tls_engine_feed(&session->engine, input);
    enum tls_next next = tls_engine_decrypt(&session->engine, &session->backend.out,
                                            reactor_now_ns(worker_reactor(session->worker)));
    size_t        left = tls_engine_unread(&session->engine);

    tls_engine_feed(&session->engine, (struct bytes_const){0});
    side_used(client, input.len - left, session_buffers(session));
    session_send_client(session);
    side_close_output(client, session_buffers(session));
    side_close_output(&session->backend, session_buffers(session));
    session->up.is_held = next == TLS_DRAIN_ME;
    switch (next) {
    case TLS_DONE:
    case TLS_FEED_ME:
    case TLS_DRAIN_ME:
        return true;
    case TLS_PEER_SAID_GOODBYE:
        up_source_ended(session, false);
        return true;
    case TLS_FAILED:
        session_finish(session, FINISH_ALERT, END_TLS_ERROR);
        return false;
    }
    return true;
}

static void up_source_ended(struct session *session, bool is_truncated)
{
    session->up.is_truncated = is_truncated;
    session_note(session, is_truncated ? END_TLS_TRUNCATED : END_CLIENT_CLOSE);
    session_progressed(session);
    state_move(&session->up.state, FLOW_DRAINING);
}

/* All is delivered: pass the end on. A truncated source ends in RST, when the session does,
 * unless the frontend takes a missing close_notify for an end as good as any. */
static void up_finish(struct session *session)
{
    int truncation = session->frontend->snapshot->config->truncation;

    if (!session->up.is_truncated || truncation == CONFIG_TRUNCATION_FIN) {
        io_shutdown_send(session_loop(session), session->backend.fd);
        session->backend.has_our_fin = true;
    }
    state_move(&session->up.state, FLOW_SHUT);
}

/* --- backend to client -------------------------------------------------------------------- */

void flow_run_down(struct session *session)
{
    struct side *backend = &session->backend;

    if (flow_state(&session->down) == FLOW_OPEN && !down_encrypt(session)) {
        return;
    }
    if (flow_state(&session->down) == FLOW_OPEN && backend->has_ended && !side_has_input(backend)) {
        if (backend->has_reset) {
            /* The end of the stream was a reset that an earlier send took notice of. */
            session_finish(session, FINISH_RESET, END_SERVER_RESET);
            return;
        }
        session_note(session, END_SERVER_CLOSE);
        session_progressed(session);
        state_move(&session->down.state, FLOW_DRAINING);
    }
    if (flow_state(&session->down) == FLOW_DRAINING) {
        down_finish(session);
    }
    if (session_state(session) != SESSION_RELAYING) {
        return;
    }
    session_send_client(session);
    if (!side_has_input(backend) && side_is_flushed(&session->client)) {
        session_receive_backend(session);
    }
}

/* Encrypts what came into the client's output. False when the session ended over it. */
static bool down_encrypt(struct session *session)
{
    struct side *backend = &session->backend;
    size_t       used = 0;

    if (!side_has_input(backend)) {
        return true;
    }
    if (!session_may_take(session, side_lacks_output(&session->client))) {
        return true;
    }
    side_open_output(&session->client, session_buffers(session));
    tls_engine_drain(&session->engine, &session->client.out);
    enum tls_next next = tls_engine_encrypt(&session->engine, side_input(backend), &used);

    side_used(backend, used, session_buffers(session));
    session->down.bytes += used;
    if (next == TLS_FAILED) {
        session_finish(session, FINISH_ALERT, END_TLS_ERROR);
        return false;
    }
    return true;
}

/* Our close_notify goes behind the last byte, our FIN behind that. */
static void down_finish(struct session *session)
{
    if (!session_may_take(session, side_lacks_output(&session->client))) {
        return;
    }
    side_open_output(&session->client, session_buffers(session));
    tls_engine_drain(&session->engine, &session->client.out);
    enum tls_next next = tls_engine_goodbye(&session->engine);

    session->client.has_last = next == TLS_DONE;
    if (next == TLS_FAILED) {
        session_finish(session, FINISH_ALERT, END_TLS_ERROR);
    } else if (next == TLS_DONE && side_is_flushed(&session->client)) {
        side_close_output(&session->client, session_buffers(session));
        io_shutdown_send(session_loop(session), session->client.fd);
        session->client.has_our_fin = true;
        state_move(&session->down.state, FLOW_SHUT);
    }
}
