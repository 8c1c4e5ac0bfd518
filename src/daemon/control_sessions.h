/*
 * Goes through the sessions of all workers, a few at a time and a worker after the other, so that
 * no reactor is held up: to list them, or to end one.
 */
#ifndef SALLYPORT_DAEMON_CONTROL_SESSIONS_H
#define SALLYPORT_DAEMON_CONTROL_SESSIONS_H

#include "daemon/crew.h"
#include "proxy/session_list.h"

#include <stdbool.h>
#include <stddef.h>

struct control_sessions;

struct control_sessions_options {
    struct crew             *crew;
    const struct session_id *ended; /* the session to end; NULL: all are listed */
    /* On the control thread, after each control_sessions_go_on that returned true. */
    void (*came)(void *owner);
    void *owner;
};

/* NULL when memory is short. Nothing happens yet. */
__attribute__((warn_unused_result)) struct control_sessions *
control_sessions_new(const struct control_sessions_options *options);

/* Asks for the next few. False: that was all. */
__attribute__((warn_unused_result)) bool control_sessions_go_on(struct control_sessions *sessions);
/* True until `came` is called. */
bool control_sessions_are_out(const struct control_sessions *sessions);

/* What came; rows may be none, which is not the end. */
const struct session_row *control_sessions_row(const struct control_sessions *sessions,
                                               size_t                         index);
/* True once the session was found and ended. */
bool control_sessions_has_ended(const struct control_sessions *sessions);

/* Nobody wants to know any more: it goes as soon as it is back. `is_final`: the crew is about to be
 * stopped, and no session is left. */
void control_sessions_leave(struct control_sessions **sessions, bool is_final);
/* All that are on their way, of this process: the control reactor has to turn until there is none.
 */
size_t control_sessions_left(void);

#endif
