/* What the control socket shows of the daemon, apart from its sessions: each command fills an
 * answer at once. */
#ifndef SALLYPORT_DAEMON_CONTROL_SHOW_H
#define SALLYPORT_DAEMON_CONTROL_SHOW_H

#include "daemon/control_answer.h"
#include "daemon/control_command.h"
#include "daemon/crew.h"
#include "daemon/ticket_clock.h"
#include "proxy/certificate_store.h"

#include <stdbool.h>
#include <stdint.h>

/* The daemon as its supervisor sees it at the moment. */
struct control_view {
    const struct crew              *crew;
    const struct ticket_clock      *tickets;
    const struct certificate_store *store;
    const char                     *state; /* "running", "draining", "stopping" */
    unsigned                        connections_max;
    unsigned                        descriptors;
    unsigned                        reloads;
    unsigned                        reloads_failed;
    const char                     *reload_state;  /* "none", "running", "done", "failed" */
    int64_t                         reload_time_s; /* when the last one was over; 0: none was */
    int64_t                         start_time_s;
    uint64_t                        uptime_ns;
};

/* `help` for somebody of that level. */
void control_show_help(struct control_answer *answer, enum control_level level);

/* False when the command shows nothing, or sessions. */
bool control_show(struct control_answer *answer, enum control_verb verb,
                  const struct control_view *view);

#endif
