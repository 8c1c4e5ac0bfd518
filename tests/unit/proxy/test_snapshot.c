#include "proxy/snapshot.h"

#include "certificates.h"
#include "proxy/pem_file.h"
#include "sample.h"
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 200, CONFIG_BYTES = 1024 * 1024 };

static const char *const files[] = {"good.pem",  "other.pem", "key.pem",       "leaf.pem",
                                    "empty.pem", "old.pem",   "encrypted.pem", "big.pem"};

/* PBES2 over nothing sensible: OpenSSL asks for the password before it looks. */
static const char encrypted_key[] =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgAAAAAAAAAAAICCAAw\n"
    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEAAAAAAAAAAAAAAAAAAAAAAEQAAA\n"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";

static char                      directory[] = "/tmp/sallyport-snapshot-XXXXXX";
static struct config_report      report;
static struct certificate_store *store;

/* Linked in the place of explicit_bzero, to see what is wiped; and in that of what a fortified
 * build calls instead. */
void __real_explicit_bzero(void *memory, size_t len);
void __wrap_explicit_bzero(void *memory, size_t len);
void __real___explicit_bzero_chk(void *memory, size_t len, size_t memory_len);
void __wrap___explicit_bzero_chk(void *memory, size_t len, size_t memory_len);

static size_t wiped_bytes;

void __wrap_explicit_bzero(void *memory, size_t len)
{
    wiped_bytes += len;
    __real_explicit_bzero(memory, len);
}

void __wrap___explicit_bzero_chk(void *memory, size_t len, size_t memory_len)
{
    wiped_bytes += len;
    __real___explicit_bzero_chk(memory, len, memory_len);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
    char  path[PATH_BYTES];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(path, mode), 0);
}

static char *make(int days)
{
    return certificate_make(&(struct certificate_options){
        .kind = CERTIFICATE_EC_P256, .names = "DNS:www.example.com", .days = days});
}

static void set_up(void)
{
    char        *good = make(30), *other = make(30), *old = make(-1);
    char        *key = certificate_only_key(good), *leaf = certificate_only_leaf(good);
    char         both[CONFIG_BYTES * 2];
    struct error error;

    store = certificate_store_new(&error);
    ck_assert_ptr_nonnull(store);
    (void)snprintf(directory, sizeof(directory), "/tmp/sallyport-snapshot-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)snprintf(both, sizeof(both), "%s%s", leaf, encrypted_key);
    write_file("good.pem", good, 0600);
    write_file("other.pem", other, 0600);
    write_file("old.pem", old, 0600);
    write_file("key.pem", key, 0600);
    write_file("leaf.pem", leaf, 0644);
    write_file("empty.pem", "nothing here\n", 0600);
    write_file("encrypted.pem", both, 0600);
    free(good);
    free(other);
    free(old);
    free(key);
    free(leaf);
}

static void tear_down(void)
{
    char path[PATH_BYTES];

    config_report_fini(&report);
    certificate_store_free(&store);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", directory, files[i]);
        (void)unlink(path);
    }
    ck_assert_int_eq(rmdir(directory), 0);
}

/* Every @ in the text stands for the directory; line 1 is the first of it. */
static struct snapshot *build(const char *text)
{
    static char    filled[CONFIG_BYTES];
    char          *at = filled;
    struct config *config = NULL;

    config_report_fini(&report);
    report = (struct config_report){0};
    for (; *text != '\0'; text++) {
        at += snprintf(at, (size_t)(filled + sizeof(filled) - at), "%.*s", *text == '@' ? 99 : 1,
                       *text == '@' ? directory : text);
    }
    config = config_load_text(filled, "test.conf", &report);
    if (config == NULL) {
        config_report_print(&report, stderr);
    }
    ck_assert_ptr_nonnull(config);
    struct snapshot *snapshot = snapshot_build(&config, store, &report);

    ck_assert_ptr_null(config);
    return snapshot;
}

static const char *printed(void)
{
    static char text[CONFIG_BYTES];
    FILE       *file = fmemopen(text, sizeof(text), "w");

    ck_assert_ptr_nonnull(file);
    config_report_print(&report, file);
    (void)fclose(file);
    return text;
}

/* The configuration is refused, with these words. */
static void refuses(const char *text, const char *words)
{
    struct snapshot *snapshot = build(text);

    ck_assert_ptr_null(snapshot);
    if (strstr(printed(), words) == NULL) {
        ck_abort_msg("%s\ninstead of: %s", printed(), words);
    }
}

/* ... is taken, with this warning. */
static void warns(const char *text, const char *words)
{
    struct snapshot *snapshot = build(text);

    ck_assert_ptr_nonnull(snapshot);
    if (strstr(printed(), words) == NULL) {
        ck_abort_msg("%s\ninstead of: %s", printed(), words);
    }
    snapshot_free(&snapshot);
    ck_assert_ptr_null(snapshot);
}

#define BACKENDS                                                                                   \
    "backends = ( { name = \"app\"; servers = ( { address = \"127.0.0.1:80\"; } ); } );\n"

/* One frontend; its PEM stands on line 3, more options follow on line 4. */
#define FRONTEND(pem, more)                                                                        \
    "frontends = ( { backend = \"app\";\n"                                                         \
    "  listen = [ \"127.0.0.1:443\" ];\n"                                                          \
    "  pem-file = \"@/" pem "\";\n"                                                                \
    "  " more "} );\n" BACKENDS

START_TEST(a_sound_configuration_is_taken_without_a_word)
{
    struct snapshot *snapshot = build(FRONTEND("good.pem", ""));

    ck_assert_str_eq(printed(), "");
    ck_assert_ptr_nonnull(snapshot);
    ck_assert_uint_eq(snapshot->frontends[0].listens_count, 1);
    ck_assert_uint_eq(tls_selection_count(snapshot->frontends[0].tls.selection), 1);
    ck_assert(!snapshot_has_builtin(snapshot));
    snapshot_free(&snapshot);
}
END_TEST

START_TEST(a_file_that_cannot_be_used_is_named_with_its_line)
{
    refuses(FRONTEND("missing.pem", ""), "test.conf:3: error: cannot read \"");
    refuses(FRONTEND("", ""), "test.conf:3: error: cannot read \"");
    refuses(FRONTEND("empty.pem", ""), "empty.pem: no certificate in it");
    ck_assert_ptr_eq(strstr(printed(), "test.conf:3: error: "), printed());
    refuses(FRONTEND("leaf.pem", ""), "test.conf:3: error: ");
    refuses(FRONTEND("key.pem", ""), "key.pem: no certificate in it");
    refuses(FRONTEND("encrypted.pem", ""), "encrypted.pem: the key is encrypted");
    ck_assert_ptr_eq(strstr(printed(), "test.conf:3: error: "), printed());
}
END_TEST

START_TEST(the_key_of_another_certificate_is_named_with_its_line)
{
    refuses("frontends = ( { backend = \"app\"; listen = [ \"127.0.0.1:443\" ];\n"
            "  cert = \"@/leaf.pem\";\n"
            "  key = \"@/other.pem\"; } );\n" BACKENDS,
            "other.pem: the key does not belong to the certificate");
    ck_assert_ptr_eq(strstr(printed(), "test.conf:3: error: "), printed());
}
END_TEST

START_TEST(a_certificate_and_its_key_may_be_two_files)
{
    struct snapshot *snapshot =
        build("frontends = ( { backend = \"app\"; listen = [ \"127.0.0.1:443\" ];\n"
              "  cert = \"@/leaf.pem\"; key = \"@/key.pem\"; } );\n" BACKENDS);

    ck_assert_str_eq(printed(), "");
    ck_assert_ptr_nonnull(snapshot);
    snapshot_free(&snapshot);
}
END_TEST

START_TEST(a_file_that_is_too_big_is_not_read)
{
    char path[PATH_BYTES];

    (void)snprintf(path, sizeof(path), "%s/big.pem", directory);
    write_file("big.pem", "", 0600);
    ck_assert_int_eq(truncate(path, PEM_FILE_BYTES_MAX + 1), 0);
    refuses(FRONTEND("big.pem", ""), "test.conf:3: error: cannot read \"");
}
END_TEST

START_TEST(addresses_that_are_none_are_named_with_their_line)
{
    refuses("frontends = ( { backend = \"app\"; pem-file = \"@/good.pem\";\n"
            "  listen = [ \"127.0.0.1:443\",\n"
            "    \"localhost\" ]; } );\n" BACKENDS,
            "test.conf:3: error: listen \"localhost\": ");
    refuses("frontends = ( { backend = \"app\"; pem-file = \"@/good.pem\";\n"
            "  listen = [ \"127.0.0.1:443\" ]; } );\n"
            "backends = ( { name = \"app\"; servers = (\n"
            "  { address = \"127.0.0.1:80\"; },\n"
            "  { address = \"*:80\"; } ); } );\n",
            "test.conf:5: error: address \"*:80\": ");
    refuses("frontends = ( { backend = \"app\"; pem-file = \"@/good.pem\";\n"
            "  listen = [ \"127.0.0.1:443\" ]; } );\n"
            "backends = ( { name = \"app\"; servers = (\n"
            "  { address = \"builtin:nothing\"; } ); } );\n",
            "test.conf:4: error: address \"builtin:nothing\": ");
    refuses(FRONTEND("good.pem", "accept-proxy = \"required\";"
                                 "accept-proxy-from = [ \"10.0.0.0/8\", \"10.0.0.0/33\" ];"),
            "test.conf:4: error: accept-proxy-from \"10.0.0.0/33\": ");
}
END_TEST

START_TEST(an_address_is_listened_on_once)
{
    refuses("frontends = (\n"
            "  { name = \"a\"; backend = \"app\"; pem-file = \"@/good.pem\";\n"
            "    listen = [ \"*:443\" ]; },\n"
            "  { name = \"b\"; backend = \"app\"; pem-file = \"@/good.pem\";\n"
            "    listen = [ \"0.0.0.0:443\" ]; } );\n" BACKENDS,
            "test.conf:5: error: listen \"0.0.0.0:443\": taken already, at test.conf:3");
    refuses("frontends = ( { backend = \"app\"; pem-file = \"@/good.pem\";\n"
            "  listen = [ \"127.0.0.1:443\",\n"
            "    \"127.0.0.1:443\" ]; } );\n" BACKENDS,
            "test.conf:3: error: listen \"127.0.0.1:443\": taken already, at test.conf:2");
}
END_TEST

START_TEST(the_kernels_choice_of_a_port_may_be_asked_for_twice)
{
    struct snapshot *snapshot =
        build("frontends = ( { backend = \"app\"; pem-file = \"@/good.pem\";\n"
              "  listen = [ \"127.0.0.1:0\", \"127.0.0.1:0\" ]; } );\n" BACKENDS);

    ck_assert_str_eq(printed(), "");
    snapshot_free(&snapshot);
}
END_TEST

START_TEST(routes_need_names_and_each_name_once)
{
    refuses(FRONTEND("good.pem",
                     "routes = (\n"
                     " { sni = [ \"a.example\", \"not a name\" ]; backend = \"app\"; }\n"
                     " ); "),
            "test.conf:5: error: sni \"not a name\": ");
    refuses(FRONTEND("good.pem", "routes = (\n"
                                 " { sni = [ \"a.example\" ]; backend = \"app\"; },\n"
                                 " { sni = [ \"A.example\" ]; backend = \"app\"; } ); "),
            "test.conf:6: error: sni \"A.example\": an earlier route has this name");
}
END_TEST

START_TEST(ten_thousand_names_are_each_routed)
{
    enum { NAMES = 10000, LAST_BACKEND = 1 };
    char  *text = NULL;
    size_t len = 0;
    FILE  *file = open_memstream(&text, &len);

    ck_assert_ptr_nonnull(file);
    fprintf(file, "frontends = ( { backend = \"app\"; listen = [ \"127.0.0.1:443\" ];\n"
                  "  pem-file = \"@/good.pem\"; routes = ( ");
    for (int i = 0; i < NAMES; i++) {
        fprintf(file, "{ sni = \"host%d.example\"; backend = \"%s\"; }%s", i,
                i == NAMES - 1 ? "last" : "app", i == NAMES - 1 ? " ); } );\n" : ",\n");
    }
    fprintf(file,
            "backends = ( { name = \"app\"; servers = ( { address = \"builtin:echo\"; } ); },\n"
            "  { name = \"last\"; servers = ( { address = \"builtin:echo\"; } ); } );\n");
    ck_assert_int_eq(fclose(file), 0);
    struct snapshot         *snapshot = build(text);
    const struct name_table *routes = snapshot->frontends[0].routes;

    ck_assert_int_eq(name_table_find(routes, sample_bytes("host9998.example")), 0);
    ck_assert_int_eq(name_table_find(routes, sample_bytes("host9999.example")), LAST_BACKEND);
    ck_assert_int_eq(name_table_find(routes, sample_bytes("host10000.example")), NAME_TABLE_NONE);
    snapshot_free(&snapshot);
    free(text);
}
END_TEST

START_TEST(ciphers_and_groups_that_do_not_exist_are_named_with_their_line)
{
    refuses(FRONTEND("good.pem", "ciphers = \"NO-SUCH-CIPHER\"; "),
            "test.conf:4: error: ciphers: ");
    refuses(FRONTEND("good.pem", "ciphersuites = \"TLS_NONE\"; "),
            "test.conf:4: error: ciphersuites: ");
    refuses(FRONTEND("good.pem", "groups = \"nogroup\"; "), "test.conf:4: error: groups: ");
}
END_TEST

#define ROUTE(more) "routes = ( { sni = \"a.example\"; backend = \"app\";\n" more " } ); "

START_TEST(what_openssl_does_not_take_of_a_route_is_named_with_its_line)
{
    refuses(FRONTEND("good.pem", ROUTE("ciphers = \"NO-SUCH-CIPHER\";")),
            "test.conf:5: error: ciphers: ");
    refuses(FRONTEND("good.pem", ROUTE("ciphersuites = \"TLS_NONE\";")),
            "test.conf:5: error: ciphersuites: ");
    refuses(FRONTEND("good.pem", ROUTE("groups = \"nogroup\";")), "test.conf:5: error: groups: ");
    refuses(FRONTEND("good.pem", ROUTE("ssl-conf = { NoSuch = \"x\"; };")),
            "test.conf:5: error: ssl-conf: NoSuch: ");
    refuses(FRONTEND("good.pem", "max-version = \"TLSv1.2\"; " ROUTE("tls-policy = \"modern\";\n"
                                                                     "max-version = \"TLSv1.2\";")),
            "test.conf:6: error: min-version is above max-version");
}
END_TEST

START_TEST(a_certificate_that_is_not_for_the_policy_of_a_name_is_named_with_the_name)
{
    refuses(FRONTEND("good.pem", ROUTE("security-level = 5;")),
            "test.conf:4: error: sni \"a.example\": the certificate for it is not for the route's "
            "policy: ee key too small");
    refuses(FRONTEND("good.pem", "routes = ( { sni = \"www.example.com\"; backend = \"app\";\n"
                                 "  security-level = 5; } );"),
            "good.pem: ee key too small");
}
END_TEST

START_TEST(a_key_that_everyone_may_read_warns)
{
    char path[PATH_BYTES];

    (void)snprintf(path, sizeof(path), "%s/good.pem", directory);
    ck_assert_int_eq(chmod(path, 0644), 0);
    warns(FRONTEND("good.pem", ""), "test.conf:3: warning: ");
    ck_assert_ptr_nonnull(strstr(printed(), "holds a key, and everyone may read it"));
}
END_TEST

START_TEST(an_expired_certificate_warns)
{
    warns(FRONTEND("old.pem", ""), "old.pem: the certificate has expired");
    ck_assert_ptr_eq(strstr(printed(), "test.conf:3: warning: "), printed());
}
END_TEST

START_TEST(every_mistake_is_told_in_one_run)
{
    refuses("frontends = ( { backend = \"app\";\n"
            "  listen = [ \"nowhere\" ];\n"
            "  pem-file = \"@/missing.pem\"; } );\n"
            "backends = ( { name = \"app\"; servers = ( { address = \"x\"; } ); } );\n",
            "test.conf:2: error: ");
    ck_assert_ptr_nonnull(strstr(printed(), "test.conf:3: error: "));
    ck_assert_ptr_nonnull(strstr(printed(), "test.conf:4: error: "));
}
END_TEST

START_TEST(a_service_inside_the_daemon_is_known)
{
    struct snapshot *snapshot = build(
        "frontends = ( { backend = \"app\"; pem-file = \"@/good.pem\";\n"
        "  listen = [ \"127.0.0.1:443\" ]; } );\n"
        "backends = ( { name = \"app\"; servers = ( { address = \"builtin:echo\"; } ); } );\n");

    ck_assert_ptr_nonnull(snapshot);
    ck_assert(snapshot_has_builtin(snapshot));
    snapshot_free(&snapshot);
}
END_TEST

START_TEST(files_with_keys_are_wiped_from_memory)
{
    char        path[PATH_BYTES];
    struct stat status;

    (void)snprintf(path, sizeof(path), "%s/good.pem", directory);
    ck_assert_int_eq(stat(path, &status), 0);
    wiped_bytes = 0;
    struct snapshot *snapshot = build(FRONTEND("good.pem", ""));

    ck_assert_ptr_nonnull(snapshot);
    ck_assert_uint_eq(wiped_bytes, (size_t)status.st_size);
    snapshot_free(&snapshot);
}
END_TEST

START_TEST(a_directory_gives_what_can_be_used_of_it)
{
    struct snapshot *snapshot =
        build("frontends = ( { backend = \"app\"; listen = [ \"127.0.0.1:443\" ];\n"
              "  pem-dir = \"@\"; } );\n" BACKENDS);

    ck_assert_ptr_nonnull(snapshot);
    /* good.pem, old.pem and other.pem; empty, encrypted, key and leaf are of no use, of which the
     * key may be that of another file */
    ck_assert_uint_eq(tls_selection_count(snapshot->frontends[0].tls.selection), 3);
    ck_assert_uint_eq(snapshot->certificates.count, 3);
    ck_assert_uint_eq(snapshot->certificates.errors, 3);
    ck_assert_ptr_nonnull(strstr(printed(), "test.conf:2: warning: "));
    ck_assert_ptr_nonnull(strstr(printed(), "empty.pem: no certificate in it (no start line); "
                                            "it is skipped"));
    ck_assert_ptr_null(strstr(printed(), "key.pem"));
    snapshot_free(&snapshot);
    refuses("strict-certs = true; frontends = ( { backend = \"app\"; listen = \"127.0.0.1:443\";\n"
            "  pem-dir = \"@\"; } );\n" BACKENDS,
            "test.conf:2: error: ");
    refuses("frontends = ( { backend = \"app\"; listen = \"127.0.0.1:443\";\n"
            "  pem-dir = \"@\"; pem-dir-glob = \"empty*\"; } );\n" BACKENDS,
            "test.conf:2: error: there is no certificate in pem-dir that can be used");
}
END_TEST

START_TEST(frontends_and_snapshots_share_certificates)
{
    struct snapshot *first = build(FRONTEND("good.pem", ""));
    struct snapshot *second =
        build("frontends = ( { name = \"a\"; backend = \"app\"; listen = \"127.0.0.1:443\";"
              "  pem-file = \"@/good.pem\"; }, { name = \"b\"; backend = \"app\";"
              "  listen = \"127.0.0.1:444\"; pem-file = \"@/good.pem\"; } );" BACKENDS);

    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_nonnull(second);
    ck_assert_uint_eq(second->certificates.parsed, 0);
    ck_assert_uint_eq(second->certificates.count, 1);
    for (size_t i = 0; i < 2; i++) {
        ck_assert(tls_selection_is_equal(second->frontends[i].tls.selection,
                                         first->frontends[0].tls.selection));
    }
    snapshot_free(&first);
    snapshot_free(&second);
}
END_TEST

START_TEST(a_renewed_snapshot_has_the_same_configuration_and_what_is_new)
{
    struct snapshot *first = build(FRONTEND("good.pem", ""));
    char            *text = make(30);

    ck_assert_ptr_nonnull(first);
    struct snapshot *same = snapshot_renew(first, store, &report);

    ck_assert_ptr_nonnull(same);
    ck_assert_ptr_eq(same->config, first->config);
    ck_assert_uint_eq(snapshot_changes(first, same), SNAPSHOT_SAME);
    write_file("good.pem", text, 0600);
    free(text);
    struct snapshot *other = snapshot_renew(same, store, &report);

    ck_assert_ptr_nonnull(other);
    ck_assert_uint_eq(snapshot_changes(same, other), SNAPSHOT_CERTIFICATES);
    snapshot_free(&first);
    snapshot_free(&same);
    ck_assert_str_eq(other->config->backends[0].name.text, "app");
    snapshot_free(&other);
}
END_TEST

Suite *snapshot_suite(void)
{
    Suite *suite = suite_create("snapshot");
    TCase *tcase = tcase_create("snapshot");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_sound_configuration_is_taken_without_a_word);
    tcase_add_test(tcase, a_file_that_cannot_be_used_is_named_with_its_line);
    tcase_add_test(tcase, the_key_of_another_certificate_is_named_with_its_line);
    tcase_add_test(tcase, a_certificate_and_its_key_may_be_two_files);
    tcase_add_test(tcase, a_file_that_is_too_big_is_not_read);
    tcase_add_test(tcase, addresses_that_are_none_are_named_with_their_line);
    tcase_add_test(tcase, an_address_is_listened_on_once);
    tcase_add_test(tcase, the_kernels_choice_of_a_port_may_be_asked_for_twice);
    tcase_add_test(tcase, routes_need_names_and_each_name_once);
    tcase_add_test(tcase, ten_thousand_names_are_each_routed);
    tcase_add_test(tcase, ciphers_and_groups_that_do_not_exist_are_named_with_their_line);
    tcase_add_test(tcase, what_openssl_does_not_take_of_a_route_is_named_with_its_line);
    tcase_add_test(tcase,
                   a_certificate_that_is_not_for_the_policy_of_a_name_is_named_with_the_name);
    tcase_add_test(tcase, a_key_that_everyone_may_read_warns);
    tcase_add_test(tcase, an_expired_certificate_warns);
    tcase_add_test(tcase, every_mistake_is_told_in_one_run);
    tcase_add_test(tcase, a_service_inside_the_daemon_is_known);
    tcase_add_test(tcase, files_with_keys_are_wiped_from_memory);
    tcase_add_test(tcase, a_directory_gives_what_can_be_used_of_it);
    tcase_add_test(tcase, frontends_and_snapshots_share_certificates);
    tcase_add_test(tcase, a_renewed_snapshot_has_the_same_configuration_and_what_is_new);
    suite_add_tcase(suite, tcase);
    return suite;
}
