/* Answers of OCSP responders: which are taken, and which are not. */
#include "tls/staple.h"

#include "authority.h"
#include "pair.h"
#include "responder.h"
#include "staples.h"
#include "suites.h"

#include <openssl/ocsp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HOUR_S = 3600 };

static void check_taken(const struct answer_options *options)
{
    struct tls_certificate *certificate = www_certificate();
    struct tls_staple      *staple = staple_made(certificate, options);

    ck_assert_msg(staple != NULL, "%s", words);
    ck_assert(tls_staple_is_about(staple, certificate));
    tls_staple_free(&staple);
    tls_certificate_free(&certificate);
}

static void check_refused(const struct answer_options *options, const char *why)
{
    struct tls_certificate *certificate = www_certificate();
    struct tls_staple      *staple = staple_made(certificate, options);

    ck_assert_ptr_null(staple);
    ck_assert_msg(strstr(words, why) != NULL, "%s", words);
    tls_certificate_free(&certificate);
}

static void check_bytes_refused(struct bytes_const file, const char *why)
{
    struct tls_certificate *certificate = www_certificate();

    ck_assert_ptr_null(staple_of_bytes(certificate, file));
    ck_assert_msg(strstr(words, why) != NULL, "%s", words);
    tls_certificate_free(&certificate);
}

/* --- which are taken ----------------------------------------------------------------------- */

START_TEST(an_answer_of_the_issuer_is_taken_until_its_next_update)
{
    struct answer_options   options = about_www();
    struct tls_certificate *certificate = www_certificate();
    struct tls_staple      *staple = staple_made(certificate, &options);
    int64_t                 left_s = tls_staple_good_until(staple) - (int64_t)time(NULL);

    ck_assert_ptr_nonnull(staple);
    ck_assert(!tls_staple_is_revoked(staple));
    ck_assert_int_le(left_s, HOUR_S);
    ck_assert_int_gt(left_s, HOUR_S - 60);
    tls_staple_free(&staple);
    tls_certificate_free(&certificate);
}
END_TEST

START_TEST(ids_may_be_made_with_sha256)
{
    struct answer_options options = about_www();

    options.digest = "SHA256";
    check_taken(&options);
}
END_TEST

START_TEST(an_answer_in_pem_is_the_same_as_in_der)
{
    struct answer_options   options = about_www();
    struct tls_certificate *certificate = www_certificate();
    struct bytes            der = answer_make(&options);
    char                   *pem = answer_pem(der);
    struct tls_staple      *staple = staple_of_bytes(certificate, bytes_of(pem));

    ck_assert_msg(staple != NULL, "%s", words);
    tls_staple_free(&staple);
    tls_certificate_free(&certificate);
    free(der.data);
    free(pem);
}
END_TEST

START_TEST(one_of_several_answers_at_once_is_found)
{
    struct answer_options options = about_www();

    options.also_about = &other;
    check_taken(&options);
}
END_TEST

START_TEST(a_responder_the_issuer_has_appointed_may_sign)
{
    struct credential responder = credential_make(
        &root,
        &(struct credential_options){.subject = {{.kind = NID_commonName, .bytes = "responder"}},
                                     .usage = "OCSPSigning"});
    struct answer_options options = about_www();

    options.signer = &responder;
    check_taken(&options);
    credential_fini(&responder);
}
END_TEST

START_TEST(an_intermediate_authority_may_sign_for_what_it_has_issued)
{
    struct credential between = authority_make(&root, "between");
    struct credential leaf = credential_make(
        &between,
        &(struct credential_options){.subject = {{.kind = NID_commonName, .bytes = "leaf"}}});
    struct tls_certificate *certificate = certificate_of(credential_pem_with_key(&leaf, &between));
    struct tls_staple      *staple =
        staple_made(certificate, &(struct answer_options){.issuer = &between, .about = &leaf});

    ck_assert_msg(staple != NULL, "%s", words);
    tls_staple_free(&staple);
    tls_certificate_free(&certificate);
    credential_fini(&leaf);
    credential_fini(&between);
}
END_TEST

START_TEST(a_certificate_of_its_own_making_is_its_own_issuer)
{
    struct tls_certificate *certificate = certificate_of(credential_pem_with_key(&root, NULL));
    struct answer_options   options = {.issuer = &root, .about = &root};
    struct tls_staple      *staple = staple_made(certificate, &options);

    ck_assert_msg(staple != NULL, "%s", words);
    tls_staple_free(&staple);
    options.about = &www;
    ck_assert_ptr_null(staple_made(certificate, &options));
    tls_certificate_free(&certificate);
}
END_TEST

START_TEST(without_the_issuer_in_the_chain_names_and_numbers_must_do)
{
    struct tls_certificate *certificate = certificate_of(credential_pem_with_key(&www, NULL));
    struct answer_options   options = about_www();
    struct tls_staple      *staple = staple_made(certificate, &options);

    ck_assert_msg(staple != NULL, "%s", words);
    tls_staple_free(&staple);
    options.about = &other;
    ck_assert_ptr_null(staple_made(certificate, &options));
    tls_certificate_free(&certificate);
}
END_TEST

START_TEST(that_a_certificate_is_revoked_is_an_answer_too)
{
    struct answer_options   options = about_www();
    struct tls_certificate *certificate = www_certificate();

    options.status = V_OCSP_CERTSTATUS_REVOKED;
    struct tls_staple *staple = staple_made(certificate, &options);

    ck_assert_msg(staple != NULL, "%s", words);
    ck_assert(tls_staple_is_revoked(staple));
    tls_staple_free(&staple);
    tls_certificate_free(&certificate);
}
END_TEST

START_TEST(the_responders_clock_may_be_five_minutes_ahead)
{
    struct answer_options options = about_www();

    options.begins_s = 200;
    check_taken(&options);
    options.begins_s = 400;
    check_refused(&options, "the OCSP answer is not good before 20");
}
END_TEST

/* --- which are not ------------------------------------------------------------------------- */

START_TEST(an_answer_about_another_certificate_is_refused)
{
    struct credential     impostor = authority_make(NULL, "root"); /* the same name */
    struct answer_options options = about_www();

    options.about = &other;
    check_refused(&options, "about another certificate");
    options = (struct answer_options){.issuer = &impostor, .about = &www};
    check_refused(&options, "about another certificate");
    credential_fini(&impostor);
}
END_TEST

START_TEST(an_answer_someone_else_signed_is_refused)
{
    struct credential     stranger = authority_make(NULL, "stranger");
    struct answer_options options = about_www();

    options.signer = &stranger;
    check_refused(&options, "not signed by the certificate's issuer");
    options.signer = &other; /* of the issuer, but no responder */
    check_refused(&options, "not signed by the certificate's issuer");
    credential_fini(&stranger);
}
END_TEST

START_TEST(a_responder_whose_own_certificate_has_expired_is_refused)
{
    struct credential responder = credential_make(
        &root,
        &(struct credential_options){.subject = {{.kind = NID_commonName, .bytes = "responder"}},
                                     .begins_days = -3,
                                     .ends_days = -1,
                                     .usage = "OCSPSigning"});
    struct answer_options options = about_www();

    options.signer = &responder;
    check_refused(&options, "not signed by the certificate's issuer");
    credential_fini(&responder);
}
END_TEST

START_TEST(an_answer_that_was_changed_on_its_way_is_refused)
{
    struct answer_options   options = about_www();
    struct tls_certificate *certificate = www_certificate();
    struct bytes            der = answer_make(&options);

    for (size_t i = 0; i < der.len; i++) {
        der.data[i] ^= 1;
        struct tls_staple *staple =
            staple_of_bytes(certificate, (struct bytes_const){der.data, der.len});

        /* What is not signed may change: a copy of the signer's certificate, the words for its
         * algorithm. What the answer says is the same then. */
        ck_assert(staple == NULL || (!tls_staple_is_revoked(staple) && i > 16));
        tls_staple_free(&staple);
        der.data[i] ^= 1;
    }
    free(der.data);
    tls_certificate_free(&certificate);
}
END_TEST

START_TEST(an_answer_cut_short_or_with_something_behind_it_is_refused)
{
    struct answer_options   options = about_www();
    struct tls_certificate *certificate = www_certificate();
    struct bytes            der = answer_make(&options);
    uint8_t                *longer = calloc(1, der.len + 1);

    for (size_t len = 0; len < der.len; len++) {
        ck_assert_ptr_null(staple_of_bytes(certificate, (struct bytes_const){der.data, len}));
    }
    memcpy(longer, der.data, der.len);
    ck_assert_ptr_null(staple_of_bytes(certificate, (struct bytes_const){longer, der.len + 1}));
    ck_assert_str_eq(words, "something follows the OCSP answer in it");
    free(longer);
    free(der.data);
    tls_certificate_free(&certificate);
}
END_TEST

START_TEST(garbage_is_refused_with_words)
{
    static const char encrypted[] = "-----BEGIN OCSP RESPONSE-----\nProc-Type: 4,ENCRYPTED\n"
                                    "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n"
                                    "MDAwMA==\n-----END OCSP RESPONSE-----\n";

    check_bytes_refused((struct bytes_const){0}, "the file is empty");
    check_bytes_refused(bytes_of("nonsense"), "no OCSP answer in it");
    check_bytes_refused(bytes_of("0 but no answer"), "a broken OCSP answer");
    check_bytes_refused(bytes_of(ec_pem()), "no OCSP answer in it");
    check_bytes_refused(bytes_of(encrypted), "a broken OCSP answer");
}
END_TEST

START_TEST(a_responder_that_refuses_is_quoted)
{
    struct answer_options options = about_www();

    options.refusal = OCSP_RESPONSE_STATUS_TRYLATER;
    check_refused(&options, "the responder gave no answer but \"trylater\"");
}
END_TEST

START_TEST(a_certificate_the_responder_does_not_know_has_no_staple)
{
    struct answer_options options = about_www();

    options.status = V_OCSP_CERTSTATUS_UNKNOWN;
    check_refused(&options, "the responder does not know the certificate");
}
END_TEST

START_TEST(an_answer_that_has_expired_or_never_does_is_refused)
{
    struct answer_options options = about_www();

    options.ends_s = -60;
    check_refused(&options, "the OCSP answer has expired, on 20");
    options.ends_s = -2L * HOUR_S;
    check_refused(&options, "the OCSP answer has dates that are none");
    options.has_no_end = true;
    check_refused(&options, "does not say until when it is good");
}
END_TEST

START_TEST(an_answer_longer_than_clients_take_is_refused)
{
    struct answer_options options = about_www();

    options.ballast_bytes = TLS_STAPLE_BYTES_MAX;
    check_refused(&options, "clients take 16380 at most");
}
END_TEST

/* --- what certificates say ----------------------------------------------------------------- */

START_TEST(responder_and_must_staple_are_read_from_the_certificate)
{
    struct credential strict = credential_make(
        &root,
        &(struct credential_options){.subject = {{.kind = NID_commonName, .bytes = "strict"}},
                                     .responder = "http://ocsp.example/",
                                     .features = "status_request"});
    struct tls_certificate *certificate = certificate_of(credential_pem_with_key(&strict, NULL));

    ck_assert(tls_certificate_has_responder(certificate));
    ck_assert(tls_certificate_needs_staple(certificate));
    tls_certificate_free(&certificate);
    certificate = www_certificate();
    ck_assert(!tls_certificate_has_responder(certificate));
    ck_assert(!tls_certificate_needs_staple(certificate));
    tls_certificate_free(&certificate);
    credential_fini(&strict);
}
END_TEST

static void add_taken(TCase *tcase)
{
    tcase_add_test(tcase, an_answer_of_the_issuer_is_taken_until_its_next_update);
    tcase_add_test(tcase, ids_may_be_made_with_sha256);
    tcase_add_test(tcase, an_answer_in_pem_is_the_same_as_in_der);
    tcase_add_test(tcase, one_of_several_answers_at_once_is_found);
    tcase_add_test(tcase, a_responder_the_issuer_has_appointed_may_sign);
    tcase_add_test(tcase, an_intermediate_authority_may_sign_for_what_it_has_issued);
    tcase_add_test(tcase, a_certificate_of_its_own_making_is_its_own_issuer);
    tcase_add_test(tcase, without_the_issuer_in_the_chain_names_and_numbers_must_do);
    tcase_add_test(tcase, that_a_certificate_is_revoked_is_an_answer_too);
    tcase_add_test(tcase, the_responders_clock_may_be_five_minutes_ahead);
}

static void add_refused(TCase *tcase)
{
    tcase_add_test(tcase, an_answer_about_another_certificate_is_refused);
    tcase_add_test(tcase, an_answer_someone_else_signed_is_refused);
    tcase_add_test(tcase, a_responder_whose_own_certificate_has_expired_is_refused);
    tcase_add_test(tcase, an_answer_that_was_changed_on_its_way_is_refused);
    tcase_add_test(tcase, an_answer_cut_short_or_with_something_behind_it_is_refused);
    tcase_add_test(tcase, garbage_is_refused_with_words);
    tcase_add_test(tcase, a_responder_that_refuses_is_quoted);
    tcase_add_test(tcase, a_certificate_the_responder_does_not_know_has_no_staple);
    tcase_add_test(tcase, an_answer_that_has_expired_or_never_does_is_refused);
    tcase_add_test(tcase, an_answer_longer_than_clients_take_is_refused);
}

Suite *staple_suite(void)
{
    Suite *suite = suite_create("staple");
    TCase *tcase = tcase_create("staple");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, staples_set_up, staples_tear_down);
    add_taken(tcase);
    add_refused(tcase);
    tcase_add_test(tcase, responder_and_must_staple_are_read_from_the_certificate);
    suite_add_tcase(suite, tcase);
    return suite;
}
