/* What a ClientHello says, read through OpenSSL's own parser (RFC 8446 section 4.1.2). */
#include "base/text.h"
#include "tls/challenge_internal.h"
#include "tls/named_internal.h"
#include "tls/tls_internal.h"
#include "tls/verify_internal.h"

#include <stdlib.h>
#include <string.h>

static int         on_client_hello(SSL *ssl, int *alert, void *argument);
static int         choose_policy(struct tls_engine *engine, int *alert);
static int         has_no_memory(struct tls_engine *engine, int *alert);
static bool        is_refused(const struct tls_engine *engine);
static bool        read_hello(struct tls_engine *engine, SSL *ssl);
static bool        keep_name(struct tls_engine *engine);
static void        read_name(struct tls_hello *hello, SSL *ssl);
static void        read_alpn(struct tls_hello *hello, SSL *ssl);
static void        read_versions(struct tls_hello *hello, SSL *ssl);
static const char *version_name(unsigned version);
static int         on_alpn(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_len,
                           const unsigned char *offered, unsigned offered_len, void *argument);

void hello_watch(SSL_CTX *ssl_ctx)
{
    SSL_CTX_set_client_hello_cb(ssl_ctx, on_client_hello, NULL);
    SSL_CTX_set_alpn_select_cb(ssl_ctx, on_alpn, NULL);
}

struct bytes_const hello_name(const struct tls_engine *engine)
{
    return (struct bytes_const){engine->name.data, engine->name.len};
}

/* Called again for the second hello after a HelloRetryRequest, and for the first one when it is
 * read once more (named.c). */
static int on_client_hello(SSL *ssl, int *alert, void *argument)
{
    struct tls_engine *engine = engine_of(ssl);
    bool               is_first = !engine->has_hello;

    (void)argument;
    if (!read_hello(engine, ssl)) {
        return has_no_memory(engine, alert);
    }
    int refusal = challenge_begin(engine, is_first);

    if (refusal != CHALLENGE_ALLOWED) {
        *alert = refusal;
        return SSL_CLIENT_HELLO_ERROR;
    }
    if (engine->is_challenge) {
        return SSL_CLIENT_HELLO_SUCCESS;
    }
    if (is_refused(engine)) {
        engine_note_failure(engine, TLS_FAILURE_NAME_UNKNOWN);
        *alert = SSL_AD_UNRECOGNIZED_NAME;
        return SSL_CLIENT_HELLO_ERROR;
    }
    if (engine->context->named != NULL || engine->context->base != NULL) {
        int result = choose_policy(engine, alert);

        if (result != SSL_CLIENT_HELLO_SUCCESS) {
            return result;
        }
    }
    return verify_choose(engine) ? SSL_CLIENT_HELLO_SUCCESS : has_no_memory(engine, alert);
}

static int choose_policy(struct tls_engine *engine, int *alert)
{
    switch (named_choose(engine)) {
    case NAMED_SETTLED:
        return SSL_CLIENT_HELLO_SUCCESS;
    case NAMED_AGAIN:
        return SSL_CLIENT_HELLO_RETRY;
    case NAMED_CHANGED:
        *alert = SSL_AD_ILLEGAL_PARAMETER; /* RFC 8446 section 4.1.2: all but some stays the same */
        break;
    case NAMED_TRAILED:
        *alert = SSL_AD_UNEXPECTED_MESSAGE;
        break;
    case NAMED_NO_MEMORY:
        return has_no_memory(engine, alert);
    }
    engine_note_failure(engine, TLS_FAILURE_HANDSHAKE);
    return SSL_CLIENT_HELLO_ERROR;
}

static int has_no_memory(struct tls_engine *engine, int *alert)
{
    engine_note_failure(engine, TLS_FAILURE_MEMORY);
    *alert = SSL_AD_INTERNAL_ERROR;
    return SSL_CLIENT_HELLO_ERROR;
}

static bool is_refused(const struct tls_engine *engine)
{
    const struct tls_context *context = engine->context;
    struct bytes_const        name = {engine->hello->sni, engine->hello->sni_len};

    if (name.len == 0) {
        return context->requires_sni;
    }
    return context->strict_sni && !selection_knows(context->selection, name);
}

/* False when memory is short. */
static bool read_hello(struct tls_engine *engine, SSL *ssl)
{
    if (engine->hello == NULL) {
        engine->hello = malloc(sizeof(*engine->hello));
    }
    if (engine->hello == NULL) {
        return false;
    }
    engine->hello->sni_len = 0;
    engine->hello->alpn_len = 0;
    engine->hello->versions[0] = '\0';
    engine->hello->has_staple = false;
    engine->has_hello = true;
    read_name(engine->hello, ssl);
    read_alpn(engine->hello, ssl);
    read_versions(engine->hello, ssl);
    return keep_name(engine);
}

/* Ours and not OpenSSL's, which does not know the name of a session resumed in TLS 1.2. */
static bool keep_name(struct tls_engine *engine)
{
    struct bytes_const name = {engine->hello->sni, engine->hello->sni_len};

    free(engine->name.data);
    engine->name = (struct bytes){0};
    if (!name_is_valid(name)) {
        return true;
    }
    engine->name.data = malloc(name.len);
    if (engine->name.data == NULL) {
        return false;
    }
    engine->name.len = name.len;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t byte = name.data[i];

        engine->name.data[i] = byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte - 'A' + 'a') : byte;
    }
    return true;
}

/* server_name, RFC 6066 section 3: list length (2), type (1), name length (2), name. */
static void read_name(struct tls_hello *hello, SSL *ssl)
{
    enum { HEAD_BYTES = 5 };
    const unsigned char *data;
    size_t               len;

    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &len) != 1 ||
        len <= HEAD_BYTES || data[2] != TLSEXT_NAMETYPE_host_name) {
        return;
    }
    size_t name_len = (size_t)data[3] << 8 | data[4];

    if (name_len <= len - HEAD_BYTES && name_len < sizeof(hello->sni)) {
        memcpy(hello->sni, data + HEAD_BYTES, name_len);
        hello->sni_len = name_len;
    }
}

/* application_layer_protocol_negotiation, RFC 7301 section 3.1: list length (2), then each name
 * with its length (1). Joined by commas; what does not fit is left out. */
static void read_alpn(struct tls_hello *hello, SSL *ssl)
{
    const unsigned char *data;
    size_t               len;

    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &data,
                                  &len) != 1) {
        return;
    }
    for (size_t at = 2; at < len; at += 1 + data[at]) {
        size_t name_len = data[at];
        size_t comma = hello->alpn_len > 0 ? 1 : 0;

        if (name_len > len - at - 1 || hello->alpn_len + comma + name_len > sizeof(hello->alpn)) {
            return;
        }
        if (comma > 0) {
            hello->alpn[hello->alpn_len++] = ',';
        }
        memcpy(hello->alpn + hello->alpn_len, data + at + 1, name_len);
        hello->alpn_len += name_len;
    }
}

/* supported_versions, RFC 8446 section 4.2.1: list length (1), versions of 2 bytes. A hello without
 * it offers what its legacy_version says, and all below. */
static void read_versions(struct tls_hello *hello, SSL *ssl)
{
    const unsigned char *data;
    size_t               len;
    struct text          text;

    text_init(&text, hello->versions, sizeof(hello->versions));
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_supported_versions, &data, &len) != 1) {
        const char *name = version_name(SSL_client_hello_get0_legacy_version(ssl));

        text_string(&text, name != NULL ? name : "unknown");
        return;
    }
    for (size_t at = 1; at + 1 < len; at += 2) {
        const char *name = version_name((unsigned)data[at] << 8 | data[at + 1]);

        if (name != NULL) { /* GREASE and drafts mean nothing to a reader */
            text_string(&text, text_len(&text) > 0 ? "," : "");
            text_string(&text, name);
        }
    }
}

static const char *version_name(unsigned version)
{
    switch (version) {
    case TLS1_3_VERSION:
        return "TLSv1.3";
    case TLS1_2_VERSION:
        return "TLSv1.2";
    case TLS1_1_VERSION:
        return "TLSv1.1";
    case TLS1_VERSION:
        return "TLSv1";
    case SSL3_VERSION:
        return "SSLv3";
    default:
        return NULL;
    }
}

/* Ours is the order of preference (RFC 7301 section 3.2). */
static int on_alpn(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_len,
                   const unsigned char *offered, unsigned offered_len, void *argument)
{
    const struct tls_engine  *engine = engine_of(ssl);
    const struct tls_context *context = engine->context;
    unsigned char            *selected = NULL;

    (void)argument;
    if (engine->is_challenge) { /* the one protocol that was offered */
        *chosen = offered + 1;
        *chosen_len = offered[0];
        return SSL_TLSEXT_ERR_OK;
    }
    if (context->alpn_len == 0) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    if (SSL_select_next_proto(&selected, chosen_len, context->alpn, context->alpn_len, offered,
                              offered_len) == OPENSSL_NPN_NEGOTIATED) {
        *chosen = selected;
        return SSL_TLSEXT_ERR_OK;
    }
    return context->alpn_mismatch_ignore ? SSL_TLSEXT_ERR_NOACK : SSL_TLSEXT_ERR_ALERT_FATAL;
}
