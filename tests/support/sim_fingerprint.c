/* All that decides what the simulated network may do from here on, as one number. */
#include "sim_choice.h"
#include "sim_internal.h"

#include "base/clock.h"

/* FNV's prime would do bytes; this one stirs whole numbers (splitmix64). */
static const uint64_t STEP = UINT64_C(0x9e3779b97f4a7c15);

static uint64_t of_link(const struct sim_net *net, const struct sim_link *link, uint64_t hash);
static uint64_t of_end(const struct sim_net *net, const struct sim_endpoint *end, uint64_t hash);
static uint64_t of_pipe(const struct sim_net *net, const struct sim_pipe *pipe, uint64_t hash);
static uint64_t of_slot(const struct sim_net *net, const struct sim_slot *slot, uint64_t hash);
static uint64_t of_listener(const struct sim_net *net, const struct sim_listener *listener,
                            uint64_t hash);
static uint64_t time_of(const struct sim_net *net, const struct sim_event *event);
static uint64_t time_left(const struct sim_net *net, uint64_t time_ns);

uint64_t sim_fingerprint(const struct sim_net *net)
{
    uint64_t hash = net->fds_open;

    for (struct list_link *link = list_first(&net->links); link != NULL;
         link = list_after(&net->links, link)) {
        hash = of_link(net, container_of(link, struct sim_link, link), hash);
    }
    for (struct list_link *link = list_first(&net->listeners); link != NULL;
         link = list_after(&net->listeners, link)) {
        hash = of_listener(net, container_of(link, struct sim_listener, link), hash);
    }
    return hash;
}

uint64_t sim_fingerprint_add(uint64_t fingerprint, uint64_t number)
{
    uint64_t mixed = (fingerprint ^ number) + STEP;

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

static uint64_t of_link(const struct sim_net *net, const struct sim_link *link, uint64_t hash)
{
    hash = sim_fingerprint_add(hash, time_of(net, &link->handshake));
    hash = sim_fingerprint_add(hash, (uint64_t)link->is_answered | (uint64_t)link->is_cut << 1 |
                                         (uint64_t)list_is_linked(&link->waiting) << 2);
    hash = of_end(net, &link->ends[0], hash);
    return of_end(net, &link->ends[1], hash);
}

static uint64_t of_end(const struct sim_net *net, const struct sim_endpoint *end, uint64_t hash)
{
    const struct sim_slot *slots[] = {&end->connect, &end->recv, &end->send, &end->close};
    uint64_t               flags = (uint64_t)end->is_closed | (uint64_t)end->is_reset << 1 |
                     (uint64_t)end->is_reset_told << 2 | (uint64_t)end->has_reset << 3 |
                     (uint64_t)end->is_shut << 4 | (uint64_t)end->is_reset_wanted << 5 |
                     (uint64_t)(end->actor != NULL) << 6;

    hash =
        sim_fingerprint_add(hash, flags | (uint64_t)end->state << 8 | (uint64_t)end->failure << 16 |
                                      (uint64_t)end->reset_kind << 24);
    hash = sim_fingerprint_add(hash, (uint64_t)end->fd);
    hash = of_pipe(net, &end->in, hash);
    hash = sim_fingerprint_add(hash, time_of(net, &end->arrival));
    hash = sim_fingerprint_add(hash, time_of(net, &end->ready));
    for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
        hash = of_slot(net, slots[i], hash);
    }
    return hash;
}

static uint64_t of_pipe(const struct sim_net *net, const struct sim_pipe *pipe, uint64_t hash)
{
    hash = sim_fingerprint_add(hash, pipe->written);
    hash = sim_fingerprint_add(hash, pipe->launched);
    hash = sim_fingerprint_add(hash, pipe->arrived);
    hash = sim_fingerprint_add(hash, pipe->read);
    hash = sim_fingerprint_add(hash, (uint64_t)pipe->is_fin_wanted |
                                         (uint64_t)pipe->is_fin_launched << 1 |
                                         (uint64_t)pipe->is_fin_arrived << 2);
    for (unsigned i = 0; i < pipe->count; i++) {
        const struct sim_segment *segment = &pipe->segments[(pipe->first + i) % SIM_SEGMENTS_MAX];

        hash = sim_fingerprint_add(hash, segment->end << 2 | (uint64_t)segment->kind);
        hash = sim_fingerprint_add(hash, time_left(net, segment->arrives_ns));
    }
    return sim_fingerprint_add(hash, pipe->count);
}

static uint64_t of_slot(const struct sim_net *net, const struct sim_slot *slot, uint64_t hash)
{
    if (slot->op == NULL) {
        return sim_fingerprint_add(hash, 0);
    }
    hash = sim_fingerprint_add(hash, 1 + slot->op->status);
    hash = sim_fingerprint_add(hash, slot->sent << 1 | (uint64_t)slot->is_in_parts);
    return sim_fingerprint_add(hash, time_of(net, &slot->event));
}

static uint64_t of_listener(const struct sim_net *net, const struct sim_listener *listener,
                            uint64_t hash)
{
    hash = sim_fingerprint_add(hash, listener->backlog_count << 1 | (uint64_t)listener->is_shut);
    for (size_t i = 0; i < SIM_ACCEPTS_MAX; i++) {
        if (listener->accepts[i].op != NULL) {
            hash = of_slot(net, &listener->accepts[i], sim_fingerprint_add(hash, i));
        }
    }
    return of_slot(net, &listener->close, hash);
}

static uint64_t time_of(const struct sim_net *net, const struct sim_event *event)
{
    return sim_event_is_set(event) ? 1 + time_left(net, event->time_ns) : 0;
}

/* What may come at any time has no time of its own. */
static uint64_t time_left(const struct sim_net *net, uint64_t time_ns)
{
    return time_ns <= net->now_ns + SIM_AT_CHOICE_NS ? 0 : time_ns - net->now_ns;
}
