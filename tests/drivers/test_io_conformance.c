/*
 * The simulator against the kernel: short scripts by chance on every driver, explained by one table
 * (legal_state.c). CONFORMANCE_SCRIPTS=N in the environment runs N of them on each.
 */
#include "conform.h"
#include "suites.h"

#include <stdlib.h>
#include <string.h>

enum { SCRIPTS = 400, TIMEOUT_SECONDS = 600, BEYOND = 1000 * 1000 };

static struct conform_seeds seeds_from(uint64_t first)
{
    const char *count = getenv("CONFORMANCE_SCRIPTS");

    return (struct conform_seeds){.first = first,
                                  .count = count != NULL ? strtoull(count, NULL, 10) : SCRIPTS};
}

static bool is_readiness(size_t driver)
{
    return strcmp(world_driver(driver), "io_uring") != 0;
}

/* Whatever the kernel shows, sessions must have met on the simulator. */
START_TEST(what_the_kernel_does_is_in_the_table_and_the_simulator_does_it_too)
{
    struct legal_seen kernel = {0}, simulator = {0};

    conform_kernel((size_t)_i, seeds_from(1), &kernel);
    conform_simulator(is_readiness((size_t)_i), seeds_from(1), &simulator);

    for (size_t row = 0; row < legal_rows_count(); row++) {
        char text[100];

        ck_assert_msg(
            (kernel.outcomes[row] & ~simulator.outcomes[row]) == 0, "%s: only the kernel does %s",
            legal_row(row)->name,
            outcomes_text(kernel.outcomes[row] & ~simulator.outcomes[row], text, sizeof(text)));
    }
}
END_TEST

/* A row that nothing reaches, or an outcome that nobody shows, would be a guess. */
START_TEST(every_row_of_the_table_is_what_the_kernel_does)
{
    struct legal_seen kernel = {0};

    for (size_t i = 0; i < conform_kernels_count(); i++) {
        conform_kernel(i, seeds_from(BEYOND), &kernel);
    }
    for (size_t row = 0; row < legal_rows_count(); row++) {
        char text[100];

        ck_assert_msg((legal_row(row)->outcomes & ~kernel.outcomes[row]) == 0,
                      "%s: nobody has seen %s", legal_row(row)->name,
                      outcomes_text(legal_row(row)->outcomes, text, sizeof(text)));
    }
}
END_TEST

START_TEST(what_the_simulator_does_is_in_the_table)
{
    struct legal_seen simulator = {0};

    conform_simulator(_i == 1, seeds_from(BEYOND), &simulator);
}
END_TEST

Suite *conformance_suite(void)
{
    Suite *suite = suite_create("io conformance");
    TCase *tcase = tcase_create("generated scripts");

    tcase_set_timeout(tcase, TIMEOUT_SECONDS);
    tcase_add_loop_test(tcase, what_the_kernel_does_is_in_the_table_and_the_simulator_does_it_too,
                        0, (int)conform_kernels_count());
    tcase_add_test(tcase, every_row_of_the_table_is_what_the_kernel_does);
    tcase_add_loop_test(tcase, what_the_simulator_does_is_in_the_table, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}
