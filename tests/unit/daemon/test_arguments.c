#include "daemon/arguments.h"

#include "suites.h"

#include <stdio.h>
#include <unistd.h>

enum { WORDS_MAX = 24 };

static struct arguments arguments;

/* What is said on stderr is not the test's to judge, and would clutter its own. */
static bool read_words(const char *const *words)
{
    char *argv[WORDS_MAX] = {(char *)"sallyport"};
    int   argc = 1;
    int   kept = dup(STDERR_FILENO);

    for (; words[argc - 1] != NULL; argc++) {
        ck_assert_int_lt(argc, WORDS_MAX - 1);
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    }
    ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
    bool is_read = arguments_read(argc, argv, &arguments);

    (void)fflush(stderr);
    ck_assert_int_ge(dup2(kept, STDERR_FILENO), 0);
    (void)close(kept);
    return is_read;
}

#define READ(...) read_words((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

START_TEST(without_flags_it_runs_with_the_usual_configuration)
{
    ck_assert(READ());
    ck_assert_int_eq(arguments.mode, ARGUMENTS_RUN);
    ck_assert_uint_eq(arguments.configs_count, 1);
    ck_assert_str_eq(arguments.configs[0], SALLYPORT_CONFIG_PATH);
}
END_TEST

START_TEST(configurations_keep_their_order)
{
    ck_assert(READ("-c", "a", "--config", "b", "--config=c"));
    ck_assert_uint_eq(arguments.configs_count, 3);
    ck_assert_str_eq(arguments.configs[0], "a");
    ck_assert_str_eq(arguments.configs[1], "b");
    ck_assert_str_eq(arguments.configs[2], "c");
}
END_TEST

START_TEST(seventeen_configurations_are_too_many)
{
    ck_assert(!READ("-c1", "-c2", "-c3", "-c4", "-c5", "-c6", "-c7", "-c8", "-c9", "-c10", "-c11",
                    "-c12", "-c13", "-c14", "-c15", "-c16", "-c17"));
}
END_TEST

START_TEST(each_mode_has_its_flag_long_and_short)
{
    static const struct {
        const char         *words[3];
        enum arguments_mode mode;
    } cases[] = {{{"-t"}, ARGUMENTS_TEST},       {{"--test"}, ARGUMENTS_TEST},
                 {{"-T"}, ARGUMENTS_DUMP},       {{"--dump"}, ARGUMENTS_DUMP},
                 {{"-t", "-T"}, ARGUMENTS_DUMP}, {{"-T", "-t"}, ARGUMENTS_DUMP},
                 {{"-V"}, ARGUMENTS_VERSION},    {{"--version"}, ARGUMENTS_VERSION},
                 {{"-VV"}, ARGUMENTS_PROBE},     {{"-V", "--version"}, ARGUMENTS_PROBE},
                 {{"-h"}, ARGUMENTS_HELP},       {{"--help"}, ARGUMENTS_HELP}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert(read_words(cases[i].words));
        ck_assert_int_eq(arguments.mode, cases[i].mode);
    }
}
END_TEST

START_TEST(workers_are_a_number_from_1_to_1024_or_auto)
{
    ck_assert(READ("-n", "auto") && arguments.workers == 0);
    ck_assert(READ("-n", "1") && arguments.workers == 1);
    ck_assert(READ("--workers=1024") && arguments.workers == 1024);
    ck_assert(!READ("-n", "0"));
    ck_assert(!READ("-n", "1025"));
    ck_assert(!READ("-n", "-3"));
    ck_assert(!READ("-n", "2x"));
    ck_assert(!READ("-n", ""));
}
END_TEST

START_TEST(levels_have_names_and_verbosity_has_letters)
{
    ck_assert(READ("--log-level", "error") && arguments.log_level == CONFIG_LEVEL_ERROR);
    ck_assert(READ("--log-level", "debug") && arguments.log_level == CONFIG_LEVEL_DEBUG);
    ck_assert(READ("-v") && arguments.log_level == CONFIG_LEVEL_DEBUG);
    ck_assert(READ("-q") && arguments.log_level == CONFIG_LEVEL_WARN && arguments.is_quiet);
    ck_assert(!READ("--log-level", "loud"));
}
END_TEST

START_TEST(unknown_flags_missing_values_and_stray_words_are_refused)
{
    ck_assert(!READ("-x"));
    ck_assert(!READ("-S"));
    ck_assert(!READ("-L"));
    ck_assert(!READ("--no-such-flag"));
    ck_assert(!READ("-c"));
    ck_assert(!READ("-t", "stray"));
}
END_TEST

START_TEST(flags_win_over_the_file_and_absent_flags_change_nothing)
{
    struct config config = {.workers = 7, .user = {.text = "file"}, .group = {.text = "file"}};

    ck_assert(READ());
    arguments_apply(&arguments, &config);
    ck_assert_uint_eq(config.workers, 7);
    ck_assert_str_eq(config.user.text, "file");
    ck_assert(READ("-n", "3", "-u", "flag", "-g", "flags", "-p", "/run/x.pid", "-q"));
    arguments_apply(&arguments, &config);
    ck_assert_uint_eq(config.workers, 3);
    ck_assert_str_eq(config.user.text, "flag");
    ck_assert_str_eq(config.group.text, "flags");
    ck_assert_str_eq(config.pid_file.text, "/run/x.pid");
    ck_assert_int_eq(config.log.level, CONFIG_LEVEL_WARN);
}
END_TEST

Suite *arguments_suite(void)
{
    return suite_of("arguments",
                    (const TTest *const[]){
                        without_flags_it_runs_with_the_usual_configuration,
                        configurations_keep_their_order, seventeen_configurations_are_too_many,
                        each_mode_has_its_flag_long_and_short,
                        workers_are_a_number_from_1_to_1024_or_auto,
                        levels_have_names_and_verbosity_has_letters,
                        unknown_flags_missing_values_and_stray_words_are_refused,
                        flags_win_over_the_file_and_absent_flags_change_nothing, NULL});
}
