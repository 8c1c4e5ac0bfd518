/* What a line of the control socket means, and what is said of one that means nothing. */
#include "daemon/control_command.h"

#include "suites.h"

#include <stdio.h>
#include <string.h>

static struct control_command command;
static char                   why_memory[CONTROL_PROBLEM_BYTES];

static enum control_problem read_line(const char *line)
{
    struct text why;

    text_init(&why, why_memory, sizeof(why_memory));
    return control_command_read((struct bytes_const){(const uint8_t *)line, strlen(line)}, &command,
                                &why);
}

static void check_problem(const char *line, enum control_problem problem, const char *why)
{
    ck_assert_int_eq(read_line(line), problem);
    ck_assert_str_eq(why_memory, why);
}

START_TEST(every_row_is_a_command)
{
    for (int verb = 0; verb < CONTROL_VERBS; verb++) {
        const struct control_row *row = control_row((enum control_verb)verb);
        bool                      has_id = strcmp(row->argument, "ID") == 0;
        char                      line[128];

        ck_assert_msg(has_id || row->argument[0] == '\0', "%s", row->words);
        (void)snprintf(line, sizeof(line), " %s\t%s ", row->words,
                       has_id ? "01JQ7ZZZZZ0000000000000002" : "");
        ck_assert_int_eq(read_line(line), CONTROL_SOUND);
        ck_assert_int_eq(command.verb, verb);
        ck_assert(!command.is_json);
        ck_assert_str_eq(why_memory, "");
    }
}
END_TEST

START_TEST(json_stands_in_front_or_behind_of_what_shows)
{
    ck_assert_int_eq(read_line("json show info"), CONTROL_SOUND);
    ck_assert(command.is_json && command.verb == CONTROL_SHOW_INFO);
    ck_assert_int_eq(read_line("show info json"), CONTROL_SOUND);
    ck_assert(command.is_json && command.verb == CONTROL_SHOW_INFO);
    check_problem("json reload", CONTROL_JSON_MISPLACED,
                  "json goes with commands that begin with \"show\"");
    check_problem("json", CONTROL_EMPTY, "a command is wanted, \"help\" lists them");
    check_problem("json show info json", CONTROL_TOO_MANY,
                  "too many words for \"show info\", from \"json\"");
}
END_TEST

START_TEST(a_misspelt_word_brings_the_nearest)
{
    check_problem("relaod", CONTROL_UNKNOWN,
                  "unknown command \"relaod\", did you mean \"reload\"?");
    check_problem("show everything", CONTROL_UNKNOWN,
                  "unknown command \"everything\", \"help\" lists them");
    check_problem("show ses", CONTROL_UNKNOWN, "unknown command \"ses\", did you mean \"sess\"?");
    check_problem("shutdown sesion x", CONTROL_UNKNOWN,
                  "unknown command \"sesion\", did you mean \"session\"?");
    check_problem("GET / HTTP/1.1", CONTROL_UNKNOWN,
                  "unknown command \"GET\", \"help\" lists them");
    check_problem("Reload", CONTROL_UNKNOWN,
                  "unknown command \"Reload\", did you mean \"reload\"?");
}
END_TEST

START_TEST(a_command_that_breaks_off_says_what_is_missing)
{
    check_problem("", CONTROL_EMPTY, "a command is wanted, \"help\" lists them");
    check_problem(" \t ", CONTROL_EMPTY, "a command is wanted, \"help\" lists them");
    check_problem("shutdown", CONTROL_UNFINISHED, "after \"shutdown\" one of session is wanted");
    check_problem("shutdown session", CONTROL_UNFINISHED, "shutdown session: ID is wanted");
    ck_assert_int_eq(read_line("show"), CONTROL_UNFINISHED);
    ck_assert_ptr_nonnull(strstr(why_memory, "after \"show\" one of version, info, stat,"));
}
END_TEST

START_TEST(what_is_left_over_is_an_error)
{
    check_problem("reload now", CONTROL_TOO_MANY, "too many words for \"reload\", from \"now\"");
    check_problem("a b c d e f g h i", CONTROL_TOO_MANY, "too many words");
}
END_TEST

START_TEST(a_session_is_named_as_the_access_log_does)
{
    struct session_id id = {.time_us = 1764273330123456, .reactor = 3, .number = 4000000000};
    char              text[SESSION_ID_BYTES];
    char              line[64];

    session_id_text(&id, text);
    (void)snprintf(line, sizeof(line), "shutdown session %s", text);
    ck_assert_int_eq(read_line(line), CONTROL_SOUND);
    ck_assert(session_id_is_equal(&command.session, &id));
    ck_assert_int_eq(read_line("shutdown session 01JQ7ZZZZZ000000000000000"),
                     CONTROL_BAD_ARGUMENT); /* a digit short */
    ck_assert_int_eq(read_line("shutdown session 01jq7zzzzz0000000000000002"),
                     CONTROL_BAD_ARGUMENT);
    ck_assert_int_eq(read_line("shutdown session 01JQ7ZZZZZ0U00000000000002"),
                     CONTROL_BAD_ARGUMENT); /* no such digit */
    ck_assert_int_eq(read_line("shutdown session 01JQ7ZZZZZZZ00000000000002"),
                     CONTROL_BAD_ARGUMENT); /* 1,023 microseconds of a millisecond */
    ck_assert_int_eq(read_line("shutdown session 01JQ7ZZZZZ00ZZZZZZZ0000002"),
                     CONTROL_BAD_ARGUMENT); /* 35 bits of a reactor's number */
}
END_TEST

START_TEST(bytes_that_are_no_text_are_an_error)
{
    check_problem("show\x01info", CONTROL_BAD_BYTE,
                  "a command is printable ASCII, found byte 0x01");
    check_problem("show info\r", CONTROL_BAD_BYTE, "a command is printable ASCII, found byte 0x0d");
    check_problem("r\xc3\xa9load", CONTROL_BAD_BYTE,
                  "a command is printable ASCII, found byte 0xc3");
    struct text why;

    text_init(&why, why_memory, sizeof(why_memory));
    ck_assert_int_eq(
        control_command_read((struct bytes_const){(const uint8_t *)"reload\0", 7}, &command, &why),
        CONTROL_BAD_BYTE);
}
END_TEST

START_TEST(a_word_of_4_kib_is_told_by_its_beginning)
{
    char line[4097];

    memset(line, '"', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    ck_assert_int_eq(read_line(line), CONTROL_UNKNOWN);
    ck_assert_ptr_nonnull(strstr(why_memory, "\\x22\"..., \"help\" lists them"));
}
END_TEST

Suite *control_command_suite(void)
{
    Suite *suite = suite_create("control_command");
    TCase *tcase = tcase_create("all");

    tcase_add_test(tcase, every_row_is_a_command);
    tcase_add_test(tcase, json_stands_in_front_or_behind_of_what_shows);
    tcase_add_test(tcase, a_misspelt_word_brings_the_nearest);
    tcase_add_test(tcase, a_command_that_breaks_off_says_what_is_missing);
    tcase_add_test(tcase, what_is_left_over_is_an_error);
    tcase_add_test(tcase, a_session_is_named_as_the_access_log_does);
    tcase_add_test(tcase, bytes_that_are_no_text_are_an_error);
    tcase_add_test(tcase, a_word_of_4_kib_is_told_by_its_beginning);
    suite_add_tcase(suite, tcase);
    return suite;
}
