/*
 * Leaves the processor to others while somebody converses. The kernel lets a thread that computes
 * have its processor for some milliseconds, whoever else wants it, and one with handshakes to do
 * always computes: under a flood, clients and servers of the same machine would wait that long
 * for it. A reactor has one of these, and only its thread uses it.
 */
#ifndef SALLYPORT_REACTOR_SHARING_H
#define SALLYPORT_REACTOR_SHARING_H

#include <stdbool.h>
#include <stdint.h>

/* All zero: nobody converses. */
struct sharing {
    uint64_t until_ns;
    uint64_t offered_ns; /* when the processor was offered last */
    uint64_t slice_ns;   /* the kernel's own, while is_begun; 0: it could not be changed */
    bool     is_begun;
};

/* Somebody converses: for the next 10 ms the processor is offered. */
void sharing_extend(struct sharing *sharing, uint64_t now_ns);

/* Between two pieces of work: offers the processor, if somebody converses. Sets the slice of the
 * calling thread when it is the first time (`reactor/slice.h`). */
void sharing_offer(struct sharing *sharing, uint64_t now_ns);

/* Once a turn, while is_begun: gives the thread its own slice back 0.1 s after the last offer. */
void sharing_settle(struct sharing *sharing, uint64_t now_ns);

#endif
