#include "base/name_table.h"

#include "suites.h"

#include <stdio.h>
#include <string.h>

enum { MANY = 1000 };

static struct name_table *table;

static void set_up(void)
{
    table = name_table_new();
    ck_assert_ptr_nonnull(table);
}

static void tear_down(void)
{
    name_table_free(&table);
    ck_assert_ptr_null(table);
    name_table_free(&table);
}

static struct bytes_const bytes(const char *text)
{
    return (struct bytes_const){.data = (const uint8_t *)text, .len = strlen(text)};
}

static bool add(const char *name, int value)
{
    return name_table_add(table, bytes(name), value);
}

static int find(const char *name)
{
    return name_table_find(table, bytes(name));
}

START_TEST(an_exact_name_goes_before_a_wildcard)
{
    ck_assert(add("*.example.org", 1));
    ck_assert(add("www.example.org", 2));
    ck_assert_int_eq(find("www.example.org"), 2);
    ck_assert_int_eq(find("WWW.Example.ORG"), 2);
    ck_assert_int_eq(find("mail.example.org"), 1);
}
END_TEST

START_TEST(a_wildcard_stands_for_one_label)
{
    ck_assert(add("*.example.org", 1));
    ck_assert_int_eq(find("a.b.example.org"), NAME_TABLE_NONE);
    ck_assert_int_eq(find("example.org"), NAME_TABLE_NONE);
    ck_assert_int_eq(find(".example.org"), NAME_TABLE_NONE);
    ck_assert_int_eq(find("org"), NAME_TABLE_NONE);
}
END_TEST

START_TEST(a_name_is_found_exactly_only_as_it_was_added)
{
    ck_assert(add("*.example.org", 1));
    ck_assert_int_eq(name_table_find_exact(table, bytes("*.EXAMPLE.org")), 1);
    ck_assert_int_eq(name_table_find_exact(table, bytes("www.example.org")), NAME_TABLE_NONE);
    ck_assert_int_eq(name_table_find_exact(table, bytes("")), NAME_TABLE_NONE);
}
END_TEST

START_TEST(the_first_value_of_a_name_stays)
{
    ck_assert(add("example.org", 1));
    ck_assert(add("EXAMPLE.org", 2));
    ck_assert_int_eq(find("example.org"), 1);
    ck_assert_uint_eq(name_table_count(table), 1);
}
END_TEST

START_TEST(what_is_no_host_name_is_not_added)
{
    static const char *const bad[] = {"",    ".", "a..b", "a.",    ".a",
                                      "a b", "*", "*.",   "a.*.b", "\xc3\xa4.example"};
    char                     longest[NAME_LEN_MAX + 2] = {0};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(!add(bad[i], 1), "\"%s\"", bad[i]);
    }
    memset(longest, 'a', NAME_LEN_MAX + 1);
    ck_assert(!add(longest, 1));
    longest[NAME_LEN_MAX] = '\0';
    ck_assert(add(longest, 1));
    ck_assert_uint_eq(name_table_count(table), 1);
}
END_TEST

START_TEST(any_bytes_may_be_asked_for)
{
    char longest[NAME_LEN_MAX + 2] = {0};

    memset(longest, '.', NAME_LEN_MAX + 1);
    ck_assert_int_eq(find(""), NAME_TABLE_NONE);
    ck_assert_int_eq(find(longest), NAME_TABLE_NONE);
    ck_assert_int_eq(find(longest + 1), NAME_TABLE_NONE);
    ck_assert_int_eq(name_table_find_exact(table, bytes(longest)), NAME_TABLE_NONE);
}
END_TEST

START_TEST(a_thousand_names_are_all_found_again)
{
    char name[40];

    for (int i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof(name), "host-%d.example.org", i);
        ck_assert(add(name, i));
    }
    ck_assert_uint_eq(name_table_count(table), MANY);
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof(name), "host-%d.example.org", i);
        ck_assert_int_eq(find(name), i);
    }
    ck_assert_int_eq(find("host-1000.example.org"), NAME_TABLE_NONE);
}
END_TEST

Suite *name_table_suite(void)
{
    Suite *suite = suite_create("name_table");
    TCase *tcase = tcase_create("name_table");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, an_exact_name_goes_before_a_wildcard);
    tcase_add_test(tcase, a_wildcard_stands_for_one_label);
    tcase_add_test(tcase, a_name_is_found_exactly_only_as_it_was_added);
    tcase_add_test(tcase, the_first_value_of_a_name_stays);
    tcase_add_test(tcase, what_is_no_host_name_is_not_added);
    tcase_add_test(tcase, any_bytes_may_be_asked_for);
    tcase_add_test(tcase, a_thousand_names_are_all_found_again);
    suite_add_tcase(suite, tcase);
    return suite;
}
