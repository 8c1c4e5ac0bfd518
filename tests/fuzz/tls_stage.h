/*
 * OpenSSL so that the same input runs the same way: randomness that begins anew for each, a fixed
 * certificate, contexts made once. A stream recorded from a client against it (record.c) is a whole
 * session when it is played again.
 */
#ifndef SALLYPORT_TESTS_FUZZ_TLS_STAGE_H
#define SALLYPORT_TESTS_FUZZ_TLS_STAGE_H

#include "tls/context.h"

enum tls_stage_server {
    TLS_STAGE_PLAIN, /* the usual policy, ALPN h2 and http/1.1, tickets */
    /* Only names of the certificate, ALPN may differ, no tickets; *.wild.example.org has a policy
     * of its own. */
    TLS_STAGE_STRICT,
    TLS_STAGE_SERVERS
};

enum tls_stage_client { TLS_STAGE_1_3, TLS_STAGE_1_2, TLS_STAGE_CLIENTS };

/* Before anything else, and before each input. */
void tls_stage_begin(void);

const struct tls_context *tls_stage_server(enum tls_stage_server which);
const struct tls_context *tls_stage_client(enum tls_stage_client which);

/* Names the certificate is for: www.example.org and *.wild.example.org. */

/* Deterministic bytes for whoever needs some. */
uint64_t tls_stage_random(void);

#endif
