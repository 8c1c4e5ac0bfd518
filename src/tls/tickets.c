/*
 * Session tickets (RFC 5077, RFC 8446 section 4.6.1): our keys, shared by all reactors. A ticket is
 * bound to the name it was given for and its certificates, so that one never resumes another; and
 * to the time of the full handshake, so that a chain of them ends, though each resumption gives a
 * new one.
 */
#include "base/require.h"
#include "tls/openssl_error.h"
#include "tls/tls_internal.h"
#include "tls/verify_internal.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <string.h>
#include <time.h>

enum { TICKET_IV_BYTES = 16, NAME_DIGEST_BYTES = 32, LIFETIME_S = 24 * 3600 };

/* What we seal into a ticket beside OpenSSL's own. */
struct ticket_bond {
    uint8_t name_digest[NAME_DIGEST_BYTES];
    int64_t began_s; /* the full handshake, seconds since the epoch */
};

static int  on_key(SSL *ssl, unsigned char *key_name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                   EVP_MAC_CTX *mac, int is_encrypting);
static int  encrypt_with(const struct tls_library *library, unsigned char *key_name,
                         unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac);
static int  decrypt_with(const struct tls_library *library, const unsigned char *key_name,
                         const unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac);
static bool set_mac_key(EVP_MAC_CTX *mac, const struct tls_ticket_key *key);
static const EVP_CIPHER *cipher_of(const struct tls_library    *library,
                                   const struct tls_ticket_key *key);
static int               on_ticket_given(SSL *ssl, void *argument);
static SSL_TICKET_RETURN on_ticket_used(SSL *ssl, SSL_SESSION *session,
                                        const unsigned char *key_name, size_t key_name_len,
                                        SSL_TICKET_STATUS status, void *argument);
static bool              bond_of(SSL_SESSION *session, struct ticket_bond *bond);
static bool              is_alive(const SSL *ssl, const struct ticket_bond *bond);
static bool              name_digest(SSL *ssl, uint8_t into[static NAME_DIGEST_BYTES]);

void tls_library_set_ticket_keys(struct tls_library *library, const struct tls_ticket_keys *keys)
{
    require(keys->count <= TLS_TICKET_KEYS_MAX);
    library->ticket_keys = *keys;
}

void tickets_apply(struct tls_context *context, const struct tls_context_options *options)
{
    if (options->tickets == 0) {
        SSL_CTX_set_options(context->ssl_ctx, SSL_OP_NO_TICKET);
        (void)SSL_CTX_set_num_tickets(context->ssl_ctx, 0);
        return;
    }
    context->session_lifetime_s =
        options->session_lifetime_s != 0 ? options->session_lifetime_s : LIFETIME_S;
    (void)SSL_CTX_set_timeout(context->ssl_ctx, (long)context->session_lifetime_s);
    (void)SSL_CTX_set_num_tickets(context->ssl_ctx, options->tickets);
    (void)SSL_CTX_set_tlsext_ticket_key_evp_cb(context->ssl_ctx, on_key);
    (void)SSL_CTX_set_session_ticket_cb(context->ssl_ctx, on_ticket_given, on_ticket_used, NULL);
}

void tickets_begin(struct tls_engine *engine)
{
    if (engine->context->library->ticket_keys.count == 0) {
        SSL_set_options(engine->ssl, SSL_OP_NO_TICKET);
        (void)SSL_set_num_tickets(engine->ssl, 0);
    }
}

static int on_key(SSL *ssl, unsigned char *key_name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                  EVP_MAC_CTX *mac, int is_encrypting)
{
    const struct tls_library *library = engine_of(ssl)->context->library;

    return is_encrypting != 0 ? encrypt_with(library, key_name, iv, cipher, mac)
                              : decrypt_with(library, key_name, iv, cipher, mac);
}

/* 1: done; 0: no ticket this time; -1: failure. */
static int encrypt_with(const struct tls_library *library, unsigned char *key_name,
                        unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    const struct tls_ticket_key *key = &library->ticket_keys.keys[0];

    if (library->ticket_keys.count == 0) {
        return 0;
    }
    memcpy(key_name, key->name, sizeof(key->name));
    if (RAND_bytes_ex(library->openssl, iv, TICKET_IV_BYTES, 0) != 1 ||
        EVP_EncryptInit_ex2(cipher, cipher_of(library, key), key->cipher_key, iv, NULL) != 1 ||
        !set_mac_key(mac, key)) {
        return -1;
    }
    return 1;
}

/* 1: decrypt; 2: decrypt and give a new one, the key is an old one; 0: an unknown key. */
static int decrypt_with(const struct tls_library *library, const unsigned char *key_name,
                        const unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    for (unsigned i = 0; i < library->ticket_keys.count; i++) {
        const struct tls_ticket_key *key = &library->ticket_keys.keys[i];

        if (memcmp(key_name, key->name, sizeof(key->name)) != 0) {
            continue;
        }
        if (EVP_DecryptInit_ex2(cipher, cipher_of(library, key), key->cipher_key, iv, NULL) != 1 ||
            !set_mac_key(mac, key)) {
            return -1;
        }
        return i == 0 ? 1 : 2;
    }
    return 0;
}

static const EVP_CIPHER *cipher_of(const struct tls_library    *library,
                                   const struct tls_ticket_key *key)
{
    return key->key_bytes == sizeof(key->cipher_key) ? library->ticket_cipher
                                                     : library->ticket_cipher_short;
}

static bool set_mac_key(EVP_MAC_CTX *mac, const struct tls_ticket_key *key)
{
    char       digest[] = "SHA256";
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY,
                                                                 (void *)(uintptr_t)key->mac_key,
                                                                 key->key_bytes),
                               OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                               OSSL_PARAM_construct_end()};

    return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

/* --- what a ticket is bound to ------------------------------------------------------------ */

static int on_ticket_given(SSL *ssl, void *argument)
{
    (void)argument;
    return ticket_bind(ssl, SSL_get_session(ssl));
}

static SSL_TICKET_RETURN on_ticket_used(SSL *ssl, SSL_SESSION *session,
                                        const unsigned char *key_name, size_t key_name_len,
                                        SSL_TICKET_STATUS status, void *argument)
{
    (void)key_name;
    (void)key_name_len;
    (void)argument;
    if ((status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) ||
        !ticket_is_bound_here(ssl, session)) {
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    }
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

bool ticket_bind(SSL *ssl, SSL_SESSION *session)
{
    struct ticket_bond bond;

    if (SSL_session_reused(ssl) != 1 || !bond_of(session, &bond)) {
        bond = (struct ticket_bond){.began_s = (int64_t)time(NULL)};
    }
    return name_digest(ssl, bond.name_digest) &&
           SSL_SESSION_set1_ticket_appdata(session, &bond, sizeof(bond)) == 1;
}

bool ticket_is_bound_here(SSL *ssl, SSL_SESSION *session)
{
    uint8_t            digest[NAME_DIGEST_BYTES];
    struct ticket_bond bond;

    return !engine_of(ssl)->is_challenge && bond_of(session, &bond) && name_digest(ssl, digest) &&
           memcmp(bond.name_digest, digest, sizeof(digest)) == 0 && is_alive(ssl, &bond) &&
           verify_may_resume(engine_of(ssl), session);
}

static bool bond_of(SSL_SESSION *session, struct ticket_bond *bond)
{
    void  *given = NULL;
    size_t given_len = 0;

    if (SSL_SESSION_get0_ticket_appdata(session, &given, &given_len) != 1 ||
        given_len != sizeof(*bond)) {
        return false;
    }
    memcpy(bond, given, sizeof(*bond));
    return true;
}

/* A clock that was set back makes no ticket older. */
static bool is_alive(const SSL *ssl, const struct ticket_bond *bond)
{
    return (int64_t)time(NULL) - bond->began_s <
           (int64_t)engine_of(ssl)->context->session_lifetime_s;
}

/* Of the name as the client wrote it (SSL_get_servername is not there yet while a ticket is read)
 * and of the certificates that serve it: other ones end what was begun with these. */
static bool name_digest(SSL *ssl, uint8_t into[static NAME_DIGEST_BYTES])
{
    const struct tls_engine    *engine = engine_of(ssl);
    const struct tls_hello     *hello = engine->hello;
    const struct tls_selection *selection = engine->context->selection;
    uint8_t bytes[1 + CERTIFICATES_PER_NAME_MAX * IDENTITY_BYTES + TLS_SNI_BYTES];
    size_t  len = 0;
    size_t  digest_len = 0;

    if (hello == NULL) {
        return false;
    }
    const struct certificate_set *set = selection_find(selection, hello_name(engine));

    bytes[len++] = (uint8_t)set->count;
    for (uint32_t i = 0; i < set->count; i++) {
        memcpy(bytes + len, selection->certificates[set->members[i]]->digest, IDENTITY_BYTES);
        len += IDENTITY_BYTES;
    }
    memcpy(bytes + len, hello->sni, hello->sni_len);
    len += hello->sni_len;
    return EVP_Q_digest(engine->context->library->openssl, "SHA256", NULL, bytes, len, into,
                        &digest_len) == 1;
}
