#include "config/schema.h"

#include "suites.h"

#include <string.h>

static const char *nearest(const char *word)
{
    static const char *const names[] = {"hello", "handshake", "idle", "io", "log", ""};
    const char              *near = suggest(word, names, sizeof(names) / sizeof(names[0]));

    return near != NULL ? near : "none";
}

START_TEST(a_slip_of_the_pen_finds_the_word_meant)
{
    ck_assert_str_eq(nearest("helo"), "hello");
    ck_assert_str_eq(nearest("helllo"), "hello");
    ck_assert_str_eq(nearest("hallo"), "hello");
    ck_assert_str_eq(nearest("hand-shake"), "handshake");
    ck_assert_str_eq(nearest("HandShake"), "handshake");
    ck_assert_str_eq(nearest("hello"), "hello");
}
END_TEST

START_TEST(the_nearest_of_several_is_found)
{
    static const char *const names[] = {"abcdef", "abcxyf", "abcdxf"};

    ck_assert_str_eq(suggest("abcdyf", names, 3), "abcdef");
    ck_assert_str_eq(suggest("abcdxx", names, 3), "abcdxf");
}
END_TEST

START_TEST(what_is_like_nothing_finds_nothing)
{
    char longest[200];

    memset(longest, 'h', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    ck_assert_str_eq(nearest("certificate"), "none");
    ck_assert_str_eq(nearest("xyz"), "none");
    ck_assert_str_eq(nearest(longest), "none");
    ck_assert_ptr_null(suggest("hello", NULL, 0));
    ck_assert_ptr_null(suggest("hello", (const char *const[]){longest}, 1));
}
END_TEST

START_TEST(an_empty_name_is_never_suggested)
{
    ck_assert_str_eq(nearest("x"), "none");
    ck_assert_str_eq(nearest(""), "none");
}
END_TEST

Suite *suggest_suite(void)
{
    return suite_of("suggest", (const TTest *const[]){a_slip_of_the_pen_finds_the_word_meant,
                                                      the_nearest_of_several_is_found,
                                                      what_is_like_nothing_finds_nothing,
                                                      an_empty_name_is_never_suggested, NULL});
}
