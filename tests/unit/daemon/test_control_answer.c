/* What answers look like, as text and as JSON, and how long they may become. */
#include "daemon/control_answer.h"

#include "suites.h"

#include <string.h>

static struct control_answer answer;

static void set_up(void)
{
    answer = (struct control_answer){0};
}

static void tear_down(void)
{
    control_answer_fini(&answer);
}

static struct bytes_const bytes_of(const char *string)
{
    return (struct bytes_const){(const uint8_t *)string, strlen(string)};
}

static void check_answer(const char *wanted)
{
    struct bytes_const bytes = control_answer_bytes(&answer);

    ck_assert_msg(bytes.len == strlen(wanted) && memcmp(bytes.data, wanted, bytes.len) == 0, "%.*s",
                  (int)bytes.len, (const char *)bytes.data);
}

/* A row with a list in it. */
static void put_everything(void)
{
    control_answer_row_begin(&answer);
    control_answer_string(&answer, "name", "a b\n");
    control_answer_string(&answer, "none", NULL);
    control_answer_number(&answer, "count", 18446744073709551615u);
    control_answer_bool(&answer, "good", true);
    control_answer_time(&answer, "when", 1);
    control_answer_time(&answer, "never", 0);
    control_answer_list_begin(&answer, "list");
    for (int i = 0; i < 2; i++) {
        control_answer_row_begin(&answer);
        control_answer_string(&answer, "word", "x=y");
        control_answer_names_begin(&answer, "names");
        for (int j = 0; j < i * 2; j++) {
            control_answer_name(&answer, bytes_of(j == 0 ? "a,b" : "c"));
        }
        control_answer_names_end(&answer);
        control_answer_row_end(&answer);
    }
    control_answer_list_end(&answer);
    control_answer_row_end(&answer);
    control_answer_end(&answer);
}

START_TEST(text_has_a_line_for_each_word_and_for_each_row_of_a_list)
{
    put_everything();
    check_answer("name=\"a b\\x0a\"\nnone=-\ncount=18446744073709551615\ngood=1\n"
                 "when=1970-01-01T00:00:01Z\nnever=-\n"
                 "word=x\\x3dy names=-\nword=x\\x3dy names=a\\x2cb,c\n\n");
}
END_TEST

START_TEST(json_is_one_line_of_the_same)
{
    answer.is_json = true;
    put_everything();
    check_answer("{\"name\":\"a b\\u000a\",\"none\":null,\"count\":18446744073709551615,"
                 "\"good\":true,\"when\":\"1970-01-01T00:00:01Z\",\"never\":null,"
                 "\"list\":[{\"word\":\"x=y\",\"names\":[]},"
                 "{\"word\":\"x=y\",\"names\":[\"a,b\",\"c\"]}]}\n\n");
}
END_TEST

START_TEST(a_list_without_rows_is_an_empty_answer)
{
    control_answer_list_begin(&answer, NULL);
    control_answer_list_end(&answer);
    control_answer_end(&answer);
    check_answer("\n");
    control_answer_fini(&answer);
    answer.is_json = true;
    control_answer_list_begin(&answer, NULL);
    control_answer_list_end(&answer);
    control_answer_end(&answer);
    check_answer("[]\n\n");
}
END_TEST

START_TEST(a_list_may_be_sent_piece_by_piece)
{
    answer.is_json = true;
    control_answer_list_begin(&answer, NULL);
    for (int i = 0; i < 2; i++) {
        control_answer_row_begin(&answer);
        control_answer_number(&answer, "i", (uint64_t)i);
        control_answer_row_end(&answer);
        check_answer(i == 0 ? "[{\"i\":0}" : ",{\"i\":1}");
        control_answer_sent(&answer);
    }
    control_answer_list_end(&answer);
    control_answer_end(&answer);
    check_answer("]\n\n");
}
END_TEST

START_TEST(empty_lines_do_not_end_an_answer_early)
{
    control_answer_lines(&answer, "\n\none\n\ntwo");
    control_answer_line(&answer, "%s", "three");
    control_answer_end(&answer);
    check_answer("one\ntwo\nthree\n\n");
}
END_TEST

static const void *find(struct bytes_const bytes, const char *what)
{
    return bytes.data != NULL ? memmem(bytes.data, bytes.len, what, strlen(what)) : NULL;
}

START_TEST(an_answer_that_is_too_long_is_cut_and_says_so)
{
    static char        long_text[1024 * 1024];
    static const char  end[] = "\nerror: the answer is cut, it is too long or memory is short\n\n";
    struct bytes_const bytes;

    memset(long_text, 'x', sizeof(long_text) - 1);
    for (int i = 0; i < 20; i++) {
        control_answer_lines(&answer, long_text);
    }
    control_answer_line(&answer, "not behind a hole");
    control_answer_end(&answer);
    bytes = control_answer_bytes(&answer);
    ck_assert_ptr_nonnull(bytes.data);
    ck_assert_uint_le(bytes.len, CONTROL_ANSWER_BYTES_MAX);
    ck_assert_uint_gt(bytes.len, sizeof(long_text));
    ck_assert_int_eq(memcmp(bytes.data + bytes.len - strlen(end), end, strlen(end)), 0);
    ck_assert_ptr_null(find(bytes, "hole"));
    ck_assert_ptr_eq(find(bytes, "\n\n"), bytes.data + bytes.len - 2);
}
END_TEST

Suite *control_answer_suite(void)
{
    Suite *suite = suite_create("control_answer");
    TCase *tcase = tcase_create("all");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, text_has_a_line_for_each_word_and_for_each_row_of_a_list);
    tcase_add_test(tcase, json_is_one_line_of_the_same);
    tcase_add_test(tcase, a_list_without_rows_is_an_empty_answer);
    tcase_add_test(tcase, a_list_may_be_sent_piece_by_piece);
    tcase_add_test(tcase, empty_lines_do_not_end_an_answer_early);
    tcase_add_test(tcase, an_answer_that_is_too_long_is_cut_and_says_so);
    suite_add_tcase(suite, tcase);
    return suite;
}
