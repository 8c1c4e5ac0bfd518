/* The simulator as one more driver under test. */
#ifndef SALLYPORT_TESTS_WORLD_SIM_H
#define SALLYPORT_TESTS_WORLD_SIM_H

#include "world.h"

#define WORLD_SIM_NAME ""

static inline void world_sim_open(struct world *world)
{
    (void)world;
}

static inline void world_sim_close(void)
{
}

#endif
