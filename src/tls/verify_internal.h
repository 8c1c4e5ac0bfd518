/* How room tls verifies clients: what verify.c, trust.c and allow.c share. */
#ifndef SALLYPORT_TLS_VERIFY_INTERNAL_H
#define SALLYPORT_TLS_VERIFY_INTERNAL_H

#include "base/id_table.h"
#include "tls/client_names.h"
#include "tls/verify.h"

#include <openssl/ssl.h>

struct tls_context;
struct tls_engine;

enum { VERIFY_DIGEST_BYTES = 32, VERIFY_SUBJECT_BYTES_MAX = 256 };

/* Authorities and their lists of revoked certificates, read once for all contexts of a library that
 * have the same: lists are long, and most reloads do not change them. */
struct trust {
    struct id_entry     entry; /* by the digest */
    struct tls_library *library;
    size_t              holds;
    X509_STORE         *store;
    STACK_OF(X509_NAME) * names; /* sent to clients */
    int64_t lists_good_until_s;  /* the first of them expires then; 0: none does */
    bool    may_miss_list;
    bool    may_have_old;
    bool    sends_names;
    uint8_t digest[VERIFY_DIGEST_BYTES];
};

struct verify_policy {
    enum tls_verify_mode    mode;
    const struct trust     *trust; /* NULL for TLS_VERIFY_NONE */
    const struct tls_allow *allows;
    size_t                  allows_count;
    uint8_t                 identity[VERIFY_DIGEST_BYTES]; /* the session id context */
};

struct verify {
    struct trust           **trusts;
    size_t                   trusts_count;
    struct verify_policy    *policies;
    size_t                   policies_count;
    const struct name_table *names;
};

/* --- trust.c ------------------------------------------------------------------------------ */

/* NULL when the files are not as tls_trust_look saw them, or memory is short. */
struct trust *trust_take(struct tls_library *library, const struct tls_trust *options);
void          trust_give(struct trust *trust);

/* --- allow.c ------------------------------------------------------------------------------ */

/* No lists at all allow everyone. */
bool allow_matches(const struct verify_policy *policy, const X509 *certificate,
                   OSSL_LIB_CTX *openssl);

/* --- verify.c ----------------------------------------------------------------------------- */

/* Once the context's own identity is known. Leaves context->verify NULL when nobody is asked.
 * False: memory is short, or the files are not as tls_trust_look saw them. */
bool verify_open(struct tls_context *context, const struct tls_verify_options *options);
void verify_close(struct tls_context *context);

/* When a ClientHello was read: the policy of its name applies. False when memory is short. */
bool verify_choose(struct tls_engine *engine);

/* May this session, of an earlier full handshake, stand for a certificate now? */
bool verify_may_resume(const struct tls_engine *engine, const SSL_SESSION *session);

/* When the handshake is complete. False: the client is not let in after all. */
bool verify_finish(struct tls_engine *engine);
void verify_forget(struct tls_engine *engine);

/* What an alert of ours says, where OpenSSL has no way to say it. */
uint8_t verify_alert(const struct tls_engine *engine, uint8_t description);

#endif
