#include "proxy/session_store.h"

#include "base/clock.h"

#include <assert.h>

/* As nginx and HAProxy keep them. */
#define KEPT_NS (300 * NS_PER_S)

static_assert((int)SHARED_CACHE_KEY_BYTES == (int)TLS_SESSION_ID_BYTES, "an id is a key");
static_assert((int)SHARED_CACHE_VALUE_BYTES == (int)TLS_STORED_SESSION_BYTES, "a session fits");

static void on_put(void *owner, const uint8_t id[TLS_SESSION_ID_BYTES], struct bytes_const session);
static size_t on_get(void *owner, const uint8_t id[TLS_SESSION_ID_BYTES],
                     uint8_t session[TLS_STORED_SESSION_BYTES]);
static void   on_drop(void *owner, const uint8_t id[TLS_SESSION_ID_BYTES]);

void session_store_lend(struct session_store *store, struct tls_library *library)
{
    tls_library_set_session_store(
        library,
        &(struct tls_session_store){.owner = store, .put = on_put, .get = on_get, .drop = on_drop});
}

static void on_put(void *owner, const uint8_t id[TLS_SESSION_ID_BYTES], struct bytes_const session)
{
    struct session_store *store = owner;

    (void)shared_cache_put(store->cache, id, session, reactor_now_ns(store->reactor) + KEPT_NS);
}

static size_t on_get(void *owner, const uint8_t id[TLS_SESSION_ID_BYTES],
                     uint8_t session[TLS_STORED_SESSION_BYTES])
{
    struct session_store *store = owner;

    return shared_cache_get(store->cache, id, reactor_now_ns(store->reactor), session);
}

static void on_drop(void *owner, const uint8_t id[TLS_SESSION_ID_BYTES])
{
    struct session_store *store = owner;

    shared_cache_drop(store->cache, id);
}
