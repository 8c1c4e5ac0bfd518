/*
 * Many clients on one epoll descriptor, and what they found. Either every client lives once more
 * as soon as it closed, until a total is reached (handshakes, requests), or all are opened first,
 * held, and set to work together (echoes, transfers, idle connections). Every phase ends at its
 * deadline, whatever the server does.
 */
#ifndef SALLYPORT_TESTS_BENCH_FLEET_H
#define SALLYPORT_TESTS_BENCH_FLEET_H

#include "client.h"
#include "samples.h"

#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>

struct fleet_plan {
    unsigned        clients_count;     /* at the same time */
    unsigned        connections_total; /* equal to clients_count when held */
    unsigned        opening_max;       /* unfinished handshakes at the same time */
    unsigned        exchanges_each;
    struct exchange exchange;
    uint64_t        interval_ns; /* between two exchanges of the fleet; 0: as fast as it goes */
    bool            held;        /* open all, then work */
    bool            server_ends; /* the last exchange ends the connection */
};

struct fleet {
    struct samples handshakes;
    struct samples exchanges;
    uint64_t       opened_count;
    uint64_t       handshakes_count;
    uint64_t       resumed_count;
    uint64_t       exchanges_count;
    uint64_t       failures_count;
    bool           timed_out;
    /* private */
    struct fleet_plan    plan;
    const struct target *target;
    struct client       *clients;
    struct list          hot;
    int                  epoll_fd;
    unsigned             opening_count;
    unsigned             alive_count;
    unsigned             finished_count; /* alive, all exchanges done */
    unsigned             lowest_closed;  /* no client below this index is closed */
    bool                 is_working;
    bool                 is_ending;
    uint64_t             began_ns;
    uint64_t             ticks_count; /* exchanges that were due so far */
};

__attribute__((warn_unused_result)) bool
     fleet_init(struct fleet *fleet, const struct fleet_plan *plan, const struct target *target);
void fleet_fini(struct fleet *fleet);

/* Opens what the plan holds; does nothing for a plan that does not. */
void fleet_open(struct fleet *fleet, uint64_t deadline_ns);
/* Does the work: exchanges of held clients, or all lives of the others. */
void fleet_work(struct fleet *fleet, uint64_t deadline_ns);
/* Reads each held connection once: one that the server ended meanwhile is a failure. */
void fleet_listen(struct fleet *fleet);
/* Says goodbye on all connections still open and waits for the other side's. */
void fleet_end(struct fleet *fleet, uint64_t deadline_ns);

#endif
