#include "config/text_check.h"

#include "loading.h"
#include "suites.h"

#include <stdlib.h>
#include <string.h>

static const char *complaint_of(const char *text, size_t len)
{
    struct text_check check = {0};
    const char       *complaint = NULL;

    for (size_t i = 0; complaint == NULL && i < len; i++) {
        complaint = text_check_byte(&check, text[i]);
    }
    complaint = complaint != NULL ? complaint : text_check_end(&check);
    return complaint != NULL ? complaint : "";
}

static void check_text(const char *text, const char *complaint)
{
    ck_assert_msg(strcmp(complaint_of(text, strlen(text)), complaint) == 0, "%s: \"%s\"", text,
                  complaint_of(text, strlen(text)));
}

/* `times` copies of a text behind a start; to be freed. */
static char *repeated(const char *start, const char *text, size_t times)
{
    char  *whole = NULL;
    size_t bytes = 0;
    FILE  *into = open_memstream(&whole, &bytes);

    ck_assert_ptr_nonnull(into);
    (void)fputs(start, into);
    for (size_t i = 0; i < times; i++) {
        (void)fputs(text, into);
    }
    ck_assert_int_eq(fclose(into), 0);
    return whole;
}

START_TEST(a_nul_byte_is_refused_wherever_it_stands)
{
    ck_assert_str_eq(complaint_of("a\0b", 3), "a NUL byte");
    ck_assert_str_eq(complaint_of("\"a\0b\"", 5), "a NUL byte");
    ck_assert_str_eq(complaint_of("\"a\\\0\"", 5), "a NUL byte");
    ck_assert_str_eq(complaint_of("#\0", 2), "a NUL byte");
    ck_assert_str_eq(complaint_of("/*\0*/", 5), "a NUL byte");
}
END_TEST

START_TEST(an_escaped_nul_is_refused_and_what_looks_like_one_is_not)
{
    check_text("\"\\x00\"", "\\x00 cannot stand in a string");
    check_text("\"abc\\X00\"", "\\x00 cannot stand in a string");
    check_text("\"\\\\\\x00\"", "\\x00 cannot stand in a string");
    check_text("\"\\x\\x00\"", "\\x00 cannot stand in a string");
    check_text("\"\\\\x00\"", "");
    check_text("\"\\x01\\x0a\\x10 x00\"", "");
    check_text("\\x00", "");
    check_refused(SMALLEST "user = \"a\\x00b\";\n",
                  "test:3: error: \\x00 cannot stand in a string");
}
END_TEST

START_TEST(brackets_count_only_outside_strings_and_comments)
{
    char *deep = repeated("\"", "(", 1000);
    char *comment = repeated("/*", "({[", 1000);
    char *line = repeated("//", "[", 1000);

    ck_assert_str_eq(complaint_of(deep, strlen(deep)), "the file ends inside a string");
    ck_assert_str_eq(complaint_of(comment, strlen(comment)), "the file ends inside a comment");
    ck_assert_str_eq(complaint_of(line, strlen(line)), "");
    free(deep);
    free(comment);
    free(line);
}
END_TEST

START_TEST(nesting_is_accepted_at_its_bound_and_refused_beyond)
{
    static const char *const brackets[] = {"(", "{", "["};

    for (size_t i = 0; i < sizeof(brackets) / sizeof(brackets[0]); i++) {
        char *most = repeated("", brackets[i], TEXT_NESTING_MAX);
        char *more = repeated("", brackets[i], TEXT_NESTING_MAX + 1);

        check_text(most, "");
        check_text(more, "nested deeper than 32");
        free(most);
        free(more);
    }
    char *pairs = repeated("", "()", 10000);
    char *closed = repeated("", ")", 10000);

    check_text(pairs, "");
    check_text(closed, "");
    free(pairs);
    free(closed);
}
END_TEST

START_TEST(strings_and_comments_end_where_the_parser_ends_them)
{
    check_text("\"a\\\"@\"", "");
    check_text("\"a\\\\\"@", "@include \"FILE\" is wanted, at the start of a line");
    check_text("/* @ **/", "");
    check_text("/*/ @ */", "");
    check_text("/**/@", "@include \"FILE\" is wanted, at the start of a line");
    check_text("/ /@", "@include \"FILE\" is wanted, at the start of a line");
    check_text("// @\n# @\n", "");
    check_text("// \n@", "@include \"FILE\" is wanted, at the start of a line");
    check_text("# \" /*\n\"@\"", "");
    check_text("\"// /* #\"@", "@include \"FILE\" is wanted, at the start of a line");
    check_text("/", "");
    check_text("/* *", "the file ends inside a comment");
    check_text("\"\\", "the file ends inside a string");
}
END_TEST

START_TEST(a_number_the_parser_would_cut_is_refused)
{
    static const char cut[] = "a number over 2147483647 is written in quotes";

    check_text("a = 2147483647;", "");
    check_text("a = 2147483648;", cut);
    check_text("a = -2147483648;", cut);
    check_text("a=99999999999999999999999999999999;", cut);
    check_text("a = [1,5000000000]", cut);
    check_text("a = 5000000000\n", cut);
    check_text("a = 5000000000# x\n", cut);
    check_text("a = 5000000000/**/;", cut);
    check_text("a = 00000000000000001;", "");
    check_text("a = 5000000000L;", "");
    check_text("a99999999999 = 1;", "");
    check_text("a-99999999999 = 1.99999999999;", "");
    check_text("\"5000000000\" # 5000000000", "");
    check_refused(SMALLEST "memory-max = 5000000000;",
                  "test:3: error: a number over 2147483647 is written in quotes");
    struct config *config = check_accepted(SMALLEST "memory-max = 5000000000L;");

    ck_assert_uint_eq(config->memory_max_bytes, 5000000000);
    config_free(&config);
}
END_TEST

/* The parser compares each option of a group with every other: 60000 take it 17 seconds. */
START_TEST(a_group_of_too_many_options_is_refused)
{
    char *most = repeated("", "a=1;", TEXT_OPTIONS_MAX);
    char *more = repeated("x={", "a:1;", TEXT_OPTIONS_MAX + 1);
    char *many = repeated("", "x={a=1;b=2;};", 400);

    check_text(most, "");
    check_text(more, "more than 1000 options in one group");
    check_text(many, "");
    free(most);
    free(more);
    free(many);
}
END_TEST

START_TEST(a_line_of_mebibytes_is_read)
{
    enum { LONG = 1000000, ELEMENTS = 20000 };
    char *text = repeated(SMALLEST "user = \"", "x", LONG);
    char *whole = repeated(text, "\";", 1);
    char *list = repeated(SMALLEST "user = (1", ", 1", ELEMENTS);

    struct config *config = check_accepted(whole);

    ck_assert_uint_eq(strlen(config->user.text), LONG);
    config_free(&config);
    check_refused(list, "test:3: error: syntax error");
    free(text);
    free(whole);
    free(list);
}
END_TEST

START_TEST(bytes_that_are_not_utf8_are_kept_in_strings_and_refused_elsewhere)
{
    struct config *config = check_accepted("# \xff\xfe\n" SMALLEST "pid-file = \"\xff/\xc3\x28\";");

    ck_assert_str_eq(config->pid_file.text, "\xff/\xc3\x28");
    config_free(&config);
    check_refused(SMALLEST "\xff = 1;", "test:3: error: syntax error");
    check_refused("\xef\xbb\xbf" SMALLEST, "test:1: error: syntax error");
}
END_TEST

START_TEST(lines_may_end_as_windows_ends_them_or_not_at_all)
{
    struct config *config = check_accepted(SMALLEST "workers = 3;\r\n# x\r\n");

    ck_assert_uint_eq(config->workers, 3);
    config_free(&config);
    config = check_accepted(SMALLEST "workers = 3; # the end");
    config_free(&config);
    config = check_accepted(SMALLEST "workers = 3 // the end");
    config_free(&config);
}
END_TEST

Suite *text_check_suite(void)
{
    return suite_of(
        "text_check",
        (const TTest *const[]){a_nul_byte_is_refused_wherever_it_stands,
                               an_escaped_nul_is_refused_and_what_looks_like_one_is_not,
                               brackets_count_only_outside_strings_and_comments,
                               nesting_is_accepted_at_its_bound_and_refused_beyond,
                               strings_and_comments_end_where_the_parser_ends_them,
                               a_number_the_parser_would_cut_is_refused,
                               a_group_of_too_many_options_is_refused, a_line_of_mebibytes_is_read,
                               bytes_that_are_not_utf8_are_kept_in_strings_and_refused_elsewhere,
                               lines_may_end_as_windows_ends_them_or_not_at_all, NULL});
}
