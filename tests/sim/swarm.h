/*
 * What may go wrong in one world, drawn from its seed: a random subset, so that each seed has a
 * character. Each kind has a name, under which it can be left out when a seed is replayed; what is
 * left out was drawn all the same, so that everything else stays as it is.
 */
#ifndef SALLYPORT_TESTS_SIM_SWARM_H
#define SALLYPORT_TESTS_SIM_SWARM_H

#include "driver_sim.h"
#include "random.h"

#include <stdbool.h>
#include <stdint.h>

struct swarm {
    struct sim_faults faults;
    bool              is_benign;       /* nothing happens to a connection but what its ends do */
    bool              is_readiness;    /* the model of the driver */
    unsigned          workers;         /* 1 to 4, each with a loop of its own */
    size_t            buffers_max;     /* of each worker */
    size_t            descriptors_max; /* of all, beyond those that listen; 0: enough */
    uint64_t drain_after;  /* sessions until the workers are drained and begin anew; 0: never */
    uint64_t reload_every; /* so many sessions; 0: never */
    uint64_t cut_after;    /* sessions until all that run are cut; 0: never */
};

/* `without`: a bit for each kind left out, numbered as swarm_name does. */
void swarm_draw(struct swarm *swarm, struct random *random, uint64_t sessions, uint64_t without);

/* NULL behind the last. */
const char *swarm_name(unsigned kind);

/* The bit of a name, 0 if there is no such kind. */
uint64_t swarm_bit(const char *name);

/* From now on nothing breaks any more; what merely disturbs stays. */
void swarm_calm(struct swarm *swarm);

#endif
