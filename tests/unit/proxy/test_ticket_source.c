/* Ticket keys as a configuration names them: files, secrets, credentials, and what is wrong. */
#include "proxy/ticket_source.h"

#include "scratch.h"
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { REPORT_BYTES = 2048, PERIOD_S = 60 };

#define KEY       "A" KEY_REST
#define OTHER_KEY "B" KEY_REST
#define KEY_REST  "QIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8w\n"
#define SECRET    "0123456789abcdef0123456789abcdef\n"

static struct scratch       scratch;
static struct ticket_source source;
static char                 printed[REPORT_BYTES];

static void set_up(void)
{
    scratch_open(&scratch);
    scratch_write(&scratch, "keys", KEY);
    scratch_write(&scratch, "secret", SECRET);
    scratch_write(&scratch, "short", "too short\n");
    scratch_write(&scratch, "public", SECRET);
    ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", scratch.path, 1), 0);
    for (const char *const *name = (const char *const[]){"keys", "secret", "short", NULL}; *name;
         name++) {
        char path[SCRATCH_PATH_BYTES];

        scratch_name(&scratch, *name, path);
        ck_assert_int_eq(chmod(path, 0600), 0);
    }
}

static void tear_down(void)
{
    ticket_source_wipe(&source);
    ck_assert_int_eq(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    scratch_close(&scratch);
}

static struct config_strings one(struct config_string *string, const char *text)
{
    *string = (struct config_string){.text = text, .at = {.file = "test", .line = 3}};
    return (struct config_strings){.items = string, .count = text != NULL ? 1 : 0};
}

/* NULL: not configured. Names are in the scratch directory unless they are credentials. Returns
 * what the report says. */
static const char *reads_after(const struct ticket_source *previous, const char *keys,
                               const char *secret)
{
    char                 paths[2][SCRATCH_PATH_BYTES];
    const char          *texts[2] = {keys, secret};
    struct config_string strings[2];
    struct config_report report = {0};
    FILE                *file = fmemopen(printed, sizeof(printed), "w");

    for (int i = 0; i < 2; i++) {
        if (texts[i] != NULL && strchr(texts[i], ':') == NULL) {
            scratch_name(&scratch, texts[i], paths[i]);
            texts[i] = paths[i];
        }
    }
    struct config config = {.ticket_rotation_ns = PERIOD_S * 1000000000ULL,
                            .ticket_fleet.text = "edge",
                            .ticket_keys = one(&strings[0], texts[0]),
                            .ticket_secret = one(&strings[1], texts[1])};

    ck_assert_ptr_nonnull(file);
    ticket_source_read(&source, &config, previous, &report);
    config_report_print(&report, file);
    ck_assert_int_eq(fputc('\0', file), '\0');
    (void)fclose(file);
    config_report_fini(&report);
    return printed;
}

static const char *reads(const char *keys, const char *secret)
{
    return reads_after(NULL, keys, secret);
}

static void check_said(const char *said, const char *words)
{
    ck_assert_msg(strstr(said, words) != NULL, "\"%s\" lacks \"%s\"", said, words);
}

START_TEST(without_a_word_keys_are_random)
{
    struct tls_ticket_keys keys = {.count = 1};

    ck_assert_str_eq(reads(NULL, NULL), "");
    ck_assert_int_eq(source.kind, TICKETS_RANDOM);
    ck_assert_uint_eq(source.period_s, PERIOD_S);
    ck_assert(ticket_source_keys(&source, 1000, &keys));
    ck_assert_uint_eq(keys.count, 1);
}
END_TEST

START_TEST(keys_of_a_file_stay_as_they_are)
{
    struct tls_ticket_keys keys;

    ck_assert_str_eq(reads("keys", NULL), "");
    ck_assert_int_eq(source.kind, TICKETS_FILED);
    ck_assert(ticket_source_keys(&source, 1000, &keys));
    ck_assert_uint_eq(keys.count, 1);
    ck_assert_uint_eq(keys.keys[0].name[15], 16);
}
END_TEST

START_TEST(derived_keys_change_with_the_period_and_not_within)
{
    struct tls_ticket_keys first, same, next;

    ck_assert_str_eq(reads(NULL, "secret"), "");
    ck_assert_int_eq(source.kind, TICKETS_DERIVED);
    ck_assert_str_eq(source.secrets.fleet, "edge");
    ck_assert(ticket_source_keys(&source, 100 * PERIOD_S, &first));
    ck_assert(ticket_source_keys(&source, 101 * PERIOD_S - 1, &same));
    ck_assert(ticket_source_keys(&source, 101 * PERIOD_S, &next));
    ck_assert_mem_eq(&first, &same, sizeof(first));
    ck_assert_mem_ne(&first.keys[0], &next.keys[0], sizeof(first.keys[0]));
    ck_assert_mem_eq(&first.keys[0], &next.keys[1], sizeof(first.keys[0]));
}
END_TEST

START_TEST(a_credential_is_a_file_that_the_service_manager_gave)
{
    ck_assert_str_eq(reads(NULL, "credential:secret"), "");
    ck_assert_int_eq(source.kind, TICKETS_DERIVED);
    check_said(reads(NULL, "credential:../secret"), "the name of a credential is a plain file");
    check_said(reads(NULL, "credential:"), "the name of a credential is a plain file name");
    check_said(reads(NULL, "credential:none"), "cannot read \"credential:none\"");
    ck_assert_int_eq(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    check_said(reads(NULL, "credential:secret"), "handed no credentials over");
}
END_TEST

START_TEST(what_is_wrong_is_said_with_its_place_and_without_a_secret)
{
    check_said(reads("none", NULL), "test:3: error: cannot read");
    check_said(reads("short", NULL), "line 1 is not base64");
    check_said(reads(NULL, "short"), "a secret has 32 to 1024 bytes, this one 9");
    ck_assert_ptr_null(strstr(printed, "too short"));
}
END_TEST

START_TEST(read_again_what_cannot_be_used_leaves_the_keys_as_they_were)
{
    struct ticket_source before;

    ck_assert_str_eq(reads("keys", NULL), "");
    before = source;
    scratch_write(&scratch, "keys", "half a key\n");
    check_said(reads_after(&before, "keys", NULL), "test:3: warning: ");
    check_said(printed, "a key of 48 or 80 bytes; the ticket keys in use stay\n");
    ck_assert(ticket_source_is_equal(&source, &before));
    check_said(reads_after(&before, "none", NULL), "cannot read ");
    check_said(printed, "; the ticket keys in use stay\n");
    ck_assert(ticket_source_is_equal(&source, &before));
    scratch_write(&scratch, "keys", OTHER_KEY);
    ck_assert_str_eq(reads_after(&before, "keys", NULL), "");
    ck_assert(!ticket_source_is_equal(&source, &before));
    ticket_source_wipe(&before);
}
END_TEST

START_TEST(a_secret_that_everyone_may_read_is_warned_of)
{
    check_said(reads(NULL, "public"), "test:3: warning: ");
    check_said(printed, "everyone may read it");
    ck_assert_int_eq(source.kind, TICKETS_DERIVED);
}
END_TEST

Suite *ticket_source_suite(void)
{
    Suite *suite = suite_create("ticket_source");
    TCase *files = tcase_create("files");

    tcase_add_checked_fixture(files, set_up, tear_down);
    tcase_add_test(files, without_a_word_keys_are_random);
    tcase_add_test(files, keys_of_a_file_stay_as_they_are);
    tcase_add_test(files, derived_keys_change_with_the_period_and_not_within);
    tcase_add_test(files, a_credential_is_a_file_that_the_service_manager_gave);
    tcase_add_test(files, what_is_wrong_is_said_with_its_place_and_without_a_secret);
    tcase_add_test(files, read_again_what_cannot_be_used_leaves_the_keys_as_they_were);
    tcase_add_test(files, a_secret_that_everyone_may_read_is_warned_of);
    suite_add_tcase(suite, files);
    return suite;
}
