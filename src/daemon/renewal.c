#include "daemon/renewal.h"

#include "base/clock.h"
#include "base/log.h"
#include "proxy/challenge_dirs.h"

static bool is_automatic(const struct config *config);
static void on_stirred(void *owner);
static void on_quiet(struct timer *timer);

const struct renewal_kind renewal_of_files = {.what = "files",
                                              .quiet_ns = NS_PER_S,
                                              .quiet_max_ns = 10 * NS_PER_S,
                                              .aim = watch_aim,
                                              .is_wanted = is_automatic};

/* An answer is due within a second of the file's being there. */
const struct renewal_kind renewal_of_challenges = {.what = "challenges",
                                                   .quiet_ns = 100 * NS_PER_MS,
                                                   .quiet_max_ns = 400 * NS_PER_MS,
                                                   .aim = watch_aim_challenges,
                                                   .is_wanted = challenge_dirs_are_named};

void renewal_start(struct renewal *renewal, const struct renewal_kind *kind,
                   struct reactor *control, const struct config *config, void (*due)(void *owner),
                   void *owner)
{
    struct error error;
    char         why[CONFIG_PROBLEM_BYTES];

    *renewal = (struct renewal){.kind = kind,
                                .control = control,
                                .watch = {.fd = -1},
                                .quiet = {.due = on_quiet},
                                .due = due,
                                .owner = owner};
    if (!watch_start(&renewal->watch, reactor_loop(control), on_stirred, renewal, &error)) {
        if (kind->is_wanted(config)) {
            log_warn("%s are not watched, HUP reads them why=\"%s\"", kind->what,
                     error_text(&error, why, sizeof(why)));
        }
        return;
    }
    renewal_aim(renewal, config);
    renewal_look_again(renewal, config);
}

void renewal_aim(struct renewal *renewal, const struct config *config)
{
    renewal->kind->aim(&renewal->watch, config);
}

void renewal_look_again(struct renewal *renewal, const struct config *config)
{
    if (renewal->kind->is_wanted(config)) {
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

static bool is_automatic(const struct config *config)
{
    return config->auto_reload;
}

static void on_stirred(void *owner)
{
    struct renewal *renewal = owner;
    uint64_t        now_ns = reactor_now_ns(renewal->control);
    uint64_t        due_ns = now_ns + renewal->kind->quiet_ns;

    if (!timer_is_set(&renewal->quiet)) {
        renewal->stirred_at_ns = now_ns;
    }
    if (due_ns > renewal->stirred_at_ns + renewal->kind->quiet_max_ns) {
        due_ns = renewal->stirred_at_ns + renewal->kind->quiet_max_ns;
    }
    reactor_timer_set(renewal->control, &renewal->quiet, due_ns);
}

static void on_quiet(struct timer *timer)
{
    struct renewal *renewal = container_of(timer, struct renewal, quiet);

    renewal->due(renewal->owner);
}
