/* What comes next, put before a chooser. */
#include "sim_choice.h"
#include "sim_internal.h"

#include "base/clock.h"
#include "base/require.h"

/* At most so many things are ahead in one small world. A silence ends by itself, in case that the
 * loop has no deadline; if it has none that is nearer, there is nothing to wait for. */
enum { AHEAD_MAX = 64 };
#define SILENCE_NS (700 * NS_PER_S)

enum step { STEP_GO_ON, STEP_EVENT, STEP_TIME, STEP_SILENCE };

struct ahead {
    enum step         step;
    struct sim_event *event;
};

struct moment {
    struct sim_driver *driver;
    uint64_t           deadline_ns;
    bool               may_go_on;
    unsigned           count;
    struct ahead       ahead[AHEAD_MAX];
};

static void run_at_once(struct sim_net *net);
static bool comes_at_once(const struct sim_net *net, const struct sim_event *event);
static bool is_possible(const struct sim_net *net, const struct sim_event *event);
static void look_ahead(struct moment *moment);
static void add_events(struct moment *moment, bool are_faults);
static void add(struct moment *moment, enum step step, struct sim_event *event);
static bool take(struct moment *moment, const struct ahead *ahead);
static void run_event(struct sim_net *net, struct sim_event *event);
static bool pass_time(struct moment *moment);
static void tell(struct sim_net *net, const char *what, int fd);

void sim_set_chooser(struct sim_net *net, struct sim_chooser *chooser)
{
    net->chooser = chooser;
}

unsigned sim_choose(struct sim_net *net, unsigned count)
{
    require(net->chooser != NULL);
    return count < 2 ? 0 : net->chooser->choose(net->chooser, SIM_CHOICE_FAULT, count);
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
    return max - min < 2                                                  ? min
           : net->chooser->choose(net->chooser, SIM_CHOICE_PIECE, 2) == 0 ? min
                                                                          : max - 1;
}

void sim_choose_wait(struct sim_driver *driver, uint64_t wait_ns)
{
    struct sim_net     *net = driver->net;
    uint64_t            completions = net->completions;
    struct moment       moment = {.driver = driver, .deadline_ns = net->now_ns + wait_ns};
    const struct ahead *next = NULL;

    if (net->now_ns < net->silent_until_ns) {
        net->now_ns = moment.deadline_ns;
        return;
    }
    do {
        run_at_once(net);
        moment.may_go_on = driver->is_woken || wait_ns == 0 || net->completions != completions;
        look_ahead(&moment);
        next = &moment.ahead[moment.count == 1 ? 0
                                               : net->chooser->choose(net->chooser, SIM_CHOICE_NEXT,
                                                                      moment.count)];
    } while (take(&moment, next));
}

static void run_at_once(struct sim_net *net)
{
    bool has_run = true;

    while (has_run) {
        struct sim_event *first = NULL;

        for (size_t i = 0; i < net->queue.count; i++) {
            struct sim_event *event = net->queue.events[i];

            if (comes_at_once(net, event) && (first == NULL || event->order < first->order)) {
                first = event;
            }
        }
        has_run = first != NULL;
        if (has_run) {
            run_event(net, first);
        }
    }
}

static bool comes_at_once(const struct sim_net *net, const struct sim_event *event)
{
    if (!is_possible(net, event)) {
        return false;
    }
    switch (event->kind) {
    case SIM_EVENT_ARRIVAL:
    case SIM_EVENT_LOOK:
        return true;
    case SIM_EVENT_ATTEMPT:
        return !sim_can_end(container_of(event, struct sim_slot, event));
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

/* What is peaceful first: most of the budget is then left for what follows. */
static void look_ahead(struct moment *moment)
{
    const struct sim_net *net = moment->driver->net;

    moment->count = 0;
    if (moment->may_go_on) {
        add(moment, STEP_GO_ON, NULL);
    }
    add_events(moment, false);
    bool is_alone = moment->count == 0;

    if (is_alone) {
        add(moment, STEP_TIME, NULL);
    }
    add_events(moment, true);
    if (!moment->may_go_on && !is_alone && net->faults.stall != 0 &&
        moment->deadline_ns - net->now_ns < SILENCE_NS &&
        net->chooser->may_happen(net->chooser, net->faults.stall)) {
        add(moment, STEP_SILENCE, NULL);
    }
}

/* In the order in which they were set: the same whenever the run is repeated. */
static void add_events(struct moment *moment, bool are_faults)
{
    const struct sim_net *net = moment->driver->net;
    uint64_t              after = 0;
    struct sim_event     *next;

    do {
        next = NULL;
        for (size_t i = 0; i < net->queue.count; i++) {
            struct sim_event *event = net->queue.events[i];

            if (event->order > after && (event->fault != 0) == are_faults &&
                (next == NULL || event->order < next->order) && is_possible(net, event)) {
                next = event;
            }
        }
        if (next != NULL) {
            add(moment, STEP_EVENT, next);
            after = next->order;
        }
    } while (next != NULL);
}

static void add(struct moment *moment, enum step step, struct sim_event *event)
{
    require(moment->count < AHEAD_MAX);
    moment->ahead[moment->count++] = (struct ahead){.step = step, .event = event};
}

/* False: the loop goes on. */
static bool take(struct moment *moment, const struct ahead *ahead)
{
    struct sim_net *net = moment->driver->net;

    switch (ahead->step) {
    case STEP_GO_ON:
        tell(net, "the loop goes on", -1);
        return false;
    case STEP_EVENT:
        run_event(net, ahead->event);
        return true;
    case STEP_TIME:
        return pass_time(moment);
    case STEP_SILENCE:
        tell(net, "silence", -1);
        net->chooser->happens(net->chooser, net->faults.stall);
        net->silent_until_ns = net->now_ns + SILENCE_NS;
        net->now_ns = moment->deadline_ns;
        return false;
    }
    return false;
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
    } else {
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
