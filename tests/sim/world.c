#include "world.h"

#include "base/clock.h"
#include "base/require.h"
#include "driver_sim.h"
#include "lane.h"
#include "proxy/worker.h"
#include "setting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFERS_MAX = 256, TURNS_PER_SESSION_MAX = 2 * 1000 * 1000 };

struct world {
    struct sim_net *net;
    struct reactor *reactor;
    struct worker  *worker;
    struct quota    connections;
    struct lane     lanes[WORLD_LANES];
    uint64_t        reported;
    uint64_t        turns;
    bool            is_empty;
    bool            is_verbose;
    bool            is_benign;
};

static void world_open(struct world *world, uint64_t seed);
static void draw_faults(struct world *world, struct random *random, struct sim_faults *faults);
static void keep_handshakes_possible(struct sim_faults *faults);
static void world_listen(struct world *world);
static bool lanes_are_done(const struct world *world);
static const char *lanes_violation(const struct world *world);
static const char *world_close(struct world *world);
static void        on_report(void *owner, const struct session_summary *summary);
static void        on_empty(void *owner);

void world_run(uint64_t seed, uint64_t sessions, bool is_verbose, struct world_result *result)
{
    struct world *world = calloc(1, sizeof(*world));

    require(world != NULL);
    *result = (struct world_result){0};
    world->is_verbose = is_verbose;
    world_open(world, seed);
    for (unsigned i = 0; i < WORLD_LANES; i++) {
        struct lane_options options = {.net = world->net,
                                       .frontend = setting_frontend(i),
                                       .backend = setting_backend(i),
                                       .ends_within_ns = setting_ends_within_ns(),
                                       .is_benign = world->is_benign};

        lane_start(&world->lanes[i], &options, seed * WORLD_LANES + i, sessions / WORLD_LANES);
    }
    while (!lanes_are_done(world) && lanes_violation(world) == NULL) {
        reactor_turn(world->reactor, NS_PER_S);
        if (++world->turns > sessions * TURNS_PER_SESSION_MAX) {
            result->violation = "I9: the reactor turns and turns";
            break;
        }
    }
    if (result->violation == NULL) {
        result->violation = lanes_violation(world);
    }
    for (unsigned i = 0; i < WORLD_LANES; i++) {
        if (is_verbose && (world->lanes[i].violation != NULL || result->violation != NULL)) {
            lane_tell(&world->lanes[i]);
        }
        result->sessions += world->lanes[i].sessions_done;
        lane_stop(&world->lanes[i]);
    }
    result->trace = sim_trace(world->net);
    const char *violation = world_close(world);

    result->violation = result->violation != NULL ? result->violation : violation;
    result->reported = world->reported;
    result->turns = world->turns;
    free(world);
}

static void world_open(struct world *world, uint64_t seed)
{
    struct random          random = {seed};
    struct sim_options     options = {.seed = seed};
    struct tls_ticket_keys keys = {0};
    struct error           error = ERROR_OK;

    draw_faults(world, &random, &options.faults);
    world->net = sim_net_new(&options);
    world->reactor = reactor_new(&(struct reactor_options){.name = "sim"}, &error);
    require(world->reactor != NULL);
    reactor_adopt(world->reactor, sim_loop_open(world->net));
    quota_init(&world->connections, WORLD_LANES * 4);
    struct worker_options worker_options = {.reactor = world->reactor,
                                            .snapshot = setting_init(WORLD_LANES),
                                            .ticket_keys = &keys,
                                            .connections = &world->connections,
                                            .buffers_max = BUFFERS_MAX,
                                            .report = on_report,
                                            .owner = world};

    world->worker = worker_new(&worker_options, &error);
    require(world->worker != NULL);
    world_listen(world);
}

static void world_listen(struct world *world)
{
    for (unsigned i = 0; i < WORLD_LANES; i++) {
        struct address address = setting_frontend(i);

        require(worker_listen(world->worker, i, sim_listen_fd(world->net, &address)));
    }
}

/* Swarm testing: each kind of fault is on in about half of the worlds. In a benign world nothing
 * happens to a connection that its ends did not do themselves. */
static void draw_faults(struct world *world, struct random *random, struct sim_faults *faults)
{
    unsigned *const disturbing[] = {
        &faults->short_recv, &faults->short_send,  &faults->send_parts,      &faults->delay,
        &faults->shuffle,    &faults->cancel_late, &faults->accept_exhausted};
    unsigned *const breaking[] = {&faults->reset, &faults->connect_refused,
                                  &faults->connect_timeout, &faults->connect_unreachable,
                                  &faults->socket_exhausted};

    *faults = (struct sim_faults){0};
    for (size_t i = 0; i < sizeof(disturbing) / sizeof(disturbing[0]); i++) {
        *disturbing[i] = random_percent(random, 50) ? (unsigned)random_below(random, 400) : 0;
    }
    world->is_benign = random_percent(random, 60);
    for (size_t i = 0; i < sizeof(breaking) / sizeof(breaking[0]); i++) {
        *breaking[i] = !world->is_benign && random_percent(random, 30)
                           ? (unsigned)random_below(random, 60)
                           : 0;
    }
    faults->loss = random_percent(random, 20) ? (unsigned)random_below(random, 20) : 0;
    faults->delay_ns_max = NS_PER_US << random_below(random, 14);
    faults->latency_ns_max = NS_PER_US << random_below(random, 17);
    if (random_percent(random, 50)) {
        faults->socket_bytes_min = 1 + random_below(random, 2000);
        faults->socket_bytes_max = faults->socket_bytes_min + random_below(random, 100000);
        keep_handshakes_possible(faults);
    }
}

/* A window of a few bytes on a long way is a network on which no handshake ends in time. */
static void keep_handshakes_possible(struct sim_faults *faults)
{
    const uint64_t flight_bytes = 4000;
    const uint64_t enough_ns = 4 * NS_PER_S;
    uint64_t       round_trip_ns = 2 * faults->latency_ns_max + 2 * faults->delay_ns_max +
                             (faults->loss > 0 ? 20 * NS_PER_MS : 0);
    size_t least = (size_t)(flight_bytes * round_trip_ns / enough_ns) + 1;

    if (faults->socket_bytes_min < least) {
        faults->socket_bytes_max += least - faults->socket_bytes_min;
        faults->socket_bytes_min = least;
    }
}

static bool lanes_are_done(const struct world *world)
{
    for (unsigned i = 0; i < WORLD_LANES; i++) {
        if (!lane_is_done(&world->lanes[i])) {
            return false;
        }
    }
    return true;
}

static const char *lanes_violation(const struct world *world)
{
    for (unsigned i = 0; i < WORLD_LANES; i++) {
        if (world->lanes[i].violation != NULL) {
            return world->lanes[i].violation;
        }
    }
    return NULL;
}

/* Drains, then looks whether everything is back where it was (I8): the slabs check themselves. */
static const char *world_close(struct world *world)
{
    const char *violation = NULL;

    worker_drain(world->worker, on_empty);
    for (uint64_t i = 0; i < TURNS_PER_SESSION_MAX && !world->is_empty; i++) {
        reactor_turn(world->reactor, NS_PER_S);
    }
    if (!world->is_empty) {
        (void)fprintf(stderr, "a worker that does not drain: %zu sessions left\n",
                      worker_sessions(world->worker));
        exit(EXIT_FAILURE);
    }
    if (sim_open_fds(world->net) != 0) {
        violation = "I8: descriptors are left open";
    }
    if (reactor_metric(world->reactor, METRIC_CONNECTIONS_ACTIVE) != 0 ||
        reactor_metric(world->reactor, METRIC_CONNECTIONS_TOTAL) != world->reported ||
        reactor_metric(world->reactor, METRIC_HANDSHAKES_ACTIVE) != 0) {
        violation = "I11: accepted is not active and closed together";
    }
    worker_free(&world->worker);
    reactor_close(world->reactor);
    reactor_free(&world->reactor);
    sim_net_free(&world->net);
    setting_fini();
    return violation;
}

static void on_report(void *owner, const struct session_summary *summary)
{
    struct world *world = owner;

    world->reported++;
    if (world->is_verbose) {
        (void)fprintf(stderr, "%12.6f lane %s: %s in=%llu out=%llu\n",
                      (double)sim_now_ns(world->net) / (double)NS_PER_S, summary->frontend,
                      end_reason_word(summary->reason), (unsigned long long)summary->bytes_in,
                      (unsigned long long)summary->bytes_out);
    }
    unsigned long lane = strtoul(summary->frontend, NULL, 10);

    require(lane < WORLD_LANES);
    if (world->lanes[lane].options.net != NULL) {
        lane_report(&world->lanes[lane], summary);
    }
}

static void on_empty(void *owner)
{
    struct world *world = owner;

    world->is_empty = true;
}
