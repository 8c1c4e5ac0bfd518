/* Tells when watched files have changed and then rested for a while: those that the configuration
 * names for a second, ACME challenges more briefly, since somebody waits for them. */
#ifndef SALLYPORT_DAEMON_RENEWAL_H
#define SALLYPORT_DAEMON_RENEWAL_H

#include "daemon/watch.h"
#include "reactor/reactor.h"

/* What is watched, and at what pace. */
struct renewal_kind {
    const char *what;
    uint64_t    quiet_ns;     /* how long the files must have rested */
    uint64_t    quiet_max_ns; /* when they never do */
    void (*aim)(struct watch *watch, const struct config *config);
    bool (*is_wanted)(const struct config *config);
};

extern const struct renewal_kind renewal_of_files;
extern const struct renewal_kind renewal_of_challenges;

struct renewal {
    /* private */
    const struct renewal_kind *kind;
    struct reactor            *control;
    struct watch               watch;
    struct timer               quiet;         /* after files have changed */
    uint64_t                   stirred_at_ns; /* for the first time before `quiet` */
    void (*due)(void *owner);
    void *owner;
};

/* Watches what the configuration names. Where files cannot be watched that is logged, and they are
 * read by HUP alone. */
void renewal_start(struct renewal *renewal, const struct renewal_kind *kind,
                   struct reactor *control, const struct config *config, void (*due)(void *owner),
                   void *owner);

/* Watches what this configuration names instead, along the links as they are now. */
void renewal_aim(struct renewal *renewal, const struct config *config);

/* A change between reading and watching goes unseen: after reading, they are looked at once more,
 * unless the configuration wants none of it. */
void renewal_look_again(struct renewal *renewal, const struct config *config);

/* Asks for the end; then turn the reactor until renewal_is_over. Zeroed memory is over. */
void renewal_stop(struct renewal *renewal);
bool renewal_is_over(const struct renewal *renewal);

#endif
