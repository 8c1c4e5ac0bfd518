#include "world_sim.h"

#include "base/clock.h"

#include <check.h>
#include <string.h>

static const struct sim_faults ROUGH = {
    .short_recv = 300,
    .short_send = 300,
    .send_parts = 200,
    .delay = 300,
    .shuffle = 500,
    .loss = 10,
    .cancel_late = 500,
    .spurious = 300,
    .latency_ns_min = 1,
    .latency_ns_max = 2 * NS_PER_MS,
    .socket_bytes_min = 1000,
    .socket_bytes_max = 200000,
};

static struct sim_net *net;

bool world_sim_is(const char *name)
{
    return strncmp(name, WORLD_SIM_NAME, strlen(WORLD_SIM_NAME)) == 0;
}

void world_sim_open(struct world *world, const char *name)
{
    struct sim_options options = {.seed = 1, .is_readiness = strstr(name, "readiness") != NULL};

    if (strstr(name, "rough") != NULL) {
        options.faults = ROUGH;
    }
    world_sim_open_with(world, &options);
}

void world_sim_open_with(struct world *world, const struct sim_options *options)
{
    struct address addresses[ADDRESSES_PER_TEXT_MAX];
    const char    *problem;

    ck_assert_uint_eq(address_parse("192.0.2.1:443", addresses, &problem), 1);
    world->is_simulated = true;
    net = sim_net_new(options);
    world->loop = sim_loop_open(net);
    world->address = addresses[0];
    world->listen_fd = sim_listen_fd(net, &world->address);
}

void world_sim_close(void)
{
    ck_assert_uint_eq(sim_open_fds(net), 0);
    sim_net_free(&net);
}

struct sim_net *world_sim_net(void)
{
    return net;
}
