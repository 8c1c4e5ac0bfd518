/*
 * A flood of handshakes that costs the flooder next to nothing: one ClientHello, made once, is
 * sent on every connection, and the connection is reset when the server's first flight has come.
 * By then the server has done its key exchange and its signature; the flooder did no cryptography
 * and leaves the processors to the server. Runs in a thread of its own.
 */
#ifndef SALLYPORT_TESTS_BENCH_FLOOD_H
#define SALLYPORT_TESTS_BENCH_FLOOD_H

#include "transport.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { FLOOD_HELLO_BYTES = 2048, FLOOD_CONNECTIONS_MAX = 1024 };

struct flood {
    uint64_t flights_count; /* answered hellos; read after flood_stop */
    uint64_t failures_count;
    /* private */
    const struct target *target;
    unsigned             connections_count;
    uint8_t              hello[FLOOD_HELLO_BYTES];
    size_t               hello_bytes;
    pthread_t            thread;
    atomic_bool          is_stopping;
};

__attribute__((warn_unused_result)) bool
     flood_start(struct flood *flood, const struct target *target, unsigned connections_count);
void flood_stop(struct flood *flood);

#endif
