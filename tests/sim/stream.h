/*
 * What an actor sends, and what another checks it receives: byte n of stream s is a function of s
 * and n alone, so nothing need be stored, and a byte lost, doubled or from a neighbour shows.
 */
#ifndef SALLYPORT_TESTS_SIM_STREAM_H
#define SALLYPORT_TESTS_SIM_STREAM_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct stream {
    uint64_t id;
    uint64_t sent;     /* bytes handed out by the sender */
    uint64_t received; /* bytes checked by the receiver */
};

/* Writes the next `into.len` bytes to send; they count as sent once stream_sent says so. */
void stream_fill(const struct stream *stream, struct bytes into);

/* False when the bytes are not the next ones, or more than were sent. */
bool stream_check(struct stream *stream, struct bytes_const bytes);

#endif
