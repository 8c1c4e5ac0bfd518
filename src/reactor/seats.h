/*
 * How much each reactor has to do, and a way to send something to the one that has least. The
 * kernel deals connections out by a hash, eight of them to two reactors as five and three or worse
 * in most cases, and whoever has more than its share can pass the next on. Looking costs two
 * relaxed loads; the lock is taken only by who finds that it has too much.
 *
 * A seat is its reactor's own but for seats_send, which any reactor may call while the seat is
 * open. What was sent always arrives: whoever closes a seat goes on turning until seat_is_expecting
 * says no.
 */
#ifndef SALLYPORT_REACTOR_SEATS_H
#define SALLYPORT_REACTOR_SEATS_H

#include "base/list.h"
#include "reactor/reactor.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* All seats of a crew of reactors. */
struct seats {
    /* private */
    pthread_mutex_t  lock;
    struct list      open; /* under the lock */
    _Atomic unsigned count;
    _Atomic int64_t  load; /* of all that are open */
};

struct seat {
    void *owner; /* for whom gets mail here; set before it is opened */
    /* private */
    struct list_link link;
    struct seats    *seats;
    struct reactor  *reactor;
    _Atomic int64_t  load;
    _Atomic unsigned coming; /* sent and not yet arrived */
    bool             is_open;
};

void seats_init(struct seats *seats);
/* Every seat is closed. */
void seats_fini(struct seats *seats);

/* Zeroed memory is a closed seat. Opened and closed on the reactor's own thread. */
void seat_open(struct seat *seat, struct seats *seats, struct reactor *reactor);
/* Nothing more is sent here. Does nothing to one that is closed. */
void seat_close(struct seat *seat);

/* The seat's reactor has so much more to do, or less. Does nothing to one that is closed. */
void seat_load(struct seat *seat, int by);

/*
 * Posts the mail to the reactor that has least, and *to is its seat, known before the mail arrives.
 * False, and nothing is sent: `from` has hardly more than its share, or nobody has less. What is
 * being sent is in nobody's load.
 */
__attribute__((warn_unused_result)) bool seats_send(struct seat *from, struct mail *mail,
                                                    struct seat **to);

/* What was sent to this seat is here: once for each. */
void seat_arrived(struct seat *seat);
/* Something is on its way here. */
bool seat_is_expecting(const struct seat *seat);

#endif
