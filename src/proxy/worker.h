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
#include "tls/context.h"

#include <stdbool.h>
#include <stddef.h>

struct worker;

/* Called on the worker's thread once for each session, when it is over. */
typedef void worker_report(void *owner, const struct session_summary *summary);
/* Called once, when a draining worker has no session left. */
typedef void worker_empty(void *owner);

struct worker_options {
    struct reactor               *reactor;
    const struct snapshot        *snapshot;
    const struct tls_ticket_keys *ticket_keys;
    struct quota                 *connections; /* shared by all workers */
    size_t                        buffers_max; /* relay buffers of this worker */
    worker_report                *report;
    void                         *owner;
};

enum {
    /* A whole receive, a record that was left half inside OpenSSL, and its answers. */
    RELAY_BUFFER_BYTES = 64 * 1024 + 16 * 1024 + 8 * 1024,
    /* Clients whose TLS state exists but is not established; each holds 36 to 72 KB. */
    HANDSHAKES_MAX = 1024,
    /* Listening sockets of one worker. */
    WORKER_LISTENERS_MAX = 1024,
};

/* On the reactor's thread. NULL and error. */
__attribute__((warn_unused_result)) struct worker *worker_new(const struct worker_options *options,
                                                              struct error                *error);

/* Takes a listening socket over and accepts from it for frontend number `frontend`. False: no
 * memory, and the socket stays the caller's. */
__attribute__((warn_unused_result)) bool worker_listen(struct worker *worker, size_t frontend,
                                                       int listen_fd);

/* Stops accepting: what was accepted or waits in the sockets' queues is still served, then the
 * sockets close. `empty` is called when the last session has ended, never inside this call. */
void worker_drain(struct worker *worker, worker_empty *empty);

/* Ends every session now, with RST to both peers. Returns how many there were. */
size_t worker_cut(struct worker *worker, enum end_reason reason);

size_t worker_sessions(const struct worker *worker);

/* New ticket keys, for this worker's library. */
void worker_set_ticket_keys(struct worker *worker, const struct tls_ticket_keys *keys);

/* No session and no listener may be left: drain first. */
void worker_free(struct worker **worker);

#endif
