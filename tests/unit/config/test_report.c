#include "config/report.h"

#include "suites.h"

#include <stdlib.h>
#include <string.h>

static char *printed(const struct config_report *report)
{
    char  *text = NULL;
    size_t bytes = 0;
    FILE  *into = open_memstream(&text, &bytes);

    ck_assert_ptr_nonnull(into);
    config_report_print(report, into);
    ck_assert_int_eq(fclose(into), 0);
    return text;
}

START_TEST(an_empty_report_prints_nothing)
{
    struct config_report report = {0};
    char                *text = printed(&report);

    ck_assert_str_eq(text, "");
    ck_assert(!config_report_has_errors(&report));
    free(text);
    config_report_fini(&report);
    config_report_fini(&report);
}
END_TEST

START_TEST(each_problem_is_a_line_with_as_much_of_its_place_as_is_known)
{
    struct config_report report = {0};

    config_report_add(&report, CONFIG_WARNING, (struct config_place){"f", 3}, "%d", 1);
    ck_assert(!config_report_has_errors(&report));
    config_report_add(&report, CONFIG_ERROR, (struct config_place){"f", 0}, "two");
    config_report_add(&report, CONFIG_ERROR, (struct config_place){0}, "three");
    char *text = printed(&report);

    ck_assert_str_eq(text, "f:3: warning: 1\nf: error: two\nerror: three\n");
    ck_assert(config_report_has_errors(&report));
    ck_assert_uint_eq(config_report_warnings(&report), 1);
    free(text);
    config_report_fini(&report);
}
END_TEST

START_TEST(more_than_a_hundred_problems_are_counted_and_left_out)
{
    struct config_report report = {0};
    struct config_place  at = {"f", 1};

    for (int i = 0; i < CONFIG_PROBLEMS_MAX; i++) {
        config_report_add(&report, CONFIG_WARNING, at, "%d", i);
    }
    char *text = printed(&report);

    ck_assert_ptr_null(strstr(text, "more"));
    free(text);
    config_report_add(&report, CONFIG_ERROR, at, "the last");
    config_report_add(&report, CONFIG_WARNING, at, "the very last");
    text = printed(&report);
    ck_assert_ptr_nonnull(strstr(text, "f:1: warning: 99\nand 2 more problems\n"));
    ck_assert(config_report_has_errors(&report));
    ck_assert_uint_eq(config_report_warnings(&report), CONFIG_PROBLEMS_MAX + 1);
    free(text);
    config_report_fini(&report);
}
END_TEST

START_TEST(a_problem_stays_one_line_whatever_is_in_it)
{
    struct config_report report = {0};
    char                 name[CONFIG_PROBLEM_BYTES * 2];

    config_report_add(&report, CONFIG_ERROR, (struct config_place){"a\nb", 1}, "x\r\n\x1b[m\x7f");
    memset(name, '\n', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    config_report_add(&report, CONFIG_ERROR, (struct config_place){name, 1}, "y");
    config_report_add(&report, CONFIG_ERROR, (struct config_place){"f", 1}, "%s", name);
    ck_assert_str_eq(report.problems[0].text, "a?b:1: error: x???[m?");
    ck_assert_ptr_null(strchr(report.problems[1].text, '\n'));
    ck_assert_uint_eq(strlen(report.problems[1].text), CONFIG_PROBLEM_BYTES - 1);
    ck_assert_uint_eq(strlen(report.problems[2].text), CONFIG_PROBLEM_BYTES - 1);
    config_report_fini(&report);
}
END_TEST

Suite *report_suite(void)
{
    return suite_of("report", (const TTest *const[]){
                                  an_empty_report_prints_nothing,
                                  each_problem_is_a_line_with_as_much_of_its_place_as_is_known,
                                  more_than_a_hundred_problems_are_counted_and_left_out,
                                  a_problem_stays_one_line_whatever_is_in_it, NULL});
}
