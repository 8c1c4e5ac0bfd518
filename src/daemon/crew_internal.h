/* The crew from inside, and what a hand tells it, on the control thread. */
#ifndef SALLYPORT_DAEMON_CREW_INTERNAL_H
#define SALLYPORT_DAEMON_CREW_INTERNAL_H

#include "daemon/crew.h"
#include "daemon/hand.h"
#include "daemon/logging.h"
#include "reactor/quota.h"
#include "reactor/seats.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A change that is being made ready. */
struct change {
    struct edition  *edition;
    struct listening listening;
    unsigned         workers;
    unsigned         waiting; /* hands that have not said whether they are ready */
    bool             is_refused;
};

struct crew {
    struct crew_options options;
    struct quota        connections;
    struct seats        seats;
    unsigned            connections_max;
    struct list         hands;    /* those that go included */
    struct list         editions; /* all that some hand holds, the present and the coming one */
    struct edition     *edition;  /* the present one; NULL: none yet */
    struct change       coming;
    struct listening    listening;
    unsigned            workers;
    unsigned            serial;   /* of the hand that was started last */
    size_t              moving;   /* sockets on their way from one hand to another */
    unsigned            draining; /* hands that have not yet said they are empty */
    enum end_reason     cut_reason;
    size_t              cut_count; /* of hands that have gone */
    bool                is_changing;
    bool                is_draining;
    bool                has_lost; /* in this change a socket could not be served */
    uint64_t            gone[METRICS_COUNT];
    bool                is_producer[LOGGING_PRODUCERS]; /* rings of the log that are taken */
    /* NULL: none yet */
    struct tls_challenges *challenges;
};

/* Hands in the order in which they were started, those that go included; NULL: no more. */
struct hand *crew_first(const struct crew *crew);
struct hand *crew_after(const struct crew *crew, struct hand *hand);

/* The newer edition is ready, or cannot be had, and why was logged. */
void crew_hand_prepared(struct crew *crew, bool is_prepared);

/* What was pushed last has arrived, or what was ready is forgotten. False: a socket could not be
 * served. */
void crew_hand_changed(struct crew *crew, struct hand *hand, bool has_served);

/* A socket that was to be closed or released; `fd` is its number, even when it was closed. */
void crew_socket_back(struct crew *crew, struct hand *hand, int fd, bool is_open);

/* A draining hand has no session left. */
void crew_hand_empty(struct crew *crew, struct hand *hand);

/* One hand less needs the edition. */
void crew_edition_over(struct crew *crew, struct edition *edition);

#endif
