/*
 * A configuration made ready to run: addresses read, certificates and keys loaded and checked.
 * Immutable; shared by all reactors, each of which makes its own `generation` of it.
 */
#ifndef SALLYPORT_PROXY_SNAPSHOT_H
#define SALLYPORT_PROXY_SNAPSHOT_H

#include "backend/pool.h"
#include "base/name_table.h"
#include "config/config.h"
#include "io/address.h"
#include "io/network.h"
#include "proxy/certificate_store.h"
#include "proxy/client_auth.h"
#include "proxy/frontend_policies.h"
#include "proxy/ticket_source.h"
#include "tls/context.h"

#include <stddef.h>

struct snapshot_listen {
    struct address              address;
    const struct config_string *text; /* as configured, for messages */
};

struct snapshot_frontend {
    const struct config_frontend *config;
    struct snapshot_listen       *listens;
    size_t                        listens_count;
    struct tls_context_options    tls;      /* with the selection it points to */
    struct frontend_policies     *policies; /* what tls.named points into */
    struct client_auth           *clients;  /* what tls.verify points into */
    size_t                        backend;  /* index into backends */
    struct name_table            *routes;   /* name to backend; NULL: none */
    struct network               *proxies;  /* whose PROXY headers are believed */
    size_t                        proxies_count;
};

struct snapshot_backend {
    const struct config_backend *config;
    struct pool_target          *targets; /* one a server */
};

struct snapshot {
    struct config            *config;
    struct snapshot_frontend *frontends; /* as many as config->frontends */
    struct snapshot_backend  *backends;
    struct ticket_source      tickets;
    struct certificate_tally  certificates; /* as they were found when it was built */
    struct staple_tally       staples;
    size_t                    names; /* they serve, all frontends together */
};

/*
 * Takes the configuration over (also on failure). Takes the certificates it names from the store,
 * which reads those that are new to it, and sees that each frontend's policy is sound and takes
 * them. NULL when there was an error: it is in `report`, with file:line, as are warnings.
 */
__attribute__((warn_unused_result)) struct snapshot *snapshot_build(struct config **config,
                                                                    struct certificate_store *store,
                                                                    struct config_report *report);

/* The same configuration with everything that it names as it is now; what cannot be used stays as
 * it was. NULL when there was an error. */
__attribute__((warn_unused_result)) struct snapshot *snapshot_renew(const struct snapshot *snapshot,
                                                                    struct certificate_store *store,
                                                                    struct config_report *report);

/* Of a snapshot and one renewed from it: what has changed. */
enum snapshot_change {
    SNAPSHOT_SAME = 0,
    SNAPSHOT_CERTIFICATES = 1, /* or staples */
    SNAPSHOT_CLIENTS = 2,      /* authorities and lists of revoked certificates */
    SNAPSHOT_TICKETS = 4,
};
unsigned snapshot_changes(const struct snapshot *one, const struct snapshot *other);

/* No generation of it may be left. */
void snapshot_free(struct snapshot **snapshot);

/* True when some server is inside the daemon: such a session takes three descriptors, not two. */
bool snapshot_has_builtin(const struct snapshot *snapshot);

#endif
