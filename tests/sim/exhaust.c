/*
 * Tries every order of events of one session:
 *     exhaust [--units N] [--faults N] [--only FAULT]... [--socket BYTES] [--headers]
 *             [--model completion|readiness] [--walks N] [--replay LIST] [--verbose]
 * Without --units, --faults, --only, --socket, --headers or --replay: the worlds of the table
 * below; with any, that one world (small.h). Both models of a driver, unless one is named. A run
 * that breaks a law is printed as the list of its choices, with the words that replay it.
 */
#include "fault.h"
#include "small.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SOCKET_BYTES = 4096, SOCKET_BYTES_MAX = 1 << 20, WALKS = 2000, WALKS_MAX = 1 << 30 };
enum { MODELS = 2 };

struct wish {
    struct small_options options;
    const char          *replay;
    bool                 is_one_world;
    bool                 is_one_model;
};

/* What a minute is enough for, sanitized; scripts/simulate --exhaust goes further. */
static const struct small_options worlds[] = {
    {.units = 3, .faults = 0},
    {.units = 2, .faults = 1},
    {.units = 0, .faults = 2},
    {.units = 0, .faults = 1, .has_headers = true},
    {.units = 1, .faults = 0, .has_headers = true},
};

static bool read_words(int count, char **words, struct wish *wish);
static bool read_option(int option, struct wish *wish);
static bool read_number(unsigned max, unsigned *number);
static bool read_fault(uint64_t *only);
static void tell_usage(void);
static void run_models(const struct wish *wish, const struct small_options *options,
                       unsigned *passed, unsigned *failed);
static bool run(const struct small_options *options, const char *replay);
static void tell_failure(const struct small_options *options, const struct choices *choices,
                         const char *violation);

int main(int count, char **words)
{
    struct wish wish = {
        .options = {.units = 1, .faults = 1, .socket_bytes = SOCKET_BYTES, .walks = WALKS}};
    unsigned passed = 0;
    unsigned failed = 0;

    if (!read_words(count, words, &wish)) {
        tell_usage();
        return 2;
    }
    if (wish.is_one_world) {
        run_models(&wish, &wish.options, &passed, &failed);
    }
    for (size_t i = 0; !wish.is_one_world && i < sizeof(worlds) / sizeof(worlds[0]); i++) {
        struct small_options options = worlds[i];

        options.socket_bytes = SOCKET_BYTES;
        options.walks = wish.options.walks;
        options.is_verbose = wish.options.is_verbose;
        run_models(&wish, &options, &passed, &failed);
    }
    (void)printf("%u passed, %u failed, 0 skipped\n", passed, failed);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* After a violation a world stays as it is, and there is one at a time. */
static void run_models(const struct wish *wish, const struct small_options *options,
                       unsigned *passed, unsigned *failed)
{
    struct small_options one = *options;

    for (unsigned i = 0; i < MODELS && *failed == 0; i++) {
        one.is_readiness = i == 1;
        if (!wish->is_one_model || wish->options.is_readiness == one.is_readiness) {
            bool is_well = run(&one, wish->replay);

            *passed += is_well ? 1 : 0;
            *failed += is_well ? 0 : 1;
        }
    }
}

static bool run(const struct small_options *options, const char *replay)
{
    struct choices      choices = {0};
    struct small_result result;
    bool                is_list = replay == NULL || choices_read(&choices, replay);

    if (is_list) {
        small_run(options, &choices, replay != NULL, &result);
        (void)printf("%s, %u units, %u faults%s: %llu orders to the end, %llu to a known "
                     "state, %llu states, %llu different ends, %llu walks\n",
                     options->is_readiness ? "readiness" : "completion", options->units,
                     options->faults, options->has_headers ? ", headers" : "",
                     (unsigned long long)result.leaves, (unsigned long long)result.merged,
                     (unsigned long long)result.states, (unsigned long long)result.outcomes,
                     (unsigned long long)result.walks);
    } else {
        result.violation = "that is no list of choices";
    }
    if (result.violation != NULL) {
        tell_failure(options, &choices, result.violation);
    }
    choices_fini(&choices);
    return result.violation == NULL;
}

static void tell_failure(const struct small_options *options, const struct choices *choices,
                         const char *violation)
{
    (void)printf("world: %s\n", violation);
    (void)printf("replay: --units %u --faults %u", options->units, options->faults);
    for (unsigned i = 0; i < FAULTS_COUNT; i++) {
        if ((options->only >> i & 1) != 0) {
            (void)printf(" --only %s", fault_name((enum fault)i));
        }
    }
    (void)printf(" --socket %zu%s --model %s --verbose --replay ", options->socket_bytes,
                 options->has_headers ? " --headers" : "",
                 options->is_readiness ? "readiness" : "completion");
    choices_tell(choices);
}

static void tell_usage(void)
{
    (void)fprintf(stderr, "usage: exhaust [--units N] [--faults N] [--only FAULT]... "
                          "[--socket BYTES] [--headers] [--model completion|readiness] [--walks N] "
                          "[--replay LIST] [--verbose]\nfaults:");
    for (unsigned i = FAULT_NONE + 1; i < FAULTS_COUNT; i++) {
        (void)fprintf(stderr, " %s", fault_name((enum fault)i));
    }
    (void)fprintf(stderr, "\n");
}

static bool read_words(int count, char **words, struct wish *wish)
{
    static const struct option options[] = {
        {"units", required_argument, NULL, 'u'}, {"faults", required_argument, NULL, 'f'},
        {"only", required_argument, NULL, 'o'},  {"socket", required_argument, NULL, 's'},
        {"model", required_argument, NULL, 'm'}, {"headers", no_argument, NULL, 'h'},
        {"walks", required_argument, NULL, 'w'}, {"replay", required_argument, NULL, 'r'},
        {"verbose", no_argument, NULL, 'v'},     {0}};
    int option;

    while ((option = getopt_long(count, words, "", options, NULL)) != -1) {
        wish->is_one_world = wish->is_one_world || strchr("ufosrh", option) != NULL;
        if (!read_option(option, wish)) {
            return false;
        }
    }
    return optind == count;
}

static bool read_option(int option, struct wish *wish)
{
    struct small_options *options = &wish->options;
    unsigned              bytes = 0;

    switch (option) {
    case 'u':
        return read_number(SMALL_UNITS_MAX, &options->units);
    case 'f':
        return read_number(SMALL_FAULTS_MAX, &options->faults);
    case 'o':
        return read_fault(&options->only);
    case 's':
        options->socket_bytes = read_number(SOCKET_BYTES_MAX, &bytes) ? bytes : 0;
        return options->socket_bytes > 0;
    case 'm':
        wish->is_one_model = true;
        options->is_readiness = strcmp(optarg, "readiness") == 0;
        return options->is_readiness || strcmp(optarg, "completion") == 0;
    case 'w':
        return read_number(WALKS_MAX, &options->walks);
    case 'r':
        wish->replay = optarg;
        return true;
    case 'v':
        options->is_verbose = true;
        return true;
    case 'h':
        options->has_headers = true;
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

static bool read_fault(uint64_t *only)
{
    enum fault fault = fault_named(optarg);

    *only |= UINT64_C(1) << fault;
    return fault != FAULT_NONE;
}
