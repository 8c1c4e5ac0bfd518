/* Certificates, what is made of them for handshakes, and who has which name: inside room tls. */
#ifndef SALLYPORT_TLS_CERTIFICATE_INTERNAL_H
#define SALLYPORT_TLS_CERTIFICATE_INTERNAL_H

#include "base/id_table.h"
#include "base/name_table.h"
#include "tls/selection.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>

/* SECURITY_LEVEL_WEIGHED: Debian's default, which certificates are weighed against when read. */
enum {
    CERTIFICATES_PER_NAME_MAX = 3,
    IDENTITY_BYTES = 32,
    ISSUERS_MAX = 10,
    SECURITY_LEVEL_WEIGHED = 2
};

struct issuer {
    struct id_entry entry;
    uint64_t        id;
    struct bytes    der;
    X509           *x509; /* for the library it was made in */
    size_t          holds;
};

struct tls_certificate {
    struct tls_library *library;
    uint64_t            id; /* never given again */
    size_t              holds;
    struct bytes        leaf; /* DER */
    struct bytes        key;  /* DER, as it stood in the file */
    struct issuer      *issuers[ISSUERS_MAX];
    size_t              issuers_count;
    uint8_t             digest[IDENTITY_BYTES]; /* of the leaf */
    int                 key_kind;
    int64_t             not_before_s;
    int64_t             not_after_s;
    uint8_t            *names; /* each behind its length */
    size_t              names_len;
    size_t              names_count;
    char               *weakness;     /* why SECURITY_LEVEL_WEIGHED refuses it, or NULL */
    bool                is_challenge; /* it has an acmeIdentifier, and serves nobody else */
    bool                has_responder;
    bool                needs_staple;
};

struct tls_staple {
    struct bytes der;
    size_t       holds;
    uint64_t     certificate_id;
    int64_t      good_until_s;
    bool         is_revoked;
};

/* The certificates that serve one name: at most one a kind of key. */
struct certificate_set {
    uint32_t members[CERTIFICATES_PER_NAME_MAX];
    uint32_t count;
};

struct tls_selection {
    struct tls_certificate **certificates;
    struct tls_staple      **staples; /* as certificates; NULL: none */
    size_t                   count;
    size_t                   room;
    struct certificate_set  *sets; /* by the value of `names`; set 0 is the default */
    size_t                   sets_count;
    size_t                   sets_room;
    struct name_table       *names;
};

/* A certificate ready for handshakes in one library. */
struct certified_key {
    struct id_entry     entry; /* by the certificate's id */
    struct tls_library *library;
    size_t              holds;
    X509               *leaf;
    EVP_PKEY           *key;
    STACK_OF(X509) * chain; /* of issuer_x509_take */
    uint64_t issuer_ids[ISSUERS_MAX];
    size_t   issuers_count;
};

/* --- selection.c -------------------------------------------------------------------------- */

/* Of a name a client asked for, which may be empty: the default when nothing else serves it. */
const struct certificate_set *selection_find(const struct tls_selection *selection,
                                             struct bytes_const          name);
bool selection_knows(const struct tls_selection *selection, struct bytes_const name);

/* --- issuer.c ----------------------------------------------------------------------------- */

/* Held by each certificate above which it stands. NULL: memory is short, or it is broken. */
struct issuer *issuer_take(struct tls_library *library, struct bytes_const der);
void           issuer_give(struct tls_library *library, struct issuer *issuer);

/* Parsed in any library, once for all certified keys there. */
X509 *issuer_x509_take(struct tls_library *library, const struct issuer *issuer);
void  issuer_x509_give(struct tls_library *library, uint64_t issuer_id);

/* --- certified_key.c ---------------------------------------------------------------------- */

/* NULL when memory is short. */
struct certified_key *certified_key_take(struct tls_library           *library,
                                         const struct tls_certificate *certificate);
/* NULL when it is not there yet. */
struct certified_key *certified_key_take_parsed(struct tls_library           *library,
                                                const struct tls_certificate *certificate);
void                  certified_key_give(struct certified_key *certified_key);

/* DER becomes a certificate; NULL: broken, or memory is short. */
X509 *x509_read(struct tls_library *library, struct bytes_const der);

/* The one door for private keys: DER becomes a key. NULL: none there, or it is encrypted. */
EVP_PKEY *key_read(struct tls_library *library, struct bytes_const der, bool *is_encrypted);

/* Finds the certificate's weakness. False when memory is short. */
bool certified_key_weigh(struct tls_certificate *certificate, X509 *leaf, EVP_PKEY *key);
/* False when this policy does not take it; `reason` (to be freed, or NULL) says why. */
bool certified_key_fits(const struct certified_key *certified_key, SSL_CTX *ssl_ctx, char **reason);

/* --- encrypted_key.c ---------------------------------------------------------------------- */

/* Opens an encrypted key in place; `header` is that of its PEM block, or empty. False, with an
 * error of OpenSSL's or none: another passphrase, no such cipher, broken. */
bool encrypted_key_open(struct tls_library *library, const char *header,
                        struct bytes_const passphrase, struct bytes *der);

#endif
