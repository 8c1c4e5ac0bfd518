/* Signals as events of the control reactor: blocked in every thread, read from a signalfd, so that
 * no handler ever runs in the middle of something. */
#ifndef SALLYPORT_DAEMON_SIGNALS_H
#define SALLYPORT_DAEMON_SIGNALS_H

#include "io/io.h"

#include <stdbool.h>

/* Called on the control reactor's thread, once a signal. */
typedef void signals_came(void *owner, int signal_number);

struct signals {
    /* private */
    struct io_op    op;
    struct io_loop *loop;
    signals_came   *came;
    void           *owner;
    int             fd;
    bool            is_stopping;
};

/* Before any thread is made, since threads inherit what is blocked: TERM INT QUIT HUP USR1 USR2 are
 * blocked, PIPE is ignored. */
void signals_block(void);

/* Begins to deliver them; false: no descriptor for it. */
__attribute__((warn_unused_result)) bool signals_start(struct signals *signals,
                                                       struct io_loop *loop, signals_came *came,
                                                       void *owner, struct error *error);

/* Asks for the end; then turn the loop until signals_is_over. */
void signals_stop(struct signals *signals);
bool signals_is_over(const struct signals *signals);

#endif
