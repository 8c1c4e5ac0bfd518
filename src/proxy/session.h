/*
 * One client's journey: handshake, connecting, relaying, the end.
 *
 *  accept ─► PROXY_HEADER, where the frontend wants one, and then:
 *  accept ─► HANDSHAKING ─► CONNECTING ─► RELAYING ─► FINISHING
 *                 │              │            │            │
 *                 └──────────────┴─────┬──────┴────────────┘
 *                                      │ session_end(reason): the first reason is kept
 *                                      ▼
 *                                   CLOSING ── last operation done ─► CLOSED
 *
 * HANDSHAKING may also go to FINISHING, to get an alert out; so may CONNECTING and RELAYING, and
 * PROXY_HEADER, which goes to CLOSING too.
 * Events only say "look again": a `done` notes what came and calls session_advance, the only
 * caller of the steps (session_steps.c). Each direction of RELAYING is a flow (flow.h).
 */
#ifndef SALLYPORT_PROXY_SESSION_H
#define SALLYPORT_PROXY_SESSION_H

#include "base/list.h"
#include "base/state.h"
#include "proxy/end_reason.h"
#include "proxy/flow.h"
#include "proxy/generation.h"
#include "proxy/proxy_decoder.h"
#include "proxy/side.h"
#include "reactor/reactor.h"
#include "tls/engine.h"

#include <stdbool.h>
#include <stdint.h>

struct worker;

enum session_state {
    SESSION_PROXY_HEADER,
    SESSION_HANDSHAKING,
    SESSION_CONNECTING,
    SESSION_RELAYING,
    SESSION_FINISHING,
    SESSION_CLOSING,
    SESSION_CLOSED,
    SESSION_STATES,
};

/* How FINISHING gets the last bytes to the client before the sockets close. */
enum session_finish {
    FINISH_CLEAN, /* both ends were passed on: nothing is left to wait for */
    FINISH_ALERT, /* send what is in the output, then FIN, then wait for the client's end */
    FINISH_RESET, /* send what is in the output, wait until it was acknowledged, then RST */
};

enum { SESSION_ADDRESS_BYTES = sizeof(struct sockaddr_in6) }; /* a longer path is cut */

struct session {
    struct list_link            link; /* in the worker's list, in the order of accepting */
    struct worker              *worker;
    struct generation_frontend *frontend;
    struct state                state;
    struct timer                timer;
    struct task                 turn;   /* computing that waits to be allowed: a handshake step */
    struct list_link            parked; /* waiting for one of HANDSHAKES_MAX places */
    struct buffers_place        place;  /* waiting for relay buffers */
    unsigned                    lacks;  /* outputs this step could not get */
    union {
        struct tls_engine    engine;
        struct proxy_decoder header; /* PROXY_HEADER, before there is an engine */
    };
    struct side client;
    struct side backend;
    struct flow up;   /* client to backend */
    struct flow down; /* backend to client */
    /* CONNECTING */
    struct pool              *pool;
    const struct pool_target *target; /* the server in use or being tried */
    struct pool_tries         tries;
    uint8_t                   last_failure; /* enum end_reason of the last attempt */
    bool                      has_mixed_failures;
    bool                      attempt_is_over; /* failed, or out of time and being cancelled */
    uint64_t                  retry_ns;        /* when to look for a descriptor again; 0: not */
    /* HANDSHAKING */
    bool has_engine;
    bool has_turn;   /* the step may compute now */
    bool is_counted; /* among the worker's handshakes in progress */
    bool wants_room; /* the engine waits for output to leave, not for input */
    bool has_bytes;  /* the client sent something */
    /* FINISHING */
    uint8_t  finish; /* enum session_finish */
    uint32_t unacknowledged;
    uint64_t poll_ns; /* until the next look at what was acknowledged */
    /* facts; times are monotonic */
    uint8_t  reason;   /* enum end_reason: what went wrong first */
    uint8_t  ended_by; /* enum end_reason: who ended first in good order */
    uint32_t number;
    uint64_t accepted_us; /* wall clock */
    uint64_t accepted_ns;
    uint64_t queued_ns; /* since when a handshake step waits for its turn */
    uint64_t waited_ns;
    uint64_t established_ns; /* 0: not */
    uint64_t attempt_ns;
    uint64_t connect_ns; /* the successful attempt took; SUMMARY_NEVER: none did */
    uint64_t progress_ns;
    uint64_t looked_ns; /* when the client was last known to be there: heard, or looked for */
    uint8_t  client_address[SESSION_ADDRESS_BYTES];
    uint8_t  client_address_len; /* 0: not known */
    /* PROXY headers, the one it came with and the one it brings */
    uint8_t  destination[SESSION_ADDRESS_BYTES];
    uint8_t  destination_len; /* 0: none came, or it told no addresses */
    uint8_t  header_fault;    /* enum proxy_fault */
    uint16_t sent_header_bytes;
};

/* Zeroes `memory` and begins a session on a socket just accepted; it owns the descriptor. */
void session_start(struct session *session, struct worker *worker,
                   struct generation_frontend *frontend, int fd);

/* Lets the present state do what can be done. Bounded; calls itself for nobody. */
void session_advance(struct session *session);

/* Ends it now, RST to both peers; the first reason is kept. Does nothing once it is closing. */
void session_end(struct session *session, enum end_reason reason);

/* Notes how a peer began the end: the session's reason unless something goes wrong later. */
void session_note(struct session *session, enum end_reason reason);

/* The last bytes for the client still have to go out; then it ends. */
void session_finish(struct session *session, enum session_finish finish, enum end_reason reason);

/* The only mover. */
void session_move(struct session *session, enum session_state to);

static inline enum session_state session_state(const struct session *session)
{
    return (enum session_state)state_now(&session->state);
}

/* Moves the timer to the deadline the state has now. */
void session_watch(struct session *session);

/* Bytes moved: the idle deadline counts anew. */
void session_progressed(struct session *session);

struct io_loop               *session_loop(const struct session *session);
struct buffers               *session_buffers(const struct session *session);
const struct config_timeouts *session_timeouts(const struct session *session);

enum end_reason session_reason(const struct session *session);

/* Who the client is, by the PROXY header or by its socket; len 0 if unknown. The second has the
 * whole path of a UNIX socket, and wants the client's to be open. */
void session_client(const struct session *session, struct address *address);
void session_client_path(const struct session *session, struct address *address);

/* It has more to do than it may in this turn: it is called again in a later one. */
void session_continue(struct session *session);

/* Starts a receive or a send, unless one is pending or there is nothing to do. */
void session_receive_client(struct session *session);
void session_receive_backend(struct session *session);
void session_send_client(struct session *session);
void session_send_backend(struct session *session);

#endif
