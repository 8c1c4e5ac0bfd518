/*
 * A handshake that answers an ACME challenge (RFC 8737): a ClientHello that offers acme-tls/1 and
 * nothing else is shown the certificate of a challenge for its name, or is refused. The handshake
 * is all there is to it: nobody is asked for a certificate, nothing is resumed, no ticket is given.
 */
#include "tls/challenge_internal.h"
#include "tls/tls_internal.h"

#include <string.h>

static bool                          asks_for_challenge(SSL *ssl);
static const struct tls_certificate *certificate_of(const struct tls_engine *engine);
static void                          prepare(SSL *ssl);
static int                           refuse(struct tls_engine *engine, int alert, const char *why);

/* Also of a second hello, which must ask for what the first asked for (RFC 8446 section 4.1.2). */
int challenge_begin(struct tls_engine *engine, bool is_first)
{
    bool is_asked = asks_for_challenge(engine->ssl);

    if (!is_first && is_asked != engine->is_challenge) {
        return refuse(engine, SSL_AD_ILLEGAL_PARAMETER, "the second hello offers another ALPN");
    }
    engine->is_challenge = is_asked;
    if (!is_asked) {
        return CHALLENGE_ALLOWED;
    }
    if (certificate_of(engine) == NULL) {
        return refuse(engine, SSL_AD_NO_APPLICATION_PROTOCOL, "no ACME challenge for the name");
    }
    prepare(engine->ssl);
    return CHALLENGE_ALLOWED;
}

bool challenge_show(struct tls_engine *engine)
{
    const struct tls_certificate *certificate = certificate_of(engine);
    struct certified_key         *certified_key =
        certificate != NULL ? certified_key_take(engine->context->library, certificate) : NULL;

    if (certified_key == NULL) {
        return false;
    }
    SSL_certs_clear(engine->ssl);
    bool is_shown = SSL_use_cert_and_key(engine->ssl, certified_key->leaf, certified_key->key,
                                         certified_key->chain, 1) == 1;

    certified_key_give(certified_key);
    return is_shown;
}

/* The extension as it must be, byte by byte (RFC 7301 section 3.1). */
static bool asks_for_challenge(SSL *ssl)
{
    static const uint8_t wanted[] = {0, 11, 10, 'a', 'c', 'm', 'e', '-', 't', 'l', 's', '/', '1'};
    const unsigned char *data = NULL;
    size_t               len = 0;

    return SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &data,
                                     &len) == 1 &&
           len == sizeof(wanted) && memcmp(data, wanted, sizeof(wanted)) == 0;
}

static const struct tls_certificate *certificate_of(const struct tls_engine *engine)
{
    const struct tls_context    *context = engine->context;
    const struct tls_challenges *challenges = context->library->challenges;

    if (context->challenge_dir == NULL || challenges == NULL) {
        return NULL;
    }
    return challenges_find(challenges, context->challenge_dir, hello_name(engine));
}

/* TLS 1.2 at least (RFC 8737 section 4). The certificate proves nothing by its key, so a security
 * level that would refuse the key of an ACME client's choice is lowered. */
static void prepare(SSL *ssl)
{
    if (SSL_get_min_proto_version(ssl) < TLS1_2_VERSION) {
        (void)SSL_set_min_proto_version(ssl, TLS1_2_VERSION);
    }
    if (SSL_get_security_level(ssl) > SECURITY_LEVEL_WEIGHED) {
        SSL_set_security_level(ssl, SECURITY_LEVEL_WEIGHED);
    }
    SSL_set_options(ssl, SSL_OP_NO_TICKET);
    (void)SSL_set_num_tickets(ssl, 0);
    SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
}

static int refuse(struct tls_engine *engine, int alert, const char *why)
{
    engine_note_failure(engine, TLS_FAILURE_HANDSHAKE);
    engine->refusal = why;
    return alert;
}
