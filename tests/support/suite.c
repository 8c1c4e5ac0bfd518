#include "suite.h"

#include <stdio.h>
#include <stdlib.h>

enum { TIMEOUT_SECONDS = 120 };

Suite *suite_of(const char *name, const TTest *const *tests)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);

    tcase_set_timeout(tcase, TIMEOUT_SECONDS);
    for (size_t i = 0; tests[i] != NULL; i++) {
        tcase_add_test(tcase, tests[i]);
    }
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(suites_all[0]());

    for (size_t i = 1; suites_all[i] != NULL; i++) {
        srunner_add_suite(runner, suites_all[i]());
    }
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    int passed = srunner_ntests_run(runner) - failed;

    srunner_free(runner);
    printf("%d passed, %d failed, 0 skipped\n", passed, failed);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
