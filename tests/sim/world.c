#include "world.h"

#include "base/clock.h"
#include "base/require.h"
#include "crew.h"
#include "driver_sim.h"
#include "lane.h"
#include "setting.h"
#include "swarm.h"

#include <stdio.h>
#include <stdlib.h>

/* Two workers must not jump over each other's timers; turns that do nothing may follow one another
 * only this often. */
#define ALONE_WAIT_NS  NS_PER_S
#define SHARED_WAIT_NS (20 * NS_PER_MS)
enum { TURNS_PER_SESSION_MAX = 2 * 1000 * 1000, IDLE_TURNS_MAX = 200 };

struct world {
    const struct world_options *options;
    struct swarm                swarm;
    struct sim_net             *net;
    struct crew                 crew;
    struct lane                 lanes[WORLD_LANES];
    uint64_t                    turns;
    uint64_t                    idle_turns;
    unsigned                    edition; /* of the configuration */
    bool                        is_calm;
};

static void        world_open(struct world *world);
static void        start_lanes(struct world *world);
static const char *world_turn(struct world *world);
static const char *world_close(struct world *world);
static void        intervene(struct world *world);
static void        reload(struct world *world);
static uint64_t    sessions_done(const struct world *world);
static bool        lanes_are_done(const struct world *world);
static const char *lanes_violation(const struct world *world);
static void        stop_lanes(struct world *world, bool is_told);
static void        on_report(void *owner, const struct session_summary *summary);

void world_run(const struct world_options *options, struct world_result *result)
{
    struct world *world = calloc(1, sizeof(*world));
    const char   *violation = NULL;

    require(world != NULL);
    require(options->lanes > 0 && options->lanes <= WORLD_LANES);
    world->options = options;
    world_open(world);
    start_lanes(world);
    while (violation == NULL && !lanes_are_done(world)) {
        violation = world_turn(world);
    }
    *result = (struct world_result){.sessions = sessions_done(world), .turns = world->turns};
    if (options->is_verbose && violation != NULL) {
        (void)fprintf(stderr, "after %llu turns; ", (unsigned long long)world->turns);
        sim_tell(world->net);
    }
    stop_lanes(world, options->is_verbose && violation != NULL);
    result->honest = world->lanes[0].honest;
    result->trace = sim_trace(world->net);
    const char *left = world_close(world);

    result->violation = violation != NULL ? violation : left;
    result->reported = world->crew.reported;
    free(world);
}

static void world_open(struct world *world)
{
    struct random      random = {world->options->seed};
    struct sim_options options = {.seed = world->options->seed};

    swarm_draw(&world->swarm, &random, world->options->sessions, world->options->without);
    options.faults = world->swarm.faults;
    options.is_readiness = world->swarm.is_readiness;
    if (world->swarm.descriptors_max > 0) {
        options.descriptors_max =
            world->swarm.descriptors_max + (size_t)world->swarm.workers * WORLD_LANES;
    }
    world->is_calm = world->swarm.is_benign;
    world->net = sim_net_new(&options);
    crew_open(&world->crew, &(struct crew_options){.net = world->net,
                                                   .snapshot = setting_init(WORLD_LANES),
                                                   .workers = world->swarm.workers,
                                                   .frontends = WORLD_LANES,
                                                   .buffers_max = world->swarm.buffers_max,
                                                   .report = on_report,
                                                   .owner = world});
}

static void start_lanes(struct world *world)
{
    const struct swarm *swarm = &world->swarm;

    for (unsigned i = 0; i < world->options->lanes; i++) {
        struct lane_options options = {
            .net = world->net,
            .frontend = setting_frontend(i),
            .backend = setting_backend(i, 0),
            .proxy = setting_proxy(i),
            .ends_within_ns = setting_ends_within_ns() +
                              (swarm->faults.stall > 0 ? 2 * swarm->faults.stall_ns_max : 0),
            .is_benign = &world->swarm.is_benign};

        lane_start(&world->lanes[i], &options, world->options->seed * WORLD_LANES + i,
                   world->options->sessions / world->options->lanes);
    }
}

/* One turn of every worker, and a look at what holds after each. */
static const char *world_turn(struct world *world)
{
    uint64_t completions = sim_completions(world->net);
    uint64_t until_ns = sim_now_ns(world->net) + (uint64_t)world->crew.workers_count * SIM_TURN_NS;

    intervene(world);
    crew_turn(&world->crew, world->crew.workers_count == 1 ? ALONE_WAIT_NS : SHARED_WAIT_NS);
    world->turns++;
    bool is_idle = sim_now_ns(world->net) <= until_ns && sim_completions(world->net) == completions;

    world->idle_turns = is_idle ? world->idle_turns + 1 : 0;
    if (world->idle_turns > IDLE_TURNS_MAX ||
        world->turns > world->options->sessions * TURNS_PER_SESSION_MAX) {
        return "I9: the reactor turns and turns";
    }
    if (crew_has_too_many_buffers(&world->crew)) {
        return "I7: more buffers than four a session";
    }
    return lanes_violation(world);
}

/* What an operator does in mid-run, and the end of the troubles half-way. */
static void intervene(struct world *world)
{
    struct swarm *swarm = &world->swarm;
    uint64_t      done = sessions_done(world);

    if (!world->is_calm && done >= world->options->sessions / 2) {
        swarm_calm(swarm);
        *sim_faults(world->net) = swarm->faults;
        world->is_calm = true;
    }
    if (swarm->reload_every != 0 &&
        done >= world->edition * swarm->reload_every + swarm->reload_every &&
        world->edition + 1 < SETTING_EDITIONS_MAX && !world->crew.is_draining) {
        reload(world);
    }
    if (swarm->cut_after != 0 && done >= swarm->cut_after) {
        swarm->cut_after = 0;
        crew_cut(&world->crew);
    }
    if (swarm->drain_after != 0 && done >= swarm->drain_after) {
        swarm->drain_after = 0;
        crew_drain(&world->crew, true);
    }
}

static void reload(struct world *world)
{
    world->edition++;
    crew_reload(&world->crew, setting_again());
    for (unsigned i = 0; i < world->options->lanes; i++) {
        struct address backend = setting_backend(i, world->edition);

        lane_reload(&world->lanes[i], &backend);
    }
}

static uint64_t sessions_done(const struct world *world)
{
    uint64_t done = 0;

    for (unsigned i = 0; i < world->options->lanes; i++) {
        done += world->lanes[i].sessions_done;
    }
    return done;
}

static bool lanes_are_done(const struct world *world)
{
    for (unsigned i = 0; i < world->options->lanes; i++) {
        if (!lane_is_done(&world->lanes[i])) {
            return false;
        }
    }
    return true;
}

static const char *lanes_violation(const struct world *world)
{
    for (unsigned i = 0; i < world->options->lanes; i++) {
        if (world->lanes[i].violation != NULL) {
            return world->lanes[i].violation;
        }
    }
    return NULL;
}

static void stop_lanes(struct world *world, bool is_told)
{
    for (unsigned i = 0; i < world->options->lanes; i++) {
        if (is_told) {
            lane_tell(&world->lanes[i]);
        }
        lane_stop(&world->lanes[i]);
    }
}

/* Drains, then looks whether everything is back where it was (I8): the slabs check themselves. */
static const char *world_close(struct world *world)
{
    const char *violation = NULL;

    crew_drain(&world->crew, false);
    for (uint64_t i = 0; i < TURNS_PER_SESSION_MAX && !crew_is_empty(&world->crew); i++) {
        crew_turn(&world->crew, SHARED_WAIT_NS);
    }
    if (!crew_is_empty(&world->crew)) {
        violation = "I5: a worker does not drain";
    } else if (sim_open_fds(world->net) != 0) {
        violation = "I8: descriptors are left open";
    }
    violation = violation != NULL ? violation : crew_violation(&world->crew);
    if (crew_is_empty(&world->crew)) {
        crew_close(&world->crew);
        sim_net_free(&world->net);
        setting_fini();
    }
    return violation;
}

static void on_report(void *owner, const struct session_summary *summary)
{
    struct world *world = owner;
    unsigned long number = strtoul(summary->frontend, NULL, 10);

    require(number < WORLD_LANES);
    if (world->options->is_verbose) {
        lane_tell_report(summary, sim_now_ns(world->net));
    }
    if (world->lanes[number].options.net != NULL) {
        lane_report(&world->lanes[number], summary);
    }
}
