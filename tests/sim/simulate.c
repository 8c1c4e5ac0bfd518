/*
 * Runs simulated sessions:
 *     simulate [--seed N] [--seeds N] [--sessions N] [--lanes N] [--without KIND]... [--verbose]
 * `seeds` worlds of `sessions` sessions each, from `seed` on, without the named kinds of trouble
 * (swarm.h). A seed that breaks a law is printed and can be replayed: --seed N --seeds 1 --verbose.
 * The first seed is run twice (I14), and a world without trouble with and without neighbours (I13).
 */
#include "codec.h"
#include "swarm.h"
#include "world.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

struct choice {
    struct world_options world;
    uint64_t             seeds;
};

static bool        read_choice(int count, char **words, struct choice *choice);
static bool        read_option(int option, struct choice *choice);
static const char *check_repeats(const struct choice *choice);
static void        tell_kinds(void);

int main(int count, char **words)
{
    struct choice choice = {.world = {.seed = 1, .sessions = 200, .lanes = WORLD_LANES},
                            .seeds = 100};
    uint64_t      sessions = 0;
    uint64_t      failed = 0;

    if (!read_choice(count, words, &choice)) {
        tell_kinds();
        return 2;
    }
    const char *problem = check_repeats(&choice);

    for (uint64_t i = 0; i < choice.seeds; i++) {
        struct world_options options = choice.world;
        struct world_result  result;

        options.seed += i;
        world_run(&options, &result);
        result.violation = i == 0 && result.violation == NULL ? problem : result.violation;
        sessions += result.sessions;
        if (result.violation != NULL) {
            (void)printf("seed %llu: %s\n", (unsigned long long)options.seed, result.violation);
            failed++;
        }
    }
    (void)printf("%llu sessions simulated in %llu worlds\n", (unsigned long long)sessions,
                 (unsigned long long)choice.seeds);
    (void)printf("%llu passed, %llu failed, 0 skipped\n",
                 (unsigned long long)(choice.seeds - failed), (unsigned long long)failed);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The first lane's plans do not depend on how many lanes there are, only on the seed. */
static const char *check_repeats(const struct choice *choice)
{
    struct world_options options = choice->world;
    struct world_result  first, second;

    options.is_verbose = false;
    world_run(&options, &first);
    world_run(&options, &second);
    if (first.trace != second.trace && codec_is_deterministic()) {
        return "I14: the same seed ran differently";
    }
    options.without = UINT64_MAX;
    options.lanes = WORLD_LANES;
    world_run(&options, &first);
    options.lanes = 1;
    options.sessions = choice->world.sessions / WORLD_LANES;
    world_run(&options, &second);
    return first.honest != second.honest ? "I13: neighbours changed what became of a session"
                                         : NULL;
}

static bool read_choice(int count, char **words, struct choice *choice)
{
    static const struct option options[] = {{"seed", required_argument, NULL, 's'},
                                            {"seeds", required_argument, NULL, 'n'},
                                            {"sessions", required_argument, NULL, 'c'},
                                            {"lanes", required_argument, NULL, 'l'},
                                            {"without", required_argument, NULL, 'w'},
                                            {"verbose", no_argument, NULL, 'v'},
                                            {0}};
    int                        option;

    while ((option = getopt_long(count, words, "", options, NULL)) != -1) {
        if (!read_option(option, choice)) {
            return false;
        }
    }
    return optind == count && choice->seeds > 0 && choice->world.lanes > 0 &&
           choice->world.lanes <= WORLD_LANES && choice->world.sessions >= choice->world.lanes;
}

static bool read_option(int option, struct choice *choice)
{
    struct world_options *world = &choice->world;

    switch (option) {
    case 's':
        world->seed = strtoull(optarg, NULL, 10);
        return true;
    case 'n':
        choice->seeds = strtoull(optarg, NULL, 10);
        return true;
    case 'c':
        world->sessions = strtoull(optarg, NULL, 10);
        return true;
    case 'l':
        world->lanes = (unsigned)strtoul(optarg, NULL, 10);
        return true;
    case 'w':
        world->without |= swarm_bit(optarg);
        return swarm_bit(optarg) != 0;
    case 'v':
        world->is_verbose = true;
        return true;
    default:
        return false;
    }
}

static void tell_kinds(void)
{
    (void)fprintf(stderr, "usage: simulate [--seed N] [--seeds N] [--sessions N] [--lanes N] "
                          "[--without KIND]... [--verbose]\nkinds:");
    for (unsigned i = 0; swarm_name(i) != NULL; i++) {
        (void)fprintf(stderr, " %s", swarm_name(i));
    }
    (void)fprintf(stderr, "\n");
}
