/*
 * A connection just accepted goes to the worker that has fewest, and begins there as if it had been
 * accepted there. While it is on its way the descriptor is nobody's but the handover's, and who
 * sent it keeps its generation, its listener and so itself until the answer comes. The other worker
 * may refuse (it drains, has another configuration, or no place): then it begins here after all.
 */
#ifndef SALLYPORT_PROXY_HANDOVER_H
#define SALLYPORT_PROXY_HANDOVER_H

#include "proxy/generation.h"
#include "proxy/turnstile.h"
#include "reactor/reactor.h"
#include "reactor/seats.h"

#include <stdbool.h>

struct worker;

/* Embedded in who has accepted. Zeroed memory with `over` set is at rest. */
struct handover {
    /* On the sender's thread: the connection has begun elsewhere, or the descriptor is the sender's
     * again. */
    void (*over)(struct handover *handover, bool is_taken);
    /* private */
    struct mail                 there;
    struct mail                 back;
    struct turnstile_place      turn; /* of the receiver */
    struct worker              *from;
    struct seat                *to;
    struct generation_frontend *frontend; /* of the sender's generation */
    int                         fd;
    bool                        is_out;
    bool                        is_taken;
};

/* False: nobody has fewer, and the descriptor stays the caller's. True: `over` will be called. */
__attribute__((warn_unused_result)) bool handover_begin(struct handover            *handover,
                                                        struct worker              *worker,
                                                        struct generation_frontend *frontend,
                                                        int                         fd);

static inline bool handover_is_out(const struct handover *handover)
{
    return handover->is_out;
}

#endif
