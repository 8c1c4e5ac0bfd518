/*
 * Room backend: who can take a connection.
 *
 * Does: the servers of one backend as one reactor sees them (`pool`), the choice among them
 * (`balance`), and the services inside the daemon (`builtin`).
 * Does not: connect, or wait. Sessions do.
 * Called by: proxy.
 * Law: a pool belongs to one reactor; every server that was picked is given back exactly once.
 */
#ifndef SALLYPORT_BACKEND_POOL_H
#define SALLYPORT_BACKEND_POOL_H

#include "base/error.h"
#include "config/config.h"
#include "io/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pool_service {
    POOL_SERVICE_NONE,  /* a real server at `address` */
    POOL_SERVICE_HELLO, /* builtin:hello */
    POOL_SERVICE_ECHO,  /* builtin:echo */
};

/* Where a server is; made once for a snapshot and shared by all pools made of it. */
struct pool_target {
    const struct config_server *config;
    enum pool_service           service;
    struct address              address;
};

/* Reads a server's address; false, and *problem says what is wrong with it. */
__attribute__((warn_unused_result)) bool pool_target_read(const struct config_server *server,
                                                          struct pool_target         *target,
                                                          const char                **problem);

struct pool;

/* The targets are lent and must outlive the pool. NULL and error. */
__attribute__((warn_unused_result)) struct pool *pool_new(const struct config_backend *config,
                                                          const struct pool_target    *targets,
                                                          struct error                *error);
/* Nothing may be picked. */
void pool_free(struct pool **pool);

const struct config_backend *pool_config(const struct pool *pool);

/* Which servers one session has tried already. Zeroed memory: none. */
enum { POOL_TRIES_MAX = 8 };
struct pool_tries {
    uint16_t servers[POOL_TRIES_MAX];
    uint8_t  count;
};

/*
 * The next server for a session, by the backend's balance; backups only when every other one was
 * tried. NULL when all were tried, or the retries are used up. Notes the server in `tries`.
 */
const struct pool_target *pool_pick(struct pool *pool, struct pool_tries *tries);
/* The session is done with the server it picked. Giving back what nobody holds aborts. */
void pool_return(struct pool *pool, const struct pool_target *target);

/* Sessions that hold a server now. */
size_t pool_active(const struct pool *pool);

#endif
