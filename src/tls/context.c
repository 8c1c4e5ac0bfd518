#include "tls/context.h"

#include "base/require.h"
#include "tls/challenge_internal.h"
#include "tls/named_internal.h"
#include "tls/openssl_error.h"
#include "tls/tls_internal.h"
#include "tls/verify_internal.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void give_certified_keys(struct tls_context *context);
static bool context_fill(struct tls_context *context, const struct tls_context_options *options,
                         struct text *problem);
static void apply_limits(SSL_CTX *ssl_ctx);
static bool choose_certificates(struct tls_context               *context,
                                const struct tls_context_options *options, struct text *problem);
static bool read_pems(struct tls_context *context, const struct tls_context_options *options,
                      struct text *problem);
static void adopt_certified_keys(struct tls_context *context);
static bool share_certificates(struct tls_context *context);
static bool use_default_set(struct tls_context *context, struct text *problem);
static struct certified_key *certified_key_at(const struct tls_context *context, size_t index);
static bool read_alpn(struct tls_context *context, const struct tls_context_options *options,
                      struct text *problem);
static bool set_identity(struct tls_context *context, const struct tls_context_options *options);
static bool hash_policy(EVP_MD_CTX *hash, const struct tls_context_options *options);
static int  on_certificate(SSL *ssl, void *argument);
static int  on_status(SSL *ssl, void *argument);
static const struct tls_staple *staple_of(SSL *ssl);

/* --- library ------------------------------------------------------------------------------ */

struct tls_library *tls_library_new(struct error *error)
{
    struct tls_library *library = calloc(1, sizeof(*library));

    *error = error_make(ERROR_EXHAUSTED, "tls library");
    if (library == NULL) {
        return NULL;
    }
    openssl_error_drop();
    library->openssl = OSSL_LIB_CTX_new();
    if (library->openssl != NULL) {
        library->provider = OSSL_PROVIDER_load(library->openssl, "default");
    }
    library->bio_method = bio_method_new();
    if (library->provider != NULL) {
        library->ticket_cipher = EVP_CIPHER_fetch(library->openssl, "AES-256-CBC", NULL);
        library->ticket_cipher_short = EVP_CIPHER_fetch(library->openssl, "AES-128-CBC", NULL);
    }
    if (library->bio_method == NULL || library->ticket_cipher == NULL ||
        library->ticket_cipher_short == NULL || !sealer_init(&library->sealer, library->openssl)) {
        *error = error_from_openssl("tls library");
        tls_library_free(&library);
        return NULL;
    }
    *error = ERROR_OK;
    return library;
}

void tls_library_free(struct tls_library **library)
{
    if (*library == NULL) {
        return;
    }
    require(id_table_count(&(*library)->certified_keys) == 0);
    require(id_table_count(&(*library)->issuers) == 0);
    id_table_fini(&(*library)->certified_keys);
    id_table_fini(&(*library)->issuers);
    id_table_fini(&(*library)->parsed);
    require(id_table_count(&(*library)->trusts) == 0);
    id_table_fini(&(*library)->trusts);
    SSL_free((*library)->scales);
    EVP_MD_free((*library)->sha256);
    OSSL_DECODER_CTX_free((*library)->decoder);
    sealer_fini(&(*library)->sealer);
    EVP_CIPHER_free((*library)->ticket_cipher);
    EVP_CIPHER_free((*library)->ticket_cipher_short);
    BIO_meth_free((*library)->bio_method);
    if ((*library)->provider != NULL) {
        (void)OSSL_PROVIDER_unload((*library)->provider);
    }
    OPENSSL_thread_stop_ex((*library)->openssl);
    OSSL_LIB_CTX_free((*library)->openssl);
    OPENSSL_cleanse(&(*library)->ticket_keys, sizeof((*library)->ticket_keys));
    free(*library);
    *library = NULL;
    openssl_error_drop();
}

void tls_thread_stop(void)
{
    OPENSSL_thread_stop();
}

const char *tls_version_run(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}

const char *tls_version_build(void)
{
    return OPENSSL_VERSION_TEXT;
}

/* --- context ------------------------------------------------------------------------------ */

struct tls_context *tls_context_new(struct tls_library               *library,
                                    const struct tls_context_options *options, struct text *problem)
{
    struct tls_context *context = context_make(library, NULL, options, problem);

    if (context != NULL && options->named.policies_count > 0 &&
        !named_open(context, &options->named, options, problem)) {
        tls_context_free(&context);
    }
    return context;
}

struct tls_context *context_make(struct tls_library *library, const struct tls_context *base,
                                 const struct tls_context_options *options, struct text *problem)
{
    struct tls_context *context = calloc(1, sizeof(*context));

    if (context == NULL) {
        text_string(problem, "out of memory");
        return NULL;
    }
    openssl_error_drop();
    context->library = library;
    context->base = base;
    context->is_server = options->role == TLS_FOR_SERVER;
    context->strict_sni = options->strict_sni;
    context->requires_sni = options->requires_sni;
    context->alpn_mismatch_ignore = options->alpn_mismatch_ignore;
    context->challenge_dir = options->challenge_dir;
    context->ssl_ctx = SSL_CTX_new_ex(
        library->openssl, NULL, context->is_server ? TLS_server_method() : TLS_client_method());
    if (context->ssl_ctx == NULL) {
        text_string(problem, "out of memory");
        tls_context_free(&context);
    } else if (!context_fill(context, options, problem)) {
        tls_context_free(&context);
    }
    openssl_error_drop();
    return context;
}

void tls_context_free(struct tls_context **context)
{
    struct tls_context *freed = *context;

    if (freed == NULL) {
        return;
    }
    named_close(freed);
    SSL_CTX_free(freed->ssl_ctx);
    verify_close(freed);
    if (freed->base == NULL) {
        give_certified_keys(freed);
    }
    tls_selection_free(&freed->own_selection);
    free(freed->alpn);
    free(freed);
    *context = NULL;
}

static void give_certified_keys(struct tls_context *context)
{
    for (size_t i = 0;
         context->certified_keys != NULL && i < tls_selection_count(context->selection); i++) {
        if (context->certified_keys[i] != NULL) {
            certified_key_give(context->certified_keys[i]);
        }
    }
    free(context->certified_keys);
}

static bool context_fill(struct tls_context *context, const struct tls_context_options *options,
                         struct text *problem)
{
    messages_watch(context->ssl_ctx);
    if (!policy_apply(context->ssl_ctx, options, problem) ||
        !read_alpn(context, options, problem)) {
        return false;
    }
    apply_limits(context->ssl_ctx);
    if (!context->is_server) {
        SSL_CTX_set_verify(context->ssl_ctx, SSL_VERIFY_NONE, NULL);
        return true;
    }
    hello_watch(context->ssl_ctx);
    SSL_CTX_set_cert_cb(context->ssl_ctx, on_certificate, NULL);
    (void)SSL_CTX_set_tlsext_status_cb(context->ssl_ctx, on_status);
    tickets_apply(context, options);
    sessions_apply(context, options);
    if (context->base != NULL ? !share_certificates(context)
                              : !choose_certificates(context, options, problem)) {
        return false;
    }
    if (!set_identity(context, options)) {
        text_string(problem, "out of memory");
        return false;
    }
    if (!verify_open(context, &options->verify)) {
        text_string(problem, "client certificates: out of memory, or a file has changed");
        return false;
    }
    return true;
}

/* What no policy and no command may turn on: renegotiation and compression (CVE-2009-3555,
 * CVE-2012-4929), early data (it can be replayed), a session cache beside the tickets; and the
 * modes that let our BIO have short and moving buffers and let an idle connection give its memory
 * back. */
static void apply_limits(SSL_CTX *ssl_ctx)
{
    SSL_CTX_set_options(ssl_ctx, SSL_OP_ENABLE_KTLS | SSL_OP_NO_RENEGOTIATION |
                                     SSL_OP_NO_COMPRESSION |
                                     SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION);
#ifdef SSL_OP_NO_TX_CERTIFICATE_COMPRESSION
    SSL_CTX_set_options(ssl_ctx, SSL_OP_NO_TX_CERTIFICATE_COMPRESSION |
                                     SSL_OP_NO_RX_CERTIFICATE_COMPRESSION);
#endif
    SSL_CTX_set_mode(ssl_ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ssl_ctx, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_max_early_data(ssl_ctx, 0);
}

static bool read_alpn(struct tls_context *context, const struct tls_context_options *options,
                      struct text *problem)
{
    enum { ALPN_NAME_MAX = 255 };
    size_t len = 0;

    for (size_t i = 0; i < options->alpn_count; i++) {
        size_t name_len = strlen(options->alpn[i]);

        if (name_len == 0 || name_len > ALPN_NAME_MAX) {
            text_format(problem, "alpn: a protocol name has 1 to %d bytes", ALPN_NAME_MAX);
            return false;
        }
        len += 1 + name_len;
    }
    context->alpn = len > 0 ? malloc(len) : NULL;
    if (len > 0 && context->alpn == NULL) {
        text_string(problem, "out of memory");
        return false;
    }
    for (size_t i = 0; i < options->alpn_count; i++) {
        size_t name_len = strlen(options->alpn[i]);

        context->alpn[context->alpn_len] = (uint8_t)name_len;
        memcpy(context->alpn + context->alpn_len + 1, options->alpn[i], name_len);
        context->alpn_len += (unsigned)(1 + name_len);
    }
    return true;
}

/* --- certificates ------------------------------------------------------------------------- */

static bool choose_certificates(struct tls_context               *context,
                                const struct tls_context_options *options, struct text *problem)
{
    if (options->selection == NULL && !read_pems(context, options, problem)) {
        return false;
    }
    context->selection = options->selection != NULL ? options->selection : context->own_selection;
    context->certified_keys =
        calloc(tls_selection_count(context->selection) + 1, sizeof(struct certified_key *));
    if (context->certified_keys == NULL) {
        text_string(problem, "out of memory");
        return false;
    }
    adopt_certified_keys(context);
    context->has_default_set = use_default_set(context, problem);
    return context->has_default_set;
}

/* The default certificate need not suit a policy that only some names have. */
static bool share_certificates(struct tls_context *context)
{
    char        memory[TLS_PROBLEM_BYTES];
    struct text problem;

    text_init(&problem, memory, sizeof(memory));
    context->selection = context->base->selection;
    context->certified_keys = context->base->certified_keys;
    context->has_default_set = use_default_set(context, &problem);
    return true;
}

static bool read_pems(struct tls_context *context, const struct tls_context_options *options,
                      struct text *problem)
{
    bool is_read = true;

    if (options->pems_count == 0) {
        text_string(problem, "a server needs a certificate");
        return false;
    }
    context->own_selection = tls_selection_new();
    if (context->own_selection == NULL) {
        text_string(problem, "out of memory");
        return false;
    }
    for (size_t i = 0; is_read && i < options->pems_count; i++) {
        struct tls_certificate *certificate =
            tls_certificate_new(context->library, &options->pems[i], problem);

        is_read = certificate != NULL;
        if (is_read && !tls_selection_add(context->own_selection, certificate)) {
            text_string(problem, "out of memory");
            is_read = false;
        }
        tls_certificate_free(&certificate);
    }
    return is_read;
}

/* What a context before this one had parsed need not be parsed again. */
static void adopt_certified_keys(struct tls_context *context)
{
    const struct tls_selection *selection = context->selection;

    if (id_table_count(&context->library->certified_keys) == 0) {
        return;
    }
    for (size_t i = 0; i < selection->count; i++) {
        context->certified_keys[i] =
            certified_key_take_parsed(context->library, selection->certificates[i]);
    }
}

/* In the SSL_CTX, so that connections that get the default need nothing of their own. */
static bool use_default_set(struct tls_context *context, struct text *problem)
{
    const struct certificate_set *set = &context->selection->sets[0];

    for (uint32_t i = 0; i < set->count; i++) {
        const struct certified_key *certified_key = certified_key_at(context, set->members[i]);

        if (certified_key == NULL ||
            SSL_CTX_use_cert_and_key(context->ssl_ctx, certified_key->leaf, certified_key->key,
                                     certified_key->chain, 1) != 1) {
            struct error error = error_from_openssl("certificate");

            text_format(problem, "certificate: %s", openssl_error_reason(&error));
            return false;
        }
    }
    return true;
}

/* Parsed when first asked for. */
static struct certified_key *certified_key_at(const struct tls_context *context, size_t index)
{
    struct certified_key **certified_key = &context->certified_keys[index];

    if (*certified_key == NULL) {
        *certified_key =
            certified_key_take(context->library, context->selection->certificates[index]);
    }
    return *certified_key;
}

/* The default set is in place already; another replaces all of it, or a client that can do more
 * than the name's certificate offers would get the default's. */
static int on_certificate(SSL *ssl, void *argument)
{
    struct tls_engine            *engine = engine_of(ssl);
    const struct tls_context     *context = engine->context;
    const struct certificate_set *set = selection_find(context->selection, hello_name(engine));

    (void)argument;
    if (engine->is_challenge) {
        return challenge_show(engine) ? 1 : 0;
    }
    if (set == &context->selection->sets[0] && context->has_default_set) {
        return 1;
    }
    SSL_certs_clear(ssl);
    for (uint32_t i = 0; i < set->count; i++) {
        const struct certified_key *certified_key = certified_key_at(context, set->members[i]);

        if (certified_key == NULL ||
            SSL_use_cert_and_key(ssl, certified_key->leaf, certified_key->key, certified_key->chain,
                                 1) != 1) {
            return 0;
        }
    }
    return 1;
}

/* The client wants a staple. Without one, or for want of memory, the handshake goes on without. */
static int on_status(SSL *ssl, void *argument)
{
    const struct tls_staple *staple = staple_of(ssl);
    unsigned char           *copy = NULL;

    (void)argument;
    if (staple != NULL && (int64_t)time(NULL) < staple->good_until_s) {
        copy = OPENSSL_memdup(staple->der.data, staple->der.len);
    }
    if (copy == NULL || SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)staple->der.len) != 1) {
        OPENSSL_free(copy);
        return SSL_TLSEXT_ERR_NOACK;
    }
    engine_of(ssl)->hello->has_staple = true;
    return SSL_TLSEXT_ERR_OK;
}

/* Of the certificate OpenSSL has picked from the name's set. */
static const struct tls_staple *staple_of(SSL *ssl)
{
    const struct tls_engine      *engine = engine_of(ssl);
    const struct tls_context     *context = engine->context;
    const struct certificate_set *set = selection_find(context->selection, hello_name(engine));
    const X509                   *leaf = SSL_get_certificate(ssl);

    for (uint32_t i = 0; i < set->count; i++) {
        const struct certified_key *certified_key = context->certified_keys[set->members[i]];

        if (certified_key != NULL && certified_key->leaf == leaf) {
            return context->selection->staples[set->members[i]];
        }
    }
    return NULL;
}

/* A ticket is good only where the same policy is, down to what replaces parts of it: the session id
 * context is its hash. The ticket itself is bound to the name and its certificates (tickets.c). */
static bool set_identity(struct tls_context *context, const struct tls_context_options *options)
{
    EVP_MD     *sha256 = EVP_MD_fetch(context->library->openssl, "SHA256", NULL);
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    bool is_set = sha256 != NULL && hash != NULL && EVP_DigestInit_ex(hash, sha256, NULL) == 1;

    is_set =
        is_set && hash_policy(hash, options) &&
        EVP_DigestFinal_ex(hash, context->identity, NULL) == 1 &&
        SSL_CTX_set_session_id_context(context->ssl_ctx, context->identity, IDENTITY_BYTES) == 1;
    EVP_MD_CTX_free(hash);
    EVP_MD_free(sha256);
    return is_set;
}

static bool hash_policy(EVP_MD_CTX *hash, const struct tls_context_options *options)
{
    const char *const values[] = {options->min_version, options->max_version,
                                  options->ciphers,     options->ciphersuites,
                                  options->groups,      options->security_level};
    bool is_hashed = EVP_DigestUpdate(hash, &options->policy, sizeof(options->policy)) == 1;

    for (size_t i = 0; is_hashed && i < sizeof(values) / sizeof(values[0]); i++) {
        const char *value = values[i] != NULL ? values[i] : "";

        is_hashed = EVP_DigestUpdate(hash, value, strlen(value) + 1) == 1;
    }
    for (size_t i = 0; is_hashed && i < options->commands_count; i++) {
        const struct tls_command *command = &options->commands[i];

        is_hashed = EVP_DigestUpdate(hash, command->name, strlen(command->name) + 1) == 1 &&
                    EVP_DigestUpdate(hash, command->value, strlen(command->value) + 1) == 1;
    }
    return is_hashed;
}
