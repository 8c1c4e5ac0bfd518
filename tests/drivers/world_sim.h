/* The simulator as one more driver under test. */
#ifndef SALLYPORT_TESTS_WORLD_SIM_H
#define SALLYPORT_TESTS_WORLD_SIM_H

#include "driver_sim.h"
#include "world.h"

#define WORLD_SIM_NAME       "sim"
#define WORLD_SIM_ROUGH_NAME "sim, rough"

/* Perfect, or with every fault that the laws allow. */
void world_sim_open(struct world *world, bool is_rough);
void world_sim_close(void);

struct sim_net *world_sim_net(void);

#endif
