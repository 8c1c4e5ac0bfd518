/* Which clients are let in by their certificates, and what those hear that are not. */
#include "authority.h"
#include "pair.h"
#include "suites.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

enum { VERSIONS_COUNT = 2 };
static const char *const VERSIONS[] = {"TLSv1.2", "TLSv1.3"};

/* The world of a test: an authority, one it has certified, and what the server is told. */
static struct credential  root;
static struct credential  between;
static char              *files[8];
static size_t             files_count;
static struct bytes_const authorities[4];
static struct bytes_const revocations[4];
static struct tls_trust   trust;
static struct tls_verify  policies[4];
static struct tls_allow   allows[4];

static struct bytes_const kept(char *text)
{
    files[files_count++] = text;
    return bytes_of(text);
}

static void set_up(void)
{
    root = authority_make(NULL, "Root");
    between = authority_make(&root, "Between");
    authorities[0] = kept(credential_pem(&root));
    trust = (struct tls_trust){.authorities = authorities,
                               .authorities_count = 1,
                               .revocations = revocations,
                               .depth = 4,
                               .sends_names = true};
    memset(policies, 0, sizeof(policies));
    memset(allows, 0, sizeof(allows));
    policies[0] = (struct tls_verify){.mode = TLS_VERIFY_REQUIRED, .allows = allows};
}

static void tear_down(void)
{
    credential_fini(&root);
    credential_fini(&between);
    while (files_count > 0) {
        free(files[--files_count]);
    }
}

static struct tls_context_options verifying_options(void)
{
    struct tls_context_options options = server_options();

    options.verify = (struct tls_verify_options){
        .trusts = &trust, .trusts_count = 1, .policies = policies, .policies_count = 1};
    return options;
}

static void checks(struct bytes_const list)
{
    revocations[trust.revocations_count++] = list;
    trust.checks_leaf = true;
}

static void show(struct pair *pair, const struct credential *client)
{
    if (client != NULL) {
        ck_assert_int_eq(SSL_use_certificate(pair->client.engine.ssl, client->certificate), 1);
        ck_assert_int_eq(SSL_use_PrivateKey(pair->client.engine.ssl, client->key), 1);
    }
}

/* A handshake of a client with that certificate, or none; `between` goes along with it. */
static struct pair *shaken(const char *version, const struct credential *client)
{
    struct tls_context_options server = verifying_options();
    struct tls_context_options options = client_options();

    options.max_version = version;
    struct pair *pair = pair_new(&server, &options);

    show(pair, client);
    if (client != NULL) {
        ck_assert_int_eq(SSL_add1_chain_cert(pair->client.engine.ssl, between.certificate), 1);
    }
    pair_shake(pair);
    (void)end_step(&pair->client, &pair->server, WIRE_BYTES);
    return pair;
}

static struct tls_facts facts_of(const struct pair *pair)
{
    struct tls_facts facts;

    tls_engine_facts(&pair->server.engine, &facts);
    return facts;
}

static void check_let_in(const char *version, const struct credential *client, const char *verify)
{
    struct pair *pair = shaken(version, client);

    check_established(pair);
    ck_assert_str_eq(facts_of(pair).verify, verify);
    pair_free(&pair);
}

/* Refused, for this reason, and both sides know of the alert. */
static void check_refused(const char *version, const struct credential *client, unsigned alert,
                          const char *reason)
{
    struct pair *pair = shaken(version, client);

    ck_assert(!tls_engine_is_established(&pair->server.engine));
    ck_assert_int_eq(tls_engine_failure(&pair->server.engine), TLS_FAILURE_CERTIFICATE);
    ck_assert_str_eq(tls_engine_reason(&pair->server.engine), reason);
    ck_assert_int_eq(tls_engine_alert(&pair->server.engine).by, TLS_ALERT_SENT);
    ck_assert_uint_eq(tls_engine_alert(&pair->server.engine).description, alert);
    ck_assert_int_eq(tls_engine_alert(&pair->client.engine).by, TLS_ALERT_RECEIVED);
    ck_assert_uint_eq(tls_engine_alert(&pair->client.engine).description, alert);
    ck_assert_str_eq(facts_of(pair).verify, client != NULL ? "failed" : "none");
    pair_free(&pair);
}

/* The same for a client that Root has certified. */
static void check_client_refused(int version, const struct credential_options *options,
                                 unsigned alert, const char *reason)
{
    struct credential client = credential_make(&root, options);

    check_refused(VERSIONS[version], &client, alert, reason);
    credential_fini(&client);
}

/* --- chains -------------------------------------------------------------------------------- */

START_TEST(a_certificate_of_a_trusted_authority_is_let_in_and_its_subject_known)
{
    struct credential client = client_make(&root, "alice");
    struct pair      *pair = shaken(VERSIONS[_i], &client);
    struct tls_facts  facts = facts_of(pair);

    check_established(pair);
    ck_assert_str_eq(facts.verify, "ok");
    ck_assert_uint_eq(facts.subject.len, strlen("CN=alice"));
    ck_assert(memcmp(facts.subject.data, "CN=alice", facts.subject.len) == 0);
    pair_free(&pair);
    credential_fini(&client);
}
END_TEST

START_TEST(who_has_no_certificate_is_let_in_only_where_it_is_optional)
{
    check_refused(VERSIONS[_i], NULL, _i == 0 ? 40 : 116, "peer did not return a certificate");
    policies[0].mode = TLS_VERIFY_OPTIONAL;
    check_let_in(VERSIONS[_i], NULL, "none");
    policies[0].mode = TLS_VERIFY_NONE;
    check_let_in(VERSIONS[_i], NULL, "none");
}
END_TEST

START_TEST(a_certificate_that_is_shown_must_be_good_even_where_it_is_optional)
{
    struct credential client = client_make(NULL, "eve");

    policies[0].mode = TLS_VERIFY_OPTIONAL;
    check_refused(VERSIONS[_i], &client, 48, "self-signed certificate");
    credential_fini(&client);
}
END_TEST

START_TEST(where_nobody_is_asked_a_certificate_is_not_looked_at)
{
    struct credential client = client_make(NULL, "eve");

    policies[0].mode = TLS_VERIFY_NONE;
    check_let_in(VERSIONS[_i], &client, "none");
    credential_fini(&client);
}
END_TEST

START_TEST(a_stranger_to_every_authority_hears_unknown_ca)
{
    struct credential other = authority_make(NULL, "Root"); /* of the same name */
    struct credential third = authority_make(NULL, "Third");
    struct credential client = client_make(&third, "eve");

    check_refused(VERSIONS[_i], &client, 48, "unable to get local issuer certificate");
    credential_fini(&client);
    client = client_make(&other, "eve");
    check_refused(VERSIONS[_i], &client, 42, "certificate signature failure");
    credential_fini(&client);
    credential_fini(&other);
    credential_fini(&third);
}
END_TEST

START_TEST(a_certificate_out_of_its_time_hears_certificate_expired)
{
    check_client_refused(_i, &(struct credential_options){.begins_days = -3, .ends_days = -1}, 45,
                         "certificate has expired");
    check_client_refused(_i, &(struct credential_options){.begins_days = 1, .ends_days = 2}, 45,
                         "certificate is not yet valid");
}
END_TEST

START_TEST(a_certificate_for_something_else_hears_unsupported_certificate)
{
    check_client_refused(_i, &(struct credential_options){.usage = "serverAuth"}, 43,
                         "unsuitable certificate purpose");
}
END_TEST

START_TEST(one_who_is_no_authority_certifies_nobody)
{
    struct credential alice = client_make(&root, "alice");
    struct credential client = client_make(&alice, "eve");

    credential_fini(&between);
    between = alice;
    check_refused(VERSIONS[_i], &client, 48, "invalid CA certificate");
    credential_fini(&client);
}
END_TEST

START_TEST(chains_longer_than_the_depth_are_refused)
{
    struct credential client = client_make(&between, "alice");

    trust.depth = 1;
    check_let_in(VERSIONS[_i], &client, "ok");
    trust.depth = 0;
    check_refused(VERSIONS[_i], &client, 48, "certificate chain too long");
    credential_fini(&client);
    client = client_make(&root, "alice");
    check_let_in(VERSIONS[_i], &client, "ok");
    credential_fini(&client);
}
END_TEST

/* --- revocation ---------------------------------------------------------------------------- */

START_TEST(a_revoked_certificate_hears_certificate_revoked)
{
    struct credential client = client_make(&root, "alice");
    struct credential other = client_make(&root, "bob");

    checks(kept(revocations_pem(&root, &other, 1)));
    check_let_in(VERSIONS[_i], &client, "ok");
    check_refused(VERSIONS[_i], &other, 44, "certificate revoked");
    credential_fini(&client);
    credential_fini(&other);
}
END_TEST

START_TEST(a_missing_list_refuses_unless_it_may_be_missing)
{
    struct credential client = client_make(&root, "alice");

    trust.checks_leaf = true;
    check_refused(VERSIONS[_i], &client, 46, "unable to get certificate CRL");
    trust.may_miss_list = true;
    check_let_in(VERSIONS[_i], &client, "crl_missing");
    credential_fini(&client);
}
END_TEST

START_TEST(an_expired_list_refuses_unless_it_may_be_old)
{
    struct credential client = client_make(&root, "alice");
    struct credential other = client_make(&root, "bob");

    checks(kept(revocations_pem(&root, &other, -1)));
    check_refused(VERSIONS[_i], &client, 46, "CRL has expired");
    trust.may_have_old = true;
    check_let_in(VERSIONS[_i], &client, "crl_expired");
    check_refused(VERSIONS[_i], &other, 44, "certificate revoked");
    credential_fini(&client);
    credential_fini(&other);
}
END_TEST

START_TEST(the_chain_is_checked_where_that_is_asked_for)
{
    struct credential client = client_make(&between, "alice");

    checks(kept(revocations_pem(&between, NULL, 1)));
    check_let_in(VERSIONS[_i], &client, "ok");
    trust.checks_chain = true;
    check_refused(VERSIONS[_i], &client, 46, "unable to get certificate CRL");
    checks(kept(revocations_pem(&root, NULL, 1)));
    check_let_in(VERSIONS[_i], &client, "ok");
    trust.revocations_count--;
    checks(kept(revocations_pem(&root, &between, 1)));
    check_refused(VERSIONS[_i], &client, 44, "certificate revoked");
    trust.checks_chain = false;
    check_let_in(VERSIONS[_i], &client, "ok");
    credential_fini(&client);
}
END_TEST

START_TEST(a_list_that_the_authority_did_not_sign_is_worth_nothing)
{
    struct credential other = authority_make(NULL, "Root");
    struct credential client = client_make(&root, "alice");

    checks(kept(revocations_pem(&other, NULL, 1)));
    trust.may_miss_list = true;
    trust.may_have_old = true;
    check_refused(VERSIONS[_i], &client, 46, "CRL signature failure");
    credential_fini(&client);
    credential_fini(&other);
}
END_TEST

/* --- lists of allowed clients -------------------------------------------------------------- */

static const struct credential_options ALICE = {
    .subject = {{.kind = NID_commonName, .bytes = "alice"},
                {.kind = NID_organizationalUnitName, .bytes = "ops"},
                {.kind = NID_organizationalUnitName, .bytes = "night shift"}},
    .names = {{.kind = GEN_DNS, .bytes = "alice.example.org"},
              {.kind = GEN_URI, .bytes = "spiffe://example.org/ops/alice"}}};

static void check_allowed(int version, enum tls_allow_kind kind, const char *pattern,
                          bool is_allowed)
{
    struct credential client = credential_make(&root, &ALICE);

    allows[0] = (struct tls_allow){.kind = kind, .pattern = pattern};
    policies[0].allows_count = 1;
    if (is_allowed) {
        check_let_in(VERSIONS[version], &client, "ok");
    } else {
        check_refused(VERSIONS[version], &client, 49, "not on the lists of allowed clients");
    }
    credential_fini(&client);
}

START_TEST(who_is_on_a_list_is_let_in_and_who_is_not_hears_access_denied)
{
    check_allowed(_i, TLS_ALLOW_CN, "alice", true);
    check_allowed(_i, TLS_ALLOW_CN, "bob", false);
    check_allowed(_i, TLS_ALLOW_OU, "night shift", true);
    check_allowed(_i, TLS_ALLOW_OU, "alice", false);
    check_allowed(_i, TLS_ALLOW_DNS, "*.EXAMPLE.org", true);
    check_allowed(_i, TLS_ALLOW_DNS, "alice", false);
    check_allowed(_i, TLS_ALLOW_URI, "spiffe://example.org/ops/*", true);
    check_allowed(_i, TLS_ALLOW_URI, "spiffe://example.org/*", false);
}
END_TEST

START_TEST(one_entry_that_matches_is_enough)
{
    struct credential client = client_make(&root, "alice");

    allows[0] = (struct tls_allow){.kind = TLS_ALLOW_OU, .pattern = "ops"};
    allows[1] = (struct tls_allow){.kind = TLS_ALLOW_CN, .pattern = "bob"};
    allows[2] = (struct tls_allow){.kind = TLS_ALLOW_CN, .pattern = "alice"};
    policies[0].allows_count = 3;
    check_let_in(VERSIONS[_i], &client, "ok");
    credential_fini(&client);
}
END_TEST

START_TEST(a_public_key_may_be_on_the_list)
{
    struct credential client = client_make(&root, "alice");
    struct credential other = client_make(&root, "alice");
    unsigned char    *der = NULL;
    int               len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(client.certificate), &der);

    allows[0] = (struct tls_allow){.kind = TLS_ALLOW_SPKI_PIN};
    ck_assert_int_eq(EVP_Digest(der, (size_t)len, allows[0].pin, NULL, EVP_sha256(), NULL), 1);
    policies[0].allows_count = 1;
    check_let_in(VERSIONS[_i], &client, "ok");
    check_refused(VERSIONS[_i], &other, 49, "not on the lists of allowed clients");
    OPENSSL_free(der);
    credential_fini(&client);
    credential_fini(&other);
}
END_TEST

START_TEST(access_is_denied_without_tickets_as_well)
{
    struct tls_context_options server = verifying_options();
    struct tls_context_options options = client_options();
    struct credential          client = client_make(&root, "eve");

    allows[0] = (struct tls_allow){.kind = TLS_ALLOW_CN, .pattern = "alice"};
    policies[0].allows_count = 1;
    server.tickets = 0;
    options.max_version = VERSIONS[_i];
    struct pair *pair = pair_new(&server, &options);

    show(pair, &client);
    pair_shake(pair);
    (void)end_step(&pair->client, &pair->server, WIRE_BYTES);
    ck_assert(!tls_engine_is_established(&pair->server.engine));
    ck_assert_uint_eq(tls_engine_alert(&pair->client.engine).description, 49);
    pair_free(&pair);
    credential_fini(&client);
}
END_TEST

START_TEST(where_it_is_optional_the_lists_are_for_those_who_show_a_certificate)
{
    struct credential client = client_make(&root, "eve");

    policies[0].mode = TLS_VERIFY_OPTIONAL;
    allows[0] = (struct tls_allow){.kind = TLS_ALLOW_CN, .pattern = "alice"};
    policies[0].allows_count = 1;
    check_let_in(VERSIONS[_i], NULL, "none");
    check_refused(VERSIONS[_i], &client, 49, "not on the lists of allowed clients");
    credential_fini(&client);
}
END_TEST

/* --- names of authorities ------------------------------------------------------------------ */

static int authorities_told(const char *version)
{
    struct pair *pair = shaken(version, NULL);
    int          count = sk_X509_NAME_num(SSL_get0_peer_CA_list(pair->client.engine.ssl));

    pair_free(&pair);
    return count < 0 ? 0 : count;
}

START_TEST(clients_are_told_each_authority_once_or_none)
{
    authorities[1] = authorities[0];
    authorities[2] = kept(credential_pem(&between));
    trust.authorities_count = 3;
    ck_assert_int_eq(authorities_told(VERSIONS[_i]), 2);
    trust.sends_names = false;
    ck_assert_int_eq(authorities_told(VERSIONS[_i]), 0);
}
END_TEST

Suite *verify_suite(void)
{
    const TTest *const tests[] = {
        a_certificate_of_a_trusted_authority_is_let_in_and_its_subject_known,
        who_has_no_certificate_is_let_in_only_where_it_is_optional,
        a_certificate_that_is_shown_must_be_good_even_where_it_is_optional,
        where_nobody_is_asked_a_certificate_is_not_looked_at,
        a_stranger_to_every_authority_hears_unknown_ca,
        a_certificate_out_of_its_time_hears_certificate_expired,
        a_certificate_for_something_else_hears_unsupported_certificate,
        one_who_is_no_authority_certifies_nobody,
        chains_longer_than_the_depth_are_refused,
        a_revoked_certificate_hears_certificate_revoked,
        a_missing_list_refuses_unless_it_may_be_missing,
        an_expired_list_refuses_unless_it_may_be_old,
        the_chain_is_checked_where_that_is_asked_for,
        a_list_that_the_authority_did_not_sign_is_worth_nothing,
        who_is_on_a_list_is_let_in_and_who_is_not_hears_access_denied,
        one_entry_that_matches_is_enough,
        a_public_key_may_be_on_the_list,
        access_is_denied_without_tickets_as_well,
        where_it_is_optional_the_lists_are_for_those_who_show_a_certificate,
        clients_are_told_each_authority_once_or_none};
    Suite *suite = suite_create("verify");
    TCase *versions = tcase_create("versions");

    tcase_set_timeout(versions, 60);
    tcase_add_checked_fixture(versions, set_up, tear_down);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        tcase_add_loop_test(versions, tests[i], 0, VERSIONS_COUNT);
    }
    suite_add_tcase(suite, versions);
    return suite;
}
