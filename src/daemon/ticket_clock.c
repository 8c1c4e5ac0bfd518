#include "daemon/ticket_clock.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/require.h"

#include <string.h>
#include <time.h>

#define TELL_AGAIN_NS (NS_PER_S / 10)
/* Derived keys follow the clock on the wall, which may be set while we wait. */
enum { LOOK_AGAIN_S = 30 };

static void on_rotation(struct timer *timer);
static void on_retry(struct timer *timer);
static bool renew(struct ticket_clock *clock);
static void take_over(struct ticket_clock *clock, const struct tls_ticket_keys *keys);
static void tell(struct ticket_clock *clock);
static void schedule(struct ticket_clock *clock);
static void timer_in(struct ticket_clock *clock, struct timer *timer, uint64_t in_ns);

bool ticket_clock_init(struct ticket_clock *clock, const struct ticket_source *source)
{
    *clock = (struct ticket_clock){
        .rotation = {.due = on_rotation}, .retry = {.due = on_retry}, .source = *source};
    return renew(clock);
}

const struct tls_ticket_keys *ticket_clock_keys(const struct ticket_clock *clock)
{
    return &clock->keys;
}

uint64_t ticket_clock_age_ns(const struct ticket_clock *clock, unsigned place)
{
    require(place < clock->keys.count);
    return clock_now_ns() - clock->known_ns[place];
}

const struct ticket_source *ticket_clock_source(const struct ticket_clock *clock)
{
    return &clock->source;
}

void ticket_clock_start(struct ticket_clock *clock, struct reactor *control,
                        bool (*tell_owner)(void *owner, const struct tls_ticket_keys *keys),
                        void *owner)
{
    clock->control = control;
    clock->tell = tell_owner;
    clock->owner = owner;
    schedule(clock);
}

void ticket_clock_change(struct ticket_clock *clock, const struct ticket_source *source)
{
    bool goes_on = source->kind == TICKETS_RANDOM && clock->source.kind == TICKETS_RANDOM;
    bool is_same_pace = goes_on && source->period_s == clock->source.period_s;

    clock->source = *source;
    if (!goes_on && renew(clock)) {
        tell(clock);
    }
    if (!is_same_pace) {
        schedule(clock);
    }
}

void ticket_clock_stop(struct ticket_clock *clock)
{
    if (clock->control != NULL) {
        reactor_timer_clear(clock->control, &clock->rotation);
        reactor_timer_clear(clock->control, &clock->retry);
    }
    explicit_bzero(&clock->keys, sizeof(clock->keys));
    ticket_source_wipe(&clock->source);
}

static void on_rotation(struct timer *timer)
{
    struct ticket_clock *clock = container_of(timer, struct ticket_clock, rotation);

    if (renew(clock)) {
        tell(clock);
    }
    schedule(clock);
}

static void on_retry(struct timer *timer)
{
    tell(container_of(timer, struct ticket_clock, retry));
}

/* True when there are other keys than before. A failure leaves the old ones, which are better than
 * none. */
static bool renew(struct ticket_clock *clock)
{
    struct tls_ticket_keys keys = clock->keys;
    bool                   is_renewed = false;

    if (clock->source.kind == TICKETS_RANDOM) {
        is_renewed = tls_ticket_keys_rotate(&keys);
    } else {
        is_renewed = ticket_source_keys(&clock->source, (uint64_t)time(NULL), &keys);
    }
    if (!is_renewed) {
        log_error("ticket keys could not be renewed, the old ones stay in use");
    }
    is_renewed = is_renewed && memcmp(&keys, &clock->keys, sizeof(keys)) != 0;
    if (is_renewed) {
        take_over(clock, &keys);
    }
    explicit_bzero(&keys, sizeof(keys));
    return is_renewed;
}

/* Those that stay are as old as they were. */
static void take_over(struct ticket_clock *clock, const struct tls_ticket_keys *keys)
{
    uint64_t known_ns[TLS_TICKET_KEYS_MAX];

    for (unsigned i = 0; i < keys->count; i++) {
        known_ns[i] = clock_now_ns();
        for (unsigned j = 0; j < clock->keys.count; j++) {
            if (memcmp(keys->keys[i].name, clock->keys.keys[j].name, sizeof(keys->keys[i].name)) ==
                0) {
                known_ns[i] = clock->known_ns[j];
            }
        }
    }
    clock->keys = *keys;
    memcpy(clock->known_ns, known_ns, keys->count * sizeof(known_ns[0]));
}

/* A worker that has not taken the last keys yet takes no others. */
static void tell(struct ticket_clock *clock)
{
    if (!clock->tell(clock->owner, &clock->keys)) {
        timer_in(clock, &clock->retry, TELL_AGAIN_NS);
    }
}

static void schedule(struct ticket_clock *clock)
{
    uint64_t wait_s = clock->source.period_s;

    switch (clock->source.kind) {
    case TICKETS_FILED:
        reactor_timer_clear(clock->control, &clock->rotation);
        return;
    case TICKETS_DERIVED:
        wait_s -= (uint64_t)time(NULL) % clock->source.period_s;
        wait_s = wait_s < LOOK_AGAIN_S ? wait_s : LOOK_AGAIN_S;
        break;
    case TICKETS_RANDOM:
        break;
    }
    timer_in(clock, &clock->rotation, wait_s * NS_PER_S);
}

static void timer_in(struct ticket_clock *clock, struct timer *timer, uint64_t in_ns)
{
    reactor_timer_set(clock->control, timer, reactor_now_ns(clock->control) + in_ns);
}
