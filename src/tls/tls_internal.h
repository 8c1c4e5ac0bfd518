/* What the files of room tls share. */
#ifndef SALLYPORT_TLS_TLS_INTERNAL_H
#define SALLYPORT_TLS_TLS_INTERNAL_H

#include "base/id_table.h"
#include "tls/certificate_internal.h"
#include "tls/challenges.h"
#include "tls/context.h"
#include "tls/engine.h"
#include "tls/seal.h"

#include <openssl/decoder.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>

enum engine_phase { ENGINE_HANDSHAKING, ENGINE_OPEN, ENGINE_FAILED };

struct tls_library {
    OSSL_LIB_CTX            *openssl;
    OSSL_PROVIDER           *provider;
    BIO_METHOD              *bio_method;
    struct sealer            sealer;
    EVP_CIPHER              *ticket_cipher;
    EVP_CIPHER              *ticket_cipher_short; /* of keys of 16 bytes */
    struct tls_ticket_keys   ticket_keys;
    struct tls_session_store store;
    uint64_t                 ids;     /* given so far, to certificates and issuers made here */
    struct id_table          issuers; /* of the certificates made here, by their bytes */
    struct id_table          certified_keys; /* of certificates shown here, by their ids */
    struct id_table          parsed;         /* issuers parsed for handshakes, by their ids */
    struct id_table          trusts;         /* of the contexts there are, by their digests */
    EVP_MD                  *sha256;         /* made at first use */
    OSSL_DECODER_CTX        *decoder; /* of private keys, into `decoded`; made at first use */
    EVP_PKEY                *decoded;
    bool                     has_asked_password;
    SSL *scales; /* shows whether a certificate is strong enough; at first use */
    const struct tls_challenges *challenges; /* NULL: none */
};

struct tls_context {
    struct tls_library         *library;
    SSL_CTX                    *ssl_ctx;
    const struct tls_selection *selection;
    struct tls_selection       *own_selection;  /* made of options.pems */
    struct certified_key      **certified_keys; /* as the selection's certificates; NULL: not yet */
    struct named               *named;          /* names with a policy of their own; NULL: none */
    const struct tls_context   *base; /* whose selection and keys these are; NULL: its own */
    uint8_t                    *alpn; /* RFC 7301 section 3.1: lengths and names */
    unsigned                    alpn_len;
    uint32_t                    session_lifetime_s;
    uint8_t                     identity[IDENTITY_BYTES]; /* the session id context */
    struct verify              *verify;                   /* NULL: no client is asked who it is */
    const char                 *challenge_dir;            /* whose challenges; NULL: none */
    bool                        alpn_mismatch_ignore;
    bool                        strict_sni;
    bool                        requires_sni;
    bool                        is_server;
    bool                        has_default_set; /* in the SSL_CTX */
};

/* What a client offered, kept until tls_engine_settle. */
struct tls_hello {
    uint8_t sni[TLS_SNI_BYTES]; /* as it came; not checked */
    size_t  sni_len;
    uint8_t alpn[TLS_OFFERED_BYTES];
    size_t  alpn_len;
    char    versions[48];
    bool    has_staple; /* OpenSSL has a copy of one for the answer */
};

/* --- context.c ---------------------------------------------------------------------------- */

/* With a base: a context beside that one, which must outlive it and whose certificates and
 * authorities it shares. */
struct tls_context *context_make(struct tls_library *library, const struct tls_context *base,
                                 const struct tls_context_options *options, struct text *problem);

/* --- bio.c -------------------------------------------------------------------------------- */

/* Our BIO: reads engine->input in place, writes to engine->output. NULL when memory is short. */
BIO_METHOD *bio_method_new(void);
BIO        *bio_new(BIO_METHOD *method, struct tls_engine *engine);

/* --- alert.c ------------------------------------------------------------------------------ */

/* "handshake_failure"; static. */
const char *alert_name(unsigned description);

/* --- hello.c ------------------------------------------------------------------------------ */

/* The callbacks of a server's context that look at the ClientHello. */
void hello_watch(SSL_CTX *ssl_ctx);

/* The name the client asked for, in lower case, if it is a valid host name; else empty. Lives as
 * long as the engine. */
struct bytes_const hello_name(const struct tls_engine *engine);

/* --- messages.c --------------------------------------------------------------------------- */

/* Has the engines of this context note alerts and floods. */
void messages_watch(SSL_CTX *ssl_ctx);
/* The callback by which they do. */
void messages_on_message(int is_write, int version, int content_type, const void *message,
                         size_t message_len, SSL *ssl, void *argument);

/* --- policy.c ----------------------------------------------------------------------------- */

/* Versions, ciphers, groups; false, and `problem` names the value at fault. */
bool policy_apply(SSL_CTX *ssl_ctx, const struct tls_context_options *options,
                  struct text *problem);

/* Appends the groups a policy asks for that the library has, or that it lacks. Changes those of
 * the context. */
void policy_groups(SSL_CTX *ssl_ctx, bool is_there, char between, struct text *into);
/* What was asked for, before OpenSSL has a say. */
const char *policy_ciphers(const struct tls_context_options *options);
const char *policy_suites(const struct tls_context_options *options);

/* --- tickets.c ---------------------------------------------------------------------------- */

void tickets_apply(struct tls_context *context, const struct tls_context_options *options);
/* Keys may come after the context, or not at all: a new server's engine looks. */
void tickets_begin(struct tls_engine *engine);
/* Notes in a new session for which name it is and when it began; and whether one that is offered is
 * for the name asked for, and alive. */
bool ticket_bind(SSL *ssl, SSL_SESSION *session);
bool ticket_is_bound_here(SSL *ssl, SSL_SESSION *session);

/* --- sessions.c --------------------------------------------------------------------------- */

void sessions_apply(struct tls_context *context, const struct tls_context_options *options);

/* --- engine.c ----------------------------------------------------------------------------- */

struct tls_engine *engine_of(const SSL *ssl);
void               engine_note_failure(struct tls_engine *engine, enum tls_failure failure);

#endif
