/*
 * A snapshot made ready for one reactor: its TLS contexts in the reactor's own OpenSSL library,
 * its pools with their round-robin memory. A session keeps the generation it began with.
 */
#ifndef SALLYPORT_PROXY_GENERATION_H
#define SALLYPORT_PROXY_GENERATION_H

#include "backend/pool.h"
#include "base/error.h"
#include "base/list.h"
#include "proxy/snapshot.h"
#include "tls/context.h"

#include <stddef.h>

struct generation_frontend {
    const struct snapshot_frontend *snapshot;
    struct generation              *generation;
    struct tls_context             *tls;
    size_t                          sessions; /* open now */
};

struct generation {
    struct list_link            link; /* of the worker's old ones */
    const struct snapshot      *snapshot;
    struct generation_frontend *frontends;
    struct pool               **pools; /* one a backend */
    size_t                      users; /* sessions and listeners */
};

/* NULL and error; the snapshot must outlive it. */
__attribute__((warn_unused_result)) struct generation *
generation_new(const struct snapshot *snapshot, struct tls_library *library, struct error *error);

/* No session and no listener may be left. */
void generation_free(struct generation **generation);

/* The backend for a client that asked for `sni` (may be empty). */
struct pool *generation_route(const struct generation_frontend *frontend, struct bytes_const sni);

#endif
