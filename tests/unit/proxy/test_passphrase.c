/* What opens keys: from a file, from a program, and asked for once. */
#include "proxy/passphrase.h"

#include "base/clock.h"
#include "base/log.h"
#include "scratch.h"
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SAID_BYTES = 4096, ARGUMENTS = 3 };

static struct scratch        scratch;
static struct config_string  file;
static struct config_string  arguments[ARGUMENTS];
static struct config_strings command;
static struct passphrase     passphrase;
static char                  path[SCRATCH_PATH_BYTES];
static char                  said[SAID_BYTES]; /* to the log */
static char                  problem[SAID_BYTES];

static void on_line(enum log_level level, const char *line, size_t line_len)
{
    size_t len = strlen(said);

    (void)level;
    (void)snprintf(said + len, sizeof(said) - len, "%.*s\n", (int)line_len, line);
}

static void set_up(void)
{
    scratch_open(&scratch);
    scratch_name(&scratch, "word", path);
    file = (struct config_string){.text = ""};
    command = (struct config_strings){.items = arguments};
    said[0] = '\0';
    log_set_sink(on_line);
}

static void tear_down(void)
{
    log_set_sink(NULL);
    passphrase_wipe(&passphrase);
    scratch_close(&scratch);
}

/* The passphrase, or what is wrong. */
static const char *get(void)
{
    static char        found[TLS_PASSPHRASE_BYTES_MAX + 1];
    struct bytes_const bytes = {0};
    struct text        text;

    text_init(&text, problem, sizeof(problem));
    if (!passphrase_get(&passphrase, &bytes, &text)) {
        return problem;
    }
    ck_assert_str_eq(problem, "");
    memcpy(found, bytes.data, bytes.len);
    found[bytes.len] = '\0';
    return found;
}

static const char *of_file(const char *text)
{
    scratch_write(&scratch, "word", text);
    file.text = path;
    passphrase_init(&passphrase, &file, &command);
    return get();
}

static const char *of_script(const char *script)
{
    arguments[0].text = "/bin/sh";
    arguments[1].text = "-c";
    arguments[2].text = script;
    command.count = ARGUMENTS;
    passphrase_init(&passphrase, &file, &command);
    return get();
}

static void check_has(const char *text, const char *words)
{
    ck_assert_msg(strstr(text, words) != NULL, "\"%s\" lacks \"%s\"", text, words);
}

START_TEST(a_file_gives_its_first_line)
{
    ck_assert_str_eq(of_file("open sesame\n"), "open sesame");
    ck_assert_str_eq(of_file("open sesame"), "open sesame");
    ck_assert_str_eq(of_file("open sesame\r\nsecond\n"), "open sesame");
    ck_assert_str_eq(of_file(" spaces count \n"), " spaces count ");
}
END_TEST

START_TEST(a_first_line_that_is_empty_or_too_long_is_none)
{
    static char long_one[TLS_PASSPHRASE_BYTES_MAX + 2];

    check_has(of_file(""), "word\": no passphrase in its first line");
    check_has(of_file("\nsecond\n"), "word\": no passphrase in its first line");
    memset(long_one, 'x', TLS_PASSPHRASE_BYTES_MAX);
    ck_assert_uint_eq(strlen(of_file(long_one)), TLS_PASSPHRASE_BYTES_MAX);
    long_one[TLS_PASSPHRASE_BYTES_MAX] = 'x';
    check_has(of_file(long_one), "word\": a passphrase has at most 1024 bytes");
    ck_assert_ptr_null(strstr(problem, "xx"));
}
END_TEST

START_TEST(a_file_that_is_not_there_is_named)
{
    file.text = "/nowhere/word";
    passphrase_init(&passphrase, &file, &command);
    ck_assert_str_eq(get(), "cannot read \"/nowhere/word\": open: No such file or directory");
}
END_TEST

START_TEST(a_file_that_everyone_may_read_is_known)
{
    (void)of_file("x");
    ck_assert_int_eq(chmod(path, 0600), 0);
    (void)of_file("x");
    ck_assert(!passphrase.is_public);
    ck_assert_int_eq(chmod(path, 0644), 0);
    (void)of_file("x");
    ck_assert(passphrase.is_public);
}
END_TEST

START_TEST(a_program_gives_the_first_line_it_prints)
{
    ck_assert_str_eq(of_script("echo open sesame; echo second"), "open sesame");
    ck_assert_str_eq(said, "");
}
END_TEST

START_TEST(a_program_that_fails_is_named_and_its_complaints_are_lines_of_the_log)
{
    check_has(of_script("echo half; printf 'no \"key\"\\n\\033[31mred\\n' >&2; exit 2"),
              "key-passphrase-cmd: \"/bin/sh\" ended with status 2");
    ck_assert_ptr_null(strstr(problem, "half"));
    ck_assert_str_eq(said, "key-passphrase-cmd says \"no \\x22key\\x22\"\n"
                           "key-passphrase-cmd says \"\\x1b[31mred\"\n");
    check_has(of_script("true"),
              "key-passphrase-cmd: \"/bin/sh\": no passphrase in its first line");
}
END_TEST

START_TEST(a_program_with_much_to_complain_of_fills_no_log)
{
    unsigned lines = 0;

    (void)of_script("i=0; while [ $i -lt 1000 ]; do echo x >&2; i=$((i + 1)); done; echo y");
    for (const char *at = said; (at = strchr(at, '\n')) != NULL; at++) {
        lines++;
    }
    ck_assert_uint_eq(lines, 16);
}
END_TEST

START_TEST(a_program_is_asked_once_whether_it_knows_or_not)
{
    char script[3 * SCRATCH_PATH_BYTES];
    char found[SCRATCH_PATH_BYTES];

    for (int i = 0; i < 2; i++) {
        scratch_name(&scratch, i == 0 ? "good" : "bad", found);
        (void)snprintf(script, sizeof(script), "echo x >>%s; cat %s; exit %d", found, found, i);
        (void)of_script(script);
        (void)get();
        (void)get();
        FILE *read = fopen(found, "r");

        ck_assert_ptr_nonnull(read);
        ck_assert_uint_eq(fread(said, 1, sizeof(said), read), 2);
        (void)fclose(read);
    }
}
END_TEST

START_TEST(a_program_for_which_no_time_is_left_is_ended)
{
    (void)of_script("echo x");
    arguments[2].text = "sleep 60";
    passphrase_init(&passphrase, &file, &command);
    passphrase.until_ns = clock_now_ns();
    check_has(get(), "key-passphrase-cmd: \"/bin/sh\" did not end within 0 seconds");
}
END_TEST

START_TEST(places_are_told_apart)
{
    (void)of_script("echo x");
    uint64_t one = passphrase_place(&passphrase);

    (void)of_script("echo y");
    ck_assert_uint_ne(passphrase_place(&passphrase), one);
    (void)of_script("echo x");
    ck_assert_uint_eq(passphrase_place(&passphrase), one);
    command.count = 0;
    passphrase_init(&passphrase, &file, &command);
    ck_assert(!passphrase_is_given(&passphrase));
    ck_assert_uint_eq(passphrase_place(&passphrase), 0);
}
END_TEST

Suite *passphrase_suite(void)
{
    Suite *suite = suite_create("passphrase");
    TCase *tcase = tcase_create("passphrase");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_file_gives_its_first_line);
    tcase_add_test(tcase, a_first_line_that_is_empty_or_too_long_is_none);
    tcase_add_test(tcase, a_file_that_is_not_there_is_named);
    tcase_add_test(tcase, a_file_that_everyone_may_read_is_known);
    tcase_add_test(tcase, a_program_gives_the_first_line_it_prints);
    tcase_add_test(tcase, a_program_that_fails_is_named_and_its_complaints_are_lines_of_the_log);
    tcase_add_test(tcase, a_program_with_much_to_complain_of_fills_no_log);
    tcase_add_test(tcase, a_program_is_asked_once_whether_it_knows_or_not);
    tcase_add_test(tcase, a_program_for_which_no_time_is_left_is_ended);
    tcase_add_test(tcase, places_are_told_apart);
    suite_add_tcase(suite, tcase);
    return suite;
}
