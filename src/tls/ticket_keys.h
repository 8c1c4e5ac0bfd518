/*
 * The keys that session tickets are sealed with (RFC 5077 section 5.5), and the three places they
 * come from: randomness, a file that several daemons share, or a secret that several daemons share
 * and the clock.
 */
#ifndef SALLYPORT_TLS_TICKET_KEYS_H
#define SALLYPORT_TLS_TICKET_KEYS_H

#include "base/bytes.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    TLS_TICKET_KEYS_MAX = 8,
    TLS_TICKET_KEYS_KEPT = 3, /* of random ones: the one in use and two before it */
    TLS_TICKET_SECRETS_MAX = 2,
    TLS_TICKET_SECRET_BYTES_MIN = 32,
    TLS_TICKET_SECRET_BYTES_MAX = 1024,
    TLS_TICKET_FLEET_BYTES_MAX = 255,
};

/* Encrypts with the first, accepts all. Copied to every reactor, so that a ticket given by one
 * resumes on another. */
struct tls_ticket_keys {
    unsigned count; /* 0: tickets are off */
    struct tls_ticket_key {
        uint8_t name[16];
        uint8_t cipher_key[32]; /* AES-CBC; its first 16 bytes alone for AES-128 */
        uint8_t mac_key[32];    /* HMAC-SHA256; likewise */
        uint8_t key_bytes;      /* 16 or 32 */
    } keys[TLS_TICKET_KEYS_MAX];
};

/* Puts a new random key in front and drops what is older than TLS_TICKET_KEYS_KEPT; false when
 * there is no randomness. */
__attribute__((warn_unused_result)) bool tls_ticket_keys_rotate(struct tls_ticket_keys *keys);

/*
 * Appends the keys of a file: one of 48 or 80 bytes as they are (nginx), or base64 of such, one a
 * line (HAProxy); blank lines and those that begin with '#' are passed over. 48 bytes: name,
 * AES-128 key, MAC key; 80: name, MAC key, AES-256 key. False, and `problem` says what is wrong,
 * without a byte of the file.
 */
__attribute__((warn_unused_result)) bool
tls_ticket_keys_read(struct tls_ticket_keys *keys, struct bytes_const file, struct text *problem);

/* What a fleet shares. Everyone who has the secret can read what was sent under its tickets: it is
 * to be changed like a key, by listing the new one before the old. */
struct tls_ticket_secrets {
    unsigned count;
    struct tls_ticket_secret {
        uint8_t  bytes[TLS_TICKET_SECRET_BYTES_MAX];
        uint16_t len;
    } secrets[TLS_TICKET_SECRETS_MAX];
    char fleet[TLS_TICKET_FLEET_BYTES_MAX + 1];
};

/* Appends a secret, line ends behind it taken off; false, and why, when it is too short, too long,
 * or one too many. */
__attribute__((warn_unused_result)) bool tls_ticket_secrets_add(struct tls_ticket_secrets *secrets,
                                                                struct bytes_const         file,
                                                                struct text               *problem);

/* The keys of a period: key n is HKDF-SHA256 (RFC 5869) of the secret, with the fleet's name as
 * salt and "sallyport stek" and n, 8 bytes in network order, as info. Encrypts with `period` of the
 * first secret; accepts the one before and the one after, for clocks that differ, and those of the
 * second. False when OpenSSL fails. */
__attribute__((warn_unused_result)) bool
tls_ticket_keys_derive(struct tls_ticket_keys *keys, const struct tls_ticket_secrets *secrets,
                       uint64_t period);

#endif
