/*
 * A TLS 1.2 client's write side rebuilt from its session: AES-128-GCM records of any type, which no
 * honest client would send.
 */
#ifndef SALLYPORT_TESTS_FORGER_H
#define SALLYPORT_TESTS_FORGER_H

#include "pair.h"

struct forger {
    uint8_t  key[16];
    uint8_t  salt[4];
    uint64_t sequence; /* of the next record */
};

/* Of an established pair that agreed on TLS 1.2 and AES-128-GCM, its client silent so far. */
void forger_init(struct forger *forger, const struct pair *pair);

/* Appends a record to the client's wire. */
void forger_write(struct forger *forger, struct end *client, uint8_t type,
                  struct bytes_const plaintext);

#endif
