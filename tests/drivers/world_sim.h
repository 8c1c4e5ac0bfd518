/* The simulator as one more driver under test. */
#ifndef SALLYPORT_TESTS_WORLD_SIM_H
#define SALLYPORT_TESTS_WORLD_SIM_H

#include "driver_sim.h"
#include "world.h"

/* Each model of a driver; perfect, or with every fault that the laws allow. */
#define WORLD_SIM_NAME             "sim"
#define WORLD_SIM_ROUGH_NAME       "sim, rough"
#define WORLD_SIM_READY_NAME       "sim, readiness"
#define WORLD_SIM_READY_ROUGH_NAME "sim, readiness, rough"

bool world_sim_is(const char *name);
void world_sim_open(struct world *world, const char *name);
/* Like the above, with a seed and troubles of one's own. */
void world_sim_open_with(struct world *world, const struct sim_options *options);
void world_sim_close(void);

struct sim_net *world_sim_net(void);

#endif
