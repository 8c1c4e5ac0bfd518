/* The simulator's future: events ordered by time, then by an order number. A heap of pointers. */
#ifndef SALLYPORT_TESTS_SIM_QUEUE_H
#define SALLYPORT_TESTS_SIM_QUEUE_H

#include "driver_sim.h"

struct sim_queue {
    struct sim_event **events;
    size_t             count;
    size_t             capacity;
};

void sim_queue_fini(struct sim_queue *queue);

/* `event` has its time and order. */
void sim_queue_add(struct sim_queue *queue, struct sim_event *event);
void sim_queue_remove(struct sim_queue *queue, struct sim_event *event);

/* The next one, still inside; NULL when nothing lies ahead. */
struct sim_event *sim_queue_first(const struct sim_queue *queue);

static inline bool sim_event_is_set(const struct sim_event *event)
{
    return event->position != 0;
}

#endif
