/* Certificates made once and shared: by contexts, by libraries, and by one reload after another. */
#include "tls/selection.h"

#include "certificates.h"
#include "pair.h"
#include "suites.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Where certificates are made; the pairs have libraries of their own. */
static struct tls_library *store;

static void set_up(void)
{
    store = library_new();
}

static void tear_down(void)
{
    tls_library_free(&store);
}

static struct tls_certificate *certificate_of(const char *pem_text)
{
    char                    memory[TLS_PROBLEM_BYTES];
    struct text             problem;
    struct tls_pem          pem = pem_of("www.pem", pem_text);
    struct tls_certificate *certificate = NULL;

    text_init(&problem, memory, sizeof(memory));
    certificate = tls_certificate_new(store, &pem, &problem);
    ck_assert_msg(certificate != NULL, "%s", memory);
    return certificate;
}

static struct tls_certificate *made(enum certificate_kind kind, const char *common_name,
                                    const char *names, int days)
{
    char                   *text = certificate_make(&(struct certificate_options){
                          .kind = kind, .common_name = common_name, .names = names, .days = days});
    struct tls_certificate *certificate = certificate_of(text);

    free(text);
    return certificate;
}

/* Gives the certificate up to the selection. */
static void add(struct tls_selection *selection, struct tls_certificate *certificate)
{
    ck_assert(tls_selection_add(selection, certificate));
    tls_certificate_free(&certificate);
}

static struct tls_selection *two_names(void)
{
    struct tls_selection *selection = tls_selection_new();

    ck_assert_ptr_nonnull(selection);
    add(selection, made(CERTIFICATE_EC_P256, "first", "DNS:first.example", 2));
    add(selection, made(CERTIFICATE_EC_P256, "second", "DNS:second.example", 2));
    return selection;
}

static struct pair *pair_with(const struct tls_selection *selection)
{
    struct tls_context_options server = server_options();

    server.selection = selection;
    return pair_new(&server, NULL);
}

static void check_served(struct pair *pair, const char *name, const char *common_name)
{
    char text[64] = "";

    pair_restart(pair);
    ck_assert(tls_client_ask(&pair->client.engine, name, (struct bytes_const){0}));
    pair_shake(pair);
    check_established(pair);
    X509 *certificate = SSL_get1_peer_certificate(pair->client.engine.ssl);

    (void)X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, text,
                                    sizeof(text));
    ck_assert_str_eq(text, common_name);
    X509_free(certificate);
}

START_TEST(reactors_share_a_selection_made_elsewhere)
{
    struct tls_selection *selection = two_names();
    struct pair          *one = pair_with(selection), *other = pair_with(selection);

    ck_assert_uint_eq(tls_selection_count(selection), 2);
    ck_assert_uint_eq(tls_selection_names(selection), 2);
    for (int i = 0; i < 2; i++) {
        check_served(one, "second.example", "second");
        check_served(other, "second.example", "second");
        check_served(one, "first.example", "first");
        check_served(other, "elsewhere.example", "first");
    }
    pair_free(&one);
    check_served(other, "second.example", "second");
    pair_free(&other);
    tls_selection_free(&selection);
}
END_TEST

START_TEST(what_a_context_has_parsed_the_next_one_in_its_library_need_not)
{
    struct tls_selection      *selection = two_names();
    struct pair               *pair = pair_with(selection);
    struct tls_context_options server = server_options();

    check_served(pair, "second.example", "second");
    size_t before = heap_bytes();

    server.selection = selection;
    struct tls_context *context = context_new(pair->library, &server);
    size_t              fresh = heap_bytes() - before;

    end_fini(&pair->server);
    tls_context_free(&pair->server_context);
    pair->server_context = context;
    before = heap_bytes();
    check_served(pair, "second.example", "second");
    end_fini(&pair->server);
    end_fini(&pair->client);
    ck_assert_uint_le(heap_bytes(), before + fresh);
    pair_free(&pair);
    tls_selection_free(&selection);
}
END_TEST

START_TEST(a_certificate_outlives_the_selection_it_was_dropped_from)
{
    struct tls_certificate *kept = made(CERTIFICATE_EC_P256, "kept", "DNS:kept.example", 2);
    struct tls_selection   *old = tls_selection_new(), *new = tls_selection_new();

    ck_assert(tls_selection_add(old, kept));
    add(old, made(CERTIFICATE_EC_P256, "gone", "DNS:gone.example", 2));
    ck_assert(tls_selection_add(new, kept));
    ck_assert(!tls_selection_is_equal(old, new));
    tls_selection_free(&old);
    old = tls_selection_new();
    add(old, kept);
    ck_assert(tls_selection_is_equal(old, new));
    struct pair *pair = pair_with(new);

    check_served(pair, "gone.example", "kept");
    pair_free(&pair);
    tls_selection_free(&old);
    tls_selection_free(&new);
}
END_TEST

START_TEST(an_expired_certificate_is_used_and_can_be_warned_of)
{
    struct tls_selection         *selection = tls_selection_new();
    int64_t                       now_s = (int64_t)time(NULL);
    const struct tls_certificate *old = NULL;

    add(selection, made(CERTIFICATE_EC_P256, "old", "DNS:old.example", -1));
    old = tls_selection_at(selection, 0);
    ck_assert_int_lt(tls_certificate_expiry(old), now_s);
    ck_assert_str_eq(tls_certificate_warning(old, now_s), "the certificate has expired");
    ck_assert_str_eq(tls_certificate_warning(old, 0), "the certificate is not valid yet");
    ck_assert_ptr_null(tls_certificate_warning(old, tls_certificate_expiry(old) - 1));
    struct pair *pair = pair_with(selection);

    check_served(pair, "old.example", "old");
    pair_free(&pair);
    tls_selection_free(&selection);
}
END_TEST

START_TEST(keys_in_their_older_forms_are_read)
{
    char *texts[] = {certificate_in_old_form(ec_pem()), certificate_in_old_form(rsa_pem())};

    ck_assert_ptr_nonnull(strstr(texts[0], "BEGIN EC PRIVATE KEY"));
    ck_assert_ptr_nonnull(strstr(texts[1], "BEGIN RSA PRIVATE KEY"));
    for (size_t i = 0; i < 2; i++) {
        struct tls_selection *selection = tls_selection_new();

        add(selection, certificate_of(texts[i]));
        struct pair *pair = pair_with(selection);

        pair_shake(pair);
        check_established(pair);
        pair_free(&pair);
        tls_selection_free(&selection);
        free(texts[i]);
    }
}
END_TEST

static char *join(const char *first, const char *second)
{
    char *text = NULL;

    ck_assert_int_gt(asprintf(&text, "%s%s", first, second), 0);
    return text;
}

START_TEST(an_issuer_of_many_is_held_once_and_goes_with_the_last)
{
    enum { MANY = 50 };
    char                   *issuer = certificate_only_leaf(rsa_pem());
    char                   *text = join(ec_pem(), issuer);
    struct tls_selection   *selection = tls_selection_new();
    size_t                  before = heap_bytes();
    struct tls_certificate *alone[MANY];

    for (int i = 0; i < MANY; i++) {
        alone[i] = certificate_of(ec_pem());
    }
    size_t without = heap_bytes() - before;

    before = heap_bytes();
    for (int i = 0; i < MANY; i++) {
        add(selection, certificate_of(text));
    }
    /* Parsed, one takes 4 KiB and more. */
    ck_assert_uint_lt(heap_bytes() - before, without + 20000);
    for (int i = 0; i < MANY; i++) {
        tls_certificate_free(&alone[i]);
    }
    struct pair *pair = pair_with(selection);

    pair_shake(pair);
    check_established(pair);
    ck_assert_int_eq(sk_X509_num(SSL_get_peer_cert_chain(pair->client.engine.ssl)), 2);
    pair_free(&pair);
    tls_selection_free(&selection);
    free(issuer);
    free(text);
}
END_TEST

START_TEST(the_chain_is_sent_with_a_certificate_that_is_not_the_default)
{
    char                 *issuer = certificate_only_leaf(rsa_pem());
    char                 *text = join(ec_pem(), issuer);
    struct tls_selection *selection = tls_selection_new();

    add(selection, made(CERTIFICATE_EC_P256, "first", "DNS:first.example", 2));
    add(selection, certificate_of(text));
    struct pair *pair = pair_with(selection);

    for (int i = 0; i < 2; i++) {
        pair_restart(pair);
        ck_assert(tls_client_ask(&pair->client.engine, "www.example.org", (struct bytes_const){0}));
        pair_shake(pair);
        check_established(pair);
        ck_assert_int_eq(sk_X509_num(SSL_get_peer_cert_chain(pair->client.engine.ssl)), 2);
    }
    pair_free(&pair);
    tls_selection_free(&selection);
    free(issuer);
    free(text);
}
END_TEST

START_TEST(names_that_are_no_host_names_do_not_count)
{
    struct tls_certificate *certificate = made(
        CERTIFICATE_EC_P256, "x", "DNS:a.example,DNS:a b,DNS:c..d,IP:192.0.2.1,DNS:*.b.example", 2);

    ck_assert_uint_eq(tls_certificate_names(certificate), 2);
    tls_certificate_free(&certificate);
}
END_TEST

/* --- strength ------------------------------------------------------------------------------ */

static bool takes(enum tls_policy policy, struct tls_certificate *certificate, char *reason)
{
    struct tls_context_options server = server_options();
    struct tls_selection      *none = tls_selection_new();
    struct tls_library        *library = library_new();
    struct text                problem;

    text_init(&problem, reason, TLS_PROBLEM_BYTES);
    server.policy = policy;
    server.selection = none;
    struct tls_context *context = context_new(library, &server);
    bool                is_taken = tls_context_takes(context, certificate, true, &problem);

    tls_context_free(&context);
    tls_library_free(&library);
    tls_selection_free(&none);
    return is_taken;
}

START_TEST(a_weak_key_is_taken_by_the_old_policy_alone)
{
    struct tls_certificate *weak = made(CERTIFICATE_RSA_1024, "weak", NULL, 2);
    struct tls_certificate *strong = made(CERTIFICATE_RSA_2048, "strong", NULL, 2);
    char                    reason[TLS_PROBLEM_BYTES];

    ck_assert(!takes(TLS_POLICY_INTERMEDIATE, weak, reason));
    ck_assert_str_eq(reason, "ee key too small");
    ck_assert(!takes(TLS_POLICY_MODERN, weak, reason));
    ck_assert(takes(TLS_POLICY_OLD, weak, reason));
    ck_assert(takes(TLS_POLICY_INTERMEDIATE, strong, reason));
    tls_certificate_free(&weak);
    tls_certificate_free(&strong);
}
END_TEST

/* --- tickets ------------------------------------------------------------------------------- */

static struct ssl_session_st *session_for(struct pair *pair, const char *name)
{
    pair_restart(pair);
    ck_assert(tls_client_ask(&pair->client.engine, name, (struct bytes_const){0}));
    pair_shake(pair);
    check_established(pair);
    return session_of(pair);
}

static bool resumes(struct pair *pair, const char *name, struct ssl_session_st *session)
{
    struct tls_facts facts;

    pair_restart(pair);
    ck_assert(tls_client_ask(&pair->client.engine, name, (struct bytes_const){0}));
    ck_assert(tls_client_resume(&pair->client.engine, session));
    pair_shake(pair);
    check_established(pair);
    (void)end_step(&pair->client, &pair->server, WIRE_BYTES);
    ck_assert_int_eq(tls_engine_goodbye(&pair->client.engine), TLS_DONE);
    tls_engine_facts(&pair->server.engine, &facts);
    return facts.is_resumed;
}

START_TEST(a_renewed_certificate_ends_its_own_tickets_and_no_others)
{
    struct tls_selection      *before = two_names(), *after = tls_selection_new();
    struct tls_context_options server = server_options();
    struct pair               *pair = pair_with(before);
    struct ssl_session_st     *first = session_for(pair, "first.example");
    struct ssl_session_st     *second = session_for(pair, "second.example");

    ck_assert(resumes(pair, "first.example", first));
    ck_assert(resumes(pair, "second.example", second));
    ck_assert(
        tls_selection_add(after, (struct tls_certificate *)(uintptr_t)tls_selection_at(before, 0)));
    add(after, made(CERTIFICATE_EC_P256, "second", "DNS:second.example", 2));
    end_fini(&pair->server);
    tls_context_free(&pair->server_context);
    server.selection = after;
    pair->server_context = context_new(pair->library, &server);
    ck_assert(resumes(pair, "first.example", first));
    ck_assert(!resumes(pair, "second.example", second));
    tls_client_session_free(&first);
    tls_client_session_free(&second);
    pair_free(&pair);
    tls_selection_free(&before);
    tls_selection_free(&after);
}
END_TEST

Suite *selection_suite(void)
{
    Suite *suite = suite_create("selection");
    TCase *tcase = tcase_create("selection");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, reactors_share_a_selection_made_elsewhere);
    tcase_add_test(tcase, what_a_context_has_parsed_the_next_one_in_its_library_need_not);
    tcase_add_test(tcase, a_certificate_outlives_the_selection_it_was_dropped_from);
    tcase_add_test(tcase, an_expired_certificate_is_used_and_can_be_warned_of);
    tcase_add_test(tcase, keys_in_their_older_forms_are_read);
    tcase_add_test(tcase, an_issuer_of_many_is_held_once_and_goes_with_the_last);
    tcase_add_test(tcase, the_chain_is_sent_with_a_certificate_that_is_not_the_default);
    tcase_add_test(tcase, names_that_are_no_host_names_do_not_count);
    tcase_add_test(tcase, a_weak_key_is_taken_by_the_old_policy_alone);
    tcase_add_test(tcase, a_renewed_certificate_ends_its_own_tickets_and_no_others);
    suite_add_tcase(suite, tcase);
    return suite;
}
