#include "sim_internal.h"

#include "base/clock.h"
#include "base/require.h"
#include "sim_choice.h"

#include <stdlib.h>
#include <string.h>

/* The clock starts here, so that "no time yet" (0) cannot be mistaken for a moment. */
static const uint64_t BEGINNING_NS = 1000 * NS_PER_S;

static struct sim_net *current;

static uint64_t now_of_current(void);
static uint64_t next_number(struct sim_net *net);

struct sim_net *sim_net_new(const struct sim_options *options)
{
    struct sim_net *net = calloc(1, sizeof(*net));

    require(current == NULL);
    require(net != NULL);
    net->fds_max = options->descriptors_max == 0 ? SIM_DESCRIPTORS_MAX : options->descriptors_max;
    require(net->fds_max <= SIM_DESCRIPTORS_MAX);
    net->fds = calloc(net->fds_max, sizeof(*net->fds));
    require(net->fds != NULL);
    net->faults = options->faults;
    net->is_readiness = options->is_readiness;
    net->chance = options->seed;
    net->now_ns = BEGINNING_NS;
    sim_trace_init(&net->trace);
    list_init(&net->links);
    list_init(&net->listeners);
    current = net;
    clock_set_source(now_of_current);
    return net;
}

void sim_net_free(struct sim_net **net)
{
    struct sim_net *freeing = *net;

    if (freeing == NULL) {
        return;
    }
    require(freeing->loops == 0);
    for (struct list_link *link; (link = list_first(&freeing->listeners)) != NULL;) {
        sim_listener_free(container_of(link, struct sim_listener, link));
    }
    for (struct list_link *link; (link = list_first(&freeing->links)) != NULL;) {
        sim_link_free(container_of(link, struct sim_link, link));
    }
    for (size_t i = 0; i < freeing->fds_max; i++) {
        free(freeing->fds[i].raised);
    }
    sim_queue_fini(&freeing->queue);
    free(freeing->fds);
    free(freeing);
    clock_set_source(NULL);
    current = NULL;
    *net = NULL;
}

struct sim_faults *sim_faults(struct sim_net *net)
{
    return &net->faults;
}

uint64_t sim_now_ns(const struct sim_net *net)
{
    return net->now_ns;
}

uint64_t sim_random(struct sim_net *net, uint64_t below)
{
    require(below > 0);
    return net->chooser != NULL ? 0 : next_number(net) % below;
}

uint64_t sim_trace(const struct sim_net *net)
{
    return net->trace.hash;
}

void sim_tell(const struct sim_net *net)
{
    sim_trace_tell(&net->trace);
}

uint64_t sim_completions(const struct sim_net *net)
{
    return net->completions;
}

size_t sim_open_fds(const struct sim_net *net)
{
    return net->fds_open;
}

size_t sim_links(const struct sim_net *net)
{
    return net->links_count;
}

void sim_event_at(struct sim_net *net, struct sim_event *event, uint64_t time_ns)
{
    require(event->run != NULL);
    sim_event_clear(net, event);
    event->time_ns = time_ns < net->now_ns ? net->now_ns : time_ns;
    net->order++;
    event->order = net->order;
    if (net->chooser == NULL && sim_chance(net, net->faults.shuffle)) {
        event->order = next_number(net) >> 1;
    }
    sim_queue_add(&net->queue, event);
}

void sim_event_clear(struct sim_net *net, struct sim_event *event)
{
    if (sim_event_is_set(event)) {
        sim_queue_remove(&net->queue, event);
    }
}

int sim_listen_fd(struct sim_net *net, const struct address *address)
{
    int                  fd = sim_fd_take(net);
    struct sim_listener *listener = sim_listener_new(net, address);

    require(fd >= 0);
    listener->fd = fd;
    net->fds[fd - SIM_FD_FIRST] = (struct sim_fd){.kind = SIM_FD_LISTENER, .listener = listener};
    return fd;
}

int sim_event_fd(struct sim_net *net)
{
    int                fd = sim_fd_take(net);
    struct sim_raised *raised = calloc(1, sizeof(*raised));

    require(fd >= 0);
    require(raised != NULL);
    net->fds[fd - SIM_FD_FIRST] = (struct sim_fd){.kind = SIM_FD_EVENT, .raised = raised};
    return fd;
}

void sim_event_set(struct sim_net *net, int fd, bool is_raised)
{
    struct sim_fd *entry = sim_fd_of(net, fd);

    require(entry->kind == SIM_FD_EVENT);
    entry->raised->is_raised = is_raised;
    sim_slot_poke(&entry->raised->poll);
}

void sim_answer(struct sim_net *net, const struct address *address, enum sim_answer answer)
{
    size_t index = 0;

    while (index < net->answers_count && !address_is_equal(&net->answers[index].address, address)) {
        index++;
    }
    require(index < SIM_ANSWERS_MAX);
    net->answers[index].address = *address;
    net->answers[index].answer = answer;
    if (index == net->answers_count) {
        net->answers_count++;
    }
}

enum sim_answer sim_answer_of(const struct sim_net *net, const struct address *address)
{
    for (size_t i = 0; i < net->answers_count; i++) {
        if (address_is_equal(&net->answers[i].address, address)) {
            return net->answers[i].answer;
        }
    }
    return SIM_ACCEPTS;
}

bool sim_chance(struct sim_net *net, unsigned in_a_thousand)
{
    if (net->chooser != NULL) {
        return in_a_thousand > 0 && sim_choose_fault(net, in_a_thousand);
    }
    return in_a_thousand > 0 && next_number(net) % 1000 < in_a_thousand;
}

uint64_t sim_between(struct sim_net *net, uint64_t min, uint64_t max)
{
    require(min <= max);
    if (net->chooser != NULL) {
        return sim_choose_piece(net, min, max);
    }
    return min == max ? min : min + next_number(net) % (max - min + 1);
}

void sim_note(struct sim_net *net, uint64_t what, uint64_t which, uint64_t result)
{
    sim_trace_note(&net->trace,
                   (struct sim_trace_event){
                       .now_ns = net->now_ns, .what = what, .which = which, .result = result});
}

int sim_fd_take(struct sim_net *net)
{
    for (size_t i = 0; i < net->fds_max; i++) {
        if (net->fds[i].kind == SIM_FD_FREE) {
            net->fds_open++;
            return (int)i + SIM_FD_FIRST;
        }
    }
    return -1;
}

void sim_fd_give(struct sim_net *net, int fd)
{
    struct sim_fd *entry = sim_fd_of(net, fd);

    free(entry->raised);
    memset(entry, 0, sizeof(*entry));
    net->fds_open--;
}

/* Aborts when nobody has that descriptor open. */
struct sim_fd *sim_fd_of(struct sim_net *net, int fd)
{
    require(fd >= SIM_FD_FIRST);
    require((size_t)(fd - SIM_FD_FIRST) < net->fds_max);
    require(net->fds[fd - SIM_FD_FIRST].kind != SIM_FD_FREE);
    return &net->fds[fd - SIM_FD_FIRST];
}

static uint64_t now_of_current(void)
{
    return current->now_ns;
}

/* A stream of 64-bit numbers: a counter in large odd steps, stirred. */
static uint64_t next_number(struct sim_net *net)
{
    net->chance += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t number = net->chance;

    number = (number ^ (number >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ (number >> 27)) * UINT64_C(0x94d049bb133111eb);
    return number ^ (number >> 31);
}
