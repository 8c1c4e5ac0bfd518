/*
 * Tries every order of events of one session:
 *     exhaust [--units N] [--faults N] [--buffers N] [--socket BYTES] [--model NAME] [--unmerged]
 *             [--replay LIST] [--verbose]
 * Without arguments, the worlds of the table below, each in both models of a driver; with any, that
 * one world (small.h). A run that breaks a law is printed as the list of its choices, with the
 * command that replays it. --unmerged goes into known states again and again: only for the smallest
 * worlds, to see that the same ends are found.
 */
#include "small.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SOCKET_BYTES = 4096 };

struct choice_of_world {
    struct small_options options;
    const char          *replay;
    bool                 is_one; /* not the table */
    bool                 is_one_model;
};

static const struct small_options worlds[] = {
    {.units = 3, .faults = 1, .buffers = SMALL_BUFFERS_ENOUGH, .socket_bytes = SOCKET_BYTES},
    {.units = 1, .faults = 2, .buffers = SMALL_BUFFERS_ENOUGH, .socket_bytes = SOCKET_BYTES},
};

static bool read_words(int count, char **words, struct choice_of_world *choice);
static bool read_option(int option, struct choice_of_world *choice);
static bool read_number(unsigned max, unsigned *number);
static bool run(const struct small_options *options, const char *replay);
static bool run_models(const struct choice_of_world *choice, const struct small_options *options,
                       unsigned *passed);
static void tell_failure(const struct small_options *options, const struct choices *choices,
                         const char *violation);

int main(int count, char **words)
{
    struct choice_of_world choice = {.options = {.units = 1,
                                                 .faults = 1,
                                                 .buffers = SMALL_BUFFERS_ENOUGH,
                                                 .socket_bytes = SOCKET_BYTES,
                                                 .is_merging = true}};
    unsigned               passed = 0;
    bool                   is_well = true;

    if (!read_words(count, words, &choice)) {
        (void)fprintf(stderr, "usage: exhaust [--units N] [--faults N] [--buffers N] "
                              "[--socket BYTES] [--model completion|readiness] [--unmerged] "
                              "[--replay LIST] [--verbose]\n");
        return 2;
    }
    if (choice.is_one) {
        is_well = run_models(&choice, &choice.options, &passed);
    }
    for (size_t i = 0; !choice.is_one && is_well && i < sizeof(worlds) / sizeof(worlds[0]); i++) {
        struct small_options options = worlds[i];

        options.is_merging = true;
        is_well = run_models(&choice, &options, &passed);
    }
    (void)printf("%u passed, %d failed, 0 skipped\n", passed, is_well ? 0 : 1);
    return is_well ? EXIT_SUCCESS : EXIT_FAILURE;
}

static bool run_models(const struct choice_of_world *choice, const struct small_options *options,
                       unsigned *passed)
{
    struct small_options one = *options;
    bool                 is_well = true;

    for (unsigned i = 0; i < 2 && is_well; i++) {
        one.is_readiness = i == 1;
        if (!choice->is_one_model || choice->options.is_readiness == one.is_readiness) {
            is_well = run(&one, choice->replay);
            *passed += is_well ? 1 : 0;
        }
    }
    return is_well;
}

static bool run(const struct small_options *options, const char *replay)
{
    struct small_options one = *options;
    struct choices       choices = {0};
    struct small_result  result;
    bool                 can_run = replay == NULL || choices_read(&choices, replay);

    if (!can_run) {
        (void)fprintf(stderr, "exhaust: no list of choices: %s\n", replay);
        return false;
    }
    one.is_merging = options->is_merging && replay == NULL;
    small_run(&one, &choices, replay != NULL, &result);
    (void)printf("%s, %u units, %u faults, %u buffers, sockets of %zu bytes: %llu orders to the "
                 "end, %llu to a known state, %llu states, %llu different ends (%016llx)\n",
                 options->is_readiness ? "readiness" : "completion", options->units,
                 options->faults, options->buffers, options->socket_bytes,
                 (unsigned long long)result.leaves, (unsigned long long)result.merged,
                 (unsigned long long)result.states, (unsigned long long)result.outcomes,
                 (unsigned long long)result.digest);
    if (result.violation != NULL) {
        tell_failure(options, &choices, result.violation);
    }
    choices_fini(&choices);
    return result.violation == NULL;
}

static void tell_failure(const struct small_options *options, const struct choices *choices,
                         const char *violation)
{
    (void)printf("seed none: %s\n", violation);
    (void)printf("replay: --units %u --faults %u --buffers %u --socket %zu --model %s --verbose "
                 "--replay ",
                 options->units, options->faults, options->buffers, options->socket_bytes,
                 options->is_readiness ? "readiness" : "completion");
    choices_tell(choices);
}

static bool read_words(int count, char **words, struct choice_of_world *choice)
{
    static const struct option options[] = {{"units", required_argument, NULL, 'u'},
                                            {"faults", required_argument, NULL, 'f'},
                                            {"buffers", required_argument, NULL, 'b'},
                                            {"socket", required_argument, NULL, 's'},
                                            {"model", required_argument, NULL, 'm'},
                                            {"unmerged", no_argument, NULL, 'n'},
                                            {"replay", required_argument, NULL, 'r'},
                                            {"verbose", no_argument, NULL, 'v'},
                                            {0}};
    int                        option;

    while ((option = getopt_long(count, words, "", options, NULL)) != -1) {
        choice->is_one = true;
        if (!read_option(option, choice)) {
            return false;
        }
    }
    return optind == count;
}

static bool read_option(int option, struct choice_of_world *choice)
{
    struct small_options *options = &choice->options;
    unsigned              bytes = 0;

    switch (option) {
    case 'u':
        return read_number(SMALL_UNITS_MAX, &options->units);
    case 'f':
        return read_number(SMALL_FAULTS_MAX, &options->faults);
    case 'b':
        return read_number(SMALL_BUFFERS_ENOUGH, &options->buffers) && options->buffers > 0;
    case 's':
        options->socket_bytes = read_number(1U << 20, &bytes) ? bytes : 0;
        return options->socket_bytes > 0;
    case 'm':
        choice->is_one_model = true;
        options->is_readiness = strcmp(optarg, "readiness") == 0;
        return options->is_readiness || strcmp(optarg, "completion") == 0;
    case 'n':
        options->is_merging = false;
        return true;
    case 'r':
        choice->replay = optarg;
        return true;
    case 'v':
        options->is_verbose = true;
        return true;
    default:
        return false;
    }
}

static bool read_number(unsigned max, unsigned *number)
{
    char         *end = NULL;
    unsigned long value = strtoul(optarg, &end, 10);

    *number = (unsigned)value;
    return end != optarg && *end == '\0' && value <= max;
}
