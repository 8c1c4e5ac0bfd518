/*
 * Sessions of TLS 1.2 clients that know no tickets (RFC 5246, 7.4.1.2: the session id), kept by
 * somebody else under the id. OpenSSL's own cache stays empty: it is a reactor's, and grew without
 * bound (CVE-2024-2511).
 */
#include "base/require.h"
#include "tls/openssl_error.h"
#include "tls/tls_internal.h"

#include <openssl/crypto.h>

static int          on_new(SSL *ssl, SSL_SESSION *session);
static SSL_SESSION *on_get(SSL *ssl, const unsigned char *id, int id_len, int *copy);
static void         on_remove(SSL_CTX *ssl_ctx, SSL_SESSION *session);

void tls_library_set_session_store(struct tls_library             *library,
                                   const struct tls_session_store *store)
{
    library->store = *store;
}

void sessions_apply(struct tls_context *context, const struct tls_context_options *options)
{
    if (options->tickets == 0 || context->library->store.put == NULL) {
        return;
    }
    (void)SSL_CTX_set_app_data(context->ssl_ctx, context->library);
    SSL_CTX_set_session_cache_mode(context->ssl_ctx,
                                   SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context->ssl_ctx, on_new);
    SSL_CTX_sess_set_get_cb(context->ssl_ctx, on_get);
    SSL_CTX_sess_set_remove_cb(context->ssl_ctx, on_remove);
}

/* 0: we keep no reference. TLS 1.3 has its tickets, and comes here all the same. */
static int on_new(SSL *ssl, SSL_SESSION *session)
{
    const struct tls_session_store *store = &engine_of(ssl)->context->library->store;
    unsigned char                   der[TLS_STORED_SESSION_BYTES];
    unsigned char                  *at = der;
    unsigned                        id_len = 0;
    const unsigned char            *id = SSL_SESSION_get_id(session, &id_len);

    if (engine_of(ssl)->is_challenge ||
        SSL_SESSION_get_protocol_version(session) > TLS1_2_VERSION ||
        id_len != TLS_SESSION_ID_BYTES || !ticket_bind(ssl, session)) {
        return 0;
    }
    int len = i2d_SSL_SESSION(session, NULL);

    if (len > 0 && len <= (int)sizeof(der) && i2d_SSL_SESSION(session, &at) == len) {
        store->put(store->owner, id, (struct bytes_const){der, (size_t)len});
        OPENSSL_cleanse(der, sizeof(der));
    }
    openssl_error_drop();
    return 0;
}

static SSL_SESSION *on_get(SSL *ssl, const unsigned char *id, int id_len, int *copy)
{
    const struct tls_session_store *store = &engine_of(ssl)->context->library->store;
    unsigned char                   der[TLS_STORED_SESSION_BYTES];
    const unsigned char            *at = der;
    SSL_SESSION                    *session = NULL;
    size_t                          len = 0;

    *copy = 0;
    if (id_len == TLS_SESSION_ID_BYTES) {
        len = store->get(store->owner, id, der);
    }
    if (len > 0) {
        session = d2i_SSL_SESSION(NULL, &at, (long)len);
        OPENSSL_cleanse(der, sizeof(der));
    }
    if (session != NULL && !ticket_is_bound_here(ssl, session)) {
        SSL_SESSION_free(session);
        session = NULL;
    }
    openssl_error_drop();
    return session;
}

/* A session that failed must not be resumed (RFC 5246, 7.2.2). */
static void on_remove(SSL_CTX *ssl_ctx, SSL_SESSION *session)
{
    const struct tls_library *library = SSL_CTX_get_app_data(ssl_ctx);
    unsigned                  id_len = 0;
    const unsigned char      *id = SSL_SESSION_get_id(session, &id_len);

    if (id_len == TLS_SESSION_ID_BYTES) {
        library->store.drop(library->store.owner, id);
    }
}
