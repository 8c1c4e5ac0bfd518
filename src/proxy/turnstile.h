/*
 * Lets so many pass in a turn of the reactor and no more; the others wait in line for the next
 * ones. All listeners of a worker share one, so that a worker with many of them begins no more
 * sessions a turn than one with a single listener.
 */
#ifndef SALLYPORT_PROXY_TURNSTILE_H
#define SALLYPORT_PROXY_TURNSTILE_H

#include "base/list.h"
#include "reactor/reactor.h"

#include <stdint.h>

/* Embedded in who wants to pass. Zeroed memory with `pass` set is not in line. */
struct turnstile_place {
    void (*pass)(struct turnstile_place *place);
    /* private */
    struct list_link link;
};

struct turnstile {
    /* private */
    struct reactor *reactor;
    struct list     waiting;
    struct task     task;
    uint64_t        turn; /* in which `passed` passed */
    unsigned        passed;
    unsigned        passes_max;
};

void turnstile_init(struct turnstile *turnstile, struct reactor *reactor, unsigned passes_max);
/* Nobody may be in line. */
void turnstile_fini(struct turnstile *turnstile);

/* Calls `pass` now, or in a later turn. Does nothing when it is in line already. */
void turnstile_enter(struct turnstile *turnstile, struct turnstile_place *place);
/* Out of the line, if it is in it. */
void turnstile_leave(struct turnstile_place *place);

#endif
