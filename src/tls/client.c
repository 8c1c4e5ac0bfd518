#include "tls/client.h"

#include "tls/openssl_error.h"
#include "tls/tls_internal.h"

bool tls_client_ask(struct tls_engine *engine, const char *name, struct bytes_const alpn)
{
    bool is_set =
        SSL_set_tlsext_host_name(engine->ssl, name) == 1 &&
        (alpn.len == 0 || SSL_set_alpn_protos(engine->ssl, alpn.data, (unsigned)alpn.len) == 0);

    openssl_error_drop();
    return is_set;
}

struct ssl_session_st *tls_client_session(struct tls_engine *engine)
{
    SSL_SESSION *session = SSL_get1_session(engine->ssl);

    if (session != NULL && SSL_SESSION_is_resumable(session) != 1) {
        SSL_SESSION_free(session);
        return NULL;
    }
    return session;
}

void tls_client_session_free(struct ssl_session_st **session)
{
    SSL_SESSION_free(*session);
    *session = NULL;
}

bool tls_client_resume(struct tls_engine *engine, struct ssl_session_st *session)
{
    bool is_set = SSL_set_session(engine->ssl, session) == 1;

    openssl_error_drop();
    return is_set;
}

bool tls_client_key_update(struct tls_engine *engine, bool asks)
{
    bool is_set = SSL_key_update(engine->ssl, asks ? SSL_KEY_UPDATE_REQUESTED
                                                   : SSL_KEY_UPDATE_NOT_REQUESTED) == 1;

    openssl_error_drop();
    return is_set;
}
