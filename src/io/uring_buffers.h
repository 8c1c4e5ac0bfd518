/*
 * The memory receives land in: a ring of buffers the kernel picks from when bytes have come, so
 * that a connection without traffic holds none. Few are posted at first, which keeps them in the
 * processor's cache; more when they prove short.
 */
#ifndef SALLYPORT_IO_URING_BUFFERS_H
#define SALLYPORT_IO_URING_BUFFERS_H

#include "base/error.h"

#include <liburing.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    URING_BUFFERS_FIRST = 8,
    URING_BUFFERS_DEFAULT = 256,
    URING_BUFFERS_MAX = 8192,
    URING_BUFFERS_GROUP = 0,
};

struct uring_buffers {
    struct io_uring_buf_ring *ring; /* shared with the kernel */
    uint8_t                  *memory;
    unsigned                  entries; /* of the ring, a power of two */
    unsigned                  max;
    unsigned                  posted; /* buffers in circulation */
    unsigned                  lent;   /* of those, with a receive whose `done` has not returned */
};

/* `max` 0: the default. */
__attribute__((warn_unused_result)) bool uring_buffers_init(struct uring_buffers *buffers,
                                                            struct io_uring *uring, unsigned max,
                                                            struct error *error);
void                                     uring_buffers_fini(struct uring_buffers *buffers);

/* Twice as many from now on, up to the maximum. */
void uring_buffers_grow(struct uring_buffers *buffers);

static inline bool uring_buffers_is_any_free(const struct uring_buffers *buffers)
{
    return buffers->lent < buffers->posted;
}

/* The kernel filled a buffer. */
const uint8_t *uring_buffers_take(struct uring_buffers *buffers, unsigned index);
void           uring_buffers_give(struct uring_buffers *buffers, unsigned index);

#endif
