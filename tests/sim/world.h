/*
 * A worker of the real proxy on a simulated network, with lanes of clients and servers around it.
 * One world a seed: the network's faults are drawn from it (a random subset, so that each seed has
 * a character), then the plans, then every chance on the way.
 */
#ifndef SALLYPORT_TESTS_SIM_WORLD_H
#define SALLYPORT_TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

enum { WORLD_LANES = 8 };

struct world_result {
    uint64_t    sessions;
    uint64_t    reported;
    uint64_t    turns;
    uint64_t    trace;     /* the same for the same seed, always (I14) */
    const char *violation; /* NULL: none */
};

/* Runs `sessions` sessions in one world. `is_verbose` tells each outcome on stderr. */
void world_run(uint64_t seed, uint64_t sessions, bool is_verbose, struct world_result *result);

#endif
