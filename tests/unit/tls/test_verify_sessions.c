/* Where the session of a client that was verified may be resumed, and which name asks for what. */
#include "authority.h"
#include "certificates.h"
#include "pair.h"
#include "suites.h"
#include "tls/common_name.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

enum { VERSIONS_COUNT = 2, DAY_S = 86400 };
static const char *const VERSIONS[] = {"TLSv1.2", "TLSv1.3"};

/* What the server of a test is told; changed between two handshakes. */
static struct credential      root;
static struct credential      client;
static char                  *files[8];
static size_t                 files_count;
static struct bytes_const     authorities[2];
static struct bytes_const     revocations[1];
static struct tls_trust       trusts[2];
static struct tls_verify      policies[3];
static struct tls_allow       allows[2];
static struct name_table     *names;
static struct tls_ticket_keys keys;

static struct bytes_const kept(char *text)
{
    files[files_count++] = text;
    return bytes_of(text);
}

static void set_up(void)
{
    root = authority_make(NULL, "Root");
    client = client_make(&root, "alice");
    authorities[0] = kept(credential_pem(&root));
    for (int i = 0; i < 2; i++) {
        trusts[i] = (struct tls_trust){.authorities = authorities,
                                       .authorities_count = 1,
                                       .revocations = revocations,
                                       .depth = 4};
    }
    memset(policies, 0, sizeof(policies));
    memset(allows, 0, sizeof(allows));
    policies[0].mode = TLS_VERIFY_REQUIRED;
    allows[0] = (struct tls_allow){.kind = TLS_ALLOW_CN, .pattern = "alice"};
    allows[1] = (struct tls_allow){.kind = TLS_ALLOW_CN, .pattern = "*"};
    names = NULL;
    keys = (struct tls_ticket_keys){0};
    ck_assert(tls_ticket_keys_rotate(&keys));
}

static void tear_down(void)
{
    clock_ahead_s = 0;
    credential_fini(&root);
    credential_fini(&client);
    name_table_free(&names);
    while (files_count > 0) {
        free(files[--files_count]);
    }
}

static struct pair *pair_now(int version)
{
    struct tls_context_options server = server_options();
    struct tls_context_options options = client_options();

    server.session_lifetime_s = 10 * DAY_S;
    server.verify = (struct tls_verify_options){.trusts = trusts,
                                                .trusts_count = 2,
                                                .policies = policies,
                                                .policies_count = 3,
                                                .names = names};
    options.max_version = VERSIONS[version];
    struct pair *pair = pair_new(&server, &options);

    tls_library_set_ticket_keys(pair->library, &keys);
    return pair;
}

static void show(struct pair *pair, const struct credential *credential)
{
    ck_assert_int_eq(SSL_use_certificate(pair->client.engine.ssl, credential->certificate), 1);
    ck_assert_int_eq(SSL_use_PrivateKey(pair->client.engine.ssl, credential->key), 1);
}

/* A session of a full handshake with the server as it is now. */
static struct ssl_session_st *session_now(int version)
{
    struct pair *pair = pair_now(version);

    show(pair, &client);
    pair_shake(pair);
    check_established(pair);
    struct ssl_session_st *session = session_of(pair);

    ck_assert_ptr_nonnull(session);
    pair_free(&pair);
    return session;
}

static void check_common_name(const struct pair *pair, const char *expected)
{
    uint8_t name[16];
    size_t  len = common_name_read(&pair->server.engine, (struct bytes){name, sizeof(name)});

    ck_assert_uint_eq(len, strlen(expected));
    ck_assert_mem_eq(name, expected, len);
}

/* Does it resume with the server as it is now? Else the client shows its certificate again. */
static bool resumes(int version, struct ssl_session_st *session)
{
    struct pair     *pair = pair_now(version);
    struct tls_facts facts;

    show(pair, &client);
    ck_assert(tls_client_resume(&pair->client.engine, session));
    pair_shake(pair);
    check_established(pair);
    tls_engine_facts(&pair->server.engine, &facts);
    if (policies[0].mode != TLS_VERIFY_NONE) {
        ck_assert_str_eq(facts.verify, "ok");
        ck_assert_uint_eq(facts.subject.len, strlen("CN=alice"));
        check_common_name(pair, "alice");
    }
    pair_free(&pair);
    return facts.is_resumed;
}

START_TEST(a_session_of_the_same_policy_resumes_and_its_client_is_known)
{
    struct ssl_session_st *session = session_now(_i);

    ck_assert(resumes(_i, session));
    tls_client_session_free(&session);
}
END_TEST

START_TEST(a_common_name_that_is_not_there_or_too_long_is_none)
{
    struct credential long_named = client_make(&root, "a name that is longer");
    struct pair      *pair = pair_now(_i);

    show(pair, &long_named);
    pair_shake(pair);
    check_established(pair);
    check_common_name(pair, "");
    pair_free(&pair);
    policies[0].mode = TLS_VERIFY_OPTIONAL;
    pair = pair_now(_i);
    pair_shake(pair);
    check_established(pair);
    check_common_name(pair, "");
    pair_free(&pair);
    credential_fini(&long_named);
}
END_TEST

START_TEST(a_session_without_verification_never_stands_for_one)
{
    policies[0].mode = TLS_VERIFY_NONE;
    struct ssl_session_st *session = session_now(_i);

    policies[0].mode = TLS_VERIFY_REQUIRED;
    ck_assert(!resumes(_i, session));
    policies[0].mode = TLS_VERIFY_OPTIONAL;
    ck_assert(!resumes(_i, session));
    tls_client_session_free(&session);
}
END_TEST

START_TEST(a_session_where_it_was_optional_is_no_good_where_it_is_required)
{
    policies[0].mode = TLS_VERIFY_OPTIONAL;
    struct ssl_session_st *session = session_now(_i);

    policies[0].mode = TLS_VERIFY_REQUIRED;
    ck_assert(!resumes(_i, session));
    tls_client_session_free(&session);
}
END_TEST

START_TEST(a_session_is_no_good_under_other_authorities_lists_or_limits)
{
    struct ssl_session_st *session = session_now(_i);
    struct credential      other = authority_make(NULL, "Other");

    authorities[1] = kept(credential_pem(&other));
    trusts[0].authorities_count = 2;
    ck_assert(!resumes(_i, session));
    trusts[0].authorities_count = 1;
    trusts[0].depth = 3;
    ck_assert(!resumes(_i, session));
    trusts[0].depth = 4;
    trusts[0].may_have_old = true;
    ck_assert(!resumes(_i, session));
    trusts[0].may_have_old = false;
    revocations[0] = kept(revocations_pem(&root, NULL, 1));
    trusts[0].revocations_count = 1;
    trusts[0].checks_leaf = true;
    ck_assert(!resumes(_i, session));
    trusts[0].revocations_count = 0;
    trusts[0].checks_leaf = false;
    policies[0].allows = allows;
    policies[0].allows_count = 1;
    ck_assert(!resumes(_i, session));
    policies[0].allows_count = 0;
    ck_assert(resumes(_i, session));
    tls_client_session_free(&session);
    credential_fini(&other);
}
END_TEST

START_TEST(a_session_is_no_good_once_the_list_of_revoked_ones_has_changed)
{
    trusts[0].revocations_count = 1;
    trusts[0].checks_leaf = true;
    revocations[0] = kept(revocations_pem(&root, NULL, 1));
    struct ssl_session_st *session = session_now(_i);

    ck_assert(resumes(_i, session));
    revocations[0] = kept(revocations_pem(&root, &client, 1));
    struct pair *pair = pair_now(_i);

    show(pair, &client);
    ck_assert(tls_client_resume(&pair->client.engine, session));
    pair_shake(pair);
    ck_assert_str_eq(tls_engine_reason(&pair->server.engine), "certificate revoked");
    pair_free(&pair);
    tls_client_session_free(&session);
}
END_TEST

START_TEST(a_session_does_not_outlive_the_certificate)
{
    struct ssl_session_st *session = session_now(_i);

    clock_ahead_s = DAY_S - 60;
    ck_assert(resumes(_i, session));
    clock_ahead_s = DAY_S + 60;
    ck_assert(!resumes(_i, session));
    tls_client_session_free(&session);
}
END_TEST

START_TEST(a_session_does_not_outlive_the_list_unless_it_may_be_old)
{
    credential_fini(&client);
    client = credential_make(
        &root, &(struct credential_options){.subject = {{.kind = NID_commonName, .bytes = "alice"}},
                                            .ends_days = 5});
    trusts[0].revocations_count = 1;
    trusts[0].checks_leaf = true;
    revocations[0] = kept(revocations_pem(&root, NULL, 1));
    struct ssl_session_st *session = session_now(_i);

    clock_ahead_s = DAY_S + 60;
    ck_assert(!resumes(_i, session));
    tls_client_session_free(&session);
    clock_ahead_s = 0;
    trusts[0].may_have_old = true;
    session = session_now(_i);
    clock_ahead_s = DAY_S + 60;
    ck_assert(resumes(_i, session));
    tls_client_session_free(&session);
}
END_TEST

/* --- by name ------------------------------------------------------------------------------- */

static void add_name(const char *name, int policy)
{
    if (names == NULL) {
        names = name_table_new();
    }
    ck_assert(name_table_add(names, bytes_of(name), policy));
}

/* The server's verdict over a client without a certificate that asks for this name. */
static bool is_let_in(int version, const char *name)
{
    struct pair *pair = pair_now(version);

    ck_assert(tls_client_ask(&pair->client.engine, name, (struct bytes_const){0}));
    pair_shake(pair);
    bool is_in = tls_engine_is_established(&pair->server.engine);

    pair_free(&pair);
    return is_in;
}

START_TEST(each_name_has_its_policy_and_the_first_is_for_all_others)
{
    policies[0].mode = TLS_VERIFY_NONE;
    policies[1].mode = TLS_VERIFY_REQUIRED;
    policies[2].mode = TLS_VERIFY_OPTIONAL;
    add_name("admin.example.org", 1);
    add_name("*.inside.example.org", 1);
    add_name("open.inside.example.org", 2);
    ck_assert(is_let_in(_i, "www.example.org"));
    ck_assert(!is_let_in(_i, "admin.example.org"));
    ck_assert(!is_let_in(_i, "ADMIN.example.org"));
    ck_assert(!is_let_in(_i, "a.inside.example.org"));
    ck_assert(is_let_in(_i, "open.inside.example.org"));
}
END_TEST

START_TEST(a_name_may_trust_other_authorities)
{
    struct credential other = authority_make(NULL, "Other");
    struct credential bob = client_make(&other, "bob");
    struct pair      *pair = NULL;

    authorities[1] = kept(credential_pem(&other));
    trusts[1].authorities = &authorities[1];
    policies[1] = (struct tls_verify){.mode = TLS_VERIFY_REQUIRED, .trust = 1};
    add_name("other.example.org", 1);
    for (int i = 0; i < 2; i++) {
        pair = pair_now(_i);
        ck_assert(tls_client_ask(&pair->client.engine,
                                 i == 0 ? "www.example.org" : "other.example.org",
                                 (struct bytes_const){0}));
        show(pair, &bob);
        pair_shake(pair);
        ck_assert_int_eq(tls_engine_is_established(&pair->server.engine), i == 1);
        pair_free(&pair);
    }
    credential_fini(&bob);
    credential_fini(&other);
}
END_TEST

START_TEST(clients_are_told_the_authorities_of_the_name)
{
    static const char *const wanted[] = {"Root", "Other"};
    struct credential        other = authority_make(NULL, "Other");

    authorities[1] = kept(credential_pem(&other));
    trusts[0].sends_names = true;
    trusts[1].sends_names = true;
    trusts[1].authorities = &authorities[1];
    policies[1] = (struct tls_verify){.mode = TLS_VERIFY_OPTIONAL, .trust = 1};
    policies[0].mode = TLS_VERIFY_OPTIONAL;
    add_name("other.example.org", 1);
    for (int i = 0; i < 2; i++) {
        struct pair *pair = pair_now(_i);
        char         name[64] = "";

        ck_assert(tls_client_ask(&pair->client.engine,
                                 i == 0 ? "www.example.org" : "other.example.org",
                                 (struct bytes_const){0}));
        pair_shake(pair);
        const STACK_OF(X509_NAME) *told = SSL_get0_peer_CA_list(pair->client.engine.ssl);

        ck_assert_int_eq(sk_X509_NAME_num(told), 1);
        ck_assert_int_gt(X509_NAME_get_text_by_NID(sk_X509_NAME_value(told, 0), NID_commonName,
                                                   name, sizeof(name)),
                         0);
        ck_assert_str_eq(name, wanted[i]);
        pair_free(&pair);
    }
    credential_fini(&other);
}
END_TEST

START_TEST(a_second_hello_is_held_to_the_same_policy)
{
    struct pair *pair = NULL;

    policies[0].mode = TLS_VERIFY_NONE;
    policies[1].mode = TLS_VERIFY_REQUIRED;
    add_name("admin.example.org", 1);
    for (int i = 0; i < 2; i++) {
        pair = pair_now(1);
        ck_assert(
            tls_client_ask(&pair->client.engine, "admin.example.org", (struct bytes_const){0}));
        ck_assert_int_eq(SSL_set1_groups_list(pair->client.engine.ssl, "P-521:P-256"), 1);
        if (i == 1) {
            show(pair, &client);
        }
        pair_shake(pair);
        ck_assert_int_eq(tls_engine_is_established(&pair->server.engine), i == 1);
        pair_free(&pair);
    }
}
END_TEST

Suite *verify_sessions_suite(void)
{
    const TTest *const tests[] = {a_session_of_the_same_policy_resumes_and_its_client_is_known,
                                  a_common_name_that_is_not_there_or_too_long_is_none,
                                  a_session_without_verification_never_stands_for_one,
                                  a_session_where_it_was_optional_is_no_good_where_it_is_required,
                                  a_session_is_no_good_under_other_authorities_lists_or_limits,
                                  a_session_is_no_good_once_the_list_of_revoked_ones_has_changed,
                                  a_session_does_not_outlive_the_certificate,
                                  a_session_does_not_outlive_the_list_unless_it_may_be_old,
                                  each_name_has_its_policy_and_the_first_is_for_all_others,
                                  a_name_may_trust_other_authorities,
                                  clients_are_told_the_authorities_of_the_name,
                                  a_second_hello_is_held_to_the_same_policy};
    Suite             *suite = suite_create("verify_sessions");
    TCase             *versions = tcase_create("versions");

    tcase_set_timeout(versions, 60);
    tcase_add_checked_fixture(versions, set_up, tear_down);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        tcase_add_loop_test(versions, tests[i], 0, VERSIONS_COUNT);
    }
    suite_add_tcase(suite, versions);
    return suite;
}
