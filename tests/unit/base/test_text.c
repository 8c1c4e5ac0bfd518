#include "base/text.h"

#include "suites.h"

#include <string.h>

enum { ROOM_BYTES = 8 };

static struct text text;
static char        memory[ROOM_BYTES];

static struct bytes_const bytes(const char *string)
{
    return (struct bytes_const){.data = (const uint8_t *)string, .len = strlen(string)};
}

static void begin(void)
{
    memset(memory, '#', sizeof(memory));
    text_init(&text, memory, sizeof(memory));
}

static void check(const char *expected, bool is_cut)
{
    ck_assert_str_eq(text_chars(&text), expected);
    ck_assert_uint_eq(text_len(&text), strlen(expected));
    ck_assert_int_eq(text_is_cut(&text), is_cut);
}

START_TEST(what_just_fits_is_not_cut)
{
    begin();
    text_string(&text, "1234567");
    check("1234567", false);
    begin();
    text_format(&text, "%s-%d", "12345", 7);
    check("12345-7", false);
}
END_TEST

START_TEST(what_does_not_fit_is_cut_off_and_told)
{
    begin();
    text_string(&text, "12345678");
    check("1234567", true);
    text_string(&text, "9");
    check("1234567", true);
    begin();
    text_format(&text, "%s", "12345678");
    check("1234567", true);
    text_format(&text, "%d", 9);
    check("1234567", true);
}
END_TEST

START_TEST(numbers_are_written_whole_or_cut)
{
    char        large[24];
    struct text wide;

    text_init(&wide, large, sizeof(large));
    text_unsigned(&wide, UINT64_MAX);
    ck_assert_str_eq(text_chars(&wide), "18446744073709551615");
    begin();
    text_unsigned(&text, 0);
    check("0", false);
    text_unsigned(&text, 12345678);
    check("0123456", true);
}
END_TEST

START_TEST(a_peers_bytes_stay_one_word)
{
    char        large[100];
    struct text wide;

    text_init(&wide, large, sizeof(large));
    text_escaped(&wide, bytes("a b\n\"\\=,\x7f\xff~"));
    ck_assert_str_eq(text_chars(&wide), "a\\x20b\\x0a\\x22\\x5c\\x3d\\x2c\\x7f\\xff~");
    begin();
    text_escaped(&text, bytes(""));
    check("-", false);
}
END_TEST

START_TEST(a_peers_bytes_are_a_json_string)
{
    char        large[100];
    struct text wide;

    text_init(&wide, large, sizeof(large));
    text_json(&wide, bytes("a \"\\\n\x7f\xff"));
    ck_assert_str_eq(text_chars(&wide), "\"a \\\"\\\\\\u000a\\u007f\\u00ff\"");
}
END_TEST

Suite *text_suite(void)
{
    return suite_of("text", (const TTest *const[]){
                                what_just_fits_is_not_cut, what_does_not_fit_is_cut_off_and_told,
                                numbers_are_written_whole_or_cut, a_peers_bytes_stay_one_word,
                                a_peers_bytes_are_a_json_string, NULL});
}
