#include "base/clock.h"
#include "base/log.h"
#include "daemon/supervisor_internal.h"

#include <time.h>

static void look(void *owner, struct control_view *view);
static bool on_reload(void *owner);
static bool on_drain(void *owner);

bool supervisor_start_control(struct supervisor *supervisor)
{
    supervisor->reload_state = "none";
    supervisor->start_time_s = (int64_t)time(NULL);
    supervisor->start_ns = reactor_now_ns(supervisor->control);
    supervisor->control_socket =
        control_start(&(struct control_options){.reactor = supervisor->control,
                                                .crew = supervisor->crew,
                                                .socket = supervisor->options->control_socket,
                                                .look = look,
                                                .reload = on_reload,
                                                .drain = on_drain,
                                                .owner = supervisor});
    if (supervisor->control_socket == NULL) {
        log_error("no control socket: out of memory");
    }
    return supervisor->control_socket != NULL;
}

static void look(void *owner, struct control_view *view)
{
    const struct supervisor *supervisor = owner;
    static const char *const states[] = {[PHASE_RUNNING] = "running",
                                         [PHASE_DRAINING] = "draining",
                                         [PHASE_CUTTING] = "stopping",
                                         [PHASE_OVER] = "stopping"};

    *view = (struct control_view){.crew = supervisor->crew,
                                  .tickets = &supervisor->tickets,
                                  .store = supervisor->options->store,
                                  .state = states[supervisor->phase],
                                  .connections_max = supervisor->connections_max,
                                  .descriptors = supervisor->options->descriptors,
                                  .reloads = supervisor->reloads,
                                  .reloads_failed = supervisor->reloads_failed,
                                  .reload_state = supervisor->reload_state,
                                  .reload_time_s = supervisor->reload_time_s,
                                  .start_time_s = supervisor->start_time_s,
                                  .uptime_ns =
                                      reactor_now_ns(supervisor->control) - supervisor->start_ns};
}

static bool on_reload(void *owner)
{
    struct supervisor *supervisor = owner;
    bool               is_possible = supervisor->phase == PHASE_RUNNING;

    supervisor_reload(supervisor, "command=reload");
    return is_possible;
}

static bool on_drain(void *owner)
{
    struct supervisor *supervisor = owner;
    bool               is_possible = supervisor->phase == PHASE_RUNNING;

    supervisor_drain(supervisor, crew_snapshot(supervisor->crew)->config->timeouts.shutdown_ns);
    return is_possible;
}

void supervisor_note_reload(struct supervisor *supervisor)
{
    supervisor->is_reloading = true;
    supervisor->reload_state = "running";
    control_reload_begins(supervisor->control_socket);
}

void supervisor_note_reloaded(struct supervisor *supervisor, bool is_done)
{
    if (!supervisor->is_reloading) {
        return;
    }
    supervisor->is_reloading = false;
    supervisor->reload_state = is_done ? "done" : "failed";
    supervisor->reload_time_s = (int64_t)time(NULL);
    supervisor->reloads_failed += is_done ? 0 : 1;
    control_reload_over(supervisor->control_socket, is_done);
}
