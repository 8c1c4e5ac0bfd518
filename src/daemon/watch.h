/*
 * The files that a configuration names, watched by way of the directories they are in, so that a
 * file replaced by rename, a link that is set anew and a Kubernetes volume are seen. Belongs to the
 * control reactor's thread.
 */
#ifndef SALLYPORT_DAEMON_WATCH_H
#define SALLYPORT_DAEMON_WATCH_H

#include "base/id_table.h"
#include "config/config.h"
#include "io/io.h"

#include <stdbool.h>
#include <stdint.h>

/* Something has changed; more may follow at once. */
typedef void watch_stirred(void *owner);

struct watch {
    /* private */
    struct io_op    op;
    struct io_loop *loop;
    watch_stirred  *stirred;
    void           *owner;
    int             fd;
    struct id_table directories; /* by inotify's number for them */
    uint64_t        round;       /* of watch_aim */
    bool            has_complained;
    bool            is_stopping;
};

/* Begins, with nothing watched yet. False and error where the kernel has no inotify for us. */
__attribute__((warn_unused_result)) bool watch_start(struct watch *watch, struct io_loop *loop,
                                                     watch_stirred *stirred, void *owner,
                                                     struct error *error);

/* Watches what this configuration names, along the links as they are now, and nothing else. What
 * cannot be watched is told, once. Without effect on a watch that did not start. */
void watch_aim(struct watch *watch, const struct config *config);

/* The same for the directories of ACME challenges, whatever auto-reload says. */
void watch_aim_challenges(struct watch *watch, const struct config *config);

/* Asks for the end; then turn the loop until watch_is_over. One that did not start is over. */
void watch_stop(struct watch *watch);
bool watch_is_over(const struct watch *watch);

#endif
