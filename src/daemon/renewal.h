/* Tells when files that the configuration names have changed and then rested for a second. */
#ifndef SALLYPORT_DAEMON_RENEWAL_H
#define SALLYPORT_DAEMON_RENEWAL_H

#include "daemon/watch.h"
#include "reactor/reactor.h"

struct renewal {
    /* private */
    struct reactor *control;
    struct watch    watch;
    struct timer    quiet;         /* after files have changed */
    uint64_t        stirred_at_ns; /* for the first time before `quiet` */
    void (*due)(void *owner);
    void *owner;
};

/* Watches what the configuration names. Where files cannot be watched that is logged, and they are
 * read by HUP alone. */
void renewal_start(struct renewal *renewal, struct reactor *control, const struct config *config,
                   void (*due)(void *owner), void *owner);

/* Watches what this configuration names instead, along the links as they are now. */
void renewal_aim(struct renewal *renewal, const struct config *config);

/* A change between reading and watching goes unseen: after reading, they are looked at once more,
 * unless the configuration wants none of it. */
void renewal_look_again(struct renewal *renewal, const struct config *config);

/* Asks for the end; then turn the reactor until renewal_is_over. Zeroed memory is over. */
void renewal_stop(struct renewal *renewal);
bool renewal_is_over(const struct renewal *renewal);

#endif
