/* Log lines on their way from one thread to another: a byte ring with one producer and one
 * consumer, neither of which ever waits. */
#ifndef SALLYPORT_REACTOR_LOG_RING_H
#define SALLYPORT_REACTOR_LOG_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log_ring_line {
    uint16_t len;
    uint8_t  channel;
    uint8_t  level;
};

struct log_ring {
    /* private */
    uint8_t         *memory;
    size_t           bytes; /* a power of two */
    _Atomic size_t   written;
    _Atomic size_t   read;
    _Atomic uint64_t dropped;
};

/* False when memory is short. */
bool log_ring_init(struct log_ring *ring, size_t bytes);
void log_ring_fini(struct log_ring *ring);

/* Producer. False when there is no room: the line is dropped and counted. */
bool log_ring_put(struct log_ring *ring, struct log_ring_line line, const char *text);

/* Consumer. Copies the oldest line into `text` (room for UINT16_MAX bytes); false: none. */
bool log_ring_take(struct log_ring *ring, struct log_ring_line *line, char *text);

#endif
