/*
 * A TLS 1.3 client that knows its keys and keeps no rules: after an honest handshake it sends
 * records of any type, content and padding, rightly encrypted (RFC 8446 section 5.2).
 */
#ifndef SALLYPORT_TESTS_FUZZ_TLS_FORGE_H
#define SALLYPORT_TESTS_FUZZ_TLS_FORGE_H

#include "base/bytes.h"

#include <stdint.h>

enum {
    TLS_FORGE_SECRET_BYTES = 32,
    TLS_FORGE_KEY_BYTES = 16,
    TLS_FORGE_NONCE_BYTES = 12,
    TLS_FORGE_OVERHEAD_BYTES = 5 + 1 + 16, /* head, inner type, tag */
};

/* TLS_AES_128_GCM_SHA256. */
struct tls_forge {
    uint8_t  secret[TLS_FORGE_SECRET_BYTES];
    uint8_t  key[TLS_FORGE_KEY_BYTES];
    uint8_t  nonce[TLS_FORGE_NONCE_BYTES];
    uint64_t records; /* written with this key */
};

/* `line` is NSS key log format: the label, the client's random, the secret. */
void tls_forge_begin(struct tls_forge *forge, const char *line);

/* Changes keys, as behind a KeyUpdate. */
void tls_forge_next_key(struct tls_forge *forge);

/* Writes one record; `into` has room for content, padding and TLS_FORGE_OVERHEAD_BYTES. Returns its
 * length. */
size_t tls_forge_record(struct tls_forge *forge, uint8_t type, struct bytes_const content,
                        size_t padding, uint8_t *into);

#endif
