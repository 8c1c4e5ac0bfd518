/* What a client that asks for a staple gets in its handshake. */
#include "pair.h"
#include "staples.h"
#include "suites.h"
#include "tls/selection.h"

#include <openssl/ssl.h>
#include <string.h>

enum { HOUR_S = 3600 };

/* A server of www with that staple, and its client, which speaks that version. */
static struct pair *stapled_pair(const struct answer_options *options, const char *version,
                                 struct tls_selection **selection)
{
    struct tls_certificate    *certificate = www_certificate();
    struct tls_staple         *staple = staple_made(certificate, options);
    struct tls_context_options server = server_options();
    struct tls_context_options client = client_options();

    ck_assert_msg(staple != NULL, "%s", words);
    *selection = tls_selection_new();
    ck_assert(tls_selection_add(*selection, certificate));
    tls_selection_staple(*selection, staple);
    tls_staple_free(&staple);
    tls_certificate_free(&certificate);
    server.selection = *selection;
    client.max_version = version;
    return pair_new(&server, &client);
}

static void stapled_pair_free(struct pair *pair, struct tls_selection *selection)
{
    pair_free(&pair);
    tls_selection_free(&selection);
}

/* Bytes of the staple a client that asks for one gets in a new handshake; 0: none. */
static size_t stapled_bytes(struct pair *pair)
{
    const unsigned char *answer = NULL;

    pair_restart(pair);
    ck_assert_int_eq(SSL_set_tlsext_status_type(pair->client.engine.ssl, TLSEXT_STATUSTYPE_ocsp),
                     1);
    pair_shake(pair);
    check_established(pair);
    long len = SSL_get_tlsext_status_ocsp_resp(pair->client.engine.ssl, &answer);

    return answer != NULL && len > 0 ? (size_t)len : 0;
}

static const char *const versions[] = {"TLSv1.2", "TLSv1.3"};

START_TEST(a_client_that_asks_gets_the_staple_and_no_other_does)
{
    struct answer_options options = about_www();
    struct tls_selection *selection = NULL;
    struct pair          *pair = stapled_pair(&options, versions[_i], &selection);
    const unsigned char  *answer = NULL;

    ck_assert_uint_gt(stapled_bytes(pair), 100);
    tls_engine_settle(&pair->server.engine);
    ck_assert_int_le(SSL_get_tlsext_status_ocsp_resp(pair->server.engine.ssl, &answer), 0);
    ck_assert_ptr_null(answer);
    pair_restart(pair);
    pair_shake(pair);
    check_established(pair);
    ck_assert_int_le(SSL_get_tlsext_status_ocsp_resp(pair->client.engine.ssl, &answer), 0);
    stapled_pair_free(pair, selection);
}
END_TEST

START_TEST(the_longest_staple_arrives)
{
    struct answer_options options = about_www();
    struct tls_selection *selection = NULL;

    options.ballast_bytes = TLS_STAPLE_BYTES_MAX - 1024;
    struct pair *pair = stapled_pair(&options, versions[_i], &selection);

    ck_assert_uint_gt(stapled_bytes(pair), options.ballast_bytes);
    stapled_pair_free(pair, selection);
}
END_TEST

START_TEST(a_staple_is_sent_no_more_once_it_has_expired)
{
    struct answer_options options = about_www();
    struct tls_selection *selection = NULL;
    struct pair          *pair = stapled_pair(&options, versions[_i], &selection);

    clock_ahead_s = HOUR_S - 60;
    ck_assert_uint_gt(stapled_bytes(pair), 0);
    clock_ahead_s = HOUR_S + 60;
    ck_assert_uint_eq(stapled_bytes(pair), 0);
    stapled_pair_free(pair, selection);
}
END_TEST

START_TEST(a_session_resumes_beside_a_staple)
{
    struct answer_options options = about_www();
    struct tls_selection *selection = NULL;
    struct pair          *pair = stapled_pair(&options, versions[_i], &selection);

    ck_assert_uint_gt(stapled_bytes(pair), 0);
    struct ssl_session_st *session = session_of(pair);

    pair_restart(pair);
    ck_assert_int_eq(SSL_set_tlsext_status_type(pair->client.engine.ssl, TLSEXT_STATUSTYPE_ocsp),
                     1);
    ck_assert_int_eq(SSL_set_session(pair->client.engine.ssl, session), 1);
    pair_shake(pair);
    check_established(pair);
    ck_assert_int_eq(SSL_session_reused(pair->client.engine.ssl), 1);
    tls_client_session_free(&session);
    stapled_pair_free(pair, selection);
}
END_TEST

START_TEST(each_certificate_of_a_name_has_its_own_staple)
{
    struct tls_selection      *selection = tls_selection_new();
    struct tls_certificate    *rsa = NULL;
    struct tls_context_options server = server_options();
    struct tls_context_options client = client_options();
    struct tls_certificate    *ec = www_certificate();
    struct answer_options      options = about_www();
    struct tls_staple         *staple = staple_made(ec, &options);

    rsa = certificate_of(strdup(rsa_pem()));
    ck_assert(tls_selection_add(selection, rsa));
    ck_assert(tls_selection_add(selection, ec));
    tls_selection_staple(selection, staple);
    server.selection = selection;
    client.ciphers = "ECDHE-RSA-AES128-GCM-SHA256";
    client.max_version = "TLSv1.2";
    struct pair *pair = pair_new(&server, &client);

    ck_assert_uint_eq(stapled_bytes(pair), 0);
    pair_free(&pair);
    client.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256";
    pair = pair_new(&server, &client);
    ck_assert_uint_gt(stapled_bytes(pair), 0);
    pair_free(&pair);
    tls_staple_free(&staple);
    tls_certificate_free(&rsa);
    tls_certificate_free(&ec);
    tls_selection_free(&selection);
}
END_TEST

START_TEST(selections_that_differ_in_a_staple_are_not_equal)
{
    struct answer_options   options = about_www();
    struct tls_certificate *certificate = www_certificate();
    struct tls_staple      *staple = staple_made(certificate, &options);
    struct tls_selection   *one = tls_selection_new(), *another = tls_selection_new();

    ck_assert(tls_selection_add(one, certificate));
    ck_assert(tls_selection_add(another, certificate));
    ck_assert(tls_selection_is_equal(one, another));
    tls_selection_staple(one, staple);
    ck_assert(!tls_selection_is_equal(one, another));
    tls_selection_staple(another, staple);
    ck_assert(tls_selection_is_equal(one, another));
    tls_selection_staple(another, NULL);
    ck_assert(!tls_selection_is_equal(one, another));
    tls_staple_free(&staple);
    tls_certificate_free(&certificate);
    tls_selection_free(&one);
    tls_selection_free(&another);
}
END_TEST

Suite *stapling_suite(void)
{
    enum { VERSIONS = sizeof(versions) / sizeof(versions[0]) };
    Suite *suite = suite_create("stapling");
    TCase *tcase = tcase_create("stapling");

    tcase_add_checked_fixture(tcase, staples_set_up, staples_tear_down);
    tcase_add_loop_test(tcase, a_client_that_asks_gets_the_staple_and_no_other_does, 0, VERSIONS);
    tcase_add_loop_test(tcase, the_longest_staple_arrives, 0, VERSIONS);
    tcase_add_loop_test(tcase, a_staple_is_sent_no_more_once_it_has_expired, 0, VERSIONS);
    tcase_add_loop_test(tcase, a_session_resumes_beside_a_staple, 0, VERSIONS);
    tcase_add_test(tcase, each_certificate_of_a_name_has_its_own_staple);
    tcase_add_test(tcase, selections_that_differ_in_a_staple_are_not_equal);
    suite_add_tcase(suite, tcase);
    return suite;
}
