/*
 * A stand-in for the whole room tls, chosen when linking, so that sessions can be simulated by the
 * ten thousand. It keeps the contract of tls/engine.h over a toy protocol:
 *
 *   record = type (1) | length (2, big endian) | payload, each byte XOR 0x5a
 *
 * client: HELLO (payload: the server name), then FINISHED after the server's FLIGHT records whose
 * last one is FLIGHT_END; both: DATA, KEY_UPDATE (payload 1: asks for one in return), CLOSE, ALERT.
 * The server gives one TICKET after FINISHED. A simulated client needs no engine: mock_peer.
 */
#ifndef SALLYPORT_TESTS_ENGINE_MOCK_H
#define SALLYPORT_TESTS_ENGINE_MOCK_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mock_type {
    MOCK_HELLO = 1,
    MOCK_FLIGHT,
    MOCK_FLIGHT_END,
    MOCK_FINISHED,
    MOCK_TICKET,
    MOCK_DATA,
    MOCK_KEY_UPDATE,
    MOCK_CLOSE,
    MOCK_ALERT,
    MOCK_TYPES,
};

enum { MOCK_HEAD_BYTES = 3, MOCK_PAYLOAD_BYTES_MAX = 16384 };

/* How many bytes of FLIGHT a server engine sends; set between simulations. */
void mock_set_flight_bytes(size_t bytes);

/* After how many records time is up for a call that decrypts; 0: never. */
void mock_set_records_per_call(size_t records);

struct tls_engine;
/* All that decides what a mock engine does from here on, as one number. */
uint64_t mock_fingerprint(const struct tls_engine *engine);

/* What the engines fail in from now on, whatever their peers do: their library is out of memory, or
 * out of its mind. Or each handshake answers an ACME challenge. */
enum mock_trouble {
    MOCK_NO_TROUBLE,
    MOCK_HANDSHAKE_FAILS,
    MOCK_ENCRYPT_FAILS,
    MOCK_GOODBYE_FAILS,
    MOCK_CHALLENGES
};
void mock_set_trouble(enum mock_trouble trouble);

/* Writes one record into `into`, which has room for MOCK_HEAD_BYTES + payload.len; returns its
 * length. */
size_t mock_record(enum mock_type type, struct bytes_const payload, uint8_t *into);

/* Takes a byte stream apart again, fed in pieces of any size. Zeroed memory is the beginning. */
struct mock_reader {
    uint8_t head[MOCK_HEAD_BYTES];
    size_t  head_len;
    size_t  payload_left;
    bool    is_broken; /* the stream was no sequence of records */
};

/*
 * Reads on until a piece of payload or an empty record was found: true, with its type, the piece
 * decoded in place, and whether the record ends with it. False: the bytes are used up, or broken.
 * `bytes` moves forward.
 */
bool mock_read(struct mock_reader *reader, struct bytes *bytes, enum mock_type *type,
               struct bytes *piece, bool *is_end);

#endif
