/*
 * Records of TLS 1.3, sealed straight into the send buffer.
 *
 * OpenSSL copies what it encrypts into a buffer of its own, and its BIO copies the record from
 * there. Told that the kernel will do the sealing (SSL_OP_ENABLE_KTLS), it gives its BIO key, IV
 * and sequence number once the handshake has them, and then plaintext, a record a write. It need
 * not be the kernel: our BIO takes them, and EVP seals in place. OpenSSL stays in charge of what is
 * said: handshake, alerts, tickets. With the first KeyUpdate it also takes the sealing back, since
 * it has the next key and tells nobody. Other versions and ciphers it seals itself all along.
 *
 * One EVP context a library and cipher serves all engines: to key it anew takes 0.14 us, to keep
 * one for each connection 960 bytes.
 */
#ifndef SALLYPORT_TLS_SEAL_H
#define SALLYPORT_TLS_SEAL_H

#include "base/buffer.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct evp_cipher_st;
struct evp_cipher_ctx_st;
struct ossl_lib_ctx_st;

enum {
    SEAL_KEY_BYTES_MAX = 32,
    SEAL_IV_BYTES = 12,       /* RFC 8446 section 5.3 */
    SEAL_OVERHEAD_BYTES = 22, /* head of 5, type of the content, tag of 16 (section 5.2) */
    SEAL_CIPHERS = 2,         /* AES-128-GCM and AES-256-GCM */
};

/* Of a library: what seals, and whose key it has. */
struct sealer {
    struct evp_cipher_st     *ciphers[SEAL_CIPHERS];
    struct evp_cipher_ctx_st *contexts[SEAL_CIPHERS];
    uint64_t                  holders[SEAL_CIPHERS]; /* seal.serial; 0: nobody's */
    uint64_t                  serials;               /* given so far */
};

/* Of an engine. Zeroed memory is one that does not seal. */
struct tls_seal {
    uint8_t  key[SEAL_KEY_BYTES_MAX];
    uint8_t  iv[SEAL_IV_BYTES];
    uint64_t sequence; /* of the next record */
    uint64_t serial;   /* no other key has it; 0: OpenSSL seals */
    uint8_t  cipher;   /* index into the sealer's */
    uint8_t  type;     /* of the next record's content; 0: application data */
};

/* False without memory or without these ciphers. Whatever it holds then, sealer_fini takes. */
__attribute__((warn_unused_result)) bool sealer_init(struct sealer          *sealer,
                                                     struct ossl_lib_ctx_st *openssl);
void                                     sealer_fini(struct sealer *sealer);

/* Takes the keys that OpenSSL has for the kernel. False: not of this version or cipher. */
__attribute__((warn_unused_result)) bool seal_begin(struct tls_seal *seal, struct sealer *sealer,
                                                    const void *crypto_info);
/* OpenSSL seals again, or nobody; the key is wiped. */
void seal_end(struct tls_seal *seal);

static inline bool seal_is_on(const struct tls_seal *seal)
{
    return seal->serial != 0;
}

/* One record: at most 2^14 bytes, and there is room for SEAL_OVERHEAD_BYTES more. False: EVP
 * failed, and nothing was written. A KeyUpdate ends it. */
__attribute__((warn_unused_result)) bool seal_record(struct tls_seal *seal, struct sealer *sealer,
                                                     struct bytes_const content,
                                                     struct buffer     *into);

#endif
