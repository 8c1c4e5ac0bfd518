/*
 * The worker threads, as the control thread sees them: started and stopped together, told things by
 * mail, and heard from by mail.
 */
#ifndef SALLYPORT_DAEMON_CREW_H
#define SALLYPORT_DAEMON_CREW_H

#include "daemon/listening.h"
#include "proxy/end_reason.h"
#include "proxy/snapshot.h"
#include "reactor/reactor.h"
#include "tls/context.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct crew;

struct crew_options {
    struct reactor        *control; /* the reactor of the calling thread */
    const struct snapshot *snapshot;
    struct listening      *listening; /* handed over, socket by socket */
    const char            *driver;    /* of their loops */
    unsigned               workers;
    unsigned               connections_max; /* of all workers together */
    struct tls_ticket_keys ticket_keys;
    /* On the control thread, once, when a draining crew has no session left. */
    void (*empty)(void *owner);
    void *owner;
};

/* NULL when memory is short. Nothing runs yet. */
__attribute__((warn_unused_result)) struct crew *crew_new(const struct crew_options *options);

/* Starts one reactor after another. False: why was logged; some may run, so drain, cut and stop. */
__attribute__((warn_unused_result)) bool crew_start(struct crew *crew);

/* Stops accepting; options.empty is called when the last session has ended. */
void crew_drain(struct crew *crew);

/* Ends every session now. May be repeated, since a draining crew still accepts for a moment. */
void crew_cut(struct crew *crew, enum end_reason reason);

/* New keys for the tickets of every worker. False when the last ones are still on their way. */
__attribute__((warn_unused_result)) bool crew_set_ticket_keys(struct crew                  *crew,
                                                              const struct tls_ticket_keys *keys);

/* A number counted up over all workers. */
uint64_t crew_metric(const struct crew *crew, enum metric metric);

/* True when every reactor has turned since this was last asked; a reactor that has not, twice in a
 * row, is complained of. */
bool crew_is_alive(struct crew *crew);

/* Ends the threads; every worker must be empty. Returns how many sessions crew_cut had ended. */
size_t crew_stop(struct crew *crew);

void crew_free(struct crew **crew);

#endif
