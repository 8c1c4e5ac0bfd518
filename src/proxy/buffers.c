#include "proxy/buffers.h"

#include "base/clock.h"
#include "base/require.h"
#include "base/slab.h"

#include <errno.h>
#include <stdlib.h>

/* Accepting pauses when so many tenths are out. */
enum { SHORT_TENTHS = 9 };

/* One in so many is left for input. */
enum { INPUT_SHARE = 16 };

/* So many of those who wait are called at a time. */
enum { CALLS_MAX = 16 };

#define RELIEF_NS (100 * NS_PER_MS)

struct buffers {
    struct buffers_options options;
    struct slab           *large;
    struct slab           *small;
    size_t                 outputs; /* large ones, by what they are used for */
    size_t                 inputs;
    struct list            waiting;
    size_t                 waiting_count;
    struct task            call;
    struct timer           relief;
};

static void   on_call(struct task *task);
static void   on_relief(struct timer *timer);
static size_t outputs_free(const struct buffers *buffers);
static bool   is_short(const struct buffers *buffers);
static void   relieve_soon(struct buffers *buffers);
static void   count(struct buffers *buffers, int64_t amount);
static void   call_first(struct buffers *buffers);

struct buffers *buffers_new(const struct buffers_options *options, struct error *error)
{
    struct buffers *buffers = calloc(1, sizeof(*buffers));

    if (buffers == NULL) {
        *error = error_from_errno(ENOMEM, "buffers");
        return NULL;
    }
    buffers->options = *options;
    if (buffers->options.buffers_max < BUFFERS_MIN) {
        buffers->options.buffers_max = BUFFERS_MIN;
    }
    list_init(&buffers->waiting);
    buffers->call.run = on_call;
    buffers->relief.due = on_relief;
    size_t large_max = buffers->options.buffers_max;

    buffers->large = slab_new(
        &(struct slab_options){.object_bytes = RELAY_BUFFER_BYTES, .objects_max = large_max},
        error);
    buffers->small = slab_new(&(struct slab_options){.object_bytes = SMALL_BUFFER_BYTES,
                                                     .objects_max = large_max * SMALL_BUFFERS_EACH},
                              error);
    if (buffers->large == NULL || buffers->small == NULL) {
        buffers_free(&buffers);
    }
    return buffers;
}

void buffers_free(struct buffers **buffers)
{
    if (*buffers == NULL) {
        return;
    }
    require(list_is_empty(&(*buffers)->waiting));
    reactor_timer_clear((*buffers)->options.reactor, &(*buffers)->relief);
    reactor_forget((*buffers)->options.reactor, &(*buffers)->call);
    slab_free(&(*buffers)->large);
    slab_free(&(*buffers)->small);
    free(*buffers);
    *buffers = NULL;
}

/* --- the line ----------------------------------------------------------------------------- */

bool buffers_may_take(const struct buffers *buffers, const struct buffers_place *place,
                      unsigned count)
{
    const struct list_link *first = list_first(&buffers->waiting);

    return (first == NULL || first == &place->link) && outputs_free(buffers) >= count;
}

void buffers_wait(struct buffers *buffers, struct buffers_place *place, unsigned count)
{
    bool is_waiting = list_is_linked(&place->link);

    place->count = count;
    if (count > 0 && !is_waiting) {
        list_append(&buffers->waiting, &place->link);
        buffers->waiting_count++;
        relieve_soon(buffers);
    } else if (count == 0 && is_waiting) {
        list_remove(&place->link);
        buffers->waiting_count--;
        call_first(buffers);
    }
}

/* In a turn of its own: a buffer comes back in the middle of some session's step. */
static void call_first(struct buffers *buffers)
{
    if (!list_is_empty(&buffers->waiting)) {
        reactor_defer(buffers->options.reactor, &buffers->call);
    }
}

/* Whoever is called keeps the place until it has taken what it waits for; a handshake does so only
 * when it may compute. */
static void on_call(struct task *task)
{
    struct buffers *buffers = container_of(task, struct buffers, call);

    for (unsigned i = 0; i < CALLS_MAX; i++) {
        struct list_link *link = list_first(&buffers->waiting);

        if (link == NULL) {
            return;
        }
        struct buffers_place *place = container_of(link, struct buffers_place, link);

        if (outputs_free(buffers) < place->count) {
            return;
        }
        place->ready(place);
        if (list_first(&buffers->waiting) == link) {
            return;
        }
    }
    call_first(buffers);
}

/* --- being short -------------------------------------------------------------------------- */

bool buffers_are_short(struct buffers *buffers)
{
    if (is_short(buffers)) {
        relieve_soon(buffers);
    }
    return is_short(buffers);
}

static bool is_short(const struct buffers *buffers)
{
    size_t large_max = buffers->options.buffers_max;
    size_t small_max = large_max * SMALL_BUFFERS_EACH;

    return !list_is_empty(&buffers->waiting) ||
           slab_taken(buffers->large) * 10 >= large_max * SHORT_TENTHS ||
           slab_taken(buffers->small) * 10 >= small_max * SHORT_TENTHS;
}

static void relieve_soon(struct buffers *buffers)
{
    struct reactor *reactor = buffers->options.reactor;

    if (!timer_is_set(&buffers->relief)) {
        reactor_timer_set(reactor, &buffers->relief, reactor_now_ns(reactor) + RELIEF_NS);
    }
}

static void on_relief(struct timer *timer)
{
    struct buffers *buffers = container_of(timer, struct buffers, relief);

    if (is_short(buffers)) {
        buffers->options.relieve(buffers->options.owner, buffers->waiting_count + 1);
        relieve_soon(buffers);
    }
}

/* --- memory ------------------------------------------------------------------------------- */

static size_t outputs_free(const struct buffers *buffers)
{
    size_t for_input = buffers->options.buffers_max / INPUT_SHARE + 1;
    size_t kept = buffers->inputs > for_input ? buffers->inputs : for_input;

    return buffers->options.buffers_max - kept - buffers->outputs;
}

void buffers_open(struct buffers *buffers, struct buffer *output)
{
    void *memory = slab_take(buffers->large);

    require(memory != NULL);
    buffers->outputs++;
    buffer_attach(output, memory, slab_object_bytes(buffers->large));
    count(buffers, 1);
}

void buffers_close(struct buffers *buffers, struct buffer *output)
{
    void *memory = buffer_detach(output);

    if (memory == NULL) {
        return;
    }
    buffers->outputs--;
    slab_give(buffers->large, memory);
    count(buffers, -1);
    call_first(buffers);
}

bool buffers_keep(struct buffers *buffers, struct buffer *input, size_t bytes)
{
    void *memory = bytes <= SMALL_BUFFER_BYTES ? slab_take(buffers->small) : NULL;

    if (memory != NULL) {
        buffer_attach(input, memory, slab_object_bytes(buffers->small));
    } else {
        memory =
            buffers->inputs < buffers->options.buffers_max / 2 ? slab_take(buffers->large) : NULL;
        if (memory == NULL) {
            return false;
        }
        buffers->inputs++;
        buffer_attach(input, memory, slab_object_bytes(buffers->large));
    }
    count(buffers, 1);
    return true;
}

void buffers_drop(struct buffers *buffers, struct buffer *input)
{
    bool  is_small = input->capacity == slab_object_bytes(buffers->small);
    void *memory = buffer_detach(input);

    if (memory == NULL) {
        return;
    }
    if (is_small) {
        slab_give(buffers->small, memory);
    } else {
        buffers->inputs--;
        slab_give(buffers->large, memory);
        call_first(buffers);
    }
    count(buffers, -1);
}

static void count(struct buffers *buffers, int64_t amount)
{
    reactor_count(buffers->options.reactor, METRIC_BUFFERS_TAKEN, amount);
}

size_t buffers_taken(const struct buffers *buffers)
{
    return slab_taken(buffers->large) + slab_taken(buffers->small);
}

void buffers_trim(struct buffers *buffers)
{
    slab_trim(buffers->large);
    slab_trim(buffers->small);
}
