/* Patterns of the lists of allowed clients. */
#include "pair.h"
#include "suites.h"
#include "tls/glob.h"

#include <string.h>

static const struct glob_options uri = {.separator = '/'};
static const struct glob_options host = {.separator = '.', .ignores_case = true};
static const struct glob_options word = {.separator = '\0'};

static bool matches(const char *pattern, const char *name, const struct glob_options *options)
{
    return glob_matches(pattern, bytes_of(name), options);
}

START_TEST(without_stars_a_pattern_is_the_name)
{
    ck_assert(matches("alice", "alice", &word));
    ck_assert(!matches("alice", "alic", &word));
    ck_assert(!matches("alice", "alicee", &word));
    ck_assert(!matches("alice", "Alice", &word));
    ck_assert(!matches("alice", "", &word));
    ck_assert(matches("A.Example.org", "a.eXample.ORG", &host));
    ck_assert(!matches("spiffe://A/b", "spiffe://a/b", &uri));
}
END_TEST

START_TEST(a_star_is_one_part_or_some_of_it_and_not_nothing)
{
    ck_assert(matches("spiffe://a/*", "spiffe://a/b", &uri));
    ck_assert(matches("spiffe://a/*/c", "spiffe://a/b/c", &uri));
    ck_assert(matches("spiffe://*/web-*", "spiffe://a/web-1", &uri));
    ck_assert(!matches("spiffe://a/*", "spiffe://a/", &uri));
    ck_assert(!matches("spiffe://a/*", "spiffe://a/b/c", &uri));
    ck_assert(!matches("spiffe://*/web", "spiffe://a/b/web", &uri));
    ck_assert(matches("*.example.org", "a.example.org", &host));
    ck_assert(!matches("*.example.org", "a.b.example.org", &host));
    ck_assert(!matches("*.example.org", "example.org", &host));
    ck_assert(!matches("*.example.org", ".example.org", &host));
    ck_assert(matches("al*", "alice/../x", &word));
}
END_TEST

START_TEST(two_stars_are_any_parts_and_not_nothing)
{
    ck_assert(matches("spiffe://a/**", "spiffe://a/b/c/d", &uri));
    ck_assert(matches("spiffe://a/**/d", "spiffe://a/b/c/d", &uri));
    ck_assert(!matches("spiffe://a/**", "spiffe://a/", &uri));
    ck_assert(!matches("spiffe://a/**/d", "spiffe://a/d", &uri));
    ck_assert(!matches("spiffe://a/**", "spiffe://ab/c", &uri));
    ck_assert(matches("**", "x", &uri));
    ck_assert(!matches("**", "", &uri));
    ck_assert(matches("**.org", "a.b.org", &host));
}
END_TEST

START_TEST(several_stars_find_a_way_if_there_is_one)
{
    ck_assert(matches("*a*b", "aaab", &uri));
    ck_assert(matches("*ab*", "aabab", &uri));
    ck_assert(matches("**/x/*", "a/x/x/y", &uri));
    ck_assert(!matches("**/x/*", "a/x/y/z", &uri));
    ck_assert(matches("***", "ab", &uri));
    ck_assert(!matches("***", "a", &uri));
    ck_assert(!matches("*-*-*", "a-b", &uri));
}
END_TEST

START_TEST(a_nul_in_the_name_is_a_byte_like_any_other)
{
    static const uint8_t name[] = "alice\0evil";

    ck_assert(!glob_matches("alice", (struct bytes_const){name, sizeof(name) - 1}, &word));
    ck_assert(glob_matches("alice*", (struct bytes_const){name, sizeof(name) - 1}, &word));
}
END_TEST

START_TEST(a_name_that_is_too_long_matches_nothing)
{
    static uint8_t     name[GLOB_NAME_BYTES_MAX + 1];
    struct bytes_const longest = {name, GLOB_NAME_BYTES_MAX};
    struct bytes_const too_long = {name, sizeof(name)};

    memset(name, 'a', sizeof(name));
    ck_assert(glob_matches("*", longest, &word));
    ck_assert(glob_matches("a*a*a*a*a*a*a*a*a*a*a*a*a", longest, &word));
    ck_assert(!glob_matches("a*a*a*a*a*a*a*a*a*a*a*a*b", longest, &word));
    ck_assert(!glob_matches("*", too_long, &word));
    ck_assert(!glob_matches("**", too_long, &word));
}
END_TEST

Suite *glob_suite(void)
{
    return suite_of("glob", (const TTest *const[]){without_stars_a_pattern_is_the_name,
                                                   a_star_is_one_part_or_some_of_it_and_not_nothing,
                                                   two_stars_are_any_parts_and_not_nothing,
                                                   several_stars_find_a_way_if_there_is_one,
                                                   a_nul_in_the_name_is_a_byte_like_any_other,
                                                   a_name_that_is_too_long_matches_nothing, NULL});
}
