/*
 * The real proxy on a simulated network, with lanes of clients and servers around it: one to four
 * workers, each with a reactor of its own, that share a clock, a network, a quota and their
 * addresses. One world a seed: first what may go wrong (swarm.h), then the plans, then every chance
 * on the way. Half-way everything that breaks connections stops, and from then on honest sessions
 * must succeed; in mid-run the workers may be given a new snapshot, drained and begun anew, or cut.
 */
#ifndef SALLYPORT_TESTS_SIM_WORLD_H
#define SALLYPORT_TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

enum { WORLD_LANES = 8 };

struct world_options {
    uint64_t seed;
    uint64_t sessions;   /* of all lanes together; at least one a lane */
    unsigned lanes;      /* 1 to WORLD_LANES */
    uint64_t without;    /* kinds of trouble left out: bits of swarm_bit */
    bool     is_verbose; /* tells each outcome on stderr */
};

struct world_result {
    uint64_t    sessions;
    uint64_t    reported;
    uint64_t    turns;
    uint64_t    trace;     /* the same for the same options, always (I14) */
    uint64_t    honest;    /* what became of the first lane's honest sessions (I13) */
    const char *violation; /* NULL: none */
};

void world_run(const struct world_options *options, struct world_result *result);

#endif
