#include "daemon/path_links.h"

#include "scratch.h"
#include "suites.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEEN_BYTES = 4096 };

static struct scratch scratch;
static char           seen[SEEN_BYTES]; /* "directory name|", with @ for the scratch directory */

static void on_link(void *owner, const char *directory, const char *name)
{
    size_t len = strlen(seen);
    size_t prefix = strlen(scratch.path);
    bool   is_inside = strncmp(directory, scratch.path, prefix) == 0;

    (void)owner;
    (void)snprintf(seen + len, sizeof(seen) - len, "%s%s %s|", is_inside ? "@" : "",
                   is_inside ? directory + prefix : directory, name);
}

static const char *links_of(const char *name)
{
    char path[SCRATCH_PATH_BYTES];

    scratch_name(&scratch, name, path);
    seen[0] = '\0';
    path_links(path, on_link, NULL);
    return seen;
}

static void link_to(const char *target, const char *name)
{
    char path[SCRATCH_PATH_BYTES];

    scratch_name(&scratch, name, path);
    ck_assert_int_eq(symlink(target, path), 0);
}

static void set_up(void)
{
    scratch_open(&scratch);
}

static void tear_down(void)
{
    scratch_close(&scratch);
}

START_TEST(a_plain_file_depends_on_itself_and_its_directory)
{
    scratch_write(&scratch, "certs/www/a.pem", "");
    ck_assert_str_eq(links_of("certs/www/a.pem"), "@/certs www|@/certs/www a.pem|");
    ck_assert_str_eq(links_of("certs//www/./a.pem"), links_of("certs//www/./a.pem"));
}
END_TEST

START_TEST(a_volume_of_kubernetes_is_followed_through_its_data_link)
{
    scratch_write(&scratch, "tls/..2026_1/tls.crt", "");
    link_to("..2026_1", "tls/..data");
    link_to("..data/tls.crt", "tls/tls.crt");
    ck_assert_ptr_nonnull(strstr(links_of("tls/tls.crt"), "@/tls tls.crt|"));
    ck_assert_ptr_nonnull(strstr(seen, "@/tls ..data|"));
    ck_assert_ptr_nonnull(strstr(seen, "@/tls/..2026_1 tls.crt|"));
}
END_TEST

START_TEST(links_to_elsewhere_are_followed_whether_absolute_or_not)
{
    char target[SCRATCH_PATH_BYTES];

    scratch_write(&scratch, "archive/www1.pem", "");
    scratch_write(&scratch, "live/x", "");
    scratch_name(&scratch, "archive/www1.pem", target);
    link_to(target, "live/absolute.pem");
    link_to("../archive/www1.pem", "live/relative.pem");
    ck_assert_ptr_nonnull(strstr(links_of("live/absolute.pem"), "@/live absolute.pem|"));
    ck_assert_ptr_nonnull(strstr(seen, "@/archive www1.pem|"));
    ck_assert_ptr_nonnull(strstr(links_of("live/relative.pem"), "@/live relative.pem|"));
    ck_assert_ptr_nonnull(strstr(seen, "@/live/../archive www1.pem|"));
}
END_TEST

START_TEST(what_is_missing_ends_the_way)
{
    ck_assert_ptr_nonnull(strstr(links_of("none/at/all.pem"), " none|"));
    ck_assert_ptr_null(strstr(seen, "all.pem"));
    link_to("nowhere", "lost");
    ck_assert_ptr_nonnull(strstr(links_of("lost/a.pem"), "@ lost|@ nowhere|"));
}
END_TEST

START_TEST(links_that_go_round_come_to_an_end)
{
    char *endless = malloc(70000);

    link_to("two", "one");
    link_to("one", "two");
    ck_assert_ptr_nonnull(strstr(links_of("one/a.pem"), "@ one|@ two|"));
    ck_assert_ptr_nonnull(endless);
    memset(endless, 'a', 69999);
    endless[69999] = '\0';
    seen[0] = '\0';
    path_links(endless, on_link, NULL);
    path_links("", on_link, NULL);
    ck_assert_str_eq(seen, "");
    free(endless);
}
END_TEST

Suite *path_links_suite(void)
{
    Suite *suite = suite_create("path links");
    TCase *tcase = tcase_create("path links");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_plain_file_depends_on_itself_and_its_directory);
    tcase_add_test(tcase, a_volume_of_kubernetes_is_followed_through_its_data_link);
    tcase_add_test(tcase, links_to_elsewhere_are_followed_whether_absolute_or_not);
    tcase_add_test(tcase, what_is_missing_ends_the_way);
    tcase_add_test(tcase, links_that_go_round_come_to_an_end);
    suite_add_tcase(suite, tcase);
    return suite;
}
