/* Room tls keeps sessions of TLS 1.2 by their id in the cache that all workers share. */
#ifndef SALLYPORT_PROXY_SESSION_STORE_H
#define SALLYPORT_PROXY_SESSION_STORE_H

#include "reactor/reactor.h"
#include "reactor/shared_cache.h"
#include "tls/context.h"

struct session_store {
    struct shared_cache *cache;
    struct reactor      *reactor; /* whose thread it is, for the time */
};

/* Lends the store to contexts that the library makes from now on; it must outlive them. */
void session_store_lend(struct session_store *store, struct tls_library *library);

#endif
