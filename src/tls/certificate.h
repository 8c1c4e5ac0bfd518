/*
 * A certificate with its chain and its key: parsed and checked once, immutable, counted. Belongs to
 * the library it was made in and to that library's thread, which alone counts; other threads may
 * read it for as long as somebody there holds it.
 */
#ifndef SALLYPORT_TLS_CERTIFICATE_H
#define SALLYPORT_TLS_CERTIFICATE_H

#include "base/bytes.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_library;
struct tls_certificate;

/* As PEM text read by the caller, who may wipe it afterwards. The paths are for messages. Key and
 * chain may stand in the same text as the certificate. */
struct tls_pem {
    const char        *certificate_path;
    struct bytes_const certificate;
    const char        *key_path; /* NULL: the key stands in `certificate` */
    struct bytes_const key;
    const char        *chain_path; /* NULL: there is no more of the chain */
    struct bytes_const chain;
    struct bytes_const passphrase; /* that opens the key; no data: there is none */
};

/* What a text has in it, by the looks of it: nothing is decoded. */
struct tls_pem_facts {
    bool has_certificate;
    bool has_key;
    bool has_encrypted_key;
};
void tls_pem_look(struct bytes_const text, struct tls_pem_facts *facts);

enum { TLS_PASSPHRASE_BYTES_MAX = 1024 };

/* NULL when something is wrong; then `problem` says what, with the path of the file at fault
 * ("certs/www.pem: the key does not belong to the certificate"). */
__attribute__((warn_unused_result)) struct tls_certificate *
tls_certificate_new(struct tls_library *library, const struct tls_pem *pem, struct text *problem);

/* A digest of the texts: the same bytes make the same certificate. False when memory is short. */
enum { TLS_PEM_DIGEST_BYTES = 32 };
__attribute__((warn_unused_result)) bool tls_pem_digest(struct tls_library   *library,
                                                        const struct tls_pem *pem,
                                                        uint8_t into[static TLS_PEM_DIGEST_BYTES]);

/* One hold more; returns the certificate. */
struct tls_certificate *tls_certificate_hold(struct tls_certificate *certificate);
/* One hold less; with the last the key is wiped. */
void tls_certificate_free(struct tls_certificate **certificate);

/* Host names it is for, those that are none left out. */
size_t tls_certificate_names(const struct tls_certificate *certificate);

/* Calls `each` with each of them, in their order, until one call returns false; so does this then.
 */
typedef bool tls_certificate_name(void *owner, struct bytes_const name);
bool         tls_certificate_each_name(const struct tls_certificate *certificate,
                                       tls_certificate_name *each, void *owner);

/* When it expires, in seconds since 1970. */
int64_t tls_certificate_expiry(const struct tls_certificate *certificate);

/* Its authority has an OCSP responder, or had one when it was made. */
bool tls_certificate_has_responder(const struct tls_certificate *certificate);
/* It is good only with a staple ("must-staple", RFC 7633). */
bool tls_certificate_needs_staple(const struct tls_certificate *certificate);

/* What an operator should know at that time but may ignore ("the certificate has expired"), or
 * NULL; static. */
const char *tls_certificate_warning(const struct tls_certificate *certificate, int64_t now_s);

#endif
