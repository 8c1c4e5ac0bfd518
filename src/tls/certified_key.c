/*
 * Certificates made ready for handshakes in one library: an X509 and a key cannot be shared over
 * library contexts without exporting the key to each and locking on every signature. Parsed when
 * first asked for, since most of ten thousand never are, and kept while some context of the library
 * knows the certificate, so that a reload costs no parsing either.
 */
#include "base/require.h"
#include "tls/openssl_error.h"
#include "tls/tls_internal.h"

#include <openssl/decoder.h>
#include <stdlib.h>
#include <string.h>

static struct certified_key *certified_key_new(struct tls_library           *library,
                                               const struct tls_certificate *certificate);
static bool                  certified_key_fill(struct certified_key         *certified_key,
                                                const struct tls_certificate *certificate);
static void                  certified_key_free(struct certified_key *certified_key);
static bool                  decoder_open(struct tls_library *library);
static bool                  scales_open(struct tls_library *library);
static bool ssl_takes(SSL *ssl, X509 *leaf, EVP_PKEY *key, STACK_OF(X509) * chain, char **reason);
static int  refuse_password(char *into, size_t into_bytes, size_t *password_len,
                            const OSSL_PARAM parameters[], void *has_asked);

struct certified_key *certified_key_take_parsed(struct tls_library           *library,
                                                const struct tls_certificate *certificate)
{
    struct id_entry *entry = id_table_find(&library->certified_keys, certificate->id);

    if (entry == NULL) {
        return NULL;
    }
    struct certified_key *certified_key = container_of(entry, struct certified_key, entry);

    certified_key->holds++;
    return certified_key;
}

struct certified_key *certified_key_take(struct tls_library           *library,
                                         const struct tls_certificate *certificate)
{
    struct certified_key *certified_key = certified_key_take_parsed(library, certificate);

    return certified_key != NULL ? certified_key : certified_key_new(library, certificate);
}

void certified_key_give(struct certified_key *certified_key)
{
    require(certified_key->holds > 0);
    if (--certified_key->holds == 0) {
        id_table_remove(&certified_key->library->certified_keys, &certified_key->entry);
        certified_key_free(certified_key);
    }
}

static struct certified_key *certified_key_new(struct tls_library           *library,
                                               const struct tls_certificate *certificate)
{
    struct certified_key *certified_key = calloc(1, sizeof(*certified_key));

    if (certified_key == NULL) {
        return NULL;
    }
    certified_key->library = library;
    certified_key->holds = 1;
    if (!certified_key_fill(certified_key, certificate) ||
        !id_table_add(&library->certified_keys, &certified_key->entry, certificate->id)) {
        certified_key_free(certified_key);
        return NULL;
    }
    return certified_key;
}

static bool certified_key_fill(struct certified_key         *certified_key,
                               const struct tls_certificate *certificate)
{
    struct tls_library *library = certified_key->library;
    bool                is_encrypted = false;

    certified_key->leaf =
        x509_read(library, (struct bytes_const){certificate->leaf.data, certificate->leaf.len});
    certified_key->key = key_read(
        library, (struct bytes_const){certificate->key.data, certificate->key.len}, &is_encrypted);
    certified_key->chain = sk_X509_new_null();
    if (certified_key->leaf == NULL || certified_key->key == NULL || certified_key->chain == NULL) {
        return false;
    }
    for (size_t i = 0; i < certificate->issuers_count; i++) {
        const struct issuer *issuer = certificate->issuers[i];
        X509                *x509 = issuer_x509_take(library, issuer);

        if (x509 == NULL) {
            return false;
        }
        certified_key->issuer_ids[certified_key->issuers_count++] = issuer->id;
        if (sk_X509_push(certified_key->chain, x509) <= 0) {
            return false;
        }
    }
    return true;
}

static void certified_key_free(struct certified_key *certified_key)
{
    sk_X509_free(certified_key->chain);
    for (size_t i = 0; i < certified_key->issuers_count; i++) {
        issuer_x509_give(certified_key->library, certified_key->issuer_ids[i]);
    }
    X509_free(certified_key->leaf);
    EVP_PKEY_free(certified_key->key);
    free(certified_key);
}

/* --- parts -------------------------------------------------------------------------------- */

X509 *x509_read(struct tls_library *library, struct bytes_const der)
{
    X509                *x509 = X509_new_ex(library->openssl, NULL);
    const unsigned char *at = der.data;

    if (x509 != NULL && (der.len > LONG_MAX || d2i_X509(&x509, &at, (long)der.len) == NULL)) {
        X509_free(x509);
        return NULL;
    }
    return x509;
}

/* One decoder for all keys: setting one up costs 0.35 ms, using it 0.02. */
EVP_PKEY *key_read(struct tls_library *library, struct bytes_const der, bool *is_encrypted)
{
    const unsigned char *at = der.data;
    size_t               left = der.len;

    if (library->decoder == NULL && !decoder_open(library)) {
        return NULL;
    }
    library->decoded = NULL;
    library->has_asked_password = false;
    if (OSSL_DECODER_from_data(library->decoder, &at, &left) != 1) {
        EVP_PKEY_free(library->decoded);
        library->decoded = NULL;
    }
    EVP_PKEY *key = library->decoded;

    library->decoded = NULL;
    *is_encrypted = *is_encrypted || library->has_asked_password;
    return key;
}

static bool decoder_open(struct tls_library *library)
{
    library->decoder = OSSL_DECODER_CTX_new_for_pkey(&library->decoded, "DER", NULL, NULL,
                                                     EVP_PKEY_KEYPAIR, library->openssl, NULL);
    return library->decoder != NULL &&
           OSSL_DECODER_CTX_set_passphrase_cb(library->decoder, refuse_password,
                                              &library->has_asked_password) == 1;
}

/* OpenSSL would ask the terminal. */
static int refuse_password(char *into, size_t into_bytes, size_t *password_len,
                           const OSSL_PARAM parameters[], void *has_asked)
{
    (void)into;
    (void)into_bytes;
    (void)password_len;
    (void)parameters;
    *(bool *)has_asked = true;
    return 0;
}

/* --- weight ------------------------------------------------------------------------------- */

bool certified_key_weigh(struct tls_certificate *certificate, X509 *leaf, EVP_PKEY *key)
{
    struct tls_library *library = certificate->library;
    STACK_OF(X509) *chain = sk_X509_new_null();
    bool is_whole = chain != NULL && (library->scales != NULL || scales_open(library));

    for (size_t i = 0; is_whole && i < certificate->issuers_count; i++) {
        is_whole = sk_X509_push(chain, certificate->issuers[i]->x509) > 0;
    }
    if (is_whole && !ssl_takes(library->scales, leaf, key, chain, &certificate->weakness)) {
        is_whole = certificate->weakness != NULL;
    }
    sk_X509_free(chain);
    return is_whole;
}

bool certified_key_fits(const struct certified_key *certified_key, SSL_CTX *ssl_ctx, char **reason)
{
    SSL *ssl = SSL_new(ssl_ctx);
    bool fits = ssl != NULL && ssl_takes(ssl, certified_key->leaf, certified_key->key,
                                         certified_key->chain, reason);

    SSL_free(ssl);
    return fits;
}

static bool scales_open(struct tls_library *library)
{
    SSL_CTX *ssl_ctx = SSL_CTX_new_ex(library->openssl, NULL, TLS_server_method());

    library->scales = ssl_ctx != NULL ? SSL_new(ssl_ctx) : NULL;
    SSL_CTX_free(ssl_ctx);
    if (library->scales != NULL) {
        SSL_set_security_level(library->scales, SECURITY_LEVEL_WEIGHED);
    }
    return library->scales != NULL;
}

/* `reason` to be freed; NULL when memory is short. */
static bool ssl_takes(SSL *ssl, X509 *leaf, EVP_PKEY *key, STACK_OF(X509) * chain, char **reason)
{
    SSL_certs_clear(ssl);
    bool is_taken = SSL_use_cert_and_key(ssl, leaf, key, chain, 1) == 1;

    if (!is_taken) {
        struct error error = error_from_openssl("certificate");

        *reason = strdup(openssl_error_reason(&error));
    }
    SSL_certs_clear(ssl);
    return is_taken;
}
