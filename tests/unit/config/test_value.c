#include "config/value.h"

#include "loading.h"
#include "suites.h"

#include <string.h>

#define SECOND UINT64_C(1000000000)

START_TEST(a_duration_has_a_unit_or_is_seconds)
{
    static const struct {
        const char *text;
        uint64_t    ns;
    } durations[] = {{"0", 0},
                     {"0s", 0},
                     {"1ms", 1000000},
                     {"500ms", SECOND / 2},
                     {"30s", 30 * SECOND},
                     {"30", 30 * SECOND},
                     {"10m", 600 * SECOND},
                     {"1h", 3600 * SECOND},
                     {"7d", 604800 * SECOND},
                     {"007s", 7 * SECOND},
                     {"213503d", 213503 * (86400 * SECOND)}};

    for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
        uint64_t ns = 1;

        ck_assert_msg(config_parse_duration(durations[i].text, &ns), "%s", durations[i].text);
        ck_assert_uint_eq(ns, durations[i].ns);
    }
}
END_TEST

START_TEST(a_size_has_a_unit_or_is_bytes)
{
    static const struct {
        const char *text;
        uint64_t    bytes;
    } sizes[] = {{"0", 0},
                 {"4096", 4096},
                 {"16k", 16384},
                 {"16K", 16384},
                 {"1m", 1048576},
                 {"1M", 1048576},
                 {"2g", 2147483648},
                 {"2G", 2147483648},
                 {"17179869183g", 0xffffffffc0000000},
                 {"18446744073709551615", UINT64_MAX}};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint64_t bytes = 1;

        ck_assert_msg(config_parse_size(sizes[i].text, &bytes), "%s", sizes[i].text);
        ck_assert_uint_eq(bytes, sizes[i].bytes);
    }
}
END_TEST

START_TEST(what_is_neither_is_refused)
{
    static const char *const wrong[] = {"",
                                        " ",
                                        "s",
                                        "ms",
                                        "k",
                                        "-1",
                                        "-1s",
                                        "+1",
                                        "1 s",
                                        " 1s",
                                        "1s ",
                                        "1.5s",
                                        "1,5",
                                        "1e3",
                                        "0x10",
                                        "1ss",
                                        "1sec",
                                        "1S",
                                        "1w",
                                        "1kb",
                                        "1t",
                                        "1 k",
                                        "1h30m",
                                        "\xd9\xa1",
                                        "1\n",
                                        "never",
                                        "auto",
                                        "18446744073709551616",
                                        "99999999999999999999999999"};
    uint64_t                 number = 0;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_msg(!config_parse_duration(wrong[i], &number), "%s", wrong[i]);
        ck_assert_msg(!config_parse_size(wrong[i], &number), "%s", wrong[i]);
    }
}
END_TEST

START_TEST(what_overflows_in_nanoseconds_or_bytes_is_refused)
{
    uint64_t number = 0;

    ck_assert(config_parse_duration("18446744073s", &number));
    ck_assert(!config_parse_duration("18446744074s", &number));
    ck_assert(!config_parse_duration("18446744074", &number));
    ck_assert(!config_parse_duration("18446744073710ms", &number));
    ck_assert(!config_parse_duration("213504d", &number));
    ck_assert(!config_parse_size("17179869184g", &number));
    ck_assert(!config_parse_size("18014398509481984k", &number));
}
END_TEST

START_TEST(numbers_are_shown_in_the_largest_unit_that_divides_them_and_read_back)
{
    static const char *const durations[] = {"0ms", "1ms", "1500ms", "90s", "5s",
                                            "10m", "1h",  "25h",    "7d"};
    static const char *const sizes[] = {"0", "1", "1023", "1k", "1025", "1m", "1025k", "3g"};

    for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
        char        memory[32];
        struct text text;
        uint64_t    ns = 1;

        text_init(&text, memory, sizeof(memory));
        ck_assert(config_parse_duration(durations[i], &ns));
        value_duration_text(ns, &text);
        ck_assert_str_eq(memory, durations[i]);
    }
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char        memory[32];
        struct text text;
        uint64_t    bytes = 1;

        text_init(&text, memory, sizeof(memory));
        ck_assert(config_parse_size(sizes[i], &bytes));
        value_size_text(bytes, &text);
        ck_assert_str_eq(memory, sizes[i]);
    }
}
END_TEST

START_TEST(permissions_are_three_or_four_octal_digits)
{
    static const char *const wrong[] = {"", "66", "00660", "0668", "1660", "0o660", " 660", "660 "};
    unsigned                 mode = 1;

    ck_assert(config_parse_mode("0660", &mode));
    ck_assert_uint_eq(mode, 0660);
    ck_assert(config_parse_mode("600", &mode));
    ck_assert_uint_eq(mode, 0600);
    ck_assert(config_parse_mode("0777", &mode));
    ck_assert_uint_eq(mode, 0777);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_msg(!config_parse_mode(wrong[i], &mode), "%s", wrong[i]);
    }
}
END_TEST

Suite *value_suite(void)
{
    return suite_of(
        "value", (const TTest *const[]){
                     permissions_are_three_or_four_octal_digits,
                     a_duration_has_a_unit_or_is_seconds, a_size_has_a_unit_or_is_bytes,
                     what_is_neither_is_refused, what_overflows_in_nanoseconds_or_bytes_is_refused,
                     numbers_are_shown_in_the_largest_unit_that_divides_them_and_read_back, NULL});
}
