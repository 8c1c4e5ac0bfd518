#include "reactor/timer.h"

#include "base/clock.h"
#include "base/require.h"

#include <stdlib.h>

enum { FIRST_ROOM = 64 };

static void timers_grow(struct timers *timers);
static void timers_put(struct timers *timers, size_t place, struct timer *timer);
static void timers_sift_up(struct timers *timers, size_t place);
static void timers_sift_down(struct timers *timers, size_t place);

/* Place 0 stays unused, so that a timer's place 0 means "not running". */
bool timers_reserve(struct timers *timers, size_t count)
{
    if (count < timers->room) {
        return true;
    }
    struct timer **heap = realloc(timers->heap, (count + 1) * sizeof(*heap));

    if (heap == NULL) {
        return false;
    }
    timers->heap = heap;
    timers->room = count + 1;
    return true;
}

void timers_fini(struct timers *timers)
{
    require(timers->count == 0);
    free(timers->heap);
    *timers = (struct timers){0};
}

void timers_set(struct timers *timers, struct timer *timer, uint64_t deadline_ns)
{
    require(timer->due != NULL);
    if (deadline_ns < timers->earliest_ns) {
        deadline_ns = timers->earliest_ns;
    }
    if (!timer_is_set(timer)) {
        timers_grow(timers);
        timers->count++;
        timer->deadline_ns = deadline_ns;
        timers_put(timers, timers->count, timer);
        timers_sift_up(timers, timer->place);
        return;
    }
    bool is_earlier = deadline_ns < timer->deadline_ns;

    timer->deadline_ns = deadline_ns;
    if (is_earlier) {
        timers_sift_up(timers, timer->place);
    } else {
        timers_sift_down(timers, timer->place);
    }
}

void timers_clear(struct timers *timers, struct timer *timer)
{
    if (!timer_is_set(timer)) {
        return;
    }
    size_t        place = timer->place;
    struct timer *last = timers->heap[timers->count];

    require(timers->heap[place] == timer);
    timers->count--;
    timer->place = 0;
    if (last != timer) {
        timers_put(timers, place, last);
        timers_sift_up(timers, place);
        timers_sift_down(timers, last->place);
    }
}

uint64_t timers_next_ns(const struct timers *timers)
{
    return timers->count == 0 ? CLOCK_NEVER : timers->heap[1]->deadline_ns;
}

void timers_expire(struct timers *timers, uint64_t now_ns)
{
    timers->earliest_ns = now_ns + 1;
    while (timers->count > 0 && timers->heap[1]->deadline_ns <= now_ns) {
        struct timer *timer = timers->heap[1];

        timers_clear(timers, timer);
        timer->due(timer);
    }
    timers->earliest_ns = 0;
}

/* Without memory for a deadline no session could be bounded, and there is nothing sensible left to
 * do: whoever may set many has them reserved. */
static void timers_grow(struct timers *timers)
{
    if (timers->count + 1 >= timers->room) {
        require(timers_reserve(timers, timers->room == 0 ? FIRST_ROOM : timers->room * 2));
    }
}

static void timers_put(struct timers *timers, size_t place, struct timer *timer)
{
    timers->heap[place] = timer;
    timer->place = (uint32_t)place;
}

static void timers_sift_up(struct timers *timers, size_t place)
{
    struct timer *timer = timers->heap[place];

    while (place > 1 && timers->heap[place / 2]->deadline_ns > timer->deadline_ns) {
        timers_put(timers, place, timers->heap[place / 2]);
        place /= 2;
    }
    timers_put(timers, place, timer);
}

static void timers_sift_down(struct timers *timers, size_t place)
{
    struct timer *timer = timers->heap[place];

    for (;;) {
        size_t child = place * 2;

        if (child < timers->count &&
            timers->heap[child + 1]->deadline_ns < timers->heap[child]->deadline_ns) {
            child++;
        }
        if (child > timers->count || timers->heap[child]->deadline_ns >= timer->deadline_ns) {
            break;
        }
        timers_put(timers, place, timers->heap[child]);
        place = child;
    }
    timers_put(timers, place, timer);
}
