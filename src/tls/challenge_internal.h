/* ACME challenges, for the files of room tls that make a handshake: which certificate answers, and
 * how it is shown. */
#ifndef SALLYPORT_TLS_CHALLENGE_INTERNAL_H
#define SALLYPORT_TLS_CHALLENGE_INTERNAL_H

#include "tls/tls_internal.h"

/* --- challenges.c ------------------------------------------------------------------------- */

/* The certificate that answers a challenge for the name, or NULL. */
const struct tls_certificate *challenges_find(const struct tls_challenges *challenges,
                                              const char *directory, struct bytes_const name);

/* It has an acmeIdentifier, whatever that is worth. */
bool challenge_is_marked(const X509 *leaf);

/* --- challenge.c -------------------------------------------------------------------------- */

/* When a ClientHello was read: sees whether it asks for a challenge. CHALLENGE_ALLOWED, or the
 * alert of a refusal. */
enum { CHALLENGE_ALLOWED = -1 };
int challenge_begin(struct tls_engine *engine, bool is_first);
/* Shows the certificate of the challenge in place of all others. False: it has gone, or memory is
 * short. */
bool challenge_show(struct tls_engine *engine);

#endif
