#include "config/memory.h"

#include "loading.h"
#include "scratch.h"
#include "suites.h"

#include <string.h>
#include <sys/stat.h>

#define MORE_BACKENDS                                                                              \
    "backends = ( { name = \"c\"; servers = ( { address = \"127.0.0.1:2\"; } ); } );\n"

struct paths {
    char        text[4][SCRATCH_PATH_BYTES];
    const char *items[4];
    size_t      count;
};

static void add_path(struct paths *paths, const struct scratch *scratch, const char *name)
{
    scratch_name(scratch, name, paths->text[paths->count]);
    paths->items[paths->count] = paths->text[paths->count];
    paths->count++;
}

static bool ends_with(const char *text, const char *end)
{
    return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

START_TEST(the_conf_files_of_a_directory_are_read_in_byte_order)
{
    struct scratch scratch;
    struct paths   paths = {0};

    scratch_open(&scratch);
    scratch_write(&scratch, "d/20.conf", MORE_BACKENDS);
    scratch_write(&scratch, "d/100.conf", SMALLEST);
    scratch_write(&scratch, "d/.hidden.conf", "nonsense");
    scratch_write(&scratch, "d/.conf", "nonsense");
    scratch_write(&scratch, "d/30.conf~", "nonsense");
    scratch_write(&scratch, "d/30.conf.bak", "nonsense");
    scratch_write(&scratch, "d/README", "nonsense");
    add_path(&paths, &scratch, "d");
    struct loaded loaded = load_paths(paths.items, paths.count);

    ck_assert_str_eq(loaded_problem(&loaded, 0), "");
    ck_assert_uint_eq(loaded.config->backends_count, 2);
    ck_assert_str_eq(loaded.config->backends[0].name.text, "b");
    ck_assert_str_eq(loaded.config->backends[1].name.text, "c");
    ck_assert(ends_with(loaded.config->backends[1].at.file, "/d/20.conf"));
    loaded_fini(&loaded);
    scratch_close(&scratch);
}
END_TEST

START_TEST(a_directory_without_conf_files_is_an_error)
{
    struct scratch scratch;
    struct paths   paths = {0};

    scratch_open(&scratch);
    scratch_write(&scratch, "d/.hidden.conf", SMALLEST);
    add_path(&paths, &scratch, "d");
    struct loaded loaded = load_paths(paths.items, paths.count);

    ck_assert(ends_with(loaded_problem(&loaded, 0), "/d: error: cannot read it: no *.conf in it"));
    ck_assert_str_eq(loaded_problem(&loaded, 1), "");
    loaded_fini(&loaded);
    scratch_close(&scratch);
}
END_TEST

START_TEST(a_directory_that_is_called_conf_is_an_error_and_not_read)
{
    struct scratch scratch;
    struct paths   paths = {0};

    scratch_open(&scratch);
    scratch_write(&scratch, "d/a.conf", SMALLEST);
    scratch_write(&scratch, "d/b.conf/x", "");
    add_path(&paths, &scratch, "d");
    struct loaded loaded = load_paths(paths.items, paths.count);

    ck_assert(ends_with(loaded_problem(&loaded, 0),
                        "/d/b.conf: error: cannot read it: not a regular file, or over 4 MiB"));
    loaded_fini(&loaded);
    scratch_close(&scratch);
}
END_TEST

START_TEST(a_file_that_is_not_there_is_an_error)
{
    struct loaded loaded = load_paths((const char *const[]){"/nonexistent/x.conf"}, 1);

    ck_assert_str_eq(loaded_problem(&loaded, 0),
                     "/nonexistent/x.conf: error: cannot read it: No such file or directory");
    ck_assert_str_eq(loaded_problem(&loaded, 1), "");
    loaded_fini(&loaded);
}
END_TEST

START_TEST(no_file_at_all_is_an_error)
{
    struct loaded loaded = load_paths(NULL, 0);

    ck_assert_str_eq(loaded_problem(&loaded, 0), "error: frontends is missing");
    loaded_fini(&loaded);
}
END_TEST

START_TEST(an_empty_file_lacks_what_is_required)
{
    struct loaded loaded = load_text("");

    ck_assert_str_eq(loaded_problem(&loaded, 0), "test: error: frontends is missing");
    ck_assert_str_eq(loaded_problem(&loaded, 1), "test: error: backends is missing");
    loaded_fini(&loaded);
}
END_TEST

START_TEST(lists_of_several_files_add_up)
{
    struct scratch scratch;
    struct paths   paths = {0};

    scratch_open(&scratch);
    scratch_write(&scratch, "one.conf", SMALLEST);
    scratch_write(&scratch, "d/two.conf",
                  MORE_BACKENDS "frontends = ( { listen = \"*:8443\"; pem-file = \"y.pem\"; "
                                "backend = \"c\"; } );\n");
    scratch_write(&scratch, "three.conf", "workers = 2;");
    add_path(&paths, &scratch, "one.conf");
    add_path(&paths, &scratch, "d");
    add_path(&paths, &scratch, "three.conf");
    struct loaded loaded = load_paths(paths.items, paths.count);

    ck_assert_str_eq(loaded_problem(&loaded, 0), "");
    ck_assert_uint_eq(loaded.config->frontends_count, 2);
    ck_assert_uint_eq(loaded.config->backends_count, 2);
    ck_assert_str_eq(loaded.config->frontends[0].name.text, "frontend1");
    ck_assert_str_eq(loaded.config->frontends[1].name.text, "frontend2");
    ck_assert_str_eq(loaded.config->frontends[0].pem_file.items[0].text, "x.pem");
    ck_assert_uint_eq(loaded.config->workers, 2);
    loaded_fini(&loaded);
    scratch_close(&scratch);
}
END_TEST

START_TEST(an_option_set_in_two_files_is_an_error_that_names_both)
{
    struct scratch scratch;
    struct paths   paths = {0};
    char           expected[3 * SCRATCH_PATH_BYTES];

    scratch_open(&scratch);
    scratch_write(&scratch, "one.conf", SMALLEST "workers = 1;\ntimeouts = { };\n");
    scratch_write(&scratch, "two.conf", "\nworkers = 1;\ntimeouts = { hello = \"1s\"; };\n");
    add_path(&paths, &scratch, "one.conf");
    add_path(&paths, &scratch, "two.conf");
    struct loaded loaded = load_paths(paths.items, paths.count);

    (void)snprintf(expected, sizeof(expected), "%s:2: error: workers was set already, at %s:3",
                   paths.items[1], paths.items[0]);
    ck_assert_str_eq(loaded_problem(&loaded, 0), expected);
    (void)snprintf(expected, sizeof(expected), "%s:3: error: timeouts was set already, at %s:4",
                   paths.items[1], paths.items[0]);
    ck_assert_str_eq(loaded_problem(&loaded, 1), expected);
    ck_assert_str_eq(loaded_problem(&loaded, 2), "");
    loaded_fini(&loaded);
    scratch_close(&scratch);
}
END_TEST

START_TEST(the_same_file_twice_is_an_error)
{
    struct scratch scratch;
    struct paths   paths = {0};

    scratch_open(&scratch);
    scratch_write(&scratch, "one.conf", SMALLEST);
    add_path(&paths, &scratch, "one.conf");
    add_path(&paths, &scratch, "one.conf");
    struct loaded loaded = load_paths(paths.items, paths.count);

    ck_assert_ptr_nonnull(strstr(loaded_problem(&loaded, 0), "backend \"b\" was defined already"));
    loaded_fini(&loaded);
    scratch_close(&scratch);
}
END_TEST

START_TEST(a_file_that_cannot_be_parsed_brings_no_errors_of_what_it_would_have_said)
{
    struct scratch scratch;
    struct paths   paths = {0};

    scratch_open(&scratch);
    scratch_write(&scratch, "one.conf", FRONTENDS);
    scratch_write(&scratch, "two.conf", BACKENDS "oops");
    add_path(&paths, &scratch, "one.conf");
    add_path(&paths, &scratch, "two.conf");
    struct loaded loaded = load_paths(paths.items, paths.count);

    ck_assert(ends_with(loaded_problem(&loaded, 0), "/two.conf:2: error: syntax error"));
    ck_assert_str_eq(loaded_problem(&loaded, 1), "");
    loaded_fini(&loaded);
    scratch_close(&scratch);
}
END_TEST

START_TEST(one_run_shows_mistakes_of_all_kinds)
{
    struct loaded loaded = load_text("workers = 0;\nfrontends = ( { listen = \"*:1\"; backend = "
                                     "\"x\"; } );\nnonsense = 1;\n");

    ck_assert_str_eq(loaded_problem(&loaded, 0),
                     "test:1: error: workers: a whole number from 1 to 1024 or \"auto\" is wanted, "
                     "found the number 0");
    ck_assert_str_eq(loaded_problem(&loaded, 1),
                     "test:3: error: unknown option \"nonsense\" in the configuration");
    ck_assert_str_eq(loaded_problem(&loaded, 2), "test: error: backends is missing");
    ck_assert_str_eq(
        loaded_problem(&loaded, 3),
        "test:2: error: a frontend needs pem-file, cert and key, certificates, or pem-dir");
    ck_assert_str_eq(loaded_problem(&loaded, 4), "test:2: error: there is no backend \"x\"");
    ck_assert_str_eq(loaded_problem(&loaded, 5), "");
    loaded_fini(&loaded);
}
END_TEST

START_TEST(freeing_nothing_is_fine)
{
    struct config        *config = NULL;
    struct config_memory *memory = NULL;

    config_free(&config);
    config_memory_free(&memory);
}
END_TEST

Suite *load_suite(void)
{
    return suite_of("load",
                    (const TTest *const[]){
                        the_conf_files_of_a_directory_are_read_in_byte_order,
                        a_directory_without_conf_files_is_an_error,
                        a_directory_that_is_called_conf_is_an_error_and_not_read,
                        a_file_that_is_not_there_is_an_error, no_file_at_all_is_an_error,
                        an_empty_file_lacks_what_is_required, lists_of_several_files_add_up,
                        an_option_set_in_two_files_is_an_error_that_names_both,
                        the_same_file_twice_is_an_error,
                        a_file_that_cannot_be_parsed_brings_no_errors_of_what_it_would_have_said,
                        one_run_shows_mistakes_of_all_kinds, freeing_nothing_is_fine, NULL});
}
