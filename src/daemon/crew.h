/*
 * The worker threads, as the control thread sees them: started and stopped together, told things by
 * mail, and heard from by mail. A new configuration reaches them one by one; a worker that is no
 * longer wanted gives its sockets to the others and goes when its last session has ended.
 */
#ifndef SALLYPORT_DAEMON_CREW_H
#define SALLYPORT_DAEMON_CREW_H

#include "daemon/listening.h"
#include "proxy/end_reason.h"
#include "proxy/snapshot.h"
#include "reactor/reactor.h"
#include "tls/challenges.h"
#include "tls/context.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct crew;

struct crew_options {
    struct reactor        *control;         /* the reactor of the calling thread */
    const char            *driver;          /* of their loops */
    unsigned               connections_max; /* of all workers together */
    unsigned               sessions_max;    /* what connections_max may ever become */
    struct tls_ticket_keys ticket_keys;
    struct shared_cache   *session_cache; /* NULL: none; outlives the crew */
    /* On the control thread: once, when a draining crew has no session left. */
    void (*empty)(void *owner);
    /* On the control thread, when a crew_change has reached every worker, or was given up. */
    void (*changed)(void *owner, bool is_done);
    void *owner;
};

/* NULL when memory is short. Nothing runs yet. */
__attribute__((warn_unused_result)) struct crew *crew_new(const struct crew_options *options);

/*
 * Takes over a snapshot and the account of its sockets, and brings the crew to `workers` threads.
 * New sessions begin with the new snapshot; the old one is freed when the last session that began
 * with it has ended. Not while a change is under way. Every worker makes itself ready first: when
 * one cannot, the change is given up as a whole, and options.changed says so. False: the first
 * change did not start all its threads, or memory is short, and why was logged. Both are taken over
 * in any case.
 */
__attribute__((warn_unused_result)) bool crew_change(struct crew *crew, struct snapshot *snapshot,
                                                     struct listening *listening, unsigned workers);
bool                                     crew_is_changing(const struct crew *crew);

/* The newest snapshot, and the account of its sockets. NULL before the first crew_change. */
const struct snapshot  *crew_snapshot(const struct crew *crew);
const struct listening *crew_listening(const struct crew *crew);

/* Threads that serve, those that are going left out. */
unsigned crew_workers(const struct crew *crew);

/* The driver of their loops; "-" before there is one. */
const char *crew_driver(const struct crew *crew);

/* More or fewer connections at a time, up to options.sessions_max. */
void crew_set_connections(struct crew *crew, unsigned connections_max);

/* Stops accepting; options.empty is called when the last session has ended. */
void crew_drain(struct crew *crew);

/* Ends every session now. May be repeated, since a draining crew still accepts for a moment. */
void crew_cut(struct crew *crew, enum end_reason reason);

/* New keys for the tickets of every worker. False when the last ones are still on their way. */
__attribute__((warn_unused_result)) bool crew_set_ticket_keys(struct crew                  *crew,
                                                              const struct tls_ticket_keys *keys);

/* What answers ACME challenges in every worker, those that start later included. Takes the caller's
 * hold. */
void crew_set_challenges(struct crew *crew, struct tls_challenges *challenges);
const struct tls_challenges *crew_challenges(const struct crew *crew); /* NULL: none yet */

/* Sends it to the first worker after the one of that serial (0: to the first of all), those that
 * are going included, and sets *serial to where it went. False: there is none, and it is not sent.
 * Not after crew_stop. What was sent comes back in any case, though its worker may be gone then. */
struct errand;
__attribute__((warn_unused_result)) bool crew_send(struct crew *crew, unsigned *serial,
                                                   struct errand *errand);
/* To that worker, as long as it is there. */
__attribute__((warn_unused_result)) bool crew_send_again(struct crew *crew, unsigned serial,
                                                         struct errand *errand);

/* A number counted up over all workers, those that have gone included. */
uint64_t crew_metric(const struct crew *crew, enum metric metric);

/* True when every reactor has turned since this was last asked; a reactor that has not, twice in a
 * row, is complained of. */
bool crew_is_alive(struct crew *crew);

/* Ends the threads; every worker must be empty. Returns how many sessions crew_cut had ended. */
size_t crew_stop(struct crew *crew);

/* After the control reactor's last turn: mail of theirs may still have been in its box. */
void crew_free(struct crew **crew);

#endif
