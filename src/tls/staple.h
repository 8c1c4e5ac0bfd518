/*
 * A staple: an answer of an OCSP responder about one certificate (RFC 6960), sent along with it in
 * the handshake (RFC 6066 section 8). Checked once, immutable, counted on the thread of the
 * certificate's library; other threads may read it for as long as somebody there holds it.
 */
#ifndef SALLYPORT_TLS_STAPLE_H
#define SALLYPORT_TLS_STAPLE_H

#include "base/bytes.h"
#include "base/text.h"
#include "tls/certificate.h"

#include <stdbool.h>
#include <stdint.h>

struct tls_staple;

/* OpenSSL's clients take no longer CertificateStatus (16 KiB with its head of 4 bytes). */
enum { TLS_STAPLE_BYTES_MAX = 16 * 1024 - 4 };

/*
 * The answer in a file, DER or PEM. It must be about this certificate, good at that time, and
 * signed by the certificate's issuer or by whom the issuer has made its responder; who signed stays
 * unknown only when the certificate's chain lacks the issuer. NULL, and `problem` says why not.
 */
__attribute__((warn_unused_result)) struct tls_staple *
tls_staple_new(const struct tls_certificate *certificate, struct bytes_const file, int64_t now_s,
               struct text *problem);

/* One hold more; returns the staple. */
struct tls_staple *tls_staple_hold(struct tls_staple *staple);
/* One hold less. */
void tls_staple_free(struct tls_staple **staple);

/* It was checked against this very certificate, its chain included. */
bool tls_staple_is_about(const struct tls_staple      *staple,
                         const struct tls_certificate *certificate);

/* The same answer for the same certificate. */
bool tls_staple_is_equal(const struct tls_staple *one, const struct tls_staple *other);

/* It says that the certificate is revoked, and otherwise that it is good. */
bool tls_staple_is_revoked(const struct tls_staple *staple);

/* Its nextUpdate, in seconds since 1970: from then on it is sent no more. */
int64_t tls_staple_good_until(const struct tls_staple *staple);

#endif
