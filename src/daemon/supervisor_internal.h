/* What supervisor.c and supervisor_control.c share: the supervisor from inside. */
#ifndef SALLYPORT_DAEMON_SUPERVISOR_INTERNAL_H
#define SALLYPORT_DAEMON_SUPERVISOR_INTERNAL_H

#include "daemon/challenges.h"
#include "daemon/control.h"
#include "daemon/crew.h"
#include "daemon/renewal.h"
#include "daemon/signals.h"
#include "daemon/supervisor.h"
#include "daemon/ticket_clock.h"
#include "reactor/shared_cache.h"

#include <stdbool.h>
#include <stdint.h>

enum phase { PHASE_RUNNING, PHASE_DRAINING, PHASE_CUTTING, PHASE_OVER };

struct supervisor {
    const struct supervisor_options *options;
    struct reactor                  *control;
    struct crew                     *crew;
    struct signals                   signals;
    struct ticket_clock              tickets;
    struct shared_cache             *session_cache; /* NULL: none */
    struct timer                     deadline;      /* of the drain; then, when to cut again */
    struct timer                     pulse;
    struct renewal                   renewal;
    struct challenges                challenges;
    uint64_t                         pulse_ns;
    uint64_t                         connections_told;
    unsigned                         connections_max;
    struct control                  *control_socket;
    const char                      *reload_cause;
    const char                      *reload_state; /* of the last one: see control_view */
    unsigned                         reloads;
    unsigned                         reloads_failed;
    int64_t                          reload_time_s;
    int64_t                          start_time_s;
    uint64_t                         start_ns;
    bool                             is_ready;     /* has been said */
    bool                             is_reloading; /* not renewing certificates alone */
    bool                             wants_reload; /* once the present one is over */
    bool                             wants_renewal;
    enum phase                       phase;
    enum exit_code                   when_cut; /* the exit code if sessions were cut */
};

/* --- supervisor.c ------------------------------------------------------------------------- */

void supervisor_reload(struct supervisor *supervisor, const char *cause);
void supervisor_drain(struct supervisor *supervisor, uint64_t within_ns);

/* --- supervisor_control.c ----------------------------------------------------------------- */

/* What operators ask for and are shown. False when memory is short, which is logged. */
__attribute__((warn_unused_result)) bool supervisor_start_control(struct supervisor *supervisor);

/* A reload begins, and is over. Certificates that are renewed come to their end as reloads do,
 * without having begun as one: that is no news. */
void supervisor_note_reload(struct supervisor *supervisor);
void supervisor_note_reloaded(struct supervisor *supervisor, bool is_done);

#endif
