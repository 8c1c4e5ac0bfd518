#include "sim_queue.h"

#include "base/require.h"

#include <stdlib.h>

enum { CAPACITY_FIRST = 256 };

static bool is_before(const struct sim_event *one, const struct sim_event *other);
static void put(struct sim_queue *queue, size_t index, struct sim_event *event);
static void sift_up(struct sim_queue *queue, size_t index);
static void sift_down(struct sim_queue *queue, size_t index);

void sim_queue_fini(struct sim_queue *queue)
{
    free(queue->events);
    *queue = (struct sim_queue){0};
}

void sim_queue_add(struct sim_queue *queue, struct sim_event *event)
{
    require(!sim_event_is_set(event));
    if (queue->count == queue->capacity) {
        queue->capacity = queue->capacity == 0 ? CAPACITY_FIRST : queue->capacity * 2;
        queue->events = realloc(queue->events, queue->capacity * sizeof(*queue->events));
        require(queue->events != NULL);
    }
    put(queue, queue->count, event);
    queue->count++;
    sift_up(queue, queue->count - 1);
}

void sim_queue_remove(struct sim_queue *queue, struct sim_event *event)
{
    size_t            index = event->position - 1;
    struct sim_event *last = queue->events[queue->count - 1];

    require(sim_event_is_set(event));
    require(queue->events[index] == event);
    queue->count--;
    event->position = 0;
    if (last != event) {
        put(queue, index, last);
        sift_up(queue, index);
        sift_down(queue, last->position - 1);
    }
}

struct sim_event *sim_queue_first(const struct sim_queue *queue)
{
    return queue->count == 0 ? NULL : queue->events[0];
}

static bool is_before(const struct sim_event *one, const struct sim_event *other)
{
    return one->time_ns != other->time_ns ? one->time_ns < other->time_ns
                                          : one->order < other->order;
}

static void put(struct sim_queue *queue, size_t index, struct sim_event *event)
{
    queue->events[index] = event;
    event->position = index + 1;
}

static void sift_up(struct sim_queue *queue, size_t index)
{
    struct sim_event *event = queue->events[index];

    while (index > 0 && is_before(event, queue->events[(index - 1) / 2])) {
        put(queue, index, queue->events[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    put(queue, index, event);
}

static void sift_down(struct sim_queue *queue, size_t index)
{
    struct sim_event *event = queue->events[index];

    for (;;) {
        size_t child = 2 * index + 1;

        if (child + 1 < queue->count && is_before(queue->events[child + 1], queue->events[child])) {
            child++;
        }
        if (child >= queue->count || !is_before(queue->events[child], event)) {
            break;
        }
        put(queue, index, queue->events[child]);
        index = child;
    }
    put(queue, index, event);
}
