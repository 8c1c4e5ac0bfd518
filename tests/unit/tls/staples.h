/* An authority that answers as an OCSP responder, and certificates for it to speak about. */
#ifndef SALLYPORT_TESTS_STAPLES_H
#define SALLYPORT_TESTS_STAPLES_H

#include "responder.h"
#include "tls/context.h"
#include "tls/staple.h"

extern struct credential root;
extern struct credential www;
extern struct credential other; /* of the same issuer */
/* Why the last one was refused. */
extern char words[TLS_PROBLEM_BYTES];

/* Around each test. */
void staples_set_up(void);
void staples_tear_down(void);

/* Takes the text. */
struct tls_certificate *certificate_of(char *pem_text);
/* Of www, whose chain has the issuer. */
struct tls_certificate *www_certificate(void);

/* NULL: refused. */
struct tls_staple *staple_of_bytes(const struct tls_certificate *certificate,
                                   struct bytes_const            file);
struct tls_staple *staple_made(const struct tls_certificate *certificate,
                               const struct answer_options  *options);
/* A good answer. */
struct answer_options about_www(void);

#endif
