/* The workers of one simulated daemon, and what an operator does with them. */
#ifndef SALLYPORT_TESTS_SIM_CREW_H
#define SALLYPORT_TESTS_SIM_CREW_H

#include "driver_sim.h"
#include "proxy/worker.h"

#include <stdbool.h>
#include <stdint.h>

enum { CREW_WORKERS_MAX = 4, CREW_CONNECTIONS_MAX = 32 };

struct crew;

struct crew_worker {
    struct crew    *crew;
    struct reactor *reactor;
    struct worker  *worker;
    bool            is_empty; /* drained */
};

struct crew_options {
    struct sim_net        *net;
    const struct snapshot *snapshot;
    unsigned               workers;
    unsigned               frontends;
    size_t                 buffers_max;
    worker_report         *report;
    void                  *owner;
};

struct crew {
    struct crew_options options;
    struct quota        connections;
    struct crew_worker  workers[CREW_WORKERS_MAX];
    unsigned            workers_count;
    bool                is_draining;
    bool                begins_anew; /* when drained */
    uint64_t            reported;
    uint64_t            snapshots_replaced; /* counted once a worker */
    uint64_t            snapshots_over;
    int                 listen_fds[CREW_WORKERS_MAX][32];
};

void crew_open(struct crew *crew, const struct crew_options *options);
void crew_turn(struct crew *crew, uint64_t wait_ns);

/* New sessions begin with this snapshot. Not while draining. */
void crew_reload(struct crew *crew, const struct snapshot *snapshot);
void crew_cut(struct crew *crew);
/* Serves who is there and closes the sockets; then begins anew, or stays empty. */
void crew_drain(struct crew *crew, bool begins_anew);
bool crew_is_empty(const struct crew *crew);

/* I7. */
bool crew_has_too_many_buffers(const struct crew *crew);
/* Of an empty crew: I8, I11, I15. NULL: none. */
const char *crew_violation(const struct crew *crew);

/* Must be empty. */
void crew_close(struct crew *crew);

#endif
