#include "config/source.h"

#include "base/text.h"

#include "loading.h"
#include "scratch.h"
#include "suites.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Loads `name` of the directory; there must be this one problem. In `problem` each % stands for the
 * directory. */
static void check_file_refused(const struct scratch *scratch, const char *name, const char *problem)
{
    char        path[SCRATCH_PATH_BYTES];
    char        expected[2000];
    struct text text;

    text_init(&text, expected, sizeof(expected));
    for (const char *at = problem; *at != '\0'; at++) {
        if (*at == '%') {
            text_string(&text, scratch->path);
        } else {
            text_format(&text, "%c", *at);
        }
    }
    scratch_name(scratch, name, path);
    struct loaded loaded = load_paths((const char *const[]){path}, 1);

    ck_assert_str_eq(loaded_problem(&loaded, 0), expected);
    ck_assert_str_eq(loaded_problem(&loaded, 1), "");
    loaded_fini(&loaded);
}

static struct config *check_file_accepted(const struct scratch *scratch, const char *name)
{
    char path[SCRATCH_PATH_BYTES];

    scratch_name(scratch, name, path);
    struct loaded  loaded = load_paths((const char *const[]){path}, 1);
    struct config *config = loaded.config;

    ck_assert_str_eq(loaded_problem(&loaded, 0), "");
    config_report_fini(&loaded.report);
    return config;
}

START_TEST(an_include_is_looked_for_beside_the_including_file)
{
    struct scratch scratch;

    scratch_open(&scratch);
    scratch_write(&scratch, "main.conf", "@include \"more/frontends.conf\"\nworkers = 3;\n");
    scratch_write(&scratch, "more/frontends.conf",
                  FRONTENDS " \t@include\t\"backends.conf\" # here\n");
    scratch_write(&scratch, "more/backends.conf", BACKENDS);
    struct config *config = check_file_accepted(&scratch, "main.conf");

    ck_assert_uint_eq(config->workers, 3);
    ck_assert_str_eq(config->backends[0].name.text, "b");
    config_free(&config);
    scratch_close(&scratch);
}
END_TEST

START_TEST(an_include_with_a_whole_path_is_taken_as_it_is)
{
    struct scratch scratch;
    char           text[SCRATCH_PATH_BYTES * 2];

    scratch_open(&scratch);
    scratch_write(&scratch, "away/backends.conf", BACKENDS);
    (void)snprintf(text, sizeof(text), FRONTENDS "@include \"%s/away/backends.conf\"",
                   scratch.path);
    scratch_write(&scratch, "main.conf", text);
    struct config *config = check_file_accepted(&scratch, "main.conf");

    config_free(&config);
    scratch_close(&scratch);
}
END_TEST

START_TEST(an_include_may_stand_inside_a_group)
{
    struct scratch scratch;

    scratch_open(&scratch);
    scratch_write(&scratch, "main.conf",
                  SMALLEST "timeouts = {\n@include \"t\"\nidle = \"1m\"; };\n");
    scratch_write(&scratch, "t", "hello = \"2s\";");
    struct config *config = check_file_accepted(&scratch, "main.conf");

    ck_assert_uint_eq(config->timeouts.hello_ns, 2000000000);
    ck_assert_uint_eq(config->timeouts.idle_ns, 60000000000);
    config_free(&config);
    scratch_close(&scratch);
}
END_TEST

START_TEST(an_error_in_an_included_file_names_that_file_and_its_line)
{
    struct scratch scratch;

    scratch_open(&scratch);
    scratch_write(&scratch, "main.conf", "# one\n@include \"in/bad.conf\"\n" SMALLEST);
    scratch_write(&scratch, "in/bad.conf", "\n\nworkers = \"many\";\n");
    check_file_refused(&scratch, "main.conf",
                       "%/in/bad.conf:3: error: workers: a whole number from 1 to 1024 or \"auto\" "
                       "is wanted, found \"many\"");
    scratch_write(&scratch, "in/bad.conf", "\nworkers = ;\n");
    check_file_refused(&scratch, "main.conf", "%/in/bad.conf:2: error: syntax error");
    scratch_close(&scratch);
}
END_TEST

START_TEST(lines_behind_an_include_keep_their_numbers)
{
    struct scratch scratch;

    scratch_open(&scratch);
    scratch_write(&scratch, "main.conf", SMALLEST "@include \"a\"\n@include \"a\" workers = 0;\n");
    scratch_write(&scratch, "a", "\n\n\n# nothing\n");
    check_file_refused(
        &scratch, "main.conf",
        "%/main.conf:4: error: workers: a whole number from 1 to 1024 or \"auto\" is "
        "wanted, found the number 0");
    scratch_close(&scratch);
}
END_TEST

START_TEST(a_missing_include_is_an_error_where_it_stands)
{
    struct scratch scratch;

    scratch_open(&scratch);
    scratch_write(&scratch, "main.conf", SMALLEST "\n@include \"nowhere.conf\"\n");
    check_file_refused(&scratch, "main.conf",
                       "%/main.conf:4: error: cannot include \"%/nowhere.conf\": No such file or "
                       "directory");
    scratch_close(&scratch);
}
END_TEST

/* The parser's own @include ends the process over a directory and waits for ever at a FIFO. */
START_TEST(including_what_is_no_regular_file_is_an_error)
{
    struct scratch scratch;
    char           fifo[SCRATCH_PATH_BYTES];

    scratch_open(&scratch);
    scratch_write(&scratch, "directory/x", "");
    scratch_name(&scratch, "fifo", fifo);
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    scratch_write(&scratch, "one.conf", "@include \"directory\"\n" SMALLEST);
    check_file_refused(
        &scratch, "one.conf",
        "%/one.conf:1: error: cannot include \"%/directory\": not a regular file, or "
        "over 4 MiB");
    scratch_write(&scratch, "two.conf", "@include \"fifo\"\n" SMALLEST);
    check_file_refused(
        &scratch, "two.conf",
        "%/two.conf:1: error: cannot include \"%/fifo\": not a regular file, or over "
        "4 MiB");
    scratch_write(&scratch, "three.conf", "@include \"/dev/zero\"\n" SMALLEST);
    check_file_refused(
        &scratch, "three.conf",
        "%/three.conf:1: error: cannot include \"/dev/zero\": not a regular file, or "
        "over 4 MiB");
    scratch_close(&scratch);
}
END_TEST

START_TEST(a_circle_of_includes_is_an_error)
{
    struct scratch scratch;

    scratch_open(&scratch);
    scratch_write(&scratch, "one.conf", "@include \"two.conf\"\n");
    scratch_write(&scratch, "two.conf", "\n@include \"one.conf\"\n");
    check_file_refused(
        &scratch, "one.conf",
        "%/one.conf:1: error: cannot include \"%/two.conf\": included deeper than 10, "
        "in a circle perhaps");
    scratch_close(&scratch);
}
END_TEST

START_TEST(includes_that_multiply_end_with_an_error)
{
    struct scratch scratch;

    scratch_open(&scratch);
    for (char name[] = "a"; name[0] < 'i'; name[0]++) {
        char        line[] = "@include \"b\"\n";
        char        text[sizeof(line) * 10];
        struct text lines;

        text_init(&lines, text, sizeof(text));
        line[strlen("@include \"")] = (char)(name[0] + 1);
        for (int i = 0; i < 10; i++) {
            text_string(&lines, line);
        }
        scratch_write(&scratch, name, text);
    }
    scratch_write(&scratch, "i", "");
    check_file_refused(&scratch, "a",
                       "%/h:6: error: cannot include \"%/i\": it is one of more than 1000 files");
    scratch_close(&scratch);
}
END_TEST

START_TEST(an_include_counts_only_where_it_is_one)
{
    check_refused(SMALLEST "@inclde \"x\"\n",
                  "test:3: error: @include \"FILE\" is wanted, at the start of a line");
    check_refused(SMALLEST "@include x\n",
                  "test:3: error: @include \"FILE\" is wanted, at the start of a line");
    check_refused(SMALLEST "@include \"\"\n",
                  "test:3: error: @include \"FILE\" is wanted, at the start of a line");
    check_refused(SMALLEST "@include \"x\n\"\n",
                  "test:3: error: @include \"FILE\" is wanted, at the start of a line");
    check_refused(SMALLEST "@include\n",
                  "test:3: error: @include \"FILE\" is wanted, at the start of a line");
    check_refused(SMALLEST "workers = 1; @include \"x\"\n",
                  "test:3: error: @include \"FILE\" is wanted, at the start of a line");
    check_refused(SMALLEST "@include",
                  "test:3: error: @include \"FILE\" is wanted, at the start of a line");
    struct config *config = check_accepted(SMALLEST "/*\n@include \"x\"\n*/ # @include\n"
                                                    "user = \"\n@include \\\"x\\\"\n\";\n");

    ck_assert_str_eq(config->user.text, "\n@include \"x\"\n");
    config_free(&config);
}
END_TEST

START_TEST(an_included_file_must_end_what_it_began_to_quote)
{
    struct scratch scratch;

    scratch_open(&scratch);
    scratch_write(&scratch, "main.conf", "@include \"open\"\n" SMALLEST);
    scratch_write(&scratch, "open", "\nuser = \"x\n;\n");
    check_file_refused(&scratch, "main.conf", "%/open:3: error: the file ends inside a string");
    scratch_write(&scratch, "open", "\n/* *");
    check_file_refused(&scratch, "main.conf", "%/open:2: error: the file ends inside a comment");
    scratch_close(&scratch);
}
END_TEST

START_TEST(files_and_what_they_include_are_at_most_four_mebibytes)
{
    struct scratch scratch;
    char           path[SCRATCH_PATH_BYTES];
    char          *spaces = malloc(TEXT_BYTES_MAX);

    ck_assert_ptr_nonnull(spaces);
    memset(spaces, ' ', TEXT_BYTES_MAX);
    spaces[TEXT_BYTES_MAX - 1000] = '\0';
    scratch_open(&scratch);
    scratch_write(&scratch, "main.conf", SMALLEST "@include \"spaces\"\n");
    scratch_write(&scratch, "spaces", spaces);
    struct config *config = check_file_accepted(&scratch, "main.conf");

    config_free(&config);
    scratch_write(&scratch, "main.conf", "@include \"spaces\"\n@include \"spaces\"\n" SMALLEST);
    check_file_refused(&scratch, "main.conf", "%/spaces:1: error: over 4 MiB is no configuration");
    scratch_name(&scratch, "spaces", path);
    ck_assert_int_eq(truncate(path, TEXT_BYTES_MAX + 1), 0);
    check_file_refused(&scratch, "spaces",
                       "%/spaces: error: cannot read it: not a regular file, or over 4 MiB");
    scratch_close(&scratch);
    free(spaces);
}
END_TEST

START_TEST(a_place_beyond_the_text_is_its_last_line)
{
    struct config_report  report = {0};
    struct config_memory *memory = config_memory_new();
    struct source         source = {.memory = memory, .report = &report};

    ck_assert_ptr_null(source_place(&source, 1).file);
    ck_assert_str_eq(source_text(&source), "");
    ck_assert(source_read_text(&source, "a = \"x\"\n\n\n", "name"));
    ck_assert_uint_eq(source_place(&source, 7).line, 3);
    ck_assert_uint_eq(source_place(&source, 0).line, 0);
    ck_assert_str_eq(source_place(&source, 0).file, "name");
    ck_assert_uint_eq(source_string_place(&source, 3).line, 1);
    ck_assert_uint_eq(source_string_place(&source, 0).line, 0);
    source_fini(&source);
    config_memory_free(&memory);
    config_report_fini(&report);
}
END_TEST

Suite *source_suite(void)
{
    return suite_of(
        "source",
        (const TTest *const[]){
            an_include_is_looked_for_beside_the_including_file,
            an_include_with_a_whole_path_is_taken_as_it_is, an_include_may_stand_inside_a_group,
            an_error_in_an_included_file_names_that_file_and_its_line,
            lines_behind_an_include_keep_their_numbers,
            a_missing_include_is_an_error_where_it_stands,
            including_what_is_no_regular_file_is_an_error, a_circle_of_includes_is_an_error,
            includes_that_multiply_end_with_an_error, an_include_counts_only_where_it_is_one,
            an_included_file_must_end_what_it_began_to_quote,
            files_and_what_they_include_are_at_most_four_mebibytes,
            a_place_beyond_the_text_is_its_last_line, NULL});
}
