#include "conform.h"

#include "base/clock.h"
#include "world_sim.h"

#include <string.h>

enum { TEXT_BYTES = 4000, OUTCOMES_TEXT_BYTES = 100, HANDWRITTEN_SEEDS = 60, MODELS = 2 };

/* What was seen of each step (or of the probe: the first), in each model of a driver. */
struct seen {
    unsigned outcomes[MODELS][SCRIPT_STEPS_MAX];
};

static void   open_simulated(struct world *world, uint64_t seed, bool is_readiness);
static void   run_and_judge(struct world *world, const struct script *script, uint64_t seed,
                            struct legal_seen *seen);
static void   refuse(const struct world *world, const struct script *script, uint64_t seed,
                     const struct history *history, const struct legal_verdict *verdict);
static void   run_script(struct world *world, const struct script *script, unsigned *outcomes);
static void   compare(const struct script *script, const struct seen *kernel,
                      const struct seen *simulator);
static size_t model_of(const struct world *world);

size_t conform_kernels_count(void)
{
    size_t count = 0;

    while (count < world_drivers_count() && !world_sim_is(world_driver(count))) {
        count++;
    }
    return count;
}

void conform_kernel(size_t driver, struct conform_seeds seeds, struct legal_seen *seen)
{
    struct world world = world_open(driver);

    for (uint64_t seed = seeds.first; seed < seeds.first + seeds.count; seed++) {
        struct script script;

        script_draw(&script, seed);
        run_and_judge(&world, &script, seed, seen);
    }
    world_close(&world);
}

void conform_simulator(bool is_readiness, struct conform_seeds seeds, struct legal_seen *seen)
{
    for (uint64_t seed = seeds.first; seed < seeds.first + seeds.count; seed++) {
        struct world  world = {0};
        struct script script;

        open_simulated(&world, seed, is_readiness);
        script_draw(&script, seed);
        run_and_judge(&world, &script, seed, seen);
        world_close(&world);
    }
}

void conform_script(const struct step *steps)
{
    struct seen   kernel = {0}, simulator = {0};
    struct script script;

    script_copy(&script, steps);
    for (size_t i = 0; i < conform_kernels_count(); i++) {
        struct world world = world_open(i);

        run_script(&world, &script, kernel.outcomes[model_of(&world)]);
        world_close(&world);
    }
    for (uint64_t seed = 0; seed < HANDWRITTEN_SEEDS; seed++) {
        struct world world = {0};

        open_simulated(&world, seed / MODELS, seed % MODELS != 0);
        run_script(&world, &script, simulator.outcomes[seed % MODELS]);
        world_close(&world);
    }
    compare(&script, &kernel, &simulator);
}

void conform_outcomes(conform_probe *probe, unsigned legal)
{
    const struct script script = {.steps = {{.legal = legal}}, .count = 1};
    struct seen         kernel = {0}, simulator = {0};

    for (size_t i = 0; i < conform_kernels_count(); i++) {
        struct world world = world_open(i);

        kernel.outcomes[model_of(&world)][0] |= probe(&world);
        world_close(&world);
    }
    for (uint64_t seed = 0; seed < HANDWRITTEN_SEEDS; seed++) {
        struct world world = {0};

        open_simulated(&world, seed / MODELS, seed % MODELS != 0);
        simulator.outcomes[seed % MODELS][0] |= probe(&world);
        world_close(&world);
    }
    compare(&script, &kernel, &simulator);
}

/* Every trouble that a connection survives, each with an even chance. */
static void open_simulated(struct world *world, uint64_t seed, bool is_readiness)
{
    struct sim_options options = {
        .seed = seed,
        .is_readiness = is_readiness,
        .faults = {.short_recv = (seed & 1) * 300,
                   .short_send = (seed >> 1 & 1) * 300,
                   .send_parts = (seed >> 2 & 1) * 300,
                   .delay = (seed >> 3 & 1) * 300,
                   .shuffle = (seed >> 4 & 1) * 500,
                   .cancel_late = (seed & 1) * 500,
                   .spurious = (seed >> 1 & 1) * 300,
                   .loss = (seed >> 5 & 1) * 10,
                   .latency_ns_max = NS_PER_US << (seed % 11)},
    };

    world_sim_open_with(world, &options);
}

static void run_and_judge(struct world *world, const struct script *script, uint64_t seed,
                          struct legal_seen *seen)
{
    struct history history;

    script_run(world, script, &history);
    struct legal_verdict verdict = legal_judge(&history, seen);

    if (!verdict.is_legal) {
        refuse(world, script, seed, &history, &verdict);
    }
}

static void refuse(const struct world *world, const struct script *script, uint64_t seed,
                   const struct history *history, const struct legal_verdict *verdict)
{
    char text[TEXT_BYTES];
    char expected[OUTCOMES_TEXT_BYTES];

    script_tell(script, history, text, sizeof(text));
    ck_abort_msg("%s, seed %llu: nothing explains what became of step %u: %s\n%slegal: %s",
                 io_loop_driver(world->loop), (unsigned long long)seed,
                 history->events[verdict->event].step,
                 verdict->problem != NULL ? verdict->problem : "it is not in the table", text,
                 outcomes_text(verdict->expected, expected, sizeof(expected)));
}

static void run_script(struct world *world, const struct script *script, unsigned *outcomes)
{
    struct history history;

    script_run(world, script, &history);
    ck_assert_msg(history.problem == NULL, "%s", history.problem);
    for (size_t i = 0; i < script->count; i++) {
        outcomes[i] |= history.outcomes[i];
    }
}

static void compare(const struct script *script, const struct seen *kernel,
                    const struct seen *simulator)
{
    char kernel_text[OUTCOMES_TEXT_BYTES], simulator_text[OUTCOMES_TEXT_BYTES];
    char legal_text[OUTCOMES_TEXT_BYTES];

    for (size_t i = 0; i < script->count; i++) {
        unsigned legal = script->steps[i].legal;
        unsigned all = 0;

        for (size_t model = 0; model < MODELS && legal != 0; model++) {
            unsigned is = kernel->outcomes[model][i];
            unsigned may_be = simulator->outcomes[model][i];

            all |= is | may_be;
            ck_assert_msg((is & ~legal) == 0 && (may_be & ~legal) == 0 && (is & ~may_be) == 0,
                          "step %zu, %s: the kernel shows %s, the simulator %s, legal is %s", i,
                          model == 0 ? "completion" : "readiness",
                          outcomes_text(is, kernel_text, sizeof(kernel_text)),
                          outcomes_text(may_be, simulator_text, sizeof(simulator_text)),
                          outcomes_text(legal, legal_text, sizeof(legal_text)));
        }
        ck_assert_msg(all == legal, "step %zu: legal is %s, and seen was only %s", i,
                      outcomes_text(legal, legal_text, sizeof(legal_text)),
                      outcomes_text(all, kernel_text, sizeof(kernel_text)));
    }
}

static size_t model_of(const struct world *world)
{
    return world->is_uring ? 0 : 1;
}
