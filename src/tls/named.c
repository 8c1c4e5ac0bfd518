/*
 * Names with a policy of their own. Each distinct policy is a context beside that of the frontend,
 * with certificates and authorities in common. Which one it is stands in the ClientHello, and by
 * then OpenSSL has begun a connection of the frontend's. Turning that one into another
 * (SSL_set_SSL_CTX) would leave versions, groups and options behind, so it is given up instead, and
 * the hello is read once more by a connection of the right context.
 */
#include "tls/named_internal.h"

#include "base/require.h"
#include "tls/openssl_error.h"

#include <stdlib.h>
#include <string.h>

enum { RECORD_HEAD_BYTES = 5 };

struct named {
    struct tls_context     **contexts;
    size_t                   count;
    const struct name_table *names; /* 0: the frontend's; i: contexts[i - 1] */
};

/* Of one certificate while its names are gone through. */
struct taking {
    struct tls_context           *context;
    const struct tls_certificate *certificate;
    struct text                  *problem;
};

static struct tls_context_options options_of(const struct tls_context_options *own,
                                             const struct tls_context_options *base);
static void on_message(int is_write, int version, int content_type, const void *message,
                       size_t message_len, SSL *ssl, void *argument);
static void keep_hello(struct tls_engine *engine, struct bytes_const message);
static void drop_records(struct tls_engine *engine);
static bool takes_for_name(void *owner, struct bytes_const name);
static bool fits(struct tls_context *context, const struct tls_certificate *certificate,
                 struct text *problem);

/* --- contexts ----------------------------------------------------------------------------- */

bool named_open(struct tls_context *context, const struct tls_named_options *options,
                const struct tls_context_options *base, struct text *problem)
{
    struct named *named = calloc(1, sizeof(*named));

    context->named = named;
    if (named != NULL) {
        named->names = options->names;
        named->contexts = calloc(options->policies_count, sizeof(*named->contexts));
    }
    if (named == NULL || named->contexts == NULL) {
        text_string(problem, "out of memory");
        return false;
    }
    SSL_CTX_set_msg_callback(context->ssl_ctx, on_message);
    for (size_t i = 0; i < options->policies_count; i++) {
        struct tls_context_options own = options_of(&options->policies[i], base);

        named->contexts[i] = context_make(context->library, context, &own, problem);
        if (named->contexts[i] == NULL) {
            return false;
        }
        named->count++;
    }
    return true;
}

void named_close(struct tls_context *context)
{
    struct named *named = context->named;

    if (named == NULL) {
        return;
    }
    for (size_t i = 0; i < named->count; i++) {
        tls_context_free(&named->contexts[i]);
    }
    free(named->contexts);
    free(named);
    context->named = NULL;
}

/* Beyond policy and ALPN a frontend is one whole. */
static struct tls_context_options options_of(const struct tls_context_options *own,
                                             const struct tls_context_options *base)
{
    struct tls_context_options options = *own;

    options.role = base->role;
    options.selection = NULL;
    options.pems = NULL;
    options.pems_count = 0;
    options.strict_sni = base->strict_sni;
    options.requires_sni = base->requires_sni;
    options.tickets = base->tickets;
    options.session_lifetime_s = base->session_lifetime_s;
    options.verify = base->verify;
    options.challenge_dir = base->challenge_dir;
    options.named = (struct tls_named_options){0};
    return options;
}

struct tls_context *named_find(const struct tls_context *context, struct bytes_const name)
{
    const struct named *named = context->named;
    int                 found = NAME_TABLE_NONE;

    if (named != NULL && name.len > 0) {
        found = name_table_find(named->names, name);
    }
    if (found == NAME_TABLE_NONE || found == 0) {
        return NULL;
    }
    require((size_t)found <= named->count);
    return named->contexts[found - 1];
}

/* --- connections -------------------------------------------------------------------------- */

enum named_choice named_choose(struct tls_engine *engine)
{
    const struct tls_context *base =
        engine->context->base != NULL ? engine->context->base : engine->context;

    const struct tls_context *found = named_find(base, hello_name(engine));
    const struct tls_context *wanted = found != NULL ? found : base;

    if (wanted == engine->context) {
        engine->has_policy = true;
        drop_records(engine);
        return NAMED_SETTLED;
    }
    if (engine->has_policy) {
        return NAMED_CHANGED;
    }
    if (engine->records.data == NULL) {
        return NAMED_NO_MEMORY;
    }
    if (SSL_has_pending(engine->ssl) != 0) {
        return NAMED_TRAILED;
    }
    engine->context = wanted;
    return NAMED_AGAIN;
}

/* In the place of room tls' own, so that contexts without such names do not look for hellos. */
static void on_message(int is_write, int version, int content_type, const void *message,
                       size_t message_len, SSL *ssl, void *argument)
{
    const uint8_t *bytes = message;

    if (content_type == SSL3_RT_HANDSHAKE && is_write == 0 && message_len > 0 &&
        bytes[0] == SSL3_MT_CLIENT_HELLO) {
        keep_hello(engine_of(ssl), (struct bytes_const){bytes, message_len});
    }
    messages_on_message(is_write, version, content_type, message, message_len, ssl, argument);
}

/* As records, for OpenSSL reads nothing else (RFC 8446 section 5.1). When memory is short there
 * are none, which named_choose tells. */
static void keep_hello(struct tls_engine *engine, struct bytes_const message)
{
    size_t   records = (message.len + TLS_RECORD_PLAIN_BYTES - 1) / TLS_RECORD_PLAIN_BYTES;
    uint8_t *at = NULL;

    if (engine->has_policy) {
        return;
    }
    drop_records(engine);
    at = malloc(message.len + records * RECORD_HEAD_BYTES);
    if (at == NULL) {
        return;
    }
    engine->records.data = at;
    while (message.len > 0) {
        size_t  len = message.len < TLS_RECORD_PLAIN_BYTES ? message.len : TLS_RECORD_PLAIN_BYTES;
        uint8_t head[RECORD_HEAD_BYTES] = {SSL3_RT_HANDSHAKE, TLS1_VERSION_MAJOR,
                                           TLS1_VERSION_MINOR, (uint8_t)(len >> 8), (uint8_t)len};

        memcpy(at, head, sizeof(head));
        memcpy(at + sizeof(head), message.data, len);
        at += sizeof(head) + len;
        message.data += len;
        message.len -= len;
    }
    engine->records.len = (size_t)(at - engine->records.data);
}

static void drop_records(struct tls_engine *engine)
{
    free(engine->records.data);
    engine->records = (struct bytes){0};
}

/* --- certificates ------------------------------------------------------------------------- */

bool tls_context_takes(struct tls_context *context, const struct tls_certificate *certificate,
                       bool is_default, struct text *problem)
{
    struct taking taking = {.context = context, .certificate = certificate, .problem = problem};

    if (certificate->is_challenge) {
        text_string(problem, "the certificate of an ACME challenge, which serves nobody else");
        return false;
    }
    if (context->named == NULL) {
        return fits(context, certificate, problem);
    }
    return (!is_default || fits(context, certificate, problem)) &&
           tls_certificate_each_name(certificate, takes_for_name, &taking);
}

static bool takes_for_name(void *owner, struct bytes_const name)
{
    const struct taking *taking = owner;
    struct tls_context  *found = named_find(taking->context, name);

    return fits(found != NULL ? found : taking->context, taking->certificate, taking->problem);
}

bool tls_context_serves(struct tls_context *context, const struct tls_selection *selection,
                        struct bytes_const name, struct text *problem)
{
    const struct certificate_set *set = selection_find(selection, name);
    struct tls_context           *found = named_find(context, name);
    bool                          serves = true;

    for (uint32_t i = 0; serves && i < set->count; i++) {
        serves = fits(found != NULL ? found : context, selection->certificates[set->members[i]],
                      problem);
    }
    return serves;
}

static bool fits(struct tls_context *context, const struct tls_certificate *certificate,
                 struct text *problem)
{
    char *reason = NULL;

    if (certificate->weakness == NULL &&
        SSL_CTX_get_security_level(context->ssl_ctx) <= SECURITY_LEVEL_WEIGHED) {
        return true;
    }
    openssl_error_drop();
    struct certified_key *certified_key = certified_key_take(context->library, certificate);
    bool                  does_fit =
        certified_key != NULL && certified_key_fits(certified_key, context->ssl_ctx, &reason);

    if (!does_fit) {
        text_string(problem, reason != NULL ? reason : "out of memory");
    }
    free(reason);
    if (certified_key != NULL) {
        certified_key_give(certified_key);
    }
    openssl_error_drop();
    return does_fit;
}
