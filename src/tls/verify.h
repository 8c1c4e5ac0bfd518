/*
 * Which clients a server lets in by their certificates: for each name a policy, each policy with
 * the authorities it trusts, their lists of revoked certificates, and lists of who is allowed.
 */
#ifndef SALLYPORT_TLS_VERIFY_H
#define SALLYPORT_TLS_VERIFY_H

#include "base/bytes.h"
#include "base/name_table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tls_verify_mode {
    TLS_VERIFY_NONE,     /* nobody is asked for a certificate */
    TLS_VERIFY_OPTIONAL, /* who has none comes in; who shows one must have a good one */
    TLS_VERIFY_REQUIRED,
};

enum { TLS_PIN_BYTES = 32 };

enum tls_trust_kind { TLS_AUTHORITIES, TLS_REVOCATIONS }; /* CA certificates, CRLs */

/* What a file of either kind, PEM or DER, has in it. */
struct tls_trust_facts {
    size_t      count;
    const char *reason;       /* what is broken in it, static; NULL: nothing */
    int64_t     good_until_s; /* when the first of them expires, since the epoch; 0: never */
};
void tls_trust_look(struct bytes_const bytes, enum tls_trust_kind kind,
                    struct tls_trust_facts *facts);

/* Whom to trust. The bytes are those of whole files that were looked at. */
struct tls_trust {
    const struct bytes_const *authorities;
    size_t                    authorities_count;
    const struct bytes_const *revocations;
    size_t                    revocations_count;
    unsigned depth;         /* certificates between the client's and an authority's, at most */
    bool     checks_leaf;   /* against the lists of revoked certificates */
    bool     checks_chain;  /* and the certificates between */
    bool     may_miss_list; /* an authority without a list is no reason to refuse */
    bool     may_have_old;  /* nor is a list that has expired */
    bool     sends_names;   /* clients are told which authorities we know */
};

enum tls_allow_kind {
    TLS_ALLOW_CN,
    TLS_ALLOW_OU,
    TLS_ALLOW_DNS,
    TLS_ALLOW_URI,
    TLS_ALLOW_SPKI_PIN
};

struct tls_allow {
    enum tls_allow_kind kind;
    const char         *pattern;            /* see tls/glob.h */
    uint8_t             pin[TLS_PIN_BYTES]; /* SHA-256 of the public key's SubjectPublicKeyInfo */
};

struct tls_verify {
    enum tls_verify_mode    mode;
    size_t                  trust;  /* index into the trusts */
    const struct tls_allow *allows; /* one entry must match; none: whoever is verified */
    size_t                  allows_count;
};

/* All zero: nobody is asked. What it points to must outlive the context. */
struct tls_verify_options {
    const struct tls_trust  *trusts;
    size_t                   trusts_count;
    const struct tls_verify *policies; /* the first is for names that have none of their own */
    size_t                   policies_count;
    const struct name_table *names; /* to the index of a policy; NULL: none */
};

/* "sha256:" and 64 hexadecimal digits, or "sha256:" or "sha256//" and base64. */
__attribute__((warn_unused_result)) bool tls_pin_read(const char *text,
                                                      uint8_t     pin[static TLS_PIN_BYTES]);

#endif
