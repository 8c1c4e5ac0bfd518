/* Which certificates are challenges, and who is shown them in which handshake (RFC 8737). */
#include "tls/challenges.h"

#include "certificates.h"
#include "pair.h"
#include "suites.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#define DIGEST                                                                                     \
    "04:20:01:02:03:04:05:06:07:08:09:10:11:12:13:14:15:16:17:18:19:20:21:22:23:24:25:26:27:28:"   \
    "29:30:31:32"
#define IDENTIFIER "critical,DER:" DIGEST
#define ASKS                                                                                       \
    "\x0a"                                                                                         \
    "acme-tls/1"

static struct tls_library    *store;
static struct tls_challenges *challenges;
static struct tls_selection  *ordinary;
static struct pair           *pair;

static void set_up(void)
{
    store = library_new();
    challenges = tls_challenges_new();
    ordinary = tls_selection_new();
    ck_assert(challenges != NULL && ordinary != NULL);
    pair = NULL;
}

static void tear_down(void)
{
    if (pair != NULL) {
        pair_free(&pair);
    }
    tls_challenges_free(&challenges);
    tls_selection_free(&ordinary);
    tls_library_free(&store);
}

/* All certificates of a reactor come from one library, ordinary ones as well. */
static struct tls_certificate *certificate_of(const char *text)
{
    char                    memory[TLS_PROBLEM_BYTES];
    struct text             problem;
    struct tls_pem          pem = pem_of("any.pem", text);
    struct tls_certificate *certificate = NULL;

    text_init(&problem, memory, sizeof(memory));
    certificate = tls_certificate_new(store, &pem, &problem);
    ck_assert_msg(certificate != NULL, "%s", memory);
    return certificate;
}

/* Makes the certificate and adds it; `why` is what stands in its way, or NULL. */
static void add(struct tls_challenges *into, const char *directory,
                const struct certificate_options *options, const char *why)
{
    char                    memory[TLS_PROBLEM_BYTES];
    struct text             problem;
    char                   *text = certificate_make(options);
    struct tls_certificate *certificate = certificate_of(text);

    text_init(&problem, memory, sizeof(memory));
    bool is_added = tls_challenges_add(into, directory, certificate, &problem);

    ck_assert_msg(is_added == (why == NULL), "%s", memory);
    ck_assert_msg(why == NULL || strstr(memory, why) != NULL, "\"%s\" lacks \"%s\"", memory, why);
    tls_certificate_free(&certificate);
    free(text);
}

static void add_good(struct tls_challenges *into, const char *directory, const char *names)
{
    add(into, directory,
        &(struct certificate_options){.names = names, .days = 7, .challenge = IDENTIFIER}, NULL);
}

/* --- which certificates --------------------------------------------------------------------- */

START_TEST(only_a_certificate_for_one_name_with_a_critical_digest_is_a_challenge)
{
    static const struct {
        struct certificate_options options;
        const char                *why;
    } cases[] = {
        {{.names = "DNS:a.example", .challenge = IDENTIFIER}, NULL},
        {{.kind = CERTIFICATE_RSA_2048, .names = "DNS:a.example", .challenge = IDENTIFIER}, NULL},
        {{.kind = CERTIFICATE_RSA_1024, .names = "DNS:a.example", .challenge = IDENTIFIER},
         "key too small"},
        {{.names = "DNS:a.example"}, "critical acmeIdentifier"},
        {{.names = "DNS:a.example", .challenge = "DER:" DIGEST}, "critical acmeIdentifier"},
        {{.names = "DNS:a.example", .challenge = "critical,DER:04:01:01"}, "of 32 bytes"},
        {{.names = "DNS:a.example", .challenge = IDENTIFIER ":00"}, "of 32 bytes"},
        {{.names = "DNS:a.example", .challenge = "critical,DER:0c:01:41"}, "of 32 bytes"},
        {{.names = "DNS:a.example", .challenge = "critical,DER:00"}, "of 32 bytes"},
        {{.common_name = "a.example", .challenge = IDENTIFIER}, "subjectAltName"},
        {{.names = "DNS:a.example,DNS:b.example", .challenge = IDENTIFIER}, "this one for 2"},
        {{.names = "IP:192.0.2.1", .challenge = IDENTIFIER}, "this one for 0"},
        {{.names = "DNS:*.example", .challenge = IDENTIFIER}, "wildcard"},
    };
    struct certificate_options options = cases[_i].options;

    options.days = 7;
    ck_assert_int_eq(sizeof(cases) / sizeof(cases[0]), 13);
    add(challenges, "d", &options, cases[_i].why);
    ck_assert_uint_eq(tls_challenges_count(challenges), cases[_i].why == NULL ? 1 : 0);
}
END_TEST

START_TEST(two_sets_are_equal_when_their_certificates_and_directories_are)
{
    struct tls_challenges *other = tls_challenges_new();

    ck_assert_ptr_nonnull(other);
    ck_assert(tls_challenges_is_equal(challenges, other));
    add_good(challenges, "d", "DNS:a.example");
    ck_assert(!tls_challenges_is_equal(challenges, other));
    add_good(other, "d", "DNS:a.example"); /* with another key */
    ck_assert(!tls_challenges_is_equal(challenges, other));
    ck_assert(tls_challenges_is_equal(challenges, challenges));
    tls_challenges_free(&other);
}
END_TEST

START_TEST(challenges_live_as_long_as_the_last_hold)
{
    struct tls_challenges *held = tls_challenges_hold(challenges);

    tls_challenges_free(&challenges);
    ck_assert_ptr_null(challenges);
    add_good(held, "d", "DNS:a.example");
    ck_assert_uint_eq(tls_challenges_count(held), 1);
    tls_challenges_free(&held);
}
END_TEST

/* --- which handshakes ----------------------------------------------------------------------- */

/* A server of www.example.org that answers the challenges of "d", and a client. */
static void begin(const char *version, const char *groups)
{
    struct tls_context_options server = server_options();
    struct tls_context_options client = client_options();

    struct tls_certificate *www = certificate_of(ec_pem());

    ck_assert(tls_selection_add(ordinary, www));
    tls_certificate_free(&www);
    server.selection = ordinary;
    server.challenge_dir = "d";
    server.groups = groups;
    client.max_version = version;
    pair = pair_new(&server, &client);
    tls_library_set_challenges(pair->library, challenges);
}

static void ask(const char *name, const char *alpn)
{
    ck_assert(tls_client_ask(&pair->client.engine, name, bytes_of(alpn)));
}

static bool is_shown_a_challenge(void)
{
    X509 *leaf = SSL_get0_peer_certificate(pair->client.engine.ssl);

    return leaf != NULL && X509_get_ext_by_critical(leaf, 1, -1) >= 0;
}

static void check_refused(const char *alert)
{
    struct tls_alert sent = tls_engine_alert(&pair->server.engine);

    ck_assert(!tls_engine_is_established(&pair->server.engine));
    ck_assert_int_eq(tls_engine_failure(&pair->server.engine), TLS_FAILURE_HANDSHAKE);
    ck_assert_int_eq(sent.by, TLS_ALERT_SENT);
    ck_assert_str_eq(sent.name, alert);
    ck_assert_ptr_null(SSL_get0_peer_certificate(pair->client.engine.ssl));
}

static const char *const versions[] = {"TLSv1.2", "TLSv1.3"};

START_TEST(who_asks_for_the_challenge_of_a_name_is_shown_it)
{
    struct tls_facts facts;

    add_good(challenges, "d", "DNS:New.example");
    begin(versions[_i], NULL);
    ask("nEw.example", ASKS);
    pair_shake(pair);
    check_established(pair);
    ck_assert(is_shown_a_challenge());
    ck_assert(tls_challenge_was_answered(&pair->server.engine));
    tls_engine_facts(&pair->server.engine, &facts);
    ck_assert_uint_eq(facts.alpn.len, strlen("acme-tls/1"));
    ck_assert(!facts.is_resumed);
}
END_TEST

START_TEST(who_asks_for_anything_else_is_not)
{
    static const char *const offers[] = {"", "\x02h2", ASKS "\x02h2", "\x02h2" ASKS, ASKS ASKS};

    add_good(challenges, "d", "DNS:www.example.org");
    begin(versions[_i], NULL);
    for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
        pair_restart(pair);
        ask("www.example.org", offers[i]);
        pair_shake(pair);
        check_established(pair);
        ck_assert(!is_shown_a_challenge());
        ck_assert(!tls_challenge_was_answered(&pair->server.engine));
    }
}
END_TEST

START_TEST(where_there_is_no_challenge_the_handshake_is_refused)
{
    static const char *const names[] = {"www.example.org", "a.example", "b.a.example", "example"};

    add_good(challenges, "elsewhere", "DNS:a.example");
    add_good(challenges, "d", "DNS:other.example");
    begin(versions[_i], NULL);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        pair_restart(pair);
        ask(names[i], ASKS);
        pair_shake(pair);
        check_refused("no_application_protocol");
    }
}
END_TEST

START_TEST(a_library_without_challenges_refuses)
{
    begin(NULL, NULL);
    tls_library_set_challenges(pair->library, NULL);
    ask("www.example.org", ASKS);
    pair_shake(pair);
    check_refused("no_application_protocol");
}
END_TEST

START_TEST(a_challenge_that_goes_between_two_hellos_is_refused)
{
    add_good(challenges, "d", "DNS:www.example.org");
    begin("TLSv1.3", "P-384"); /* asked for in a HelloRetryRequest */
    ask("www.example.org", ASKS);
    ck_assert_int_eq(end_step(&pair->client, &pair->server, WIRE_BYTES), TLS_FEED_ME);
    ck_assert_int_eq(end_step(&pair->server, &pair->client, WIRE_BYTES), TLS_FEED_ME);
    tls_library_set_challenges(pair->library, NULL);
    pair_shake(pair);
    check_refused("no_application_protocol");
}
END_TEST

START_TEST(a_second_hello_may_ask_again_but_not_for_something_else)
{
    static const struct {
        const char *first, *second;
        const char *alert; /* NULL: established */
    } cases[] = {{ASKS, ASKS, NULL},
                 {"\x02h2", "\x02h2", NULL},
                 {ASKS, "\x02h2", "illegal_parameter"},
                 {"\x02h2", ASKS, "illegal_parameter"}};

    add_good(challenges, "d", "DNS:www.example.org");
    begin("TLSv1.3", "P-384");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pair_restart(pair);
        ask("www.example.org", cases[i].first);
        ck_assert_int_eq(end_step(&pair->client, &pair->server, WIRE_BYTES), TLS_FEED_ME);
        ck_assert_int_eq(end_step(&pair->server, &pair->client, WIRE_BYTES), TLS_FEED_ME);
        ask("www.example.org", cases[i].second);
        pair_shake(pair);
        if (cases[i].alert != NULL) {
            check_refused(cases[i].alert);
        } else {
            check_established(pair);
            ck_assert_int_eq(is_shown_a_challenge(), i == 0);
        }
    }
}
END_TEST

START_TEST(a_challenge_gives_no_ticket_and_takes_none)
{
    add_good(challenges, "d", "DNS:www.example.org");
    begin(versions[_i], NULL);
    pair_shake(pair);
    check_established(pair);
    (void)end_step(&pair->client, &pair->server, WIRE_BYTES);
    struct ssl_session_st *session = session_of(pair);

    ck_assert(is_resumed(pair, session));
    pair_restart(pair);
    ask("www.example.org", ASKS);
    ck_assert(tls_client_resume(&pair->client.engine, session));
    pair_shake(pair);
    check_established(pair);
    (void)end_step(&pair->client, &pair->server, WIRE_BYTES);
    ck_assert(is_shown_a_challenge());
    ck_assert_int_eq(SSL_session_reused(pair->client.engine.ssl), 0);
    ck_assert_int_eq(SSL_SESSION_has_ticket(SSL_get_session(pair->client.engine.ssl)), 0);
    tls_client_session_free(&session);
}
END_TEST

Suite *challenges_suite(void)
{
    Suite *suite = suite_create("challenges");
    TCase *certificates = tcase_create("certificates");
    TCase *handshakes = tcase_create("handshakes");

    tcase_set_timeout(certificates, 60);
    tcase_add_checked_fixture(certificates, set_up, tear_down);
    tcase_add_loop_test(
        certificates, only_a_certificate_for_one_name_with_a_critical_digest_is_a_challenge, 0, 13);
    tcase_add_test(certificates, two_sets_are_equal_when_their_certificates_and_directories_are);
    tcase_add_test(certificates, challenges_live_as_long_as_the_last_hold);
    suite_add_tcase(suite, certificates);
    tcase_set_timeout(handshakes, 60);
    tcase_add_checked_fixture(handshakes, set_up, tear_down);
    tcase_add_loop_test(handshakes, who_asks_for_the_challenge_of_a_name_is_shown_it, 0, 2);
    tcase_add_loop_test(handshakes, who_asks_for_anything_else_is_not, 0, 2);
    tcase_add_loop_test(handshakes, where_there_is_no_challenge_the_handshake_is_refused, 0, 2);
    tcase_add_test(handshakes, a_library_without_challenges_refuses);
    tcase_add_test(handshakes, a_challenge_that_goes_between_two_hellos_is_refused);
    tcase_add_test(handshakes, a_second_hello_may_ask_again_but_not_for_something_else);
    tcase_add_loop_test(handshakes, a_challenge_gives_no_ticket_and_takes_none, 0, 2);
    suite_add_tcase(suite, handshakes);
    return suite;
}
