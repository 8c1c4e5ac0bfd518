/* One end of a TLS connection, run as a session runs it, with every promise of tls/engine.h checked
 * at every step. Plaintext is a stream (tests/sim/stream.h) or is dropped. */
#ifndef SALLYPORT_TESTS_FUZZ_TLS_PEER_H
#define SALLYPORT_TESTS_FUZZ_TLS_PEER_H

#include "../sim/stream.h"
#include "tls/engine.h"

#include <stdbool.h>

enum { TLS_PEER_OUTPUT_BYTES = 64 * 1024, TLS_PEER_PLAIN_BYTES = 20 * 1024 };

struct tls_peer {
    struct tls_engine engine;
    struct buffer     output; /* ciphertext for the other end */
    struct buffer     plain;
    struct stream    *incoming; /* what must come out; NULL: anything */
    uint64_t          received;
    uint64_t          now_ns;
    size_t            output_max;   /* room given to the engine; the rest is emptied at once */
    bool              drops_output; /* nobody listens */
    bool              is_established;
    bool              has_failed;
    bool              has_goodbye; /* the other end's close_notify came */
    bool              said_goodbye;
    uint8_t           output_memory[TLS_PEER_OUTPUT_BYTES];
    uint8_t           plain_memory[TLS_PEER_PLAIN_BYTES];
};

/* `output_max` up to TLS_PEER_OUTPUT_BYTES. */
void tls_peer_init(struct tls_peer *peer, const struct tls_context *context, enum tls_role role,
                   size_t output_max);
void tls_peer_fini(struct tls_peer *peer);

/* The handshake as far as it goes, then decryption as far as it goes. */
void tls_peer_receive(struct tls_peer *peer, struct bytes_const ciphertext);

/* Hands on up to `len` bytes of what one has written. */
void tls_peer_deliver(struct tls_peer *from, struct tls_peer *to, size_t len);
/* A client that was begun and a server shake hands, tickets included. */
void tls_peers_meet(struct tls_peer *client, struct tls_peer *server);

/* Plaintext of `outgoing` into records; returns how much was taken. */
size_t tls_peer_write(struct tls_peer *peer, struct stream *outgoing, size_t len);
void   tls_peer_goodbye(struct tls_peer *peer);

#endif
