/*
 * One socket of a session: its two operations, what came from it and was not yet used, and what is
 * on its way to it. Nothing is held while nothing is in flight: both buffers are taken from the
 * worker when the first byte needs them and given back when the last has left.
 */
#ifndef SALLYPORT_PROXY_SIDE_H
#define SALLYPORT_PROXY_SIDE_H

#include "base/buffer.h"
#include "base/slab.h"
#include "io/io.h"

#include <stdbool.h>
#include <stddef.h>

struct side {
    struct io_op       recv;
    struct io_op       send;
    struct bytes_const lent;        /* just received: gone when the receive's `done` returns */
    struct buffer      in;          /* received, kept because it could not be used at once */
    struct buffer      out;         /* to be sent to this peer */
    int                fd;          /* -1: none */
    bool               has_ended;   /* its FIN came */
    bool               has_reset;   /* it reset the connection while we were sending */
    bool               is_deaf;     /* nothing sent to it arrives any more */
    bool               has_our_fin; /* we sent FIN */
};

void side_init(struct side *side);

/* What came from this peer and waits to be used: the lent bytes, or those kept. */
struct bytes_const side_input(const struct side *side);
bool               side_has_input(const struct side *side);
/* Drops the oldest of it, and gives the buffer back with the last. */
void side_used(struct side *side, size_t bytes, struct slab *buffers);
/* Drops all of it. */
void side_drop_input(struct side *side, struct slab *buffers);

/* Saves lent bytes from going; false when there is no buffer. */
__attribute__((warn_unused_result)) bool side_keep(struct side *side, struct slab *buffers);

/* A buffer for output, there already or taken now; false when there is none. */
__attribute__((warn_unused_result)) bool side_open_output(struct side *side, struct slab *buffers);
/* Gives the output buffer back when it is empty and no send uses it. */
void side_close_output(struct side *side, struct slab *buffers);
/* Drops what was not sent; not while a send uses it. */
void side_drop_output(struct side *side, struct slab *buffers);

/* True when all that was written for this peer was handed to the kernel. */
static inline bool side_is_flushed(const struct side *side)
{
    return buffer_is_empty(&side->out);
}

bool side_is_busy(const struct side *side);

#endif
