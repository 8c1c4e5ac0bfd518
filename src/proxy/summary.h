/* What is known of a session when it is over: for the access log, and for tests. */
#ifndef SALLYPORT_PROXY_SUMMARY_H
#define SALLYPORT_PROXY_SUMMARY_H

#include "io/address.h"
#include "proxy/end_reason.h"
#include "proxy/proxy_decoder.h"
#include "tls/engine.h"

#include <stdbool.h>
#include <stdint.h>

/* A duration that did not come about ("never established"). */
#define SUMMARY_NEVER UINT64_MAX

/* Valid during the call it is handed to; texts as in tls/engine.h, "-" when not known. */
struct session_summary {
    uint64_t           id_time_us; /* wall clock at the accept; with the next two a unique id */
    unsigned           id_reactor;
    uint32_t           id_number;
    struct address     client;
    const char        *frontend;
    const char        *backend; /* name; "-": none was chosen */
    const char        *server;  /* address as configured; "-": none was reached */
    struct tls_facts   facts;
    uint64_t           handshake_ns; /* accept to established, or SUMMARY_NEVER */
    uint64_t           wait_ns;      /* of that, waiting for a turn */
    uint64_t           connect_ns;   /* the successful attempt, or SUMMARY_NEVER */
    uint64_t           duration_ns;
    uint64_t           bytes_in;  /* plaintext delivered to the backend's socket */
    uint64_t           bytes_out; /* plaintext accepted from the backend and sent to the client */
    enum end_reason    reason;
    enum proxy_fault   proxy_fault;
    bool               is_probe; /* ended before the client sent a byte */
    struct tls_offered offered;  /* while the handshake was not complete */
    /* when the handshake or the TLS layer failed */
    bool             has_tls_failure;
    enum tls_failure tls_failure;
    const char      *tls_reason;
    struct tls_alert alert;
};

#endif
