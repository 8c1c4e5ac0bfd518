/*
 * What connections of one frontend share: policy, certificates by name, ALPN, tickets. Immutable
 * once made. A context belongs to the library it was made in, a library to one reactor: OpenSSL
 * 3.0 contends on its fetches when threads share a library context.
 */
#ifndef SALLYPORT_TLS_CONTEXT_H
#define SALLYPORT_TLS_CONTEXT_H

#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "tls/certificate.h"
#include "tls/selection.h"
#include "tls/ticket_keys.h"
#include "tls/verify.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_library;
struct tls_context;

/* An OpenSSL library context with its providers loaded; NULL and error. */
__attribute__((warn_unused_result)) struct tls_library *tls_library_new(struct error *error);
/* Contexts made in it must be gone. */
void tls_library_free(struct tls_library **library);
/* A thread that used OpenSSL calls this before it ends. */
void tls_thread_stop(void);

/* --- ticket keys ------------------------------------------------------------------------- */

/* Takes a copy for all contexts of this library, now and later. */
void tls_library_set_ticket_keys(struct tls_library *library, const struct tls_ticket_keys *keys);

/* --- sessions ---------------------------------------------------------------------------- */

enum { TLS_SESSION_ID_BYTES = 32, TLS_STORED_SESSION_BYTES = 440 };

/* Where sessions of TLS 1.2 clients without tickets are kept, secrets and all, for every reactor to
 * find. Called on the reactor's thread, from within tls_engine_handshake and others. */
struct tls_session_store {
    void *owner;
    void (*put)(void *owner, const uint8_t id[TLS_SESSION_ID_BYTES], struct bytes_const session);
    /* Copies it out; 0: there is none. */
    size_t (*get)(void *owner, const uint8_t id[TLS_SESSION_ID_BYTES],
                  uint8_t session[TLS_STORED_SESSION_BYTES]);
    void (*drop)(void *owner, const uint8_t id[TLS_SESSION_ID_BYTES]);
};

/* For the contexts that are made after it; without one such clients do not resume. */
void tls_library_set_session_store(struct tls_library             *library,
                                   const struct tls_session_store *store);

/* --- contexts ---------------------------------------------------------------------------- */

enum tls_policy { TLS_POLICY_MODERN, TLS_POLICY_INTERMEDIATE, TLS_POLICY_OLD };

enum { TLS_PROBLEM_BYTES = 512 };

struct tls_context_options {
    enum tls_role_hint { TLS_FOR_SERVER, TLS_FOR_CLIENT } role;
    enum tls_policy policy;
    const char     *min_version; /* "TLSv1.2", or NULL: the policy's */
    const char     *max_version;
    const char     *ciphers;      /* TLS 1.2 and below; NULL: the policy's */
    const char     *ciphersuites; /* TLS 1.3 */
    const char     *groups;
    const char     *security_level; /* "0" to "5" */
    const struct tls_command {      /* of SSL_CONF_cmd(3), applied behind the rest */
        const char *name;
        const char *value;
    } * commands;
    size_t commands_count;
    bool   prefer_server_ciphers;
    /* A server's certificates, which must outlive the context: none yet is fine for one that only
     * shows what a policy takes. NULL: the context makes its own selection of `pems`. */
    const struct tls_selection *selection;
    const struct tls_pem       *pems;
    size_t                      pems_count;
    const char *const          *alpn; /* protocols in the server's order of preference */
    size_t                      alpn_count;
    bool     alpn_mismatch_ignore;    /* go on without ALPN; else no_application_protocol */
    bool     strict_sni;              /* unknown names end with unrecognized_name */
    bool     requires_sni;            /* and so do clients that name none */
    unsigned tickets;                 /* a full TLS 1.3 handshake gives: 0, 1 or 2 */
    uint32_t session_lifetime_s;      /* from the full handshake; a session resumes no later */
    struct tls_verify_options verify; /* server: which clients are let in */
    /* Whose challenges answer acme-tls/1 here (tls/challenges.h); NULL: none do. */
    const char *challenge_dir;
    struct tls_named_options { /* server: names with a policy of their own; zero: none */
        const struct tls_context_options *policies; /* of each, the policy and ALPN count */
        size_t                            policies_count;
        const struct name_table          *names; /* 0: the policy above; i: policies[i - 1] */
    } named;
};

/*
 * NULL when something is wrong; then `problem` says what, with the path of the file at fault
 * ("certs/www.pem: the key does not belong to the certificate").
 */
__attribute__((warn_unused_result)) struct tls_context      *
tls_context_new(struct tls_library *library, const struct tls_context_options *options,
                     struct text *problem);
void tls_context_free(struct tls_context **context);

/* False when connections of this context could not be shown the certificate: its key is too small
 * for the policy of one of its names, say, or for the context's own when it is the default; or it
 * is a challenge's. `problem` says why. */
__attribute__((warn_unused_result)) bool
tls_context_takes(struct tls_context *context, const struct tls_certificate *certificate,
                  bool is_default, struct text *problem);

/* False when the certificates that this selection has for a name are not for the name's policy. */
__attribute__((warn_unused_result)) bool tls_context_serves(struct tls_context         *context,
                                                            const struct tls_selection *selection,
                                                            struct bytes_const          name,
                                                            struct text                *problem);

/* "OpenSSL 3.0.22 ..." of the library loaded at run time, and of the headers at build time. */
const char *tls_version_run(void);
const char *tls_version_build(void);

#endif
