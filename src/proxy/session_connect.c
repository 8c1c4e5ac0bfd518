/* CONNECTING: one server after another, until one answers or none is left. */
#include "backend/builtin.h"
#include "base/clock.h"
#include "base/require.h"
#include "base/text.h"
#include "proxy/session.h"
#include "proxy/session_send_proxy.h"
#include "proxy/session_steps.h"
#include "proxy/worker_internal.h"

#define RETRY_NS (20 * NS_PER_MS)

static enum step       attempt_next(struct session *session);
static void            attempt_start(struct session *session);
static void            attempt_impossible(struct session *session, enum error_kind kind);
static bool            attempt_builtin(struct session *session, struct error *error);
static void            attempt_succeeded(struct session *session);
static void            attempt_failed(struct session *session, enum error_kind kind);
static enum end_reason attempt_reason(enum error_kind kind);
static void            on_connect(struct io_op *op);
static void            on_attempt_closed(struct io_op *op);
static void            hello_page(struct session *session, struct text *page);
static void            hello_bytes(struct text *page, const char *name, struct bytes_const bytes);

/* The client is watched meanwhile: one that resets needs no server, and one that sends has its
 * bytes kept, unread, for the server that is found. */
enum step step_connecting(struct session *session)
{
    bool is_trying = io_op_is_pending(&session->backend.send) ||
                     io_op_is_pending(&session->backend.recv) || session->retry_ns != 0;

    if (!is_trying && session->connect_ns == SUMMARY_NEVER) {
        return attempt_next(session);
    }
    if (!is_trying && send_proxy_write(session)) {
        session_move(session, SESSION_RELAYING);
        flow_begin_up(session);
        return STEP_AGAIN;
    }
    session_send_client(session);
    if (!side_has_input(&session->client)) {
        session_receive_client(session);
    }
    session_watch(session);
    return STEP_WAIT;
}

static enum step attempt_next(struct session *session)
{
    session->target = pool_pick(session->pool, &session->tries);
    if (session->target == NULL) {
        enum end_reason reason = session->last_failure == END_NONE || session->has_mixed_failures
                                     ? END_NO_BACKEND
                                     : (enum end_reason)session->last_failure;

        session_finish(session, FINISH_RESET, reason);
        return STEP_AGAIN;
    }
    session->attempt_ns = reactor_now_ns(worker_reactor(session->worker));
    session->attempt_is_over = false;
    attempt_start(session);
    return STEP_AGAIN;
}

/* Ends at once, well or badly, or leaves a connect pending. */
static void attempt_start(struct session *session)
{
    struct io_loop *loop = session_loop(session);
    struct error    error;

    if (session->target->service != POOL_SERVICE_NONE) {
        if (attempt_builtin(session, &error)) {
            attempt_succeeded(session);
        } else {
            attempt_impossible(session, error_kind(&error));
        }
        return;
    }
    session->backend.fd = io_socket(loop, &session->target->address, &error);
    if (session->backend.fd < 0) {
        attempt_impossible(session, error_kind(&error));
        return;
    }
    io_connect(loop, &session->backend.send, session->backend.fd, &session->target->address,
               on_connect);
}

/* Without a descriptor no server is to blame, and another would not help: one becomes free when
 * some session ends, and until then nobody new is served. */
static void attempt_impossible(struct session *session, enum error_kind kind)
{
    uint64_t now_ns = reactor_now_ns(worker_reactor(session->worker));
    uint64_t end_ns = session->attempt_ns + session_timeouts(session)->connect_ns;

    if (kind != ERROR_EXHAUSTED) {
        attempt_failed(session, kind);
    } else if (now_ns >= end_ns) {
        attempt_failed(session, kind);
        session_finish(session, FINISH_RESET, END_RESOURCE);
    } else {
        worker_lacks_descriptors(session->worker);
        session->retry_ns = now_ns + RETRY_NS < end_ns ? now_ns + RETRY_NS : end_ns;
    }
}

void connecting_retry(struct session *session)
{
    session->retry_ns = 0;
    attempt_start(session);
}

static bool attempt_builtin(struct session *session, struct error *error)
{
    char        memory[BUILTIN_PAGE_BYTES];
    struct text page;

    text_init(&page, memory, sizeof(memory));
    hello_page(session, &page);
    session->backend.fd = builtin_open(worker_builtin(session->worker), session->target->service,
                                       text_chars(&page), error);
    return session->backend.fd >= 0;
}

static void on_connect(struct io_op *op)
{
    struct session *session = container_of(op, struct session, backend.send);
    enum error_kind kind = error_kind(&op->error);

    if (session_state(session) != SESSION_CONNECTING) {
        session_advance(session);
        return;
    }
    if (kind == ERROR_NONE) {
        attempt_succeeded(session);
    } else {
        int fd = session->backend.fd;

        attempt_failed(session, kind);
        session->backend.fd = -1;
        /* It may have been established just when it was given up: no FIN, nothing was said (I3). */
        io_reset_on_close(session_loop(session), fd);
        io_close(session_loop(session), &session->backend.recv, fd, on_attempt_closed);
    }
    session_advance(session);
}

static void on_attempt_closed(struct io_op *op)
{
    session_advance(container_of(op, struct session, backend.recv));
}

static void attempt_succeeded(struct session *session)
{
    session->connect_ns = reactor_now_ns(worker_reactor(session->worker)) - session->attempt_ns;
    session_progressed(session);
}

static void attempt_failed(struct session *session, enum error_kind kind)
{
    enum end_reason reason = attempt_reason(kind);

    if (session->last_failure != END_NONE && session->last_failure != reason) {
        session->has_mixed_failures = true;
    }
    session->last_failure = (uint8_t)reason;
    session->attempt_is_over = true;
    pool_return(session->pool, session->target);
    session->target = NULL;
    reactor_count(worker_reactor(session->worker), METRIC_CONNECT_FAILURES, 1);
}

/* A cancelled attempt is one whose time was up. */
static enum end_reason attempt_reason(enum error_kind kind)
{
    switch (kind) {
    case ERROR_CANCELLED:
    case ERROR_TIMEOUT:
        return END_CONNECT_TIMEOUT;
    case ERROR_UNREACHABLE:
        return END_CONNECT_UNREACHABLE;
    case ERROR_EXHAUSTED:
        return END_RESOURCE;
    case ERROR_REFUSED:
    case ERROR_RESET:
    case ERROR_NONE:
    case ERROR_CLOSED:
    case ERROR_BROKEN:
    case ERROR_TLS_PROTOCOL:
    case ERROR_TLS_CERTIFICATE:
    case ERROR_UNSUPPORTED:
    case ERROR_CONFIG:
    case ERROR_INTERNAL:
        break;
    }
    return END_CONNECT_REFUSED;
}

/* What builtin:hello shows. */
static void hello_page(struct session *session, struct text *page)
{
    char             client[ADDRESS_TEXT_BYTES];
    struct tls_facts facts;
    struct address   peer;

    tls_engine_facts(&session->engine, &facts);
    session_client_path(session, &peer);
    text_format(page, "Hello from sallyport.\n\nclient: %s\n", address_text(&peer, client));
    text_format(page, "frontend: %s\n", session->frontend->snapshot->config->name.text);
    hello_bytes(page, "sni", facts.sni);
    hello_bytes(page, "alpn", facts.alpn);
    text_format(page, "tls: %s\ncipher: %s\ngroup: %s\nresumed: %s\n", facts.version, facts.cipher,
                facts.group, facts.is_resumed ? "yes" : "no");
    if (facts.subject.len > 0) {
        text_string(page, "subject: ");
        text_quoted(page, facts.subject);
        text_string(page, "\n");
    }
}

static void hello_bytes(struct text *page, const char *name, struct bytes_const bytes)
{
    text_format(page, "%s: ", name);
    text_escaped(page, bytes);
    text_string(page, "\n");
}
