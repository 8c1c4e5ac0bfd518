/*
 * The control socket at work: accepts a few clients at a time and carries their commands out, on
 * the control thread and without holding a reactor up.
 */
#ifndef SALLYPORT_DAEMON_CONTROL_H
#define SALLYPORT_DAEMON_CONTROL_H

#include "daemon/control_show.h"
#include "daemon/control_socket.h"
#include "reactor/reactor.h"

#include <stdbool.h>

struct control;

/* At a time; who comes when they are all there takes the place of the one that idles longest. */
enum { CONTROL_CLIENTS_MAX = 16, CONTROL_CLIENTS_ENDING_MAX = 16 };

/* Descriptors that it takes, those of clients included. */
enum { CONTROL_DESCRIPTORS = 1 + CONTROL_CLIENTS_MAX + CONTROL_CLIENTS_ENDING_MAX };

struct control_options {
    struct reactor        *reactor;
    struct crew           *crew;
    struct control_socket *socket; /* taken over; without descriptor: nobody comes yet */
    /* Fills in how things are. */
    void (*look)(void *owner, struct control_view *view);
    /* A reload begins, now or after the one under way: control_reload_begins and
     * control_reload_over follow. False: the daemon is stopping. */
    bool (*reload)(void *owner);
    /* False: it is stopping already. */
    bool (*drain)(void *owner);
    void *owner;
};

/* NULL when memory is short. */
__attribute__((warn_unused_result)) struct control *
control_start(const struct control_options *options);

/* A new configuration is on its way: its socket is opened. False: it cannot be had, which was
 * logged. Then it is adopted, or forgotten; a second one before that replaces the first. */
__attribute__((warn_unused_result)) bool control_prepare(struct control              *control,
                                                         const struct config_control *config);
void                                     control_adopt(struct control *control);
void                                     control_forget(struct control *control);

/* Between these two (of NULL, as all of these, nothing), what this thread logs of errors and
 * warnings is kept for who asked for the reload. The second does nothing without the first. */
void control_reload_begins(struct control *control);
void control_reload_over(struct control *control, bool is_done);
/* The daemon is stopping: there is none, neither under way nor to come. */
void control_reload_given_up(struct control *control);

/* Takes nobody new, lets answers go out for a second, and closes. Before the crew is stopped, and
 * when no session is left; then turn the reactor until control_is_over. NULL is over. */
void control_stop(struct control *control);
bool control_is_over(const struct control *control);
void control_free(struct control **control);

#endif
