/*
 * One worker thread, as the control thread sees it. What it is to do goes there by mail and comes
 * back as a receipt; what it has to tell comes by mail, through the functions of crew_internal.h.
 */
#ifndef SALLYPORT_DAEMON_HAND_H
#define SALLYPORT_DAEMON_HAND_H

#include "base/list.h"
#include "proxy/end_reason.h"
#include "proxy/snapshot.h"
#include "reactor/quota.h"
#include "reactor/reactor.h"
#include "reactor/seats.h"
#include "tls/challenges.h"
#include "tls/context.h"

#include <stdbool.h>
#include <stddef.h>

struct crew;
struct hand;
struct worker;

/* A snapshot and how many hands have sessions that began with it, or will have. */
struct edition {
    struct list_link link; /* of the crew */
    struct snapshot *snapshot;
    unsigned         holders;
};

struct hand_options {
    struct crew           *crew;
    struct reactor        *control;
    const char            *driver;
    struct edition        *edition; /* to begin with */
    struct quota          *connections;
    struct seats          *seats;
    struct shared_cache   *session_cache; /* NULL: none */
    size_t                 sessions_max;
    size_t                 buffers_max;
    struct tls_ticket_keys ticket_keys;
    unsigned               slot;     /* its place among the workers */
    unsigned               serial;   /* no other hand has it; counted from 1 */
    unsigned               producer; /* its ring of the log */
};

/* A thread that serves no socket yet; NULL when it did not start, and why was logged. */
__attribute__((warn_unused_result)) struct hand *hand_start(const struct hand_options *options);

/* Memory for so many wishes. False, without it. */
__attribute__((warn_unused_result)) bool hand_reserve(struct hand *hand, size_t wishes);

/* Makes a newer edition ready; crew_hand_prepared follows. False, and it does not, without memory.
 */
__attribute__((warn_unused_result)) bool hand_prepare(struct hand *hand, struct edition *edition);
/* It is not adopted after all, if it is ready; then crew_hand_changed follows. */
void hand_forget(struct hand *hand);

/* What hand_push sends: the newer edition, if one is ready, and what to do with a listening socket,
 * as often as was reserved. A socket that is closed or released comes back through
 * crew_socket_back. */
enum hand_wish { HAND_SERVE, HAND_CLOSE, HAND_RELEASE };
void hand_adopt(struct hand *hand);
void hand_wish(struct hand *hand, enum hand_wish kind, int fd, size_t frontend);

/* Sends what was wished for, unless the last is still on its way: then it follows. */
void hand_push(struct hand *hand);
/* True from hand_prepare, or the first wish, until crew_hand_changed. */
bool hand_is_busy(const struct hand *hand);

/* crew_hand_empty follows, once. Asking twice is asking once. */
void hand_drain(struct hand *hand);
bool hand_is_draining(const struct hand *hand);

/* Ends every session it has. Does nothing while the last cut is on its way. */
void hand_cut(struct hand *hand, enum end_reason reason);

/* False while the last keys are on their way. */
bool hand_set_ticket_keys(struct hand *hand, const struct tls_ticket_keys *keys);

/* The newest reach the worker, one set after the other; the hand holds what the worker may see. */
void hand_set_challenges(struct hand *hand, struct tls_challenges *challenges);

/* Something that others want to be done on the worker's thread; embedded in its owner, whose it is
 * again when `returned` is called. It needs the hand only until then. */
struct errand {
    void (*carry_out)(struct errand *errand, struct worker *worker); /* worker's thread */
    void (*returned)(struct errand *errand);                         /* control thread */
    /* private */
    struct mail  mail;
    struct mail  receipt;
    struct hand *hand;
};
void hand_send_errand(struct hand *hand, struct errand *errand);

/* Ends the thread of an empty hand, and waits for that. */
void   hand_stop(struct hand *hand);
size_t hand_cut_count(const struct hand *hand);

/* Frees a hand that was stopped, and lets go of its edition: at once, when the control reactor will
 * not turn again; or behind what is still in that reactor's box of its mail. */
void hand_free(struct hand **hand);
void hand_retire(struct hand *hand);

const struct hand_options *hand_options(const struct hand *hand);
struct reactor            *hand_reactor(const struct hand *hand);

/* The crew keeps hands in a list. */
struct list_link *hand_link(struct hand *hand);
struct hand      *hand_of_link(struct list_link *link);

/* True when it has turned since this was last asked; complains when it has not, twice in a row. */
bool hand_is_alive(struct hand *hand);

#endif
