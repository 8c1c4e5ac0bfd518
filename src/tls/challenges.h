/*
 * The certificates that answer ACME's tls-alpn-01 challenges (RFC 8737), by directory and name.
 * Filled once, then read only, and shared by all reactors. Counted by the thread that made the
 * certificates.
 */
#ifndef SALLYPORT_TLS_CHALLENGES_H
#define SALLYPORT_TLS_CHALLENGES_H

#include "base/text.h"
#include "tls/certificate.h"
#include "tls/engine.h"

#include <stdbool.h>
#include <stddef.h>

struct tls_challenges;
struct tls_library;

/* Empty; NULL when memory is short. */
struct tls_challenges *tls_challenges_new(void);
/* One hold more; returns the challenges. */
struct tls_challenges *tls_challenges_hold(struct tls_challenges *challenges);
/* One hold less. */
void tls_challenges_free(struct tls_challenges **challenges);

/*
 * Holds a certificate that was found in the directory. Of two for one name there the one that
 * became valid last answers. False, and `problem` says why, when it is none of a challenge: it
 * needs a critical acmeIdentifier of a digest's length, exactly one host name that is no wildcard,
 * and a key that clients take. Also false when memory is short.
 */
__attribute__((warn_unused_result)) bool tls_challenges_add(struct tls_challenges  *challenges,
                                                            const char             *directory,
                                                            struct tls_certificate *certificate,
                                                            struct text            *problem);

size_t tls_challenges_count(const struct tls_challenges *challenges);

/* The same certificates of the same directories, in the same order. */
bool tls_challenges_is_equal(const struct tls_challenges *one, const struct tls_challenges *other);

/* For all contexts of the library, which look by their own directory; NULL: there are none. They
 * must outlive the library, or the next call. */
void tls_library_set_challenges(struct tls_library          *library,
                                const struct tls_challenges *challenges);

/* Of an established engine: its handshake was the answer to a challenge, and no data may follow. */
static inline bool tls_challenge_was_answered(const struct tls_engine *engine)
{
    return engine->is_challenge;
}

#endif
