/*
 * The k-th allocation of the loader fails, for k = 1, 2, 3 and so on until a load passes. A binary
 * of its own, whose allocator the linker wraps; libconfig's is not, since it looks at none of its
 * allocations (load.c sees to it that there is room).
 */
#include "config/config.h"
#include "countdown.h"
#include "scratch.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { K_MAX = 2000 };

static const char FRONTENDS[] =
    "frontends = ( { listen = [ \"*:443\", \"*:444\" ]; pem-file = \"x.pem\"; backend = \"b\";\n"
    "                routes = ( { sni = [ \"a.org\", \"b.org\" ]; backend = \"b\"; } ); },\n"
    "              { listen = \"*:445\"; pem-file = \"y.pem\"; backend = \"b\"; } );\n"
    "pid-file = \"/run/x\";\n";
static const char BACKENDS[] = "timeouts = { idle = \"5m\"; };\n"
                               "backends = ( { name = \"b\"; send-proxy = \"v2\"; servers = ( { "
                               "address = \"127.0.0.1:1\"; } ); } );\n";
static const char MISTAKES[] = "wrokers = 3;\nworkers = \"many\";\nbackends = 5;\n";

/* What was said, in full. */
static const char *printed(const struct config_report *report)
{
    static char text[8192];
    FILE       *into = fmemopen(text, sizeof(text), "w");

    config_report_print(report, into);
    (void)fclose(into);
    return text;
}

/* True when no allocation failed. */
static bool load_but_for(long k, const char *const *paths, size_t paths_count)
{
    struct config_report report = {0};

    countdown_set(k);
    struct config *config = config_load(paths, paths_count, &report);
    bool           is_whole = countdown_is_running();

    countdown_set(0);
    ck_assert_int_eq(config == NULL, config_report_has_errors(&report));
    if (!is_whole) {
        ck_assert_msg(config == NULL, "allocation %ld fails, and it loads", k);
        ck_assert_msg(strstr(printed(&report), "memory") != NULL, "allocation %ld fails: %s", k,
                      printed(&report));
    }
    config_free(&config);
    config_report_fini(&report);
    return is_whole;
}

static long count_until_whole(const char *const *paths, size_t paths_count)
{
    long k = 1;

    while (k < K_MAX && !load_but_for(k, paths, paths_count)) {
        k++;
    }
    ck_assert_int_lt(k, K_MAX);
    return k;
}

START_TEST(a_load_that_lacks_memory_is_refused_and_leaks_nothing)
{
    struct scratch scratch;
    char           file[SCRATCH_PATH_BYTES], directory[SCRATCH_PATH_BYTES];

    scratch_open(&scratch);
    scratch_write(&scratch, "main.conf", "@include \"more/included\"\n# the rest is elsewhere\n");
    scratch_write(&scratch, "more/included", FRONTENDS);
    scratch_write(&scratch, "conf.d/backends.conf", BACKENDS);
    scratch_name(&scratch, "main.conf", file);
    scratch_name(&scratch, "conf.d", directory);

    const char *const paths[] = {file, directory};

    ck_assert_int_gt(count_until_whole(paths, 2), 20);
    scratch_close(&scratch);
}
END_TEST

START_TEST(mistakes_are_told_without_memory_as_well)
{
    struct scratch scratch;
    char           file[SCRATCH_PATH_BYTES];

    scratch_open(&scratch);
    scratch_write(&scratch, "main.conf", MISTAKES);
    scratch_name(&scratch, "main.conf", file);

    const char *const paths[] = {file};

    ck_assert_int_gt(count_until_whole(paths, 1), 5);
    scratch_close(&scratch);
}
END_TEST

static Suite *allocations_suite(void)
{
    return suite_of("allocations",
                    (const TTest *const[]){a_load_that_lacks_memory_is_refused_and_leaks_nothing,
                                           mistakes_are_told_without_memory_as_well, NULL});
}

suite_maker *const suites_all[] = {allocations_suite, NULL};
