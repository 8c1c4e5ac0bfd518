/* What comes next, put before a chooser. */
#include "sim_choice.h"
#include "sim_internal.h"

#include "base/clock.h"
#include "base/require.h"

/* At most so many things are ahead in one small world. A silence ends by itself, in case that the
 * loop has no deadline; if it has none that is nearer, there is nothing to wait for. */
enum { AHEAD_MAX = 64 };
#define SILENCE_NS (700 * NS_PER_S)

struct moment {
    struct sim_driver *driver;
    uint64_t           deadline_ns;
    bool               may_go_on;
    unsigned           count;
    struct sim_event  *ahead[AHEAD_MAX]; /* what may come next */
};

static void look_ahead(struct moment *moment);
static bool comes_at_once(const struct sim_event *event);
static bool is_possible(const struct sim_net *net, const struct sim_event *event);
static void add_event(struct moment *moment, struct sim_event *event);
static bool is_before(const struct sim_event *one, const struct sim_event *other);
static bool take_next(struct moment *moment);
static bool can_be_silent(const struct moment *moment);
static void be_silent(struct moment *moment);
static void run_event(struct sim_net *net, struct sim_event *event);
static bool pass_time(struct moment *moment);
static void tell(struct sim_net *net, const char *what, int fd);

void sim_set_chooser(struct sim_net *net, struct sim_chooser *chooser)
{
    net->chooser = chooser;
    net->silent_until_ns = 0;
}

uint64_t sim_patience_ns(const struct sim_net *net)
{
    return net->deadline_ns - net->now_ns;
}

unsigned sim_choose(struct sim_net *net, unsigned count)
{
    require(net->chooser != NULL);
    return count < 2 ? 0 : net->chooser->choose(net->chooser, SIM_CHOICE_ACT, count);
}

bool sim_choose_fault(struct sim_net *net, unsigned fault)
{
    struct sim_chooser *chooser = net->chooser;

    if (!chooser->may_happen(chooser, fault) ||
        chooser->choose(chooser, SIM_CHOICE_FAULT, 2) == 0) {
        return false;
    }
    chooser->happens(chooser, fault);
    return true;
}

uint64_t sim_choose_piece(struct sim_net *net, uint64_t min, uint64_t max)
{
    if (max - min < 2 || net->chooser->choose(net->chooser, SIM_CHOICE_PIECE, 2) == 0) {
        return min;
    }
    return max - 1;
}

void sim_choose_wait(struct sim_driver *driver, uint64_t wait_ns)
{
    struct sim_net *net = driver->net;
    uint64_t        completions = net->completions;
    struct moment   moment = {.driver = driver, .deadline_ns = net->now_ns + wait_ns};

    net->deadline_ns = moment.deadline_ns;
    if (net->now_ns < net->silent_until_ns) {
        net->now_ns = moment.deadline_ns;
        return;
    }
    do {
        look_ahead(&moment);
        moment.may_go_on = driver->is_woken || wait_ns == 0 || net->completions != completions;
    } while (take_next(&moment));
}

/* Until nothing of what is ahead comes at once. */
static void look_ahead(struct moment *moment)
{
    struct sim_net   *net = moment->driver->net;
    struct sim_event *first;

    do {
        first = NULL;
        moment->count = 0;
        for (size_t i = 0; i < net->queue.count; i++) {
            struct sim_event *event = net->queue.events[i];

            if (!is_possible(net, event)) {
                continue;
            }
            if (!comes_at_once(event)) {
                add_event(moment, event);
            } else if (first == NULL || event->order < first->order) {
                first = event;
            }
        }
        if (first != NULL) {
            run_event(net, first);
        }
    } while (first != NULL);
}

static bool comes_at_once(const struct sim_event *event)
{
    const struct sim_slot *slot = container_of(event, struct sim_slot, event);

    switch (event->kind) {
    case SIM_EVENT_ARRIVAL:
    case SIM_EVENT_LOOK:
        return true;
    case SIM_EVENT_ATTEMPT:
        return slot->op->kind == IO_CLOSE || !sim_can_end(slot);
    case SIM_EVENT_OTHER:
        break;
    }
    return false;
}

static bool is_possible(const struct sim_net *net, const struct sim_event *event)
{
    if (event->time_ns > net->now_ns + SIM_AT_CHOICE_NS) {
        return false;
    }
    switch (event->kind) {
    case SIM_EVENT_ARRIVAL:
        return sim_can_arrive(container_of(event, struct sim_endpoint, arrival));
    case SIM_EVENT_ATTEMPT:
        return sim_can_attempt(container_of(event, struct sim_slot, event));
    case SIM_EVENT_LOOK:
    case SIM_EVENT_OTHER:
        break;
    }
    return event->fault == 0 || net->chooser->may_happen(net->chooser, event->fault);
}

/* Peaceful ones before faults, so that most of the budget is left for what follows; and those that
 * were set first: the same whenever the run is repeated. */
static void add_event(struct moment *moment, struct sim_event *event)
{
    size_t at = moment->count;

    require(moment->count < AHEAD_MAX);
    while (at > 0 && is_before(event, moment->ahead[at - 1])) {
        moment->ahead[at] = moment->ahead[at - 1];
        at--;
    }
    moment->ahead[at] = event;
    moment->count++;
}

static bool is_before(const struct sim_event *one, const struct sim_event *other)
{
    bool is_fault = one->fault != 0;

    return is_fault != (other->fault != 0) ? !is_fault : one->order < other->order;
}

/* Number 0 is to go on, if the loop can, or that time passes, if nothing but faults is ahead. The
 * last is the silence, if there is something to be silent about. False: the loop goes on. */
static bool take_next(struct moment *moment)
{
    struct sim_net *net = moment->driver->net;
    bool            is_alone = moment->count == 0 || moment->ahead[0]->fault != 0;
    unsigned        before = moment->may_go_on || is_alone ? 1 : 0;
    unsigned        count = before + moment->count + (before == 0 && can_be_silent(moment) ? 1 : 0);
    unsigned next = count == 1 ? 0 : net->chooser->choose(net->chooser, SIM_CHOICE_NEXT, count);

    if (next < before) {
        return !moment->may_go_on && pass_time(moment);
    }
    if (next - before < moment->count) {
        run_event(net, moment->ahead[next - before]);
        return true;
    }
    be_silent(moment);
    return false;
}

static bool can_be_silent(const struct moment *moment)
{
    const struct sim_net *net = moment->driver->net;

    return net->faults.stall != 0 && moment->deadline_ns - net->now_ns < SILENCE_NS &&
           net->chooser->may_happen(net->chooser, net->faults.stall);
}

static void be_silent(struct moment *moment)
{
    struct sim_net *net = moment->driver->net;

    net->chooser->happens(net->chooser, net->faults.stall);
    net->silent_until_ns = net->now_ns + SILENCE_NS;
    net->now_ns = moment->deadline_ns;
}

static void run_event(struct sim_net *net, struct sim_event *event)
{
    sim_queue_remove(&net->queue, event);
    if (event->fault != 0) {
        net->chooser->happens(net->chooser, event->fault);
    }
    if (event->kind == SIM_EVENT_ATTEMPT) {
        const struct sim_slot *slot = container_of(event, struct sim_slot, event);

        if (sim_can_end(slot)) {
            tell(net, sim_slot_word(slot), slot->op->fd);
        }
    } else if (event->fault == 0) {
        tell(net, event->name != NULL ? event->name : "an event", -1);
    }
    event->run(event);
}

/* To the next thing that lies further ahead, or to the end of the loop's patience: then false. */
static bool pass_time(struct moment *moment)
{
    struct sim_net *net = moment->driver->net;
    uint64_t        until_ns = moment->deadline_ns;

    for (size_t i = 0; i < net->queue.count; i++) {
        const struct sim_event *event = net->queue.events[i];

        if (event->time_ns > net->now_ns + SIM_AT_CHOICE_NS && event->time_ns < until_ns) {
            until_ns = event->time_ns;
        }
    }
    tell(net, "time passes", -1);
    net->now_ns = until_ns;
    return until_ns < moment->deadline_ns;
}

static void tell(struct sim_net *net, const char *what, int fd)
{
    if (net->chooser->tell != NULL) {
        net->chooser->tell(net->chooser, what, fd);
    }
}
