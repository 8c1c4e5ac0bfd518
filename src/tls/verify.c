/*
 * Clients' certificates. OpenSSL builds and checks the chain; here is which policy applies, what a
 * list of revoked certificates that is missing or old means, who is allowed, which alert says so,
 * and what a session of an earlier handshake is worth.
 */
#include "base/require.h"
#include "tls/openssl_error.h"
#include "tls/tls_internal.h"
#include "tls/verify_internal.h"

#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* An extension nobody speaks (RFC 8446 section 11: private use), see on_ticket_extension. */
enum { REFUSAL_EXTENSION = 0xff7a };

static bool read_trusts(struct tls_context *context, const struct tls_verify_options *options);
static bool read_policies(struct tls_context *context, const struct tls_verify_options *options);
static bool apply_policies(struct tls_context *context);
static bool asks_anyone(const struct tls_verify_options *options);
static bool hash_policy(struct tls_context *context, struct verify_policy *policy);
static bool hash_allows(EVP_MD_CTX *hash, const struct verify_policy *policy);
static int  mode_bits(const struct verify_policy *policy);
static const struct verify_policy *policy_of(const struct tls_engine *engine);
static int                         on_chain(X509_STORE_CTX *chain, void *argument);
static int                         on_trouble(int is_fine, X509_STORE_CTX *chain);
static bool is_forgiven(struct tls_engine *engine, const X509_STORE_CTX *chain);
static int  refuse_chain(struct tls_engine *engine, X509_STORE_CTX *chain);
static int  error_for_alert(int error);
static int  deny(struct tls_engine *engine, X509_STORE_CTX *chain);
static int  on_ticket_extension(SSL *ssl, unsigned type, unsigned context,
                                const unsigned char **data, size_t *data_len, X509 *certificate,
                                size_t certificate_index, int *alert, void *argument);
static void note_subject(struct tls_engine *engine, const X509 *certificate);
static void note(struct tls_engine *engine, enum tls_verified verified);

/* --- policies ----------------------------------------------------------------------------- */

bool verify_open(struct tls_context *context, const struct tls_verify_options *options)
{
    if (!asks_anyone(options)) {
        return true;
    }
    context->verify = calloc(1, sizeof(*context->verify));
    if (context->verify == NULL) {
        return false;
    }
    context->verify->names = options->names;
    return read_trusts(context, options) && read_policies(context, options) &&
           apply_policies(context);
}

void verify_close(struct tls_context *context)
{
    struct verify *verify = context->verify;

    if (verify == NULL) {
        return;
    }
    for (size_t i = 0; i < verify->trusts_count; i++) {
        trust_give(verify->trusts[i]);
    }
    free(verify->trusts);
    free(verify->policies);
    free(verify);
    context->verify = NULL;
}

static bool asks_anyone(const struct tls_verify_options *options)
{
    for (size_t i = 0; i < options->policies_count; i++) {
        if (options->policies[i].mode != TLS_VERIFY_NONE) {
            return true;
        }
    }
    return false;
}

static bool read_trusts(struct tls_context *context, const struct tls_verify_options *options)
{
    struct verify *verify = context->verify;

    verify->trusts = calloc(options->trusts_count, sizeof(struct trust *));
    for (size_t i = 0; verify->trusts != NULL && i < options->trusts_count; i++) {
        verify->trusts[i] = trust_take(context->library, &options->trusts[i]);
        if (verify->trusts[i] == NULL) {
            return false;
        }
        verify->trusts_count++;
    }
    return verify->trusts != NULL;
}

static bool read_policies(struct tls_context *context, const struct tls_verify_options *options)
{
    struct verify *verify = context->verify;

    verify->policies = calloc(options->policies_count, sizeof(*verify->policies));
    for (size_t i = 0; verify->policies != NULL && i < options->policies_count; i++) {
        const struct tls_verify *given = &options->policies[i];
        struct verify_policy    *policy = &verify->policies[i];

        policy->mode = given->mode;
        if (given->mode != TLS_VERIFY_NONE) {
            require(given->trust < verify->trusts_count);
            policy->trust = verify->trusts[given->trust];
            policy->allows = given->allows;
            policy->allows_count = given->allows_count;
        }
        if (!hash_policy(context, policy)) {
            return false;
        }
        verify->policies_count++;
    }
    return verify->policies != NULL;
}

/* Until a name was read, and so a policy chosen, nobody is trusted. The first authorities are those
 * of most names: that list is not copied for each handshake. */
static bool apply_policies(struct tls_context *context)
{
    SSL_CTX *ssl_ctx = context->ssl_ctx;
    STACK_OF(X509_NAME) *names = SSL_dup_CA_list(context->verify->trusts[0]->names);

    if (names == NULL) {
        return false;
    }
    SSL_CTX_set_client_CA_list(ssl_ctx, names);
    SSL_CTX_set_verify(ssl_ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, on_trouble);
    SSL_CTX_set_cert_verify_callback(ssl_ctx, on_chain, NULL);
    return SSL_CTX_add_custom_ext(ssl_ctx, REFUSAL_EXTENSION, SSL_EXT_TLS1_3_NEW_SESSION_TICKET,
                                  on_ticket_extension, NULL, NULL, NULL, NULL) == 1;
}

/* A ticket is good only under the same policy, down to each byte of its files. */
static bool hash_policy(struct tls_context *context, struct verify_policy *policy)
{
    EVP_MD     *sha256 = EVP_MD_fetch(context->library->openssl, "SHA256", NULL);
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    bool        is_hashed =
        sha256 != NULL && hash != NULL && EVP_DigestInit_ex(hash, sha256, NULL) == 1 &&
        EVP_DigestUpdate(hash, context->identity, sizeof(context->identity)) == 1 &&
        EVP_DigestUpdate(hash, &policy->mode, sizeof(policy->mode)) == 1 &&
        (policy->trust == NULL ||
         EVP_DigestUpdate(hash, policy->trust->digest, sizeof(policy->trust->digest)) == 1) &&
        hash_allows(hash, policy) && EVP_DigestFinal_ex(hash, policy->identity, NULL) == 1;

    EVP_MD_CTX_free(hash);
    EVP_MD_free(sha256);
    return is_hashed;
}

static bool hash_allows(EVP_MD_CTX *hash, const struct verify_policy *policy)
{
    bool is_hashed = true;

    for (size_t i = 0; is_hashed && i < policy->allows_count; i++) {
        const struct tls_allow *allow = &policy->allows[i];
        const char             *pattern = allow->pattern != NULL ? allow->pattern : "";

        is_hashed = EVP_DigestUpdate(hash, &allow->kind, sizeof(allow->kind)) == 1 &&
                    EVP_DigestUpdate(hash, pattern, strlen(pattern) + 1) == 1 &&
                    EVP_DigestUpdate(hash, allow->pin, sizeof(allow->pin)) == 1;
    }
    return is_hashed;
}

bool verify_choose(struct tls_engine *engine)
{
    if (engine->context->verify == NULL) {
        return true;
    }
    const struct verify_policy *policy = policy_of(engine);
    STACK_OF(X509_NAME) *names = NULL;

    SSL_set_verify(engine->ssl, mode_bits(policy), on_trouble);
    if (policy->trust != NULL &&
        SSL_set1_verify_cert_store(engine->ssl, policy->trust->store) != 1) {
        return false;
    }
    if (policy->trust != NULL && policy->trust != engine->context->verify->trusts[0]) {
        names = SSL_dup_CA_list(policy->trust->names);
        if (names == NULL) {
            return false;
        }
    }
    SSL_set_client_CA_list(engine->ssl, names);
    return SSL_set_session_id_context(engine->ssl, policy->identity, sizeof(policy->identity)) == 1;
}

static int mode_bits(const struct verify_policy *policy)
{
    switch (policy->mode) {
    case TLS_VERIFY_NONE:
        return SSL_VERIFY_NONE;
    case TLS_VERIFY_OPTIONAL:
        return SSL_VERIFY_PEER;
    case TLS_VERIFY_REQUIRED:
        break;
    }
    return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
}

/* That of the last hello's name, which is also the name the backend is chosen by. */
static const struct verify_policy *policy_of(const struct tls_engine *engine)
{
    const struct verify *verify = engine->context->verify;
    struct bytes_const   name = hello_name(engine);
    int                  found = NAME_TABLE_NONE;

    if (verify->names != NULL && name.len > 0) {
        found = name_table_find(verify->names, name);
    }
    require(found < (int)verify->policies_count);
    return &verify->policies[found == NAME_TABLE_NONE ? 0 : found];
}

/* --- chains ------------------------------------------------------------------------------- */

static int on_chain(X509_STORE_CTX *chain, void *argument)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_engine          *engine = engine_of(ssl);
    const struct verify_policy *policy = policy_of(engine);
    X509                       *leaf = X509_STORE_CTX_get0_cert(chain);

    (void)argument;
    note_subject(engine, leaf);
    note(engine, TLS_VERIFIED);
    if (X509_verify_cert(chain) <= 0) {
        return refuse_chain(engine, chain);
    }
    if (!allow_matches(policy, leaf, engine->context->library->openssl)) {
        return deny(engine, chain);
    }
    return 1;
}

/* Called for each certificate of a chain, and for each thing that is wrong with one. */
static int on_trouble(int is_fine, X509_STORE_CTX *chain)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());

    if (is_fine != 1 && is_forgiven(engine_of(ssl), chain)) {
        X509_STORE_CTX_set_error(chain, X509_V_OK);
        return 1;
    }
    return is_fine;
}

static bool is_forgiven(struct tls_engine *engine, const X509_STORE_CTX *chain)
{
    const struct trust *trust = policy_of(engine)->trust;
    bool                is_last =
        X509_STORE_CTX_get_error_depth(chain) == sk_X509_num(X509_STORE_CTX_get0_chain(chain)) - 1;

    switch (X509_STORE_CTX_get_error(chain)) {
    case X509_V_ERR_UNABLE_TO_GET_CRL:
        if (is_last) {
            return true; /* we trust this one by ourselves: nobody else could revoke it */
        }
        if (trust->may_miss_list) {
            note(engine, TLS_VERIFIED_LIST_MISSING);
        }
        return trust->may_miss_list;
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
        if (trust->may_have_old) {
            note(engine, TLS_VERIFIED_LIST_OLD);
        }
        return trust->may_have_old;
    default:
        return false;
    }
}

static int refuse_chain(struct tls_engine *engine, X509_STORE_CTX *chain)
{
    int error = X509_STORE_CTX_get_error(chain);

    note(engine, TLS_VERIFY_FAILED);
    engine->refusal = X509_verify_cert_error_string(error);
    engine_note_failure(engine, error == X509_V_ERR_OUT_OF_MEM ? TLS_FAILURE_MEMORY
                                                               : TLS_FAILURE_CERTIFICATE);
    X509_STORE_CTX_set_error(chain, error_for_alert(error));
    return 0;
}

/* OpenSSL takes the alert from the error, and not always as RFC 8446 section 6.2 has it. */
static int error_for_alert(int error)
{
    switch (error) {
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return X509_V_ERR_CERT_HAS_EXPIRED; /* "or is not currently valid" */
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        return X509_V_ERR_CERT_REJECTED; /* bad_certificate: "signatures that did not verify" */
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
        return X509_V_ERR_CRL_PATH_VALIDATION_ERROR; /* certificate_unknown: the fault is ours */
    default:
        return error;
    }
}

/*
 * A good certificate of someone who is not on the lists: access_denied, which OpenSSL has no way to
 * send for a certificate. Until TLS 1.2 alerts go out in clear here, and verify_alert changes what
 * they say. In TLS 1.3 the handshake goes on until OpenSSL asks what to put into the ticket
 * (on_ticket_extension), where an alert may be named; verify_finish sees to it that it ends there.
 */
static int deny(struct tls_engine *engine, X509_STORE_CTX *chain)
{
    note(engine, TLS_VERIFY_FAILED);
    engine->is_denied = true;
    engine->refusal = "not on the lists of allowed clients";
    if (SSL_version(engine->ssl) < TLS1_3_VERSION) {
        engine_note_failure(engine, TLS_FAILURE_CERTIFICATE);
        X509_STORE_CTX_set_error(chain, X509_V_ERR_CERT_REJECTED);
        return 0;
    }
    return SSL_set_num_tickets(engine->ssl, 1);
}

static int on_ticket_extension(SSL *ssl, unsigned type, unsigned context,
                               const unsigned char **data, size_t *data_len, X509 *certificate,
                               size_t certificate_index, int *alert, void *argument)
{
    struct tls_engine *engine = engine_of(ssl);

    (void)type;
    (void)context;
    (void)data;
    (void)data_len;
    (void)certificate;
    (void)certificate_index;
    (void)argument;
    if (!engine->is_denied) {
        return 0;
    }
    engine_note_failure(engine, TLS_FAILURE_CERTIFICATE);
    *alert = SSL_AD_ACCESS_DENIED;
    return -1;
}

uint8_t verify_alert(const struct tls_engine *engine, uint8_t description)
{
    bool is_ours = engine->is_denied && SSL_version(engine->ssl) < TLS1_3_VERSION &&
                   description == SSL_AD_BAD_CERTIFICATE;

    return is_ours ? SSL_AD_ACCESS_DENIED : description;
}

/* --- sessions ----------------------------------------------------------------------------- */

/* The session id context says that nothing has changed but the time; the lists are looked at all
 * the same. */
bool verify_may_resume(const struct tls_engine *engine, const SSL_SESSION *session)
{
    if (engine->context->verify == NULL) {
        return true;
    }
    const struct verify_policy *policy = policy_of(engine);
    X509                       *leaf = SSL_SESSION_get0_peer((SSL_SESSION *)(uintptr_t)session);

    if (policy->mode == TLS_VERIFY_NONE || leaf == NULL) {
        return policy->mode != TLS_VERIFY_REQUIRED;
    }
    time_t now = time(NULL);
    bool   has_current_lists = policy->trust->may_have_old ||
                             policy->trust->lists_good_until_s == 0 ||
                             policy->trust->lists_good_until_s > (int64_t)now;

    return has_current_lists && X509_cmp_time(X509_get0_notAfter(leaf), &now) > 0 &&
           allow_matches(policy, leaf, engine->context->library->openssl);
}

bool verify_finish(struct tls_engine *engine)
{
    if (engine->context->verify == NULL || engine->is_challenge) {
        return true;
    }
    X509 *leaf = SSL_get0_peer_certificate(engine->ssl);

    if (leaf != NULL && engine->verified == TLS_VERIFIED_NOT) {
        note(engine, TLS_VERIFIED); /* a resumed session */
        note_subject(engine, leaf);
    }
    if (engine->is_denied || (leaf == NULL && policy_of(engine)->mode == TLS_VERIFY_REQUIRED)) {
        engine_note_failure(engine, TLS_FAILURE_CERTIFICATE);
        return false;
    }
    return true;
}

void verify_forget(struct tls_engine *engine)
{
    free(engine->subject.data);
    engine->subject = (struct bytes){0};
}

static void note_subject(struct tls_engine *engine, const X509 *certificate)
{
    verify_forget(engine);
    engine->subject = client_names_subject(certificate, VERIFY_SUBJECT_BYTES_MAX);
}

static void note(struct tls_engine *engine, enum tls_verified verified)
{
    engine->verified = (uint8_t)verified;
}
