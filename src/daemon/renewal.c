#include "daemon/renewal.h"

#include "base/clock.h"
#include "base/log.h"

/* Files are read once they have rested, or, when they never do, after a while. */
#define QUIET_NS     NS_PER_S
#define QUIET_MAX_NS (10 * NS_PER_S)

static void on_stirred(void *owner);
static void on_quiet(struct timer *timer);

void renewal_start(struct renewal *renewal, struct reactor *control, const struct config *config,
                   void (*due)(void *owner), void *owner)
{
    struct error error;
    char         why[CONFIG_PROBLEM_BYTES];

    *renewal = (struct renewal){.control = control,
                                .watch = {.fd = -1},
                                .quiet = {.due = on_quiet},
                                .due = due,
                                .owner = owner};
    if (!watch_start(&renewal->watch, reactor_loop(control), on_stirred, renewal, &error)) {
        log_warn("files are not watched, HUP reads them why=\"%s\"",
                 error_text(&error, why, sizeof(why)));
        return;
    }
    renewal_aim(renewal, config);
    renewal_look_again(renewal, config);
}

void renewal_aim(struct renewal *renewal, const struct config *config)
{
    watch_aim(&renewal->watch, config);
}

void renewal_look_again(struct renewal *renewal, const struct config *config)
{
    if (config->auto_reload) {
        on_stirred(renewal);
    }
}

void renewal_stop(struct renewal *renewal)
{
    if (renewal->control != NULL) {
        reactor_timer_clear(renewal->control, &renewal->quiet);
        watch_stop(&renewal->watch);
    }
}

bool renewal_is_over(const struct renewal *renewal)
{
    return renewal->control == NULL || watch_is_over(&renewal->watch);
}

static void on_stirred(void *owner)
{
    struct renewal *renewal = owner;
    uint64_t        now_ns = reactor_now_ns(renewal->control);
    uint64_t        due_ns = now_ns + QUIET_NS;

    if (!timer_is_set(&renewal->quiet)) {
        renewal->stirred_at_ns = now_ns;
    }
    if (due_ns > renewal->stirred_at_ns + QUIET_MAX_NS) {
        due_ns = renewal->stirred_at_ns + QUIET_MAX_NS;
    }
    reactor_timer_set(renewal->control, &renewal->quiet, due_ns);
}

static void on_quiet(struct timer *timer)
{
    struct renewal *renewal = container_of(timer, struct renewal, quiet);

    renewal->due(renewal->owner);
}
