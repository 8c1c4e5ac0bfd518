/*
 * Accepts connections of one frontend from one socket. Up to eight accepts are pending, and of all
 * listeners of a worker together at most eight connections begin in a turn. One that another worker
 * has more room for is handed over. A connection for which
 * there is no place yet stays in its slot, accepted but not served; when descriptors run out,
 * accepting pauses, longer each time.
 */
#ifndef SALLYPORT_PROXY_LISTENER_H
#define SALLYPORT_PROXY_LISTENER_H

#include "base/list.h"
#include "io/io.h"
#include "proxy/generation.h"
#include "proxy/handover.h"
#include "proxy/turnstile.h"
#include "reactor/reactor.h"

#include <stdbool.h>

struct worker;
struct listener;

enum { ACCEPTS_PER_TURN = 8 };

struct accept_slot {
    struct io_op           op;
    struct turnstile_place turn; /* accepted and waiting for a turn to begin in */
    struct handover        handover;
    struct listener       *listener;
    int                    fd; /* accepted, and waiting or being handed over; -1: none */
};

struct listener {
    struct list_link            link; /* in the worker's list */
    struct worker              *worker;
    struct generation_frontend *frontend;
    struct io_op                close;
    struct timer                timer; /* until accepting resumes */
    uint64_t                    pause_ns;
    int                         fd;
    int                         closed_fd; /* what `close` closes: its name, for whoever lent it */
    uint64_t                    last_call_ns; /* draining: when accepting ends at the latest */
    bool                        is_paused;
    bool                        is_draining;  /* accepts what the queue still holds */
    bool                        is_closing;   /* accepts no more */
    bool                        is_leaving;   /* the socket stays open, for another holder */
    bool                        has_accepted; /* since the timer was set */
    struct accept_slot          slots[ACCEPTS_PER_TURN];
};

void listener_start(struct listener *listener, struct worker *worker,
                    struct generation_frontend *frontend, int fd);

/* A place or a descriptor may have become free. */
void listener_resume(struct listener *listener);

/* Serves what is in the queue, then closes the socket and calls worker_listener_over. */
void listener_drain(struct listener *listener);

/* Accepts no more and serves what it has accepted; what waits in the socket's queue is left to the
 * next holder. Then calls worker_listener_over, with the socket still open. */
void listener_release(struct listener *listener);

/* From the next connection on: those of another frontend, or of a newer generation. */
void listener_retarget(struct listener *listener, struct generation_frontend *frontend);

/* Connections accepted that wait for a place: reset, when the worker cuts everything. */
void listener_drop_waiting(struct listener *listener);

#endif
