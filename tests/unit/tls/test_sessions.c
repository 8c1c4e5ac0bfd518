/* Resumption by session id, of TLS 1.2 clients without tickets. */
#include "certificates.h"
#include "pair.h"
#include "suites.h"
#include "tls/challenges.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

/* 32 bytes of DER text. */
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

/* A store of one session. */
struct store {
    uint8_t  id[TLS_SESSION_ID_BYTES];
    uint8_t  session[TLS_STORED_SESSION_BYTES];
    size_t   len;
    unsigned puts, gets, drops;
};

static struct store store;

static void on_put(void *owner, const uint8_t id[TLS_SESSION_ID_BYTES], struct bytes_const session)
{
    ck_assert_ptr_eq(owner, &store);
    ck_assert_uint_le(session.len, TLS_STORED_SESSION_BYTES);
    memcpy(store.id, id, sizeof(store.id));
    memcpy(store.session, session.data, session.len);
    store.len = session.len;
    store.puts++;
}

static size_t on_get(void *owner, const uint8_t id[TLS_SESSION_ID_BYTES],
                     uint8_t session[TLS_STORED_SESSION_BYTES])
{
    ck_assert_ptr_eq(owner, &store);
    store.gets++;
    if (memcmp(id, store.id, sizeof(store.id)) != 0) {
        return 0;
    }
    memcpy(session, store.session, store.len);
    return store.len;
}

static void on_drop(void *owner, const uint8_t id[TLS_SESSION_ID_BYTES])
{
    ck_assert_ptr_eq(owner, &store);
    if (memcmp(id, store.id, sizeof(store.id)) == 0) {
        store.len = 0;
    }
    store.drops++;
}

static const struct tls_session_store STORE = {
    .owner = &store, .put = on_put, .get = on_get, .drop = on_drop};
static const struct tls_command NO_TICKET = {"Options", "-SessionTicket"};

/* A pair whose client knows no tickets, over the store. */
static struct pair *pair_over_store(const struct tls_context_options *server, const char *version)
{
    struct tls_context_options ours = server != NULL ? *server : server_options();
    struct tls_context_options client = client_options();
    struct pair               *pair = NULL;

    client.max_version = version;
    client.commands = &NO_TICKET;
    client.commands_count = 1;
    pair = pair_new(&ours, &client);
    tls_context_free(&pair->server_context);
    tls_library_set_session_store(pair->library, &STORE);
    pair->server_context = context_new(pair->library, &ours);
    pair_restart(pair);
    return pair;
}

static void set_up(void)
{
    store = (struct store){0};
}

static struct ssl_session_st *first_session(struct pair *pair)
{
    pair_shake(pair);
    check_established(pair);
    struct ssl_session_st *session = session_of(pair);

    ck_assert_ptr_nonnull(session);
    return session;
}

START_TEST(a_client_without_tickets_resumes_by_its_session_id)
{
    struct pair           *pair = pair_over_store(NULL, "TLSv1.2");
    struct ssl_session_st *session = first_session(pair);

    ck_assert_uint_eq(store.puts, 1);
    ck_assert(is_resumed(pair, session));
    ck_assert_uint_eq(store.gets, 1);
    tls_client_session_free(&session);
    pair_free(&pair);
}
END_TEST

START_TEST(a_session_resumes_in_another_library_over_the_same_store)
{
    struct pair           *first = pair_over_store(NULL, "TLSv1.2");
    struct pair           *second = pair_over_store(NULL, "TLSv1.2");
    struct ssl_session_st *session = first_session(first);

    ck_assert(is_resumed(second, session));
    tls_client_session_free(&session);
    pair_free(&first);
    pair_free(&second);
}
END_TEST

START_TEST(a_session_that_the_store_lost_is_none)
{
    struct pair           *pair = pair_over_store(NULL, "TLSv1.2");
    struct ssl_session_st *session = first_session(pair);

    store.len = 0;
    ck_assert(!is_resumed(pair, session));
    tls_client_session_free(&session);
    pair_free(&pair);
}
END_TEST

START_TEST(a_stored_session_that_is_garbage_is_none)
{
    struct pair           *pair = pair_over_store(NULL, "TLSv1.2");
    struct ssl_session_st *session = first_session(pair);

    memset(store.session, 0xa5, store.len);
    ck_assert(!is_resumed(pair, session));
    tls_client_session_free(&session);
    pair_free(&pair);
}
END_TEST

START_TEST(a_stored_session_is_no_good_for_another_name)
{
    struct pair           *pair = pair_over_store(NULL, "TLSv1.2");
    struct ssl_session_st *session = first_session(pair);
    struct tls_facts       facts;

    pair_restart(pair);
    ck_assert(tls_client_ask(&pair->client.engine, "api.example.org", (struct bytes_const){0}));
    ck_assert(tls_client_resume(&pair->client.engine, session));
    pair_shake(pair);
    check_established(pair);
    tls_engine_facts(&pair->server.engine, &facts);
    ck_assert(!facts.is_resumed);
    tls_client_session_free(&session);
    pair_free(&pair);
}
END_TEST

START_TEST(a_stored_session_is_no_good_under_another_policy)
{
    struct tls_context_options other = server_options();

    other.policy = TLS_POLICY_OLD;
    struct pair           *first = pair_over_store(NULL, "TLSv1.2");
    struct pair           *second = pair_over_store(&other, "TLSv1.2");
    struct ssl_session_st *session = first_session(first);

    ck_assert(!is_resumed(second, session));
    tls_client_session_free(&session);
    pair_free(&first);
    pair_free(&second);
}
END_TEST

START_TEST(a_session_that_failed_is_dropped)
{
    struct pair           *pair = pair_over_store(NULL, "TLSv1.2");
    struct ssl_session_st *session = first_session(pair);
    static const uint8_t   garbage[] = {23, 3,  3,  0,  32, 1,  2,  3,  4,  5,  6,  7,  8,
                                        9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                        22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32};

    pair_restart(pair);
    ck_assert(tls_client_resume(&pair->client.engine, session));
    pair_shake(pair);
    check_established(pair);
    (void)end_feed(&pair->server, (struct bytes_const){garbage, sizeof(garbage)});
    ck_assert_uint_ge(store.drops, 1);
    ck_assert_uint_eq(store.len, 0);
    tls_client_session_free(&session);
    pair_free(&pair);
}
END_TEST

START_TEST(tls_1_3_and_clients_with_tickets_are_not_stored)
{
    struct pair *pair = pair_over_store(NULL, "TLSv1.3");

    pair_shake(pair);
    check_established(pair);
    pair_free(&pair);
    struct tls_context_options client = client_options();

    client.max_version = "TLSv1.2";
    pair = pair_new(NULL, &client);
    tls_context_free(&pair->server_context);
    tls_library_set_session_store(pair->library, &STORE);
    struct tls_context_options server = server_options();

    pair->server_context = context_new(pair->library, &server);
    pair_restart(pair);
    pair_shake(pair);
    check_established(pair);
    pair_free(&pair);
    ck_assert_uint_eq(store.puts, 0);
}
END_TEST

START_TEST(without_tickets_nothing_is_stored_either)
{
    struct tls_context_options server = server_options();

    server.tickets = 0;
    struct pair *pair = pair_over_store(&server, "TLSv1.2");

    pair_shake(pair);
    check_established(pair);
    ck_assert_uint_eq(store.puts, 0);
    pair_free(&pair);
}
END_TEST

/* Of www.example.org, in directory "d". */
static struct tls_challenges *challenges_of(struct pair *pair)
{
    struct certificate_options options = {
        .names = "DNS:www.example.org", .days = 7, .challenge = "critical,DER:0420" ZEROS};
    char                    memory[TLS_PROBLEM_BYTES];
    char                   *text = certificate_make(&options);
    struct text             problem;
    struct tls_pem          pem = pem_of("challenge.pem", text);
    struct tls_challenges  *challenges = tls_challenges_new();
    struct tls_certificate *certificate = NULL;

    text_init(&problem, memory, sizeof(memory));
    certificate = tls_certificate_new(pair->library, &pem, &problem);
    ck_assert(certificate != NULL && challenges != NULL);
    ck_assert_msg(tls_challenges_add(challenges, "d", certificate, &problem), "%s", memory);
    tls_certificate_free(&certificate);
    free(text);
    return challenges;
}

START_TEST(an_acme_challenge_is_neither_stored_nor_resumed)
{
    struct tls_context_options server = server_options();

    server.challenge_dir = "d";
    struct pair           *pair = pair_over_store(&server, "TLSv1.2");
    struct ssl_session_st *session = first_session(pair);
    struct tls_challenges *challenges = challenges_of(pair);

    ck_assert(is_resumed(pair, session));
    ck_assert_uint_eq(store.puts, 1);
    tls_library_set_challenges(pair->library, challenges);
    pair_restart(pair);
    ck_assert(tls_client_ask(&pair->client.engine, "www.example.org",
                             bytes_of("\x0a"
                                      "acme-tls/1")));
    ck_assert(tls_client_resume(&pair->client.engine, session));
    pair_shake(pair);
    check_established(pair);
    ck_assert(tls_challenge_was_answered(&pair->server.engine));
    ck_assert_int_eq(SSL_session_reused(pair->client.engine.ssl), 0);
    ck_assert_uint_eq(store.puts, 1);
    tls_client_session_free(&session);
    tls_challenges_free(&challenges);
    pair_free(&pair);
}
END_TEST

Suite *sessions_suite(void)
{
    Suite *suite = suite_create("sessions");
    TCase *ids = tcase_create("session ids");

    tcase_set_timeout(ids, 60);
    tcase_add_checked_fixture(ids, set_up, NULL);
    tcase_add_test(ids, a_client_without_tickets_resumes_by_its_session_id);
    tcase_add_test(ids, a_session_resumes_in_another_library_over_the_same_store);
    tcase_add_test(ids, a_session_that_the_store_lost_is_none);
    tcase_add_test(ids, a_stored_session_that_is_garbage_is_none);
    tcase_add_test(ids, a_stored_session_is_no_good_for_another_name);
    tcase_add_test(ids, a_stored_session_is_no_good_under_another_policy);
    tcase_add_test(ids, a_session_that_failed_is_dropped);
    tcase_add_test(ids, tls_1_3_and_clients_with_tickets_are_not_stored);
    tcase_add_test(ids, without_tickets_nothing_is_stored_either);
    tcase_add_test(ids, an_acme_challenge_is_neither_stored_nor_resumed);
    suite_add_tcase(suite, ids);
    return suite;
}
