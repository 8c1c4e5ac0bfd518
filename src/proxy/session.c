#include "proxy/session.h"

#include "base/clock.h"
#include "base/require.h"
#include "proxy/session_memory.h"
#include "proxy/session_steps.h"
#include "proxy/worker_internal.h"

#include <string.h>

enum { STEPS_MAX = 64 };

/* How long a client may take to end after it was told to: an alert must not be lost to an RST. */
#define LINGER_NS (2 * NS_PER_S)

/* How often a client is looked at from which nothing is received. */
#define LOOK_NS (2 * NS_PER_S)

static const char *const names[] = {"PROXY_HEADER", "HANDSHAKING", "CONNECTING", "RELAYING",
                                    "FINISHING",    "CLOSING",     "CLOSED"};

static const uint32_t moves[] = {
    [SESSION_PROXY_HEADER] =
        STATE_BIT(SESSION_HANDSHAKING) | STATE_BIT(SESSION_FINISHING) | STATE_BIT(SESSION_CLOSING),
    [SESSION_HANDSHAKING] =
        STATE_BIT(SESSION_CONNECTING) | STATE_BIT(SESSION_FINISHING) | STATE_BIT(SESSION_CLOSING),
    [SESSION_CONNECTING] =
        STATE_BIT(SESSION_RELAYING) | STATE_BIT(SESSION_FINISHING) | STATE_BIT(SESSION_CLOSING),
    [SESSION_RELAYING] = STATE_BIT(SESSION_FINISHING) | STATE_BIT(SESSION_CLOSING),
    [SESSION_FINISHING] = STATE_BIT(SESSION_CLOSING),
    [SESSION_CLOSING] = STATE_BIT(SESSION_CLOSED),
    [SESSION_CLOSED] = 0,
};

static const struct state_table table = {
    .machine = "session", .names = names, .next = moves, .count = SESSION_STATES};

static void     begin_with_header(struct session *session, const struct address *peer);
static void     on_due(struct timer *timer);
static void     on_turn(struct task *task);
static void     on_buffers(struct buffers_place *place);
static void     on_client_recv(struct io_op *op);
static void     on_backend_recv(struct io_op *op);
static void     on_client_send(struct io_op *op);
static void     on_backend_send(struct io_op *op);
static void     note_conversation(struct session *session);
static void     received(struct session *session, struct side *side, const struct io_op *op);
static void     keep_lent(struct session *session, struct side *side);
static void     look_at_client(struct session *session);
static bool     is_unheard(const struct session *session);
static void     expire(struct session *session);
static void     expire_attempt(struct session *session);
static uint64_t deadline(struct session *session);
static uint64_t handshaking_deadline(struct session *session);
static uint64_t relaying_deadline(struct session *session);
static uint64_t finishing_deadline(struct session *session);
static void     receive(struct session *session, struct side *side, io_done *done);
static void     send_output(struct session *session, struct side *side, io_done *done);

void session_start(struct session *session, struct worker *worker,
                   struct generation_frontend *frontend, int fd)
{
    struct address peer;

    memset(session, 0, sizeof(*session));
    session->worker = worker;
    session->frontend = frontend;
    session->timer.due = on_due;
    session->turn.run = on_turn;
    session->place.ready = on_buffers;
    state_init(&session->state, &table, SESSION_HANDSHAKING);
    flow_init(&session->up);
    flow_init(&session->down);
    side_init(&session->client);
    side_init(&session->backend);
    session->client.fd = fd;
    session->accepted_us = clock_wall_us();
    session->accepted_ns = reactor_now_ns(worker_reactor(worker));
    session->progress_ns = session->accepted_ns;
    session->connect_ns = SUMMARY_NEVER;
    io_peer(worker_loop(worker), fd, &peer);
    session->client_address_len =
        (uint8_t)(peer.len < sizeof(session->client_address) ? peer.len
                                                             : sizeof(session->client_address));
    memcpy(session->client_address, &peer.socket, session->client_address_len);
    if (frontend->snapshot->config->accept_proxy != CONFIG_ACCEPT_PROXY_OFF) {
        begin_with_header(session, &peer);
    }
    session_advance(session);
}

/* Whoever is not believed could say anything: nothing is read of what it says. Who reset before it
 * was accepted has no address any more. */
static void begin_with_header(struct session *session, const struct address *peer)
{
    bool is_believed = proxy_header_is_believed(session->frontend, peer);
    bool is_required =
        session->frontend->snapshot->config->accept_proxy == CONFIG_ACCEPT_PROXY_REQUIRED;

    if (is_believed || is_required) {
        state_init(&session->state, &table, SESSION_PROXY_HEADER);
    }
    if (!is_believed && is_required) {
        session_end(session, peer->len > 0 ? END_ACL_DENIED : END_CLIENT_RESET);
    }
}

void session_advance(struct session *session)
{
    unsigned steps = 0;

    session->lacks = 0;
    while (session_step(session) == STEP_AGAIN) {
        require(steps++ < STEPS_MAX); /* a session that never waits */
    }
    buffers_wait(session_buffers(session), &session->place, session->lacks);
}

void session_move(struct session *session, enum session_state to)
{
    enum session_state from = session_state(session);

    state_move(&session->state, to);
    reactor_forget(worker_reactor(session->worker), &session->turn);
    if (from == SESSION_HANDSHAKING) {
        worker_handshake_end(session->worker, session);
    }
    if (to == SESSION_CLOSING) {
        reactor_timer_clear(worker_reactor(session->worker), &session->timer);
        io_cancel(session_loop(session), &session->client.recv);
        io_cancel(session_loop(session), &session->client.send);
        io_cancel(session_loop(session), &session->backend.recv);
        io_cancel(session_loop(session), &session->backend.send);
    }
}

/* --- ends --------------------------------------------------------------------------------- */

void session_end(struct session *session, enum end_reason reason)
{
    if (session_state(session) >= SESSION_CLOSING) {
        return;
    }
    if (session->reason == END_NONE) {
        session->reason = (uint8_t)reason;
    }
    session->finish = FINISH_RESET;
    session_move(session, SESSION_CLOSING);
}

void session_finish(struct session *session, enum session_finish finish, enum end_reason reason)
{
    if (session_state(session) >= SESSION_FINISHING) {
        return;
    }
    if (session->reason == END_NONE && reason != END_NONE) {
        session->reason = (uint8_t)reason;
    }
    session->finish = (uint8_t)finish;
    session->poll_ns = NS_PER_MS;
    session_progressed(session);
    session_move(session, SESSION_FINISHING);
}

/* A missing close_notify counts as something gone wrong, unless the end had begun in good order:
 * many clients leave without a word once the server has ended. */
void session_note(struct session *session, enum end_reason reason)
{
    if (session->reason != END_NONE || session->ended_by != END_NONE) {
        return;
    }
    if (reason == END_TLS_TRUNCATED) {
        session->reason = (uint8_t)reason;
    } else {
        session->ended_by = (uint8_t)reason;
    }
}

enum end_reason session_reason(const struct session *session)
{
    return (enum end_reason)(session->reason != END_NONE ? session->reason : session->ended_by);
}

void session_client(const struct session *session, struct address *address)
{
    *address = (struct address){.len = session->client_address_len};
    memcpy(&address->socket, session->client_address, session->client_address_len);
}

void session_client_path(const struct session *session, struct address *address)
{
    session_client(session, address);
    if (address_is_unix(address)) {
        io_peer(session_loop(session), session->client.fd, address);
    }
}

/* --- time --------------------------------------------------------------------------------- */

void session_progressed(struct session *session)
{
    session->progress_ns = reactor_now_ns(worker_reactor(session->worker));
}

/* Progress moves deadlines away from us all the time: the timer is left where it is then, and
 * looks again when it is due. Only a nearer deadline moves it. */
void session_watch(struct session *session)
{
    uint64_t due_ns = deadline(session);

    if (!timer_is_set(&session->timer) || due_ns < timer_deadline_ns(&session->timer)) {
        reactor_timer_set(worker_reactor(session->worker), &session->timer, due_ns);
    }
}

static void on_due(struct timer *timer)
{
    struct session *session = container_of(timer, struct session, timer);

    look_at_client(session);
    if (session_state(session) < SESSION_CLOSING &&
        deadline(session) <= reactor_now_ns(worker_reactor(session->worker))) {
        expire(session);
    }
    session_advance(session);
    if (session_state(session) < SESSION_CLOSING) {
        session_watch(session);
    }
}

/* A client that has reset while its bytes cannot be taken would be noticed only when they can. */
static void look_at_client(struct session *session)
{
    if (is_unheard(session)) {
        session->looked_ns = reactor_now_ns(worker_reactor(session->worker));
        if (io_is_broken(session_loop(session), session->client.fd)) {
            session_end(session, END_CLIENT_RESET);
        }
    }
}

static bool is_unheard(const struct session *session)
{
    return session_state(session) == SESSION_RELAYING && !session->client.has_ended &&
           !io_op_is_pending(&session->client.recv);
}

static void expire(struct session *session)
{
    bool is_half_closed =
        flow_state(&session->up) != FLOW_OPEN || flow_state(&session->down) != FLOW_OPEN;

    switch (session_state(session)) {
    case SESSION_PROXY_HEADER:
        proxy_header_fails(session, PROXY_FAULT_LATE);
        break;
    case SESSION_HANDSHAKING:
        session_end(session, session->has_engine && tls_engine_has_hello(&session->engine)
                                 ? END_HS_TIMEOUT
                                 : END_HELLO_TIMEOUT);
        break;
    case SESSION_CONNECTING:
        expire_attempt(session);
        break;
    case SESSION_RELAYING:
        if (session_timeouts(session)->lifetime_ns != 0 &&
            session->accepted_ns + session_timeouts(session)->lifetime_ns <=
                reactor_now_ns(worker_reactor(session->worker))) {
            session_end(session, END_LIFETIME);
        } else {
            session_end(session, is_half_closed ? END_HALF_CLOSED_TIMEOUT : END_IDLE_TIMEOUT);
        }
        break;
    case SESSION_FINISHING:
        session->poll_ns = CLOCK_NEVER;
        break;
    case SESSION_CLOSING:
    case SESSION_CLOSED:
    case SESSION_STATES:
        require(!"a timer outlived its session");
    }
}

static void expire_attempt(struct session *session)
{
    if (session->retry_ns != 0) {
        connecting_retry(session);
        return;
    }
    if (session->connect_ns != SUMMARY_NEVER) {
        session_finish(session, FINISH_RESET, END_RESOURCE); /* no buffer for its PROXY header */
        return;
    }
    io_cancel(session_loop(session), &session->backend.send);
    session->attempt_is_over = true;
}

/* Which timeout bounds each state. CLOSING waits for the kernel alone, which always answers. */
static uint64_t deadline(struct session *session)
{
    switch (session_state(session)) {
    case SESSION_PROXY_HEADER:
    case SESSION_HANDSHAKING:
        return handshaking_deadline(session);
    case SESSION_CONNECTING:
        if (session->retry_ns != 0) {
            return session->retry_ns;
        }
        return session->attempt_is_over
                   ? CLOCK_NEVER
                   : session->attempt_ns + session_timeouts(session)->connect_ns;
    case SESSION_RELAYING:
        return relaying_deadline(session);
    case SESSION_FINISHING:
        return finishing_deadline(session);
    case SESSION_CLOSING:
    case SESSION_CLOSED:
    case SESSION_STATES:
        break;
    }
    return CLOCK_NEVER;
}

/* Counted from the accept: no byte extends it. */
static uint64_t handshaking_deadline(struct session *session)
{
    const struct config_timeouts *timeouts = session_timeouts(session);
    bool     has_hello = session->has_engine && tls_engine_has_hello(&session->engine);
    uint64_t limit_ns = !has_hello && timeouts->hello_ns < timeouts->handshake_ns
                            ? timeouts->hello_ns
                            : timeouts->handshake_ns;

    return session->accepted_ns + limit_ns;
}

static uint64_t relaying_deadline(struct session *session)
{
    const struct config_timeouts *timeouts = session_timeouts(session);
    bool                          is_whole =
        flow_state(&session->up) == FLOW_OPEN && flow_state(&session->down) == FLOW_OPEN;
    uint64_t quiet_ns =
        session->progress_ns + (is_whole ? timeouts->idle_ns : timeouts->half_closed_ns);
    uint64_t end_ns =
        timeouts->lifetime_ns == 0 ? CLOCK_NEVER : session->accepted_ns + timeouts->lifetime_ns;

    uint64_t look_ns = is_unheard(session) ? session->looked_ns + LOOK_NS : CLOCK_NEVER;

    end_ns = look_ns < end_ns ? look_ns : end_ns;
    return quiet_ns < end_ns ? quiet_ns : end_ns;
}

static uint64_t finishing_deadline(struct session *session)
{
    switch ((enum session_finish)session->finish) {
    case FINISH_CLEAN:
    case FINISH_ALERT:
        return session->progress_ns + LINGER_NS;
    case FINISH_RESET:
        return session->progress_ns + session_timeouts(session)->half_closed_ns;
    }
    return CLOCK_NEVER;
}

static void on_turn(struct task *task)
{
    struct session *session = container_of(task, struct session, turn);

    if (session_state(session) == SESSION_HANDSHAKING) {
        session->has_turn = true;
        session->waited_ns += reactor_now_ns(worker_reactor(session->worker)) - session->queued_ns;
    }
    session_advance(session);
    keep_lent(session, &session->client);
}

static void on_buffers(struct buffers_place *place)
{
    session_advance(container_of(place, struct session, place));
}

/* --- operations --------------------------------------------------------------------------- */

void session_receive_client(struct session *session)
{
    receive(session, &session->client, on_client_recv);
}

void session_receive_backend(struct session *session)
{
    receive(session, &session->backend, on_backend_recv);
}

void session_send_client(struct session *session)
{
    send_output(session, &session->client, on_client_send);
}

void session_send_backend(struct session *session)
{
    send_output(session, &session->backend, on_backend_send);
}

/* Nothing is received that there would be no output for, so that it need not be kept. */
static void receive(struct session *session, struct side *side, io_done *done)
{
    if (side->fd < 0 || side->has_ended || io_op_is_pending(&side->recv)) {
        return;
    }
    if (session_state(session) >= SESSION_FINISHING || session_may_take(session, 1)) {
        io_recv(session_loop(session), &side->recv, side->fd, done);
    }
}

static void send_output(struct session *session, struct side *side, io_done *done)
{
    if (!buffer_is_empty(&side->out) && !io_op_is_pending(&side->send)) {
        side->sending_ns = reactor_now_ns(worker_reactor(session->worker));
        (side->has_last ? io_send_last : io_send)(session_loop(session), &side->send, side->fd,
                                                  buffer_readable(&side->out), done);
    }
}

static void on_client_recv(struct io_op *op)
{
    struct session *session = container_of(op, struct session, client.recv);

    if (error_kind(&op->error) != ERROR_NONE) {
        session_end(session, END_CLIENT_RESET);
    } else if (op->result > 0) {
        session->has_bytes = true;
        session->looked_ns = reactor_now_ns(worker_reactor(session->worker));
        /* Bytes nobody wants are no progress: a client could stay for as long as it sends them. */
        if (session_state(session) == SESSION_RELAYING && flow_state(&session->up) == FLOW_OPEN) {
            session_progressed(session);
        }
    }
    received(session, &session->client, op);
}

static void on_backend_recv(struct io_op *op)
{
    struct session *session = container_of(op, struct session, backend.recv);

    if (error_kind(&op->error) != ERROR_NONE) {
        session_finish(session, FINISH_RESET, END_SERVER_RESET);
    } else if (op->result > 0) {
        session_progressed(session);
    }
    received(session, &session->backend, op);
}

static void received(struct session *session, struct side *side, const struct io_op *op)
{
    if (error_kind(&op->error) != ERROR_NONE || op->result == 0) {
        side->has_ended = true;
    } else {
        side->lent = op->received;
    }
    session_advance(session);
    keep_lent(session, side);
}

/* What could not be used at once is kept, as long as anyone will want it. */
static void keep_lent(struct session *session, struct side *side)
{
    if (side->lent.len == 0) {
        return;
    }
    if (session_state(session) < SESSION_FINISHING && !side_keep(side, session_buffers(session)) &&
        !(worker_make_room(session->worker, session, side->lent.len) &&
          side_keep(side, session_buffers(session)))) {
        session_end(session, END_RESOURCE);
        session_advance(session);
    }
    side->lent = (struct bytes_const){0};
}

static void on_client_send(struct io_op *op)
{
    struct session *session = container_of(op, struct session, client.send);

    if (error_kind(&op->error) != ERROR_NONE) {
        session_end(session, END_CLIENT_RESET);
    } else {
        buffer_consumed(&session->client.out, (size_t)op->result);
        side_close_output(&session->client, session_buffers(session));
        session_progressed(session);
    }
    session_advance(session);
}

/*
 * A server that is gone for what we send may still have an answer on the way: that is delivered
 * first. RST in answer to a send takes the place of the error the next receive would have had, so
 * it is remembered: the end of the stream that follows is not a clean one. EPIPE means that FIN
 * had come before (Linux sets it in CLOSE_WAIT), so the end is what it seems.
 */
static void on_backend_send(struct io_op *op)
{
    struct session *session = container_of(op, struct session, backend.send);
    struct side    *backend = &session->backend;

    if (error_kind(&op->error) == ERROR_NONE) {
        buffer_consumed(&backend->out, (size_t)op->result);
        side_close_output(backend, session_buffers(session));
        session->up.bytes += (uint64_t)op->result;
        session_progressed(session);
        note_conversation(session);
    } else if (session_state(session) < SESSION_CLOSING) {
        backend->is_deaf = true;
        backend->has_reset = error_kind(&op->error) != ERROR_BROKEN;
        side_drop_output(backend, session_buffers(session));
        flow_abandon(&session->up);
        session_note(session, backend->has_reset ? END_SERVER_RESET : END_SERVER_CLOSE);
    }
    session_advance(session);
}

/* More for a server that has answered: someone talks and waits, unlike one request, whose turn is
 * that of the handshake before it. */
static void note_conversation(struct session *session)
{
    if (session->down.bytes > 0) {
        reactor_share_processor(worker_reactor(session->worker));
    }
}

/* --- small things ------------------------------------------------------------------------- */

struct io_loop *session_loop(const struct session *session)
{
    return worker_loop(session->worker);
}

struct buffers *session_buffers(const struct session *session)
{
    return worker_buffers(session->worker);
}

void session_continue(struct session *session)
{
    reactor_defer(worker_reactor(session->worker), &session->turn);
}

const struct config_timeouts *session_timeouts(const struct session *session)
{
    return &session->frontend->generation->snapshot->config->timeouts;
}
