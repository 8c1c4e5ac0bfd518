/* Whole handshakes: versions, keys, groups, ALPN, policies. */
#include "pair.h"
#include "suites.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

static const char *const H2_FIRST[] = {"h2", "http/1.1"};
#define ALPN_HTTP_1_FIRST "\x08http/1.1\x02h2"

static void ask(struct pair *pair, const char *name, const char *alpn)
{
    ck_assert(tls_client_ask(&pair->client.engine, name, bytes_of(alpn)));
}

static void check_bytes(struct bytes_const bytes, const char *text)
{
    ck_assert_uint_eq(bytes.len, strlen(text));
    ck_assert(bytes.len == 0 || memcmp(bytes.data, text, bytes.len) == 0);
}

static void check_alert(const struct end *end, enum tls_alert_by by, unsigned description,
                        const char *name)
{
    struct tls_alert alert = tls_engine_alert(&end->engine);

    ck_assert_int_eq(alert.by, by);
    ck_assert_uint_eq(alert.description, description);
    ck_assert_str_eq(alert.name, name);
}

/* Both refuse: the server says why, and the client hears it. */
static void check_refused(struct pair *pair, enum tls_failure failure, unsigned description,
                          const char *name)
{
    pair_shake(pair);
    ck_assert_int_eq(tls_engine_failure(&pair->server.engine), failure);
    ck_assert_int_eq(tls_engine_failure(&pair->client.engine), TLS_FAILURE_HANDSHAKE);
    check_alert(&pair->server, TLS_ALERT_SENT, description, name);
    check_alert(&pair->client, TLS_ALERT_RECEIVED, description, name);
}

/* --- versions, keys, groups ---------------------------------------------------------------- */

static void check_handshake(const char *version, const char *group, const char *pem_text,
                            const char *cipher)
{
    struct tls_pem             pem = pem_of("www.pem", pem_text);
    struct tls_context_options server = server_options();
    struct tls_context_options client = client_options();
    struct tls_facts           facts;

    server.pems = &pem;
    server.prefer_server_ciphers = true;
    client.max_version = version;
    client.groups = group;
    struct pair *pair = pair_new(&server, &client);

    pair_shake(pair);
    check_established(pair);
    tls_engine_facts(&pair->server.engine, &facts);
    ck_assert_str_eq(facts.version, version);
    ck_assert_str_eq(facts.cipher, cipher);
    check_bytes(facts.sni, "www.example.org");
    check_bytes(facts.alpn, "");
    ck_assert(!facts.is_resumed);
    ck_assert_str_eq(facts.group, strcmp(group, "P-256") == 0 ? "secp256r1" : "x25519");
    ck_assert(tls_engine_has_hello(&pair->server.engine));
    ck_assert_int_eq(tls_engine_alert(&pair->server.engine).by, TLS_ALERT_NONE);
    tls_engine_facts(&pair->client.engine, &facts);
    ck_assert_str_eq(facts.version, version);
    end_write(&pair->client, bytes_of("ping"));
    ck_assert_int_eq(end_step(&pair->server, &pair->client, WIRE_BYTES), TLS_FEED_ME);
    check_plain(&pair->server, "ping");
    pair_free(&pair);
}

START_TEST(tls_1_3_and_1_2_with_ecdsa_and_rsa_over_x25519_and_p_256)
{
    static const char *const groups[] = {"X25519:P-256", "P-256"};

    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        check_handshake("TLSv1.3", groups[i], ec_pem(), "TLS_AES_128_GCM_SHA256");
        check_handshake("TLSv1.3", groups[i], rsa_pem(), "TLS_AES_128_GCM_SHA256");
        check_handshake("TLSv1.2", groups[i], ec_pem(), "ECDHE-ECDSA-AES128-GCM-SHA256");
        check_handshake("TLSv1.2", groups[i], rsa_pem(), "ECDHE-RSA-AES128-GCM-SHA256");
    }
}
END_TEST

START_TEST(a_client_that_puts_chacha20_first_gets_it_and_others_get_aes_128)
{
    struct tls_context_options server = server_options();
    struct tls_context_options client = client_options();
    struct tls_facts           facts;

    server.prefer_server_ciphers = true;
    client.ciphersuites = "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";
    struct pair *pair = pair_new(&server, &client);

    pair_shake(pair);
    tls_engine_facts(&pair->server.engine, &facts);
    ck_assert_str_eq(facts.cipher, "TLS_CHACHA20_POLY1305_SHA256");
    pair_free(&pair);
    client.ciphersuites = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256";
    pair = pair_new(&server, &client);
    pair_shake(pair);
    tls_engine_facts(&pair->server.engine, &facts);
    ck_assert_str_eq(facts.cipher, "TLS_AES_128_GCM_SHA256");
    pair_free(&pair);
}
END_TEST

START_TEST(nothing_is_known_before_the_handshake_and_everything_stays_known_after_settling)
{
    struct pair       *pair = pair_new(NULL, NULL);
    struct tls_facts   facts;
    struct tls_offered offered;

    tls_engine_facts(&pair->server.engine, &facts);
    ck_assert_str_eq(facts.version, "-");
    ck_assert_str_eq(facts.cipher, "-");
    ck_assert_str_eq(facts.group, "-");
    ck_assert_uint_eq(facts.sni.len, 0);
    tls_engine_offered(&pair->server.engine, &offered);
    ck_assert_str_eq(offered.versions, "-");
    ck_assert_str_eq(tls_engine_reason(&pair->server.engine), "-");
    pair_shake(pair);
    tls_engine_settle(&pair->server.engine);
    tls_engine_settle(&pair->server.engine);
    tls_engine_facts(&pair->server.engine, &facts);
    check_bytes(facts.sni, "www.example.org");
    ck_assert_str_eq(facts.version, "TLSv1.3");
    tls_engine_offered(&pair->server.engine, &offered);
    ck_assert_uint_eq(offered.sni.len, 0);
    pair_free(&pair);
}
END_TEST

START_TEST(the_name_is_told_in_lower_case)
{
    struct pair     *pair = pair_new(NULL, NULL);
    struct tls_facts facts;

    ask(pair, "WWW.Example.ORG", "");
    pair_shake(pair);
    tls_engine_facts(&pair->server.engine, &facts);
    check_bytes(facts.sni, "www.example.org");
    pair_free(&pair);
}
END_TEST

START_TEST(what_a_refused_client_offered_is_known)
{
    struct tls_context_options server = server_options();
    struct tls_context_options client = client_options();
    struct tls_offered         offered;

    server.alpn = H2_FIRST;
    server.alpn_count = 1;
    client.max_version = "TLSv1.2";
    struct pair *pair = pair_new(&server, &client);

    ask(pair, "www.example.org", "\x05spdy1\x05spdy2");
    pair_shake(pair);
    tls_engine_offered(&pair->server.engine, &offered);
    check_bytes(offered.sni, "www.example.org");
    check_bytes(offered.alpn, "spdy1,spdy2");
    ck_assert_str_eq(offered.versions, "TLSv1.2");
    pair_free(&pair);
    pair = pair_new(&server, NULL);
    ask(pair, "www.example.org", "\x05spdy1");
    pair_shake(pair);
    tls_engine_offered(&pair->server.engine, &offered);
    ck_assert_str_eq(offered.versions, "TLSv1.3,TLSv1.2");
    pair_free(&pair);
}
END_TEST

/* --- ALPN ---------------------------------------------------------------------------------- */

static struct pair *pair_with_alpn(const char *version, bool ignore)
{
    struct tls_context_options server = server_options();
    struct tls_context_options client = client_options();

    server.alpn = H2_FIRST;
    server.alpn_count = 2;
    server.alpn_mismatch_ignore = ignore;
    client.max_version = version;
    return pair_new(&server, &client);
}

static const char *const BOTH_VERSIONS[] = {"TLSv1.2", "TLSv1.3"};

START_TEST(the_protocol_is_the_first_of_the_servers_that_the_client_offers)
{
    struct pair     *pair = pair_with_alpn(BOTH_VERSIONS[_i], false);
    struct tls_facts facts;

    ask(pair, "www.example.org", ALPN_HTTP_1_FIRST);
    pair_shake(pair);
    check_established(pair);
    tls_engine_facts(&pair->server.engine, &facts);
    check_bytes(facts.alpn, "h2");
    tls_engine_facts(&pair->client.engine, &facts);
    check_bytes(facts.alpn, "h2");
    pair_free(&pair);
}
END_TEST

START_TEST(no_common_protocol_ends_with_no_application_protocol)
{
    struct pair *pair = pair_with_alpn(BOTH_VERSIONS[_i], false);

    ask(pair, "www.example.org", "\x03irc");
    check_refused(pair, TLS_FAILURE_HANDSHAKE, 120, "no_application_protocol");
    pair_free(&pair);
}
END_TEST

START_TEST(no_common_protocol_goes_on_without_one_when_told_to_ignore_it)
{
    struct pair     *pair = pair_with_alpn(BOTH_VERSIONS[_i], true);
    struct tls_facts facts;

    ask(pair, "www.example.org", "\x03irc");
    pair_shake(pair);
    check_established(pair);
    tls_engine_facts(&pair->server.engine, &facts);
    ck_assert_uint_eq(facts.alpn.len, 0);
    pair_free(&pair);
}
END_TEST

START_TEST(a_client_without_alpn_is_served)
{
    struct pair *pair = pair_with_alpn(BOTH_VERSIONS[_i], false);

    pair_shake(pair);
    check_established(pair);
    pair_free(&pair);
}
END_TEST

START_TEST(an_empty_and_an_endless_protocol_name_are_problems)
{
    char                       endless[300];
    const char                *names[] = {"h2", ""};
    struct tls_context_options server = server_options();

    server.alpn = names;
    server.alpn_count = 2;
    check_problem(&server, "alpn");
    memset(endless, 'a', sizeof(endless) - 1);
    endless[sizeof(endless) - 1] = '\0';
    names[1] = endless;
    check_problem(&server, "alpn");
}
END_TEST

/* --- policies ------------------------------------------------------------------------------ */

static struct pair *pair_of_policies(enum tls_policy policy, const char *max_version)
{
    struct tls_context_options server = server_options();
    struct tls_context_options client = client_options();

    server.policy = policy;
    client.policy = TLS_POLICY_OLD;
    client.max_version = max_version;
    return pair_new(&server, &client);
}

START_TEST(modern_refuses_tls_1_2_and_intermediate_refuses_1_1)
{
    struct pair *pair = pair_of_policies(TLS_POLICY_MODERN, "TLSv1.2");

    check_refused(pair, TLS_FAILURE_HANDSHAKE, 70, "protocol_version");
    ck_assert_str_eq(tls_engine_reason(&pair->server.engine), "unsupported protocol");
    pair_free(&pair);
    pair = pair_of_policies(TLS_POLICY_INTERMEDIATE, "TLSv1.1");
    check_refused(pair, TLS_FAILURE_HANDSHAKE, 70, "protocol_version");
    pair_free(&pair);
}
END_TEST

START_TEST(each_policy_takes_the_versions_it_names)
{
    static const struct {
        enum tls_policy policy;
        const char     *version;
    } rows[] = {{TLS_POLICY_MODERN, "TLSv1.3"},
                {TLS_POLICY_INTERMEDIATE, "TLSv1.3"},
                {TLS_POLICY_INTERMEDIATE, "TLSv1.2"},
                {TLS_POLICY_OLD, "TLSv1.3"},
                {TLS_POLICY_OLD, "TLSv1.2"},
                {TLS_POLICY_OLD, "TLSv1.1"},
                {TLS_POLICY_OLD, "TLSv1"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pair *pair = pair_of_policies(rows[i].policy, rows[i].version);

        pair_shake(pair);
        check_established(pair);
        ck_assert_str_eq(version_of(&pair->server), rows[i].version);
        pair_free(&pair);
    }
}
END_TEST

START_TEST(min_and_max_version_narrow_and_widen_the_policy)
{
    struct tls_context_options server = server_options();
    struct tls_context_options client = client_options();

    server.min_version = "TLSv1.3";
    client.max_version = "TLSv1.2";
    struct pair *pair = pair_new(&server, &client);

    check_refused(pair, TLS_FAILURE_HANDSHAKE, 70, "protocol_version");
    pair_free(&pair);
    server.min_version = NULL;
    server.max_version = "TLSv1.2";
    pair = pair_new(&server, NULL);
    pair_shake(pair);
    check_established(pair);
    ck_assert_str_eq(version_of(&pair->server), "TLSv1.2");
    pair_free(&pair);
}
END_TEST

START_TEST(modern_widened_to_tls_1_2_takes_no_weak_cipher)
{
    struct tls_context_options server = server_options();
    struct tls_context_options client = client_options();

    server.policy = TLS_POLICY_MODERN;
    server.min_version = "TLSv1.2";
    client.max_version = "TLSv1.2";
    client.ciphers = "ECDHE-ECDSA-AES128-SHA";
    struct pair *pair = pair_new(&server, &client);

    check_refused(pair, TLS_FAILURE_HANDSHAKE, 40, "handshake_failure");
    pair_free(&pair);
    client.ciphers = NULL;
    pair = pair_new(&server, &client);
    pair_shake(pair);
    check_established(pair);
    pair_free(&pair);
}
END_TEST

START_TEST(ciphers_without_a_common_one_end_with_handshake_failure)
{
    struct tls_context_options client = client_options();

    client.max_version = "TLSv1.2";
    client.ciphers = "ECDHE-RSA-AES128-GCM-SHA256"; /* the server has an EC key */
    struct pair *pair = pair_new(NULL, &client);

    check_refused(pair, TLS_FAILURE_HANDSHAKE, 40, "handshake_failure");
    ck_assert_str_eq(tls_engine_reason(&pair->server.engine), "no shared cipher");
    ck_assert_int_eq(tls_engine_error(&pair->server.engine).kind, ERROR_TLS_PROTOCOL);
    pair_free(&pair);
}
END_TEST

START_TEST(values_openssl_does_not_take_are_problems_that_name_them)
{
    struct tls_context_options server = server_options();

    server.ciphers = "NO-SUCH-CIPHER";
    check_problem(&server, "ciphers: OpenSSL does not take \"NO-SUCH-CIPHER\"");
    server = server_options();
    server.ciphersuites = "TLS_NO_SUCH_SUITE";
    check_problem(&server, "ciphersuites: OpenSSL does not take \"TLS_NO_SUCH_SUITE\"");
    server = server_options();
    server.groups = "X25519:no-such-group";
    check_problem(&server, "groups: OpenSSL does not take \"X25519:no-such-group\"");
    server = server_options();
    server.min_version = "TLSv9";
    check_problem(&server, "min-version: no TLS version \"TLSv9\"");
    server = server_options();
    server.max_version = "";
    check_problem(&server, "max-version: no TLS version \"\"");
    server = server_options();
    server.policy = TLS_POLICY_MODERN;
    server.max_version = "TLSv1.2";
    check_problem(&server, "min-version is above max-version");
}
END_TEST

Suite *handshake_suite(void)
{
    Suite *suite = suite_of(
        "handshake",
        (const TTest *const[]){
            tls_1_3_and_1_2_with_ecdsa_and_rsa_over_x25519_and_p_256,
            a_client_that_puts_chacha20_first_gets_it_and_others_get_aes_128,
            nothing_is_known_before_the_handshake_and_everything_stays_known_after_settling,
            the_name_is_told_in_lower_case, what_a_refused_client_offered_is_known,
            an_empty_and_an_endless_protocol_name_are_problems,
            modern_refuses_tls_1_2_and_intermediate_refuses_1_1,
            each_policy_takes_the_versions_it_names,
            min_and_max_version_narrow_and_widen_the_policy,
            modern_widened_to_tls_1_2_takes_no_weak_cipher,
            ciphers_without_a_common_one_end_with_handshake_failure,
            values_openssl_does_not_take_are_problems_that_name_them, NULL});
    TCase *alpn = tcase_create("alpn");
    int    versions = (int)(sizeof(BOTH_VERSIONS) / sizeof(BOTH_VERSIONS[0]));

    tcase_add_loop_test(alpn, the_protocol_is_the_first_of_the_servers_that_the_client_offers, 0,
                        versions);
    tcase_add_loop_test(alpn, no_common_protocol_ends_with_no_application_protocol, 0, versions);
    tcase_add_loop_test(alpn, no_common_protocol_goes_on_without_one_when_told_to_ignore_it, 0,
                        versions);
    tcase_add_loop_test(alpn, a_client_without_alpn_is_served, 0, versions);
    suite_add_tcase(suite, alpn);
    return suite;
}
