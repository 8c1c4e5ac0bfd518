/* Lines out of bytes: where they end, and how long they may be. */
#include "daemon/control_line.h"

#include "suites.h"

#include <string.h>

static struct control_line line;
static struct bytes_const  left;

static void set_up(void)
{
    memset(&line, 0, sizeof(line));
}

static enum control_line_outcome feed(const char *bytes)
{
    left = (struct bytes_const){(const uint8_t *)bytes, strlen(bytes)};
    return control_line_feed(&line, &left);
}

static void check_line(const char *text)
{
    struct bytes_const bytes = control_line_bytes(&line);

    ck_assert_uint_eq(bytes.len, strlen(text));
    ck_assert_int_eq(memcmp(bytes.data, text, bytes.len), 0);
}

START_TEST(lines_come_one_by_one)
{
    ck_assert_int_eq(feed("help\r\nshow info\n\nre"), CONTROL_LINE_WHOLE);
    check_line("help");
    ck_assert_int_eq(control_line_feed(&line, &left), CONTROL_LINE_WHOLE);
    check_line("show info");
    ck_assert_int_eq(control_line_feed(&line, &left), CONTROL_LINE_WHOLE);
    check_line("");
    ck_assert_int_eq(control_line_feed(&line, &left), CONTROL_LINE_MORE);
    ck_assert_uint_eq(left.len, 0);
    ck_assert_int_eq(feed("load\n"), CONTROL_LINE_WHOLE);
    check_line("reload");
}
END_TEST

START_TEST(the_end_of_the_stream_ends_a_line)
{
    ck_assert_int_eq(feed("reload\n"), CONTROL_LINE_WHOLE);
    ck_assert(!control_line_finish(&line));
    ck_assert_int_eq(feed("drain"), CONTROL_LINE_MORE);
    ck_assert(control_line_finish(&line));
    check_line("drain");
    ck_assert(!control_line_finish(&line));
}
END_TEST

START_TEST(nothing_at_all_is_no_line)
{
    ck_assert_int_eq(feed(""), CONTROL_LINE_MORE);
    ck_assert(!control_line_finish(&line));
}
END_TEST

START_TEST(a_line_has_4096_bytes_and_not_one_more)
{
    static char long_line[CONTROL_LINE_BYTES_MAX + 2];

    memset(long_line, 'x', CONTROL_LINE_BYTES_MAX);
    long_line[CONTROL_LINE_BYTES_MAX] = '\n';
    ck_assert_int_eq(feed(long_line), CONTROL_LINE_WHOLE);
    ck_assert_uint_eq(control_line_bytes(&line).len, CONTROL_LINE_BYTES_MAX);
    long_line[CONTROL_LINE_BYTES_MAX] = 'x';
    ck_assert_int_eq(feed(long_line), CONTROL_LINE_TOO_LONG);
    ck_assert_int_eq(feed("\nreload\n"), CONTROL_LINE_TOO_LONG);
    ck_assert(!control_line_finish(&line));
}
END_TEST

START_TEST(a_line_in_pieces_is_as_long_as_they_are_together)
{
    for (int i = 0; i < CONTROL_LINE_BYTES_MAX; i++) {
        ck_assert_int_eq(feed("y"), CONTROL_LINE_MORE);
    }
    ck_assert_int_eq(feed("y"), CONTROL_LINE_TOO_LONG);
}
END_TEST

Suite *control_line_suite(void)
{
    Suite *suite = suite_create("control_line");
    TCase *tcase = tcase_create("all");

    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, lines_come_one_by_one);
    tcase_add_test(tcase, the_end_of_the_stream_ends_a_line);
    tcase_add_test(tcase, nothing_at_all_is_no_line);
    tcase_add_test(tcase, a_line_has_4096_bytes_and_not_one_more);
    tcase_add_test(tcase, a_line_in_pieces_is_as_long_as_they_are_together);
    suite_add_tcase(suite, tcase);
    return suite;
}
