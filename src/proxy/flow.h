/*
 * One direction of a session.
 *
 *  OPEN ── source ended ─► DRAINING ── all delivered, end passed on ─► SHUT
 *    └──────────────────── receiver is gone ────────────────────────────▲
 *
 * Two laws of half-close: a clean end is passed on only after every byte before it, and only if
 * the source ended cleanly (close_notify, FIN). Nothing is received while what was received last
 * is still on its way out: that is the backpressure.
 */
#ifndef SALLYPORT_PROXY_FLOW_H
#define SALLYPORT_PROXY_FLOW_H

#include "base/state.h"

#include <stdbool.h>
#include <stdint.h>

struct session;

enum flow_state { FLOW_OPEN, FLOW_DRAINING, FLOW_SHUT, FLOW_STATES };

struct flow {
    struct state state;
    uint64_t     bytes;        /* plaintext handed to the receiver's socket */
    bool         is_truncated; /* the source ended without saying so: FIN but no close_notify */
    bool         is_held;      /* the engine has more than there was room for */
    bool         is_lost;      /* the receiver went before all was delivered */
};

void flow_init(struct flow *flow);

static inline enum flow_state flow_state(const struct flow *flow)
{
    return (enum flow_state)state_now(&flow->state);
}

/* What has come already goes out together with what a new server's output begins with. */
void flow_begin_up(struct session *session);

/* Moves what can be moved in one direction; may end the session. */
void flow_run_up(struct session *session);
void flow_run_down(struct session *session);

/* The receiver of the direction is gone: what is left for it is dropped. */
void flow_abandon(struct flow *flow);

#endif
