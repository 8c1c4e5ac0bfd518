/*
 * One socket of a session: its two operations, what came from it and was not yet used, and what is
 * on its way to it. Nothing is held while nothing is in flight: both buffers are taken from the
 * worker when the first byte needs them and given back when the last has left.
 */
#ifndef SALLYPORT_PROXY_SIDE_H
#define SALLYPORT_PROXY_SIDE_H

#include "base/buffer.h"
#include "io/io.h"
#include "proxy/buffers.h"

#include <stdbool.h>
#include <stddef.h>

struct side {
    struct io_op       recv;
    struct io_op       send;
    struct bytes_const lent;        /* just received: gone when the receive's `done` returns */
    struct buffer      in;          /* received, kept because it could not be used at once */
    struct buffer      out;         /* to be sent to this peer */
    int                fd;          /* -1: none */
    uint64_t           sending_ns;  /* when the send that is pending began */
    bool               has_ended;   /* its FIN came */
    bool               has_reset;   /* it reset the connection while we were sending */
    bool               is_deaf;     /* nothing sent to it arrives any more */
    bool               has_last;    /* what is in `out` is the last of all: our FIN follows */
    bool               has_our_fin; /* we sent FIN */
};

void side_init(struct side *side);

/* What came from this peer and waits to be used: the lent bytes, or those kept. */
struct bytes_const side_input(const struct side *side);
bool               side_has_input(const struct side *side);
/* Drops the oldest of it, and gives the buffer back with the last. */
void side_used(struct side *side, size_t bytes, struct buffers *buffers);
/* Drops all of it. */
void side_drop_input(struct side *side, struct buffers *buffers);

/* Saves lent bytes from going; false when there is no buffer. */
__attribute__((warn_unused_result)) bool side_keep(struct side *side, struct buffers *buffers);

/* Bytes kept in a large buffer. */
size_t side_kept_bytes(const struct side *side);

/* A buffer for output, there already or taken now: buffers_may_take was asked for it. */
void side_open_output(struct side *side, struct buffers *buffers);
/* Buffers that side_open_output would take: 0 or 1. */
static inline unsigned side_lacks_output(const struct side *side)
{
    return buffer_has_memory(&side->out) ? 0 : 1;
}
/* Gives the output buffer back when it is empty and no send uses it. */
void side_close_output(struct side *side, struct buffers *buffers);
/* Drops what was not sent; not while a send uses it. */
void side_drop_output(struct side *side, struct buffers *buffers);

/* True when all that was written for this peer was handed to the kernel. */
static inline bool side_is_flushed(const struct side *side)
{
    return buffer_is_empty(&side->out);
}

bool side_is_busy(const struct side *side);

/* True when a buffer is held and the kernel has taken nothing of it for STUCK_NS: the peer does not
 * read. */
bool side_is_stuck(const struct side *side, uint64_t now_ns);

#endif
