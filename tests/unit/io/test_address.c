#include "io/address.h"

#include "suites.h"

#include <string.h>

/* Reads an address and writes it again. */
static const char *round_trip(const char *text)
{
    static char    written[ADDRESS_TEXT_BYTES];
    struct address addresses[ADDRESSES_PER_TEXT_MAX];
    const char    *problem;

    ck_assert_uint_eq(address_parse(text, addresses, &problem), 1);
    ck_assert_ptr_null(problem);
    return address_text(&addresses[0], written);
}

static const char *problem_of(const char *text)
{
    struct address addresses[ADDRESSES_PER_TEXT_MAX];
    const char    *problem;

    ck_assert_uint_eq(address_parse(text, addresses, &problem), 0);
    ck_assert_ptr_nonnull(problem);
    return problem;
}

static struct address parsed(const char *text)
{
    struct address addresses[ADDRESSES_PER_TEXT_MAX];
    const char    *problem;

    ck_assert_uint_ge(address_parse(text, addresses, &problem), 1);
    return addresses[0];
}

START_TEST(an_address_reads_back_as_it_was_written)
{
    ck_assert_str_eq(round_trip("192.0.2.1:443"), "192.0.2.1:443");
    ck_assert_str_eq(round_trip("0.0.0.0:1"), "0.0.0.0:1");
    ck_assert_str_eq(round_trip("[2001:db8::1]:443"), "[2001:db8::1]:443");
    ck_assert_str_eq(round_trip("[::]:65535"), "[::]:65535");
    ck_assert_str_eq(round_trip("[fe80::1%1]:80"), "[fe80::1%1]:80");
    ck_assert_str_eq(round_trip("unix:/run/app.sock"), "unix:/run/app.sock");
}
END_TEST

START_TEST(a_unix_path_may_be_written_in_three_ways)
{
    ck_assert_str_eq(round_trip("unix@/run/app.sock"), "unix:/run/app.sock");
    ck_assert_str_eq(round_trip("/run/app.sock"), "unix:/run/app.sock");
    ck_assert_str_eq(round_trip("/run/with:colon"), "unix:/run/with:colon");
}
END_TEST

START_TEST(a_star_is_every_address_of_both_families)
{
    struct address addresses[ADDRESSES_PER_TEXT_MAX];
    char           text[ADDRESS_TEXT_BYTES];
    const char    *problem;

    ck_assert_uint_eq(address_parse("*:8443", addresses, &problem), 2);
    ck_assert_str_eq(address_text(&addresses[0], text), "[::]:8443");
    ck_assert_str_eq(address_text(&addresses[1], text), "0.0.0.0:8443");
}
END_TEST

START_TEST(what_is_not_an_address_is_refused_with_a_reason)
{
    const char *const wrong[] = {
        "",           "443",          ":443",         "localhost:443",   "192.0.2.1",
        "192.0.2.1:", "1.2.3:80",     "1.2.3.4.5:80", "192.0.2.1:65536", "192.0.2.1:-1",
        "1.2.3.4:+1", "1.2.3.4: 80",  "1.2.3.4:80 ",  "1.2.3.4:999999",  "2001:db8::1:443",
        "[::1]",      "[::1]443",     "[::1",         "[zz::1]:443",     "[::1]:x",
        "*",          "*:",           "**:1",         "unix:",           "unix:relative",
        "unix@x",     "[fe80::1%]:1", "[1.2.3.4]:80", " 1.2.3.4:80",     "[::1%nosuchif]:443",
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_uint_gt(strlen(problem_of(wrong[i])), 0);
    }
}
END_TEST

START_TEST(a_unix_path_that_does_not_fit_is_refused)
{
    char path[200];

    memset(path, 'x', sizeof(path));
    path[0] = '/';
    path[108] = '\0';
    ck_assert_ptr_nonnull(problem_of(path));
    path[107] = '\0';
    ck_assert_uint_eq(strlen(round_trip(path)), 5 + 107);
}
END_TEST

START_TEST(no_address_is_a_dash)
{
    struct address none = {0};
    char           text[ADDRESS_TEXT_BYTES];

    ck_assert_str_eq(address_text(&none, text), "-");
    ck_assert(!address_is_unix(&none));
}
END_TEST

START_TEST(an_unnamed_and_an_abstract_unix_socket_have_a_text)
{
    struct address unnamed = {.len = sizeof(sa_family_t)};
    struct address abstract = {.len = sizeof(sa_family_t) + 4};
    char           text[ADDRESS_TEXT_BYTES];

    unnamed.socket.any.sa_family = AF_UNIX;
    abstract.socket.any.sa_family = AF_UNIX;
    memcpy(abstract.socket.unix_path.sun_path, "\0abc", 4);
    ck_assert_str_eq(address_text(&unnamed, text), "unix:");
    ck_assert_str_eq(address_text(&abstract, text), "unix:@abc");
}
END_TEST

START_TEST(equal_means_same_family_number_and_port)
{
    struct address one = parsed("192.0.2.1:443"), same = parsed("192.0.2.1:443");
    struct address port = parsed("192.0.2.1:444"), host = parsed("192.0.2.2:443");
    struct address six = parsed("[::1]:443"), six_port = parsed("[::1]:444");
    struct address path = parsed("/a"), longer = parsed("/ab"), none = {0};

    ck_assert(address_is_equal(&one, &same));
    ck_assert(!address_is_equal(&one, &port));
    ck_assert(!address_is_equal(&one, &host));
    ck_assert(!address_is_equal(&one, &six));
    ck_assert(address_is_equal(&six, &six));
    ck_assert(!address_is_equal(&six, &six_port));
    ck_assert(address_is_equal(&path, &path));
    ck_assert(!address_is_equal(&path, &longer));
    ck_assert(!address_is_equal(&path, &none));
    ck_assert(address_is_equal(&none, &none));
}
END_TEST

Suite *address_suite(void)
{
    return suite_of("address", (const TTest *const[]){
                                   an_address_reads_back_as_it_was_written,
                                   a_unix_path_may_be_written_in_three_ways,
                                   a_star_is_every_address_of_both_families,
                                   what_is_not_an_address_is_refused_with_a_reason,
                                   a_unix_path_that_does_not_fit_is_refused, no_address_is_a_dash,
                                   an_unnamed_and_an_abstract_unix_socket_have_a_text,
                                   equal_means_same_family_number_and_port, NULL});
}
