#include "daemon/watch.h"

#include "base/clock.h"
#include "scratch.h"
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What inotify has to say is there as soon as the change is made: a few turns show it. */
enum { TURNS = 10, CONFIG_BYTES = 2048 };

static struct scratch  scratch;
static struct watch    watch;
static struct io_loop *loop;
static struct config  *config;
static unsigned        stirred;

static void on_stirred(void *owner)
{
    (void)owner;
    stirred++;
}

static void set_up(void)
{
    struct error error;

    scratch_open(&scratch);
    scratch_write(&scratch, "certs/a.pem", "one");
    scratch_write(&scratch, "certs.d/b.pem", "one");
    loop = io_loop_open(&(struct io_options){.driver = "epoll"}, &error);
    ck_assert_ptr_nonnull(loop);
    ck_assert(watch_start(&watch, loop, on_stirred, NULL, &error));
}

static void tear_down(void)
{
    watch_stop(&watch);
    for (int i = 0; i < TURNS && !watch_is_over(&watch); i++) {
        io_turn(loop, NS_PER_MS);
    }
    ck_assert(watch_is_over(&watch));
    io_loop_close(&loop);
    config_free(&config);
    scratch_close(&scratch);
}

static size_t fill(char *into, size_t into_bytes, const char *text)
{
    size_t len = 0;

    for (; *text != '\0'; text++) {
        len += (size_t)snprintf(into + len, into_bytes - len, "%.*s", *text == '@' ? 99 : 1,
                                *text == '@' ? scratch.path : text);
    }
    return len;
}

/* At what a configuration names with these options at its top and of its frontend. Every @ stands
 * for the scratch directory. */
static void aim_with(const char *top, const char *frontend)
{
    struct config_report report = {0};
    char                 filled[CONFIG_BYTES];
    size_t               len = fill(filled, sizeof(filled), top);

    len += fill(filled + len, sizeof(filled) - len,
                " frontends = ( { listen = \"*:1\"; backend = \"b\"; ");
    len += fill(filled + len, sizeof(filled) - len, frontend);
    (void)fill(filled + len, sizeof(filled) - len,
               "} ); backends = ( { name = \"b\"; servers = ( { address = \"x:1\"; } ); } );");
    config_free(&config);
    config = config_load_text(filled, "test", &report);
    ck_assert_ptr_nonnull(config);
    config_report_fini(&report);
    watch_aim(&watch, config);
    stirred = 0;
}

static void aim(const char *frontend)
{
    aim_with("", frontend);
}

/* Since it was last asked. */
static bool has_stirred(void)
{
    for (int i = 0; i < TURNS; i++) {
        io_turn(loop, NS_PER_MS);
    }
    bool has = stirred > 0;

    stirred = 0;
    return has;
}

static void rename_to(const char *from, const char *to)
{
    char from_path[SCRATCH_PATH_BYTES], to_path[SCRATCH_PATH_BYTES];

    scratch_name(&scratch, from, from_path);
    scratch_name(&scratch, to, to_path);
    ck_assert_int_eq(rename(from_path, to_path), 0);
}

static void link_to(const char *target, const char *name)
{
    char path[SCRATCH_PATH_BYTES];

    scratch_name(&scratch, name, path);
    ck_assert_int_eq(symlink(target, path), 0);
}

START_TEST(a_file_that_is_written_or_replaced_stirs)
{
    aim("pem-file = \"@/certs/a.pem\";");
    ck_assert(!has_stirred());
    scratch_write(&scratch, "certs/a.pem", "two");
    ck_assert(has_stirred());
    scratch_write(&scratch, "certs/new", "three");
    ck_assert(!has_stirred());
    rename_to("certs/new", "certs/a.pem");
    ck_assert(has_stirred());
    ck_assert(!has_stirred());
}
END_TEST

START_TEST(challenges_are_watched_apart_and_whatever_auto_reload_says)
{
    scratch_write(&scratch, "challenges/a.pem", "one");
    aim("pem-file = \"@/certs/a.pem\"; acme-dir = \"@/challenges\";");
    scratch_write(&scratch, "challenges/a.pem", "two");
    ck_assert(!has_stirred());
    config->auto_reload = false;
    watch_aim_challenges(&watch, config);
    scratch_write(&scratch, "challenges/b.pem", "one");
    ck_assert(has_stirred());
    scratch_write(&scratch, "certs/a.pem", "two");
    ck_assert(!has_stirred());
}
END_TEST

START_TEST(reading_stirs_nothing)
{
    char path[SCRATCH_PATH_BYTES];
    char byte;

    aim("pem-file = \"@/certs/a.pem\"; pem-dir = \"@/certs.d\";");
    scratch_name(&scratch, "certs.d/b.pem", path);
    FILE *file = fopen(path, "r");

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fread(&byte, 1, 1, file), 1);
    (void)fclose(file);
    watch_aim(&watch, config);
    ck_assert(!has_stirred());
}
END_TEST

START_TEST(certificate_and_key_are_both_watched)
{
    scratch_write(&scratch, "keys/a.key", "one");
    aim("cert = \"@/certs/a.pem\"; key = \"@/keys/a.key\";");
    scratch_write(&scratch, "keys/a.key", "two");
    ck_assert(has_stirred());
    scratch_write(&scratch, "certs/a.pem", "two");
    ck_assert(has_stirred());
}
END_TEST

START_TEST(staples_are_watched_beside_certificates_and_where_they_are_named)
{
    scratch_write(&scratch, "answers/a", "one");
    scratch_write(&scratch, "answers/b", "one");
    link_to("../answers/b", "certs.d/b.pem.ocsp");
    aim("pem-file = \"@/certs/a.pem\"; pem-dir = \"@/certs.d\";");
    scratch_write(&scratch, "certs/a.pem.ocsp", "one");
    ck_assert(has_stirred());
    scratch_write(&scratch, "certs/b.pem.ocsp", "one");
    ck_assert(!has_stirred());
    scratch_write(&scratch, "answers/b", "two");
    ck_assert(has_stirred());
    aim("cert = \"@/certs/a.pem\"; key = \"@/certs/a.pem\"; ocsp-file = \"@/answers/a\";");
    scratch_write(&scratch, "answers/a", "two");
    ck_assert(has_stirred());
}
END_TEST

START_TEST(chain_and_passphrase_and_the_keys_beside_certificates_are_watched)
{
    static const struct {
        const char *options;
        const char *changed;
    } cases[] = {
        {"cert = \"@/certs/a.pem\"; chain = \"@/one/x\";", "one/x"},
        {"cert = \"@/certs/a.pem\"; key-passphrase-file = \"@/one/x\";", "one/x"},
        {"cert = \"@/certs/a.pem\";", "certs/a.pem.key"},
        {"pem-file = \"@/certs/a.pem\";", "certs/a.key"},
        {"certificates = ( { cert = \"@/one/x\"; } );", "one/x"},
        {"certificates = ( { cert = \"@/one/y\"; } );", "one/y.key"},
        {"certificates = ( { cert = \"@/a\"; key = \"@/one/x\"; } );", "one/x"},
        {"certificates = ( { cert = \"@/a\"; chain = \"@/one/x\"; } );", "one/x"},
        {"certificates = ( { cert = \"@/a\"; key-passphrase-file = \"@/one/x\"; } );", "one/x"}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        scratch_write(&scratch, "one/x", "one");
        aim(cases[i].options);
        scratch_write(&scratch, cases[i].changed, "two");
        ck_assert_msg(has_stirred(), "%s", cases[i].options);
    }
}
END_TEST

START_TEST(whatever_comes_and_goes_in_a_directory_stirs)
{
    char path[SCRATCH_PATH_BYTES];

    aim("pem-dir = \"@/certs.d\";");
    scratch_write(&scratch, "certs.d/c.pem", "one");
    ck_assert(has_stirred());
    scratch_name(&scratch, "certs.d/c.pem", path);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert(has_stirred());
    scratch_write(&scratch, "elsewhere", "one");
    ck_assert(!has_stirred());
}
END_TEST

START_TEST(a_directory_that_is_replaced_stirs_and_is_watched_again)
{
    aim("pem-dir = \"@/certs.d\";");
    rename_to("certs.d", "old.d");
    ck_assert(has_stirred());
    watch_aim(&watch, config);
    scratch_write(&scratch, "certs.d/c.pem", "one");
    ck_assert(has_stirred());
    watch_aim(&watch, config);
    scratch_write(&scratch, "old.d/c.pem", "one");
    ck_assert(!has_stirred());
    scratch_write(&scratch, "certs.d/d.pem", "one");
    ck_assert(has_stirred());
}
END_TEST

START_TEST(a_link_that_is_set_anew_stirs)
{
    scratch_write(&scratch, "tls/..1/tls.pem", "one");
    scratch_write(&scratch, "tls/..2/tls.pem", "two");
    link_to("..1", "tls/..data");
    link_to("..data/tls.pem", "tls/tls.pem");
    aim("pem-file = \"@/tls/tls.pem\";");
    link_to("..2", "tls/..data_tmp");
    ck_assert(!has_stirred());
    rename_to("tls/..data_tmp", "tls/..data");
    ck_assert(has_stirred());
    watch_aim(&watch, config);
    scratch_write(&scratch, "tls/..2/tls.pem", "three");
    ck_assert(has_stirred());
}
END_TEST

START_TEST(what_links_in_a_directory_lead_to_is_watched)
{
    link_to("../certs/a.pem", "certs.d/a.pem");
    aim("pem-dir = \"@/certs.d\";");
    scratch_write(&scratch, "certs/a.pem", "two");
    ck_assert(has_stirred());
}
END_TEST

START_TEST(every_file_and_directory_that_is_named_is_watched)
{
    static const struct {
        const char *option;
        const char *changed;
    } cases[] = {
        {"ca-file = \"@/one/x\";", "one/x"},
        {"crl-file = \"@/one/x\";", "one/x"},
        {"ca-dir = \"@/one\";", "one/new"},
        {"crl-dir = \"@/one\";", "one/new"},
        {"routes = ( { sni = \"a\"; backend = \"b\"; ca-file = \"@/one/x\"; } );", "one/x"},
        {"routes = ( { sni = \"a\"; backend = \"b\"; crl-dir = \"@/one\"; } );", "one/new"}};
    char options[CONFIG_BYTES];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        scratch_write(&scratch, "one/x", "one");
        (void)snprintf(options, sizeof(options),
                       "pem-file = \"@/certs/a.pem\"; client-verify = \"optional\"; "
                       "ca-file = \"@/certs/a.pem\"; %s",
                       cases[i].option);
        if (strncmp(cases[i].option, "ca-file", strlen("ca-file")) == 0) {
            (void)snprintf(options, sizeof(options), "pem-file = \"@/certs/a.pem\"; %s",
                           cases[i].option);
        }
        aim(options);
        scratch_write(&scratch, cases[i].changed, "two");
        ck_assert_msg(has_stirred(), "%s", cases[i].option);
        scratch_write(&scratch, "certs/other", "two");
        ck_assert_msg(!has_stirred(), "%s", cases[i].option);
    }
}
END_TEST

START_TEST(files_of_ticket_keys_and_credentials_are_watched)
{
    static const char *const tops[] = {"ticket-keys = \"credential:stek\";",
                                       "ticket-secret = \"credential:stek\";",
                                       "ticket-keys = \"@/stek\";"};

    ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", scratch.path, 1), 0);
    for (size_t i = 0; i < sizeof(tops) / sizeof(tops[0]); i++) {
        scratch_write(&scratch, "stek", "one");
        aim_with(tops[i], "pem-file = ( \"credential:none\", \"credential:../no\" );");
        scratch_write(&scratch, "stek", "two");
        ck_assert_msg(has_stirred(), "%s", tops[i]);
    }
    ck_assert_int_eq(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}
END_TEST

START_TEST(what_is_no_longer_named_or_wanted_is_not_watched)
{
    aim("pem-dir = \"@/certs.d\"; pem-file = \"@/certs/a.pem\";");
    aim("pem-file = \"@/certs/a.pem\";");
    scratch_write(&scratch, "certs.d/c.pem", "one");
    ck_assert(!has_stirred());
    config->auto_reload = false;
    watch_aim(&watch, config);
    scratch_write(&scratch, "certs/a.pem", "two");
    ck_assert(!has_stirred());
}
END_TEST

Suite *watch_suite(void)
{
    Suite *suite = suite_create("watch");
    TCase *tcase = tcase_create("watch");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_file_that_is_written_or_replaced_stirs);
    tcase_add_test(tcase, challenges_are_watched_apart_and_whatever_auto_reload_says);
    tcase_add_test(tcase, reading_stirs_nothing);
    tcase_add_test(tcase, certificate_and_key_are_both_watched);
    tcase_add_test(tcase, staples_are_watched_beside_certificates_and_where_they_are_named);
    tcase_add_test(tcase, chain_and_passphrase_and_the_keys_beside_certificates_are_watched);
    tcase_add_test(tcase, whatever_comes_and_goes_in_a_directory_stirs);
    tcase_add_test(tcase, a_directory_that_is_replaced_stirs_and_is_watched_again);
    tcase_add_test(tcase, a_link_that_is_set_anew_stirs);
    tcase_add_test(tcase, what_links_in_a_directory_lead_to_is_watched);
    tcase_add_test(tcase, every_file_and_directory_that_is_named_is_watched);
    tcase_add_test(tcase, files_of_ticket_keys_and_credentials_are_watched);
    tcase_add_test(tcase, what_is_no_longer_named_or_wanted_is_not_watched);
    suite_add_tcase(suite, tcase);
    return suite;
}
