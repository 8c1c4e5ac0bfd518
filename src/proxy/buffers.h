/*
 * The relay buffers of one worker, and the sessions that wait for one. Its share of memory-max is
 * all there is: who finds none waits in line, first come first served, and nobody new is accepted
 * meanwhile. What was received can not wait, since it is only lent: it is kept in a small buffer
 * where it fits, else in a large one, of which output always leaves a few and input at least half.
 * So those who wait can always be served, once peers read or were found to be stuck.
 */
#ifndef SALLYPORT_PROXY_BUFFERS_H
#define SALLYPORT_PROXY_BUFFERS_H

#include "base/buffer.h"
#include "base/list.h"
#include "reactor/reactor.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    /* A whole receive, a record that was left half inside OpenSSL, and its answers. */
    RELAY_BUFFER_BYTES = 128 * 1024 + 16 * 1024 + 8 * 1024,
    /* A ClientHello or a short request. */
    SMALL_BUFFER_BYTES = 2048,
    SMALL_BUFFERS_EACH = 8,
    /* What one buffer costs of memory-max, with the small ones that come with it. */
    BUFFER_COST_BYTES = RELAY_BUFFER_BYTES + SMALL_BUFFERS_EACH * SMALL_BUFFER_BYTES,
    /* An output and an alert's beside it, with as much for input. */
    BUFFERS_MIN = 4,
};

struct buffers;

/* A place in the line; embedded in a session. Zeroed memory with `ready` set is not in it. */
struct buffers_place {
    void (*ready)(struct buffers_place *place); /* what it waits for is there */
    /* private */
    struct list_link link;
    unsigned         count;
};

struct buffers_options {
    struct reactor *reactor;
    size_t          buffers_max; /* large ones; at least BUFFERS_MIN are made */
    /* Called now and then while buffers are short: to end sessions that hold one to no use, up to
     * `wanted` of them. */
    void (*relieve)(void *owner, size_t wanted);
    void *owner;
};

__attribute__((warn_unused_result)) struct buffers *
buffers_new(const struct buffers_options *options, struct error *error);

/* All must be home. */
void buffers_free(struct buffers **buffers);

/* True when `count` outputs, one or two, can be taken at once without passing anyone by. */
bool buffers_may_take(const struct buffers *buffers, const struct buffers_place *place,
                      unsigned count);

/* Waits for `count` outputs, and keeps its place if it has one; 0: waits no longer. */
void buffers_wait(struct buffers *buffers, struct buffers_place *place, unsigned count);

/* True when nine tenths of either size are out, or someone waits: then nobody new is to be
 * accepted. Asking has `relieve` called if it stays so. */
bool buffers_are_short(struct buffers *buffers);

/* Memory for output; buffers_may_take has said that there is some. */
void buffers_open(struct buffers *buffers, struct buffer *output);
void buffers_close(struct buffers *buffers, struct buffer *output);

/* Memory for what was received; false when there is none. */
__attribute__((warn_unused_result)) bool buffers_keep(struct buffers *buffers, struct buffer *input,
                                                      size_t bytes);
void buffers_drop(struct buffers *buffers, struct buffer *input);

/* Buffers out, small ones counted with the others. */
size_t buffers_taken(const struct buffers *buffers);

/* After a burst: pages of free buffers go back to the kernel. */
void buffers_trim(struct buffers *buffers);

#endif
