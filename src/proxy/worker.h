/*
 * Room proxy: a client's journey.
 *
 * Does: what one reactor needs to proxy (`worker`): listeners, sessions and their flows, the
 * generation new sessions begin with, buffers, and the report of each session's end.
 * Does not: signals, threads, reading configuration files.
 * Called by: daemon.
 * Laws: invariants I1 to I12 (src/README.md). A session belongs to one worker all its life.
 */
#ifndef SALLYPORT_PROXY_WORKER_H
#define SALLYPORT_PROXY_WORKER_H

#include "proxy/end_reason.h"
#include "proxy/generation.h"
#include "proxy/summary.h"
#include "reactor/quota.h"
#include "reactor/reactor.h"
#include "reactor/seats.h"
#include "reactor/shared_cache.h"
#include "tls/challenges.h"
#include "tls/context.h"

#include <stdbool.h>
#include <stddef.h>

struct worker;

/* Called on the worker's thread once for each session, when it is over. */
typedef void worker_report(void *owner, const struct session_summary *summary);
/* Called once, when a draining worker has no session left. */
typedef void worker_empty(void *owner);
/* The worker is done with a listening socket: it was closed, or is open and has no accept inside.
 */
typedef void worker_socket_over(void *owner, int listen_fd, bool is_open);
/* The last session that began with a snapshot before the present one has ended. */
typedef void worker_snapshot_over(void *owner, const struct snapshot *snapshot);

struct worker_options {
    struct reactor               *reactor;
    const struct snapshot        *snapshot;
    const struct tls_ticket_keys *ticket_keys;
    struct shared_cache          *session_cache; /* shared by all workers; NULL: none */
    struct quota                 *connections;   /* likewise */
    struct seats                 *seats;         /* likewise; NULL: it keeps what it accepts */
    size_t                        sessions_max;  /* 0: as many as `connections` has left now */
    size_t                        buffers_max;   /* relay buffers of this worker (buffers.h) */
    worker_report                *report;
    worker_socket_over           *socket_over; /* may be NULL, as the next one */
    worker_snapshot_over         *snapshot_over;
    void                         *owner;
};

enum {
    /* Clients whose TLS state exists but is not established; each holds 36 to 72 KB. */
    HANDSHAKES_MAX = 1024,
    /* Listening sockets of one worker. */
    WORKER_LISTENERS_MAX = 1024,
};

/* On the reactor's thread. NULL and error. */
__attribute__((warn_unused_result)) struct worker *worker_new(const struct worker_options *options,
                                                              struct error                *error);

/* Takes a listening socket over and accepts from it for frontend number `frontend` of the present
 * snapshot; one that it serves already is retargeted. False: no memory, and the socket stays the
 * caller's. */
__attribute__((warn_unused_result)) bool worker_listen(struct worker *worker, size_t frontend,
                                                       int listen_fd);

/* Gives a listening socket up: drained and closed when it is no longer wanted, or as it is, open,
 * when another is to serve it. socket_over says when. */
enum worker_unlisten { WORKER_CLOSE_SOCKET, WORKER_RELEASE_SOCKET };
void worker_unlisten(struct worker *worker, int listen_fd, enum worker_unlisten how);

/* Makes ready what this snapshot needs, so that worker_adopt cannot fail; nothing changes yet.
 * False and error: there is nothing to adopt or to forget. */
__attribute__((warn_unused_result)) bool
worker_prepare(struct worker *worker, const struct snapshot *snapshot, struct error *error);

/*
 * New sessions begin with the snapshot that was prepared, which must live until snapshot_over;
 * sessions keep the one they began with. Listeners go on with theirs until the next worker_listen
 * or worker_unlisten of their socket. Or it is not adopted after all, and forgotten.
 */
void worker_adopt(struct worker *worker);
void worker_forget(struct worker *worker);

/* Stops accepting: what was accepted or waits in the sockets' queues is still served, then the
 * sockets close. `empty` is called when the last session has ended, never inside this call. */
void worker_drain(struct worker *worker, worker_empty *empty);

/* Ends every session now, with RST to both peers. Returns how many there were. */
size_t worker_cut(struct worker *worker, enum end_reason reason);

size_t worker_sessions(const struct worker *worker);

/* New ticket keys, for this worker's library. */
void worker_set_ticket_keys(struct worker *worker, const struct tls_ticket_keys *keys);

/* Who answers ACME challenges, for this worker's library (tls/challenges.h). */
void worker_set_challenges(struct worker *worker, const struct tls_challenges *challenges);

/* No session and no listener may be left: drain first. */
void worker_free(struct worker **worker);

#endif
