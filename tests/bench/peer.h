/* One end of a TLS connection in memory, over room tls: an engine with the bytes it wrote and the
 * plaintext it read. */
#ifndef SALLYPORT_TESTS_BENCH_PEER_H
#define SALLYPORT_TESTS_BENCH_PEER_H

#include "tls/client.h"
#include "tls/context.h"
#include "tls/engine.h"

#include "base/buffer.h"

#include <stdbool.h>

enum { PEER_BYTES = 64 * 1024 };

struct peer {
    struct tls_engine engine;
    struct buffer     wire;  /* written, not yet with the other end */
    struct buffer     plain; /* read */
    bool              has_goodbye;
    uint8_t           wire_memory[PEER_BYTES];
    uint8_t           plain_memory[PEER_BYTES];
};

/* A context in a library of its own, as a reactor has it: intermediate policy, and for a server an
 * ECDSA P-256 certificate and one ticket. Aborts when it cannot be had, as everything here. */
struct tls_context        *peer_context(enum tls_role role);
struct tls_context_options peer_server_options(void);
void                       peer_contexts_free(void);

void peer_open(struct peer *peer, const struct tls_context *context, enum tls_role role);
void peer_close(struct peer *peer);

/* Takes bytes of the other end, all of them: the handshake goes on, or plaintext comes. */
void peer_feed(struct peer *peer, struct bytes_const ciphertext);
/* Encrypts all of it. */
void peer_write(struct peer *peer, struct bytes_const plaintext);
void peer_say_goodbye(struct peer *peer);

#endif
