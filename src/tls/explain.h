/* What a policy and its overrides come to with the library at hand, for people. */
#ifndef SALLYPORT_TLS_EXPLAIN_H
#define SALLYPORT_TLS_EXPLAIN_H

#include "tls/context.h"

#include <stdbool.h>
#include <stdio.h>

/* Prints versions, ciphers and groups, those the library lacks apart, one kind a line. Certificates
 * are not looked at. False, and `problem` says why, when OpenSSL does not take the options. */
__attribute__((warn_unused_result)) bool tls_explain(struct tls_library               *library,
                                                     const struct tls_context_options *options,
                                                     FILE *into, struct text *problem);

/* The key exchange groups this library knows and those it lacks, of all that anyone may want; one
 * line each. */
void tls_explain_groups(struct tls_library *library, FILE *into);

#endif
