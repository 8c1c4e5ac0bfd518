/*
 * Runs simulated sessions: simulate [--seed N] [--seeds N] [--sessions N] [--verbose]
 * `seeds` worlds of `sessions` sessions each, from `seed` on. A seed that breaks a law is printed
 * and can be replayed: --seed N --seeds 1 --verbose.
 */
#include "codec.h"
#include "world.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

struct choice {
    uint64_t seed;
    uint64_t seeds;
    uint64_t sessions;
    bool     is_verbose;
};

static bool read_choice(int count, char **words, struct choice *choice);

int main(int count, char **words)
{
    struct choice choice = {.seed = 1, .seeds = 100, .sessions = 200};
    uint64_t      sessions = 0;
    unsigned      failed = 0;

    if (!read_choice(count, words, &choice)) {
        (void)fprintf(stderr,
                      "usage: simulate [--seed N] [--seeds N] [--sessions N] [--verbose]\n");
        return 2;
    }
    for (uint64_t seed = choice.seed; seed < choice.seed + choice.seeds; seed++) {
        struct world_result result;
        struct world_result again;

        world_run(seed, choice.sessions, choice.is_verbose, &result);
        if (seed == choice.seed && result.violation == NULL && codec_is_deterministic()) {
            world_run(seed, choice.sessions, false, &again);
            if (again.trace != result.trace) {
                result.violation = "I14: the same seed ran differently";
            }
        }
        sessions += result.sessions;
        if (result.violation != NULL) {
            (void)printf("seed %llu: %s\n", (unsigned long long)seed, result.violation);
            failed++;
        }
    }
    (void)printf("%llu sessions simulated in %llu worlds\n", (unsigned long long)sessions,
                 (unsigned long long)choice.seeds);
    (void)printf("%llu passed, %u failed, 0 skipped\n", (unsigned long long)choice.seeds - failed,
                 failed);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static bool read_choice(int count, char **words, struct choice *choice)
{
    static const struct option options[] = {{"seed", required_argument, NULL, 's'},
                                            {"seeds", required_argument, NULL, 'n'},
                                            {"sessions", required_argument, NULL, 'c'},
                                            {"verbose", no_argument, NULL, 'v'},
                                            {0}};
    int                        option;

    while ((option = getopt_long(count, words, "", options, NULL)) != -1) {
        switch (option) {
        case 's':
            choice->seed = strtoull(optarg, NULL, 10);
            break;
        case 'n':
            choice->seeds = strtoull(optarg, NULL, 10);
            break;
        case 'c':
            choice->sessions = strtoull(optarg, NULL, 10);
            break;
        case 'v':
            choice->is_verbose = true;
            break;
        default:
            return false;
        }
    }
    return optind == count && choice->seeds > 0 && choice->sessions >= WORLD_LANES;
}
