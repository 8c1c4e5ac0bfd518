/* What a route has of its own, and what of its frontend. */
#include "proxy/client_auth.h"

#include "authority.h"
#include "scratch.h"
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONFIG_BYTES = 4096 };

static struct scratch       scratch;
static struct config_report report;
static struct config       *config;
static struct client_auth  *auth;
static struct client_auth  *again; /* made of the same once more */

static void set_up(void)
{
    struct credential root = authority_make(NULL, "Root");
    struct credential other = authority_make(NULL, "Other");
    char *texts[] = {credential_pem(&root), credential_pem(&other), revocations_pem(&root, NULL, 1),
                     revocations_pem(&root, &other, 1)};

    scratch_open(&scratch);
    scratch_write(&scratch, "root", texts[0]);
    scratch_write(&scratch, "other", texts[1]);
    scratch_write(&scratch, "list", texts[2]);
    scratch_write(&scratch, "longer", texts[3]);
    scratch_write(&scratch, "authorities/root", texts[0]);
    scratch_write(&scratch, "authorities/other", texts[1]);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        free(texts[i]);
    }
    credential_fini(&root);
    credential_fini(&other);
}

static void tear_down(void)
{
    client_auth_free(&auth);
    client_auth_free(&again);
    config_free(&config);
    config_report_fini(&report);
    report = (struct config_report){0};
    scratch_close(&scratch);
}

/* Of a frontend with these options; every @ stands for the directory of the files. */
static struct tls_verify_options options_of(const char *frontend)
{
    static char text[CONFIG_BYTES];
    char       *at = text + snprintf(text, sizeof(text),
                                     "frontends = ( { listen = \"*:1\"; backend = \"b\"; "
                                           "pem-file = \"x\"; ");

    for (; *frontend != '\0'; frontend++) {
        at += snprintf(at, (size_t)(text + sizeof(text) - at), "%.*s", *frontend == '@' ? 200 : 1,
                       *frontend == '@' ? scratch.path : frontend);
    }
    (void)snprintf(at, (size_t)(text + sizeof(text) - at),
                   " } ); backends = ( { name = \"b\"; servers = ( { address = \"127.0.0.1:1\"; } "
                   "); } );");
    config = config_load_text(text, "test", &report);
    ck_assert_ptr_nonnull(config);
    auth = client_auth_new(&config->frontends[0], NULL, &report);
    ck_assert_ptr_nonnull(auth);
    ck_assert(!config_report_has_errors(&report));
    return client_auth_options(auth);
}

static const struct tls_verify *policy_of(const struct tls_verify_options *options,
                                          const char                      *name)
{
    struct bytes_const bytes = {(const uint8_t *)name, strlen(name)};
    int                found = name_table_find(options->names, bytes);

    return &options->policies[found == NAME_TABLE_NONE ? 0 : found];
}

START_TEST(where_nobody_is_asked_nothing_is_read)
{
    struct tls_verify_options options =
        options_of("ca-file = \"@/missing\"; routes = ( { sni = \"a\"; backend = \"b\"; } );");

    ck_assert_uint_eq(options.policies_count, 0);
    ck_assert_uint_eq(options.trusts_count, 0);
}
END_TEST

START_TEST(a_route_without_options_is_like_its_frontend)
{
    struct tls_verify_options options =
        options_of("client-verify = \"required\"; ca-file = \"@/root\"; crl-file = \"@/list\"; "
                   "allow-cn = \"alice\"; routes = ( { sni = \"a\"; backend = \"b\"; } );");
    const struct tls_verify *route = policy_of(&options, "a");

    ck_assert_ptr_eq(route, &options.policies[0]);
    ck_assert_uint_eq(options.policies_count, 1);
    ck_assert_int_eq(route->mode, TLS_VERIFY_REQUIRED);
    ck_assert_uint_eq(options.trusts_count, 1);
    ck_assert_uint_eq(route->trust, 0);
    ck_assert_uint_eq(route->allows_count, 1);
    ck_assert_str_eq(route->allows[0].pattern, "alice");
    ck_assert(options.trusts[0].checks_leaf);
    ck_assert(options.trusts[0].checks_chain);
}
END_TEST

START_TEST(a_route_may_have_authorities_of_its_own_and_the_frontends_lists)
{
    struct tls_verify_options options =
        options_of("ca-file = \"@/root\"; crl-file = \"@/list\"; crl-check = \"leaf\"; routes = ( "
                   "{ sni = \"a\"; backend = \"b\"; client-verify = \"optional\"; }, "
                   "{ sni = \"c\"; backend = \"b\"; client-verify = \"required\"; "
                   "ca-file = \"@/other\"; } );");

    ck_assert_int_eq(policy_of(&options, "nobody")->mode, TLS_VERIFY_NONE);
    ck_assert_int_eq(policy_of(&options, "a")->mode, TLS_VERIFY_OPTIONAL);
    ck_assert_int_eq(policy_of(&options, "c")->mode, TLS_VERIFY_REQUIRED);
    ck_assert_uint_eq(options.trusts_count, 2);
    ck_assert_uint_ne(policy_of(&options, "a")->trust, policy_of(&options, "c")->trust);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_uint_eq(options.trusts[i].authorities_count, 1);
        ck_assert_uint_eq(options.trusts[i].revocations_count, 1);
        ck_assert(options.trusts[i].checks_leaf);
        ck_assert(!options.trusts[i].checks_chain);
    }
}
END_TEST

START_TEST(a_route_with_any_list_of_allowed_clients_has_none_of_the_frontends)
{
    struct tls_verify_options options =
        options_of("client-verify = \"required\"; ca-file = \"@/root\"; allow-cn = \"alice\"; "
                   "routes = ( { sni = \"a\"; backend = \"b\"; allow-ou = [ \"ops\", \"dev\" ]; } "
                   ");");
    const struct tls_verify *route = policy_of(&options, "a");

    ck_assert_uint_eq(route->allows_count, 2);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(route->allows[i].kind, TLS_ALLOW_OU);
    }
    ck_assert_uint_eq(options.policies[0].allows_count, 1);
}
END_TEST

START_TEST(a_name_without_options_wins_over_a_wildcard_with_some)
{
    struct tls_verify_options options =
        options_of("ca-file = \"@/root\"; routes = ( "
                   "{ sni = \"*.a.example\"; backend = \"b\"; client-verify = \"required\"; }, "
                   "{ sni = \"open.a.example\"; backend = \"b\"; } );");

    ck_assert_int_eq(policy_of(&options, "x.a.example")->mode, TLS_VERIFY_REQUIRED);
    ck_assert_int_eq(policy_of(&options, "open.a.example")->mode, TLS_VERIFY_NONE);
}
END_TEST

START_TEST(each_list_of_revoked_certificates_is_told_of)
{
    struct client_auth_list list;

    (void)options_of("client-verify = \"required\"; ca-file = \"@/root\"; crl-file = \"@/list\"; "
                     "routes = ( { sni = \"a\"; backend = \"b\"; ca-file = \"@/other\"; }, "
                     "{ sni = \"c\"; backend = \"b\"; } );");
    for (size_t i = 0; i < 2; i++) {
        ck_assert(client_auth_list(auth, i, &list));
        ck_assert_str_eq(strrchr(list.path, '/') + 1, "list");
        ck_assert_int_gt(list.good_until_s, 0);
    }
    ck_assert(!client_auth_list(auth, 2, &list));
}
END_TEST

/* --- read once more ------------------------------------------------------------------------ */

/* What the report says when everything is read again. */
static const char *read_again(void)
{
    static char said[CONFIG_BYTES];
    FILE       *into = fmemopen(said, sizeof(said), "w");

    ck_assert_ptr_nonnull(into);
    config_report_fini(&report);
    report = (struct config_report){0};
    client_auth_free(&again);
    again = client_auth_new(&config->frontends[0], auth, &report);
    ck_assert_ptr_nonnull(again);
    config_report_print(&report, into);
    ck_assert_int_eq(fputc('\0', into), '\0');
    (void)fclose(into);
    return said;
}

static void rename_to(const char *from, const char *to)
{
    char from_path[SCRATCH_PATH_BYTES], to_path[SCRATCH_PATH_BYTES];

    scratch_name(&scratch, from, from_path);
    scratch_name(&scratch, to, to_path);
    ck_assert_int_eq(rename(from_path, to_path), 0);
}

static void check_has(const char *said, const char *words)
{
    ck_assert_msg(strstr(said, words) != NULL, "\"%s\" lacks \"%s\"", said, words);
}

#define REQUIRED "client-verify = \"required\"; "

START_TEST(files_that_rest_are_the_same)
{
    (void)options_of(REQUIRED "ca-dir = \"@/authorities\"; crl-file = \"@/list\";");
    ck_assert_str_eq(read_again(), "");
    ck_assert(client_auth_is_equal(auth, again));
}
END_TEST

START_TEST(a_file_that_has_changed_is_not_the_same)
{
    (void)options_of(REQUIRED "ca-file = \"@/root\"; crl-file = \"@/list\";");
    rename_to("longer", "list");
    ck_assert_str_eq(read_again(), "");
    ck_assert(!client_auth_is_equal(auth, again));
}
END_TEST

START_TEST(a_file_that_cannot_be_used_now_stays_as_it_was)
{
    static const char *const names[] = {"root", "list"};

    (void)options_of(REQUIRED "ca-file = \"@/root\"; crl-file = \"@/list\";");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        scratch_write(&scratch, names[i], "-----BEGIN X509 CRL-----\nhalf");
        check_has(read_again(), "test:1: warning: ");
        check_has(read_again(), "; its last good version stays in use\n");
        ck_assert(client_auth_is_equal(auth, again));
        rename_to(names[i], "away");
        check_has(read_again(), "cannot read ");
        check_has(read_again(), "; its last good version stays in use\n");
        ck_assert(client_auth_is_equal(auth, again));
    }
}
END_TEST

START_TEST(what_was_kept_is_kept_again)
{
    (void)options_of(REQUIRED "ca-file = \"@/root\"; crl-file = \"@/list\";");
    scratch_write(&scratch, "list", "half");
    (void)read_again();
    client_auth_free(&auth);
    auth = again;
    again = NULL;
    check_has(read_again(), "; its last good version stays in use\n");
    ck_assert(client_auth_is_equal(auth, again));
}
END_TEST

START_TEST(what_is_gone_from_a_directory_is_gone)
{
    (void)options_of(REQUIRED "ca-dir = \"@/authorities\";");
    rename_to("authorities/other", "away");
    ck_assert_str_eq(read_again(), "");
    ck_assert(!client_auth_is_equal(auth, again));
    ck_assert_uint_eq(client_auth_options(again).trusts[0].authorities_count, 1);
}
END_TEST

START_TEST(a_directory_that_cannot_be_read_or_is_empty_keeps_what_was_in_it)
{
    (void)options_of(REQUIRED "ca-dir = \"@/authorities\";");
    rename_to("authorities", "away");
    check_has(read_again(), "; what was in it stays in use\n");
    ck_assert(client_auth_is_equal(auth, again));
    scratch_write(&scratch, "authorities/.hidden", "");
    check_has(read_again(), "; what was in it stays in use\n");
    ck_assert(client_auth_is_equal(auth, again));
}
END_TEST

Suite *client_auth_suite(void)
{
    Suite *suite = suite_create("client_auth");
    TCase *tcase = tcase_create("client_auth");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, where_nobody_is_asked_nothing_is_read);
    tcase_add_test(tcase, a_route_without_options_is_like_its_frontend);
    tcase_add_test(tcase, a_route_may_have_authorities_of_its_own_and_the_frontends_lists);
    tcase_add_test(tcase, a_route_with_any_list_of_allowed_clients_has_none_of_the_frontends);
    tcase_add_test(tcase, a_name_without_options_wins_over_a_wildcard_with_some);
    tcase_add_test(tcase, each_list_of_revoked_certificates_is_told_of);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("read once more");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, files_that_rest_are_the_same);
    tcase_add_test(tcase, a_file_that_has_changed_is_not_the_same);
    tcase_add_test(tcase, a_file_that_cannot_be_used_now_stays_as_it_was);
    tcase_add_test(tcase, what_was_kept_is_kept_again);
    tcase_add_test(tcase, what_is_gone_from_a_directory_is_gone);
    tcase_add_test(tcase, a_directory_that_cannot_be_read_or_is_empty_keeps_what_was_in_it);
    suite_add_tcase(suite, tcase);
    return suite;
}
