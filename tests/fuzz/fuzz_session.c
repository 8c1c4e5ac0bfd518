/*
 * Whole sessions on the simulator: the bytes are the network's faults and the plans of the ends,
 * instead of chance (tests/sim/plan.c, whose plan_draw is replaced when linking). The checks are
 * the simulator's own.
 */
#include "../sim/lane.h"
#include "../sim/setting.h"
#include "base/clock.h"
#include "base/require.h"
#include "driver_sim.h"
#include "fuzz.h"
#include "proxy/worker.h"

#include <stdlib.h>

enum {
    LANES = 2,
    SESSIONS_PER_LANE = 1,
    DESCRIPTORS_MAX = 256, /* more than ever are open: a small table is quickly made */
    BUFFERS_MAX = 8,
    TURNS_MAX = 2 * 1000 * 1000,
    BYTES_MAX = 160 * 1000, /* more than a buffer holds */
    MIDDLE_BYTES_MAX = 3000,
    HANDSHAKE_BYTES = 800,
    PIECES_MAX = 300,
    PAUSES_MAX = 10,
};

struct world {
    struct sim_net *net;
    struct reactor *reactor;
    struct worker  *worker;
    struct quota    connections;
    struct lane     lanes[LANES];
    uint64_t        reported;
    bool            is_benign;
    bool            is_empty;
};

static struct bytes_const script;

/* The linker's names for plan_draw, as the lanes call it. */
void __wrap_plan_draw(struct plan *plan, struct random *random);

static void open_world(struct world *world);
static void draw_faults(struct world *world, struct sim_faults *faults);
static void draw_end(struct plan_end *end);
static void run(struct world *world);
static bool is_done(const struct world *world);
static void check_lane(const struct lane *lane);
static void close_world(struct world *world);
static void on_report(void *owner, const struct session_summary *summary);
static void on_empty(void *owner);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;

    world = (struct world){0};
    script = (struct bytes_const){data, size};
    open_world(&world);
    for (unsigned i = 0; i < LANES; i++) {
        struct lane_options options = {.net = world.net,
                                       .frontend = setting_frontend(i),
                                       .backend = setting_backend(i, 0),
                                       .proxy = setting_proxy(i),
                                       .ends_within_ns = setting_ends_within_ns(),
                                       .is_benign = &world.is_benign};

        lane_start(&world.lanes[i], &options, i + 1, SESSIONS_PER_LANE);
    }
    run(&world);
    close_world(&world);
    return 0;
}

/* --- what the script says ------------------------------------------------------------------- */

static void open_world(struct world *world)
{
    static const struct tls_ticket_keys keys;
    struct sim_options                  options = {.seed = fuzz_number(&script, 2),
                                                   .descriptors_max = DESCRIPTORS_MAX};
    struct error                        error = ERROR_OK;

    draw_faults(world, &options.faults);
    world->net = sim_net_new(&options);
    world->reactor = reactor_new(&(struct reactor_options){.name = "fuzz"}, &error);
    require(world->reactor != NULL);
    reactor_adopt(world->reactor, sim_loop_open(world->net));
    quota_init(&world->connections, LANES * 4);
    world->worker = worker_new(&(struct worker_options){.reactor = world->reactor,
                                                        .snapshot = setting_init(LANES),
                                                        .ticket_keys = &keys,
                                                        .connections = &world->connections,
                                                        .buffers_max = BUFFERS_MAX,
                                                        .report = on_report,
                                                        .owner = world},
                               &error);
    require(world->worker != NULL);
    for (unsigned i = 0; i < LANES; i++) {
        struct address address = setting_frontend(i);

        require(worker_listen(world->worker, i, sim_listen_fd(world->net, &address)));
    }
}

/* In thousandths. None of them so often, and no window on a long way so small, that an honest
 * session would last longer than its timeouts. */
static void draw_faults(struct world *world, struct sim_faults *faults)
{
    unsigned *const disturbing[] = {
        &faults->short_recv, &faults->short_send,  &faults->send_parts,      &faults->delay,
        &faults->shuffle,    &faults->cancel_late, &faults->accept_exhausted};
    unsigned *const breaking[] = {&faults->reset, &faults->connect_refused,
                                  &faults->connect_timeout, &faults->connect_unreachable,
                                  &faults->socket_exhausted};
    uint8_t         choice = fuzz_byte(&script);

    *faults = (struct sim_faults){0};
    world->is_benign = (choice & 1) == 0;
    for (size_t i = 0; i < sizeof(disturbing) / sizeof(disturbing[0]); i++) {
        *disturbing[i] = choice & 2 ? 2 * (unsigned)fuzz_byte(&script) : 0;
    }
    for (size_t i = 0; i < sizeof(breaking) / sizeof(breaking[0]); i++) {
        *breaking[i] = world->is_benign ? 0 : fuzz_byte(&script);
    }
    faults->loss = choice & 4 ? (unsigned)fuzz_below(&script, 20) : 0;
    faults->delay_ns_max = NS_PER_US << fuzz_below(&script, 14);
    faults->latency_ns_max = NS_PER_US << fuzz_below(&script, 17);
    if (choice & 8) {
        bool is_far = faults->loss > 0 || faults->latency_ns_max > NS_PER_MS;

        faults->socket_bytes_min = (is_far ? 2000 : 200) + fuzz_below(&script, 2000);
        faults->socket_bytes_max = faults->socket_bytes_min + fuzz_below(&script, 100000);
    }
}

void __wrap_plan_draw(struct plan *plan, struct random *random)
{
    (void)random;
    draw_end(&plan->client);
    draw_end(&plan->server);
    if (plan->server.ending == PLAN_TRUNCATE) {
        plan->server.ending = PLAN_CLEAN; /* a plain FIN is a clean end */
    }
    plan->server_refuses = fuzz_below(&script, 16) == 15;
    plan->client.key_updates = (uint8_t)fuzz_below(&script, 40);
    plan->header = (enum plan_header)fuzz_below(&script, PLAN_HEADER_BROKEN + 1);
}

/* Slow is not dead: all pauses together stay below the shortest timeout. */
static void draw_end(struct plan_end *end)
{
    static const uint32_t sizes[] = {200, 200, MIDDLE_BYTES_MAX, BYTES_MAX};
    uint8_t               choice = fuzz_byte(&script);

    *end = (struct plan_end){
        .bytes = fuzz_below(&script, sizes[choice >> 6]),
        .piece = 1 + (uint32_t)fuzz_below(&script, choice & 2 ? 70000 : 200),
        .pause_ns = choice & 4 ? fuzz_below(&script, 200) * NS_PER_MS : 0,
        .ends_last = (choice & 8) != 0,
        .ending = (enum plan_ending)fuzz_below(&script, PLAN_SILENT + 1),
        .reading = (enum plan_reading)fuzz_below(&script, PLAN_READ_STOPS + 1),
        .start = (enum plan_start)fuzz_below(&script, PLAN_START_AFTER_END + 1),
    };
    end->abort_at = fuzz_below(&script, end->bytes + HANDSHAKE_BYTES);
    end->read_stop_at = fuzz_below(&script, BYTES_MAX);
    uint64_t pieces = end->pause_ns > 0 ? PAUSES_MAX : PIECES_MAX;
    uint64_t least = (end->bytes + HANDSHAKE_BYTES) / pieces + 1;

    end->piece = end->piece < least ? (uint32_t)least : end->piece;
}

/* --- the run -------------------------------------------------------------------------------- */

static void run(struct world *world)
{
    unsigned turns = 0;

    while (!is_done(world)) {
        reactor_turn(world->reactor, NS_PER_S);
        require(++turns < TURNS_MAX);
    }
    for (unsigned i = 0; i < LANES; i++) {
        check_lane(&world->lanes[i]);
        lane_stop(&world->lanes[i]);
    }
}

static bool is_done(const struct world *world)
{
    for (unsigned i = 0; i < LANES; i++) {
        if (!lane_is_done(&world->lanes[i])) {
            return false;
        }
    }
    return true;
}

static void check_lane(const struct lane *lane)
{
    if (lane->violation != NULL) {
        lane_tell(lane);
    }
    require(lane->violation == NULL);
}

/* At rest everything is back where it was (I8), and counted (I11). */
static void close_world(struct world *world)
{
    unsigned turns = 0;

    worker_drain(world->worker, on_empty);
    while (!world->is_empty) {
        reactor_turn(world->reactor, NS_PER_S);
        require(++turns < TURNS_MAX);
    }
    require(sim_open_fds(world->net) == 0);
    require(reactor_metric(world->reactor, METRIC_CONNECTIONS_ACTIVE) == 0);
    require(reactor_metric(world->reactor, METRIC_CONNECTIONS_TOTAL) == world->reported);
    require(reactor_metric(world->reactor, METRIC_HANDSHAKES_ACTIVE) == 0);
    worker_free(&world->worker);
    reactor_close(world->reactor);
    reactor_free(&world->reactor);
    sim_net_free(&world->net);
    setting_fini();
}

static void on_report(void *owner, const struct session_summary *summary)
{
    struct world *world = owner;
    unsigned long lane = strtoul(summary->frontend, NULL, 10);

    world->reported++;
    require(lane < LANES);
    if (world->lanes[lane].options.net != NULL) {
        lane_report(&world->lanes[lane], summary);
    }
}

static void on_empty(void *owner)
{
    struct world *world = owner;

    world->is_empty = true;
}
