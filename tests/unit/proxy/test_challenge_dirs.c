/* Directories of ACME challenges that change while they are read. */
#include "proxy/challenge_dirs.h"

#include "proxy/pem_dir.h"
#include "scratch.h"
#include "suites.h"
#include "tls/context.h"

#include <stdio.h>
#include <unistd.h>

enum { CONFIG_BYTES = 1024 };

static struct scratch       scratch;
static struct tls_library  *library;
static struct config_report report;
static const char          *vanishing; /* a name in the directory, or NULL */

/* Linked in the place of pem_dir_list: a file that it has listed is gone before it is opened. */
bool __real_pem_dir_list(struct pem_dir *list, const char *path, const char *glob,
                         struct error *error);
bool __wrap_pem_dir_list(struct pem_dir *list, const char *path, const char *glob,
                         struct error *error);

bool __wrap_pem_dir_list(struct pem_dir *list, const char *path, const char *glob,
                         struct error *error)
{
    bool is_listed = __real_pem_dir_list(list, path, glob, error);

    if (vanishing != NULL) {
        char gone[SCRATCH_PATH_BYTES];

        scratch_name(&scratch, vanishing, gone);
        ck_assert_int_eq(unlink(gone), 0);
        vanishing = NULL;
    }
    return is_listed;
}

static void set_up(void)
{
    struct error error;

    library = tls_library_new(&error);
    ck_assert_ptr_nonnull(library);
    scratch_open(&scratch);
    report = (struct config_report){0};
}

static void tear_down(void)
{
    config_report_fini(&report);
    scratch_close(&scratch);
    tls_library_free(&library);
}

/* The warnings of one reading. */
static size_t warnings(void)
{
    char text[CONFIG_BYTES];

    (void)snprintf(text, sizeof(text),
                   "frontends = ( { listen = \"127.0.0.1:0\"; pem-file = \"x\"; backend = \"b\"; "
                   "acme-dir = \"%s/d\"; } ); backends = ( { name = \"b\"; servers = ( { address = "
                   "\"builtin:echo\"; } ); } );",
                   scratch.path);
    struct config *config = config_load_text(text, "test.conf", &report);

    ck_assert_ptr_nonnull(config);
    size_t                 before = config_report_warnings(&report);
    struct tls_challenges *challenges = challenge_dirs_read(config, library, &report);

    ck_assert_ptr_nonnull(challenges);
    ck_assert_uint_eq(tls_challenges_count(challenges), 0);
    tls_challenges_free(&challenges);
    config_free(&config);
    return config_report_warnings(&report) - before;
}

START_TEST(a_file_that_is_taken_away_while_its_directory_is_read_is_no_mistake)
{
    scratch_write(&scratch, "d/a.pem", "no certificate");
    scratch_write(&scratch, "d/b.pem", "no certificate");
    ck_assert_uint_eq(warnings(), 2);
    vanishing = "d/a.pem";
    ck_assert_uint_eq(warnings(), 1);
}
END_TEST

START_TEST(a_link_to_nothing_is_one)
{
    char path[SCRATCH_PATH_BYTES];

    scratch_write(&scratch, "d/a.pem", "no certificate");
    scratch_name(&scratch, "d/b.pem", path);
    ck_assert_int_eq(symlink("nowhere", path), 0);
    ck_assert_uint_eq(warnings(), 2);
}
END_TEST

Suite *challenge_dirs_suite(void)
{
    Suite *suite = suite_create("challenge dirs");
    TCase *tcase = tcase_create("challenge dirs");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_file_that_is_taken_away_while_its_directory_is_read_is_no_mistake);
    tcase_add_test(tcase, a_link_to_nothing_is_one);
    suite_add_tcase(suite, tcase);
    return suite;
}
