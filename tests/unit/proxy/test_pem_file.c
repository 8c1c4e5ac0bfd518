/* Files of keys: what is opened, what is refused, and names that stand for credentials. */
#include "proxy/pem_file.h"

#include "proxy/credential.h"
#include "scratch.h"
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WHY_BYTES = 256 };

static struct scratch  scratch;
static struct pem_file file;
static char            why[WHY_BYTES];

static void set_up(void)
{
    scratch_open(&scratch);
    scratch_write(&scratch, "key", "secret");
}

static void tear_down(void)
{
    pem_file_fini(&file);
    ck_assert_int_eq(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    scratch_close(&scratch);
}

/* Of a path as it is. "" when it was read, else why not. */
static const char *reads_path(const char *path)
{
    struct error error = ERROR_OK;

    pem_file_fini(&file);
    return pem_file_read(&file, path, &error) ? "" : error_text(&error, why, sizeof(why));
}

static const char *reads(const char *name)
{
    char path[SCRATCH_PATH_BYTES];

    scratch_name(&scratch, name, path);
    return reads_path(path);
}

static void link_to(const char *target, const char *name)
{
    char path[SCRATCH_PATH_BYTES];

    scratch_name(&scratch, name, path);
    ck_assert_int_eq(symlink(target, path), 0);
}

static void check_has(const char *text)
{
    struct bytes_const bytes = pem_file_bytes(&file);

    ck_assert_uint_eq(bytes.len, strlen(text));
    ck_assert_mem_eq(bytes.data, text, bytes.len);
}

START_TEST(links_are_followed_to_their_end)
{
    link_to("key", "one");
    link_to("one", "other");
    ck_assert_str_eq(reads("other"), "");
    check_has("secret");
}
END_TEST

START_TEST(links_that_lead_to_themselves_are_refused)
{
    link_to("two", "one");
    link_to("one", "two");
    ck_assert_str_eq(reads("one"), "open: Too many levels of symbolic links");
}
END_TEST

START_TEST(a_link_that_leads_nowhere_is_refused)
{
    link_to("nothing", "one");
    ck_assert_str_eq(reads("one"), "open: No such file or directory");
}
END_TEST

START_TEST(a_fifo_is_refused_without_waiting_for_who_writes)
{
    char path[SCRATCH_PATH_BYTES];

    scratch_name(&scratch, "fifo", path);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_str_eq(reads("fifo"), "not a regular file: No such device");
}
END_TEST

START_TEST(a_directory_and_a_device_are_refused)
{
    scratch_write(&scratch, "inner/key", "secret");
    ck_assert_str_eq(reads("inner"), "not a regular file: Is a directory");
    ck_assert_str_eq(reads_path("/dev/zero"), "not a regular file: No such device");
}
END_TEST

START_TEST(a_file_too_long_is_refused)
{
    char  path[SCRATCH_PATH_BYTES];
    FILE *into = NULL;

    scratch_name(&scratch, "long", path);
    into = fopen(path, "w");
    ck_assert_ptr_nonnull(into);
    ck_assert_int_eq(ftruncate(fileno(into), PEM_FILE_BYTES_MAX + 1), 0);
    ck_assert_int_eq(fclose(into), 0);
    ck_assert_str_eq(reads("long"), "too long: File too large");
}
END_TEST

START_TEST(what_everyone_may_read_or_change_is_public)
{
    static const struct {
        mode_t mode;
        bool   is_public;
    } cases[] = {{0600, false}, {0640, false}, {0660, false}, {0604, true}, {0602, true}};
    char path[SCRATCH_PATH_BYTES];

    scratch_name(&scratch, "key", path);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert_int_eq(chmod(path, cases[i].mode), 0);
        ck_assert_str_eq(reads("key"), "");
        ck_assert_msg(pem_file_is_public(&file) == cases[i].is_public, "mode %o", cases[i].mode);
    }
}
END_TEST

START_TEST(a_credential_is_a_file_that_the_service_manager_gave)
{
    struct pem_identity identity;

    ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", scratch.path, 1), 0);
    ck_assert_str_eq(reads_path("credential:key"), "");
    check_has("secret");
    ck_assert(pem_file_identify("credential:key", &identity));
    ck_assert(pem_identity_is_equal(&identity, pem_file_identity(&file)));
    ck_assert_str_eq(reads_path("credential:none"), "open: No such file or directory");
}
END_TEST

START_TEST(a_credential_has_a_plain_name)
{
    static const char *const names[] = {"credential:",     "credential:.",      "credential:..",
                                        "credential:../x", "credential:/etc/x", "credential:a/b"};
    struct pem_identity      identity;

    ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", scratch.path, 1), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ck_assert_msg(
            strstr(reads_path(names[i]), "the name of a credential is a plain file name") != NULL,
            "%s: %s", names[i], why);
        ck_assert(!pem_file_identify(names[i], &identity));
    }
}
END_TEST

START_TEST(a_credential_of_no_service_manager_is_refused)
{
    ck_assert_ptr_nonnull(strstr(reads_path("credential:key"), "CREDENTIALS_DIRECTORY is not set"));
    ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", "", 1), 0);
    ck_assert_ptr_nonnull(strstr(reads_path("credential:key"), "CREDENTIALS_DIRECTORY is not set"));
}
END_TEST

START_TEST(a_path_too_long_is_refused)
{
    static char path[CREDENTIAL_PATH_BYTES + 1];

    memset(path, 'x', sizeof(path) - 1);
    ck_assert_ptr_nonnull(strstr(reads_path(path), "the path is too long"));
}
END_TEST

Suite *pem_file_suite(void)
{
    Suite *suite = suite_create("pem_file");
    TCase *files = tcase_create("files");
    TCase *credentials = tcase_create("credentials");

    tcase_add_checked_fixture(files, set_up, tear_down);
    tcase_add_test(files, links_are_followed_to_their_end);
    tcase_add_test(files, links_that_lead_to_themselves_are_refused);
    tcase_add_test(files, a_link_that_leads_nowhere_is_refused);
    tcase_add_test(files, a_fifo_is_refused_without_waiting_for_who_writes);
    tcase_add_test(files, a_directory_and_a_device_are_refused);
    tcase_add_test(files, a_file_too_long_is_refused);
    tcase_add_test(files, what_everyone_may_read_or_change_is_public);
    suite_add_tcase(suite, files);
    tcase_add_checked_fixture(credentials, set_up, tear_down);
    tcase_add_test(credentials, a_credential_is_a_file_that_the_service_manager_gave);
    tcase_add_test(credentials, a_credential_has_a_plain_name);
    tcase_add_test(credentials, a_credential_of_no_service_manager_is_refused);
    tcase_add_test(credentials, a_path_too_long_is_refused);
    suite_add_tcase(suite, credentials);
    return suite;
}
