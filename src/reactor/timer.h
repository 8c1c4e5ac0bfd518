/* Deadlines embedded in their owners, in a binary heap: setting, clearing and expiring cost
 * O(log n), and no system call. */
#ifndef SALLYPORT_REACTOR_TIMER_H
#define SALLYPORT_REACTOR_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timer;
typedef void timer_due(struct timer *timer);

/* Zeroed memory with `due` set is a timer that is not running. */
struct timer {
    timer_due *due; /* called once, after which the timer is not running */
    /* private */
    uint64_t deadline_ns;
    uint32_t place; /* in the heap, counted from 1; 0: not running */
};

struct timers {
    /* private */
    struct timer **heap;
    size_t         count;
    size_t         room;
    uint64_t       earliest_ns; /* while timers expire: what is set now is due then or later */
};

/* Zeroed memory is an empty set. */
/* So many may be set at a time before memory is asked for again. False, and nothing has changed,
 * without it. */
__attribute__((warn_unused_result)) bool timers_reserve(struct timers *timers, size_t count);

void timers_fini(struct timers *timers);

void timers_set(struct timers *timers, struct timer *timer, uint64_t deadline_ns);
void timers_clear(struct timers *timers, struct timer *timer);

/* The nearest deadline, or CLOCK_NEVER. */
uint64_t timers_next_ns(const struct timers *timers);

/* Calls `due` of every timer whose deadline has passed, in the order of their deadlines. A timer
 * that is set meanwhile waits for the next call, whatever its deadline: it becomes now_ns + 1. */
void timers_expire(struct timers *timers, uint64_t now_ns);

static inline bool timer_is_set(const struct timer *timer)
{
    return timer->place != 0;
}

/* Of a timer that is set. */
static inline uint64_t timer_deadline_ns(const struct timer *timer)
{
    return timer->deadline_ns;
}

#endif
