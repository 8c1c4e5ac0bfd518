#include "config/schema.h"

#include "sheet.h"
#include "suites.h"

#include <string.h>

static void visit_row(const struct schema_group *group, const struct schema_option *option)
{
    size_t len = 0;
    bool   is_number = option->type == OPTION_UNSIGNED || option->type == OPTION_DURATION ||
                     option->type == OPTION_SIZE;
    const char *last = option->help + strlen(option->help) - 1;

    ck_assert_ptr_eq(schema_find(group, option->key), option);
    ck_assert_msg(*last == '.' && strlen(option->help) > 10, "%s: \"%s\"", option->key,
                  option->help);
    ck_assert_int_eq(option->type == OPTION_GROUP || option->type == OPTION_LIST,
                     option->group != NULL);
    ck_assert_msg(!is_number || option->min < option->max, "%s", option->key);
    ck_assert_msg(option->type != OPTION_ENUM || schema_choice(option->choices, 1, &len) != NULL,
                  "%s", option->key);
    ck_assert_msg((option->type != OPTION_LIST && option->type != OPTION_STRINGS) ||
                      (option->max > 0 && (option->min > 0) == (option->default_text == NULL)),
                  "%s", option->key);
    ck_assert_msg(option->type != OPTION_STRING ||
                      (option->min > 0) == (option->default_text == NULL),
                  "%s", option->key);
}

START_TEST(each_row_is_sound)
{
    sheet_walk(visit_row);
}
END_TEST

START_TEST(choices_are_found_by_their_number)
{
    size_t len = 0;

    ck_assert_int_eq(strncmp(schema_choice("a|bc|d", 1, &len), "bc", 2), 0);
    ck_assert_uint_eq(len, 2);
    ck_assert_int_eq(strncmp(schema_choice("a|bc|d", 2, &len), "d", 1), 0);
    ck_assert_uint_eq(len, 1);
    ck_assert_ptr_null(schema_choice("a|bc|d", 3, &len));
    ck_assert_ptr_null(schema_choice("", 0, &len));
    ck_assert_ptr_null(schema_choice(NULL, 0, &len));
}
END_TEST

Suite *schema_suite(void)
{
    return suite_of("schema", (const TTest *const[]){each_row_is_sound,
                                                     choices_are_found_by_their_number, NULL});
}
