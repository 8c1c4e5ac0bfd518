/* Resumption: how many tickets, under which keys, and for whom. */
#include "certificates.h"
#include "pair.h"
#include "suites.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const VERSIONS[] = {"TLSv1.2", "TLSv1.3"};
enum { VERSIONS_COUNT = 2 };

static struct tls_ticket_keys fresh_keys(void)
{
    struct tls_ticket_keys keys = {0};

    ck_assert(tls_ticket_keys_rotate(&keys));
    return keys;
}

static struct pair *pair_of(const struct tls_context_options *server, int version,
                            const struct tls_ticket_keys *keys)
{
    struct tls_context_options client = client_options();

    client.max_version = VERSIONS[version];
    struct pair *pair = pair_new(server, &client);

    tls_library_set_ticket_keys(pair->library, keys);
    return pair;
}

/* A session from a whole handshake of this pair. */
static struct ssl_session_st *first_session(struct pair *pair)
{
    pair_shake(pair);
    check_established(pair);
    struct ssl_session_st *session = session_of(pair);

    ck_assert_ptr_nonnull(session);
    return session;
}

/* --- how many ------------------------------------------------------------------------------ */

/* Counts the TLS 1.3 tickets the client was given: each wakes its callback. */
static int tickets_count;

static int on_session(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    (void)session;
    tickets_count++;
    return 0;
}

static int tickets_given(unsigned tickets, const char *version)
{
    struct tls_context_options server = server_options();
    struct tls_context_options client = client_options();

    server.tickets = tickets;
    client.max_version = version;
    struct pair *pair = pair_new(&server, &client);
    SSL_CTX     *ssl_ctx = SSL_get_SSL_CTX(pair->client.engine.ssl);

    tickets_count = 0;
    SSL_CTX_set_session_cache_mode(ssl_ctx,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(ssl_ctx, on_session);
    pair_shake(pair);
    check_established(pair);
    (void)end_step(&pair->client, &pair->server, WIRE_BYTES);
    pair_free(&pair);
    return tickets_count;
}

START_TEST(a_full_handshake_gives_as_many_tickets_as_asked_for)
{
    ck_assert_int_eq(tickets_given(0, "TLSv1.3"), 0);
    ck_assert_int_eq(tickets_given(1, "TLSv1.3"), 1);
    ck_assert_int_eq(tickets_given(2, "TLSv1.3"), 2);
    ck_assert_int_eq(tickets_given(1, "TLSv1.2"), 1);
}
END_TEST

START_TEST(without_tickets_nothing_can_be_resumed)
{
    struct tls_context_options server = server_options();
    struct tls_ticket_keys     keys = fresh_keys();

    server.tickets = 0;
    struct pair *pair = pair_of(&server, _i, &keys);

    pair_shake(pair);
    check_established(pair);
    ck_assert_ptr_null(session_of(pair));
    pair_free(&pair);
}
END_TEST

START_TEST(keys_that_come_after_the_context_turn_tickets_on_and_off)
{
    struct tls_context_options server = server_options();
    struct tls_context_options client = client_options();
    struct tls_ticket_keys     none = {0};
    struct tls_ticket_keys     keys = fresh_keys();
    struct pair               *pair = pair_of(NULL, _i, &none);

    pair_shake(pair);
    check_established(pair);
    ck_assert_ptr_null(session_of(pair));
    pair_free(&pair);

    client.max_version = VERSIONS[_i];
    pair = calloc(1, sizeof(*pair));
    ck_assert_ptr_nonnull(pair);
    pair->library = library_new();
    pair->server_context = context_new(pair->library, &server);
    pair->client_context = context_new(pair->library, &client);
    tls_library_set_ticket_keys(pair->library, &keys);
    pair_restart(pair);
    struct ssl_session_st *session = first_session(pair);

    ck_assert(is_resumed(pair, session));
    tls_client_session_free(&session);
    pair_free(&pair);
}
END_TEST

/* --- keys ---------------------------------------------------------------------------------- */

static bool is_zero(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

START_TEST(rotated_keys_are_random_and_the_oldest_goes)
{
    struct tls_ticket_keys keys = {0};
    struct tls_ticket_keys before;

    for (unsigned i = 0; i < 2 * TLS_TICKET_KEYS_KEPT; i++) {
        before = keys;
        ck_assert(tls_ticket_keys_rotate(&keys));
        ck_assert_uint_eq(keys.count, i < TLS_TICKET_KEYS_KEPT ? i + 1 : TLS_TICKET_KEYS_KEPT);
        ck_assert(!is_zero(keys.keys[0].name, sizeof(keys.keys[0].name)));
        ck_assert(!is_zero(keys.keys[0].cipher_key, sizeof(keys.keys[0].cipher_key)));
        ck_assert(!is_zero(keys.keys[0].mac_key, sizeof(keys.keys[0].mac_key)));
        ck_assert(memcmp(&keys.keys[0], &before.keys[0], sizeof(keys.keys[0])) != 0);
        ck_assert(memcmp(&keys.keys[1], &before.keys[0], sizeof(keys.keys[0])) == 0);
        ck_assert(memcmp(&keys.keys[2], &before.keys[1], sizeof(keys.keys[0])) == 0);
    }
}
END_TEST

START_TEST(a_ticket_of_one_library_resumes_in_another_with_the_same_keys)
{
    struct tls_ticket_keys keys = fresh_keys();
    struct tls_ticket_keys others = fresh_keys();
    struct pair           *first = pair_of(NULL, _i, &keys);
    struct pair           *second = pair_of(NULL, _i, &keys);
    struct pair           *third = pair_of(NULL, _i, &others);
    struct ssl_session_st *session = first_session(first);

    ck_assert(is_resumed(first, session));
    ck_assert(is_resumed(second, session));
    ck_assert(!is_resumed(third, session));
    tls_client_session_free(&session);
    pair_free(&first);
    pair_free(&second);
    pair_free(&third);
}
END_TEST

START_TEST(an_old_key_is_taken_until_it_is_dropped)
{
    struct tls_ticket_keys keys = fresh_keys();
    struct pair           *pair = pair_of(NULL, _i, &keys);
    struct ssl_session_st *session = first_session(pair);

    for (int i = 1; i < TLS_TICKET_KEYS_KEPT; i++) {
        ck_assert(tls_ticket_keys_rotate(&keys));
        tls_library_set_ticket_keys(pair->library, &keys);
        ck_assert(is_resumed(pair, session));
    }
    ck_assert(tls_ticket_keys_rotate(&keys));
    tls_library_set_ticket_keys(pair->library, &keys);
    ck_assert(!is_resumed(pair, session));
    tls_client_session_free(&session);
    pair_free(&pair);
}
END_TEST

START_TEST(a_ticket_under_an_old_key_is_renewed_under_the_new_one)
{
    struct tls_ticket_keys keys = fresh_keys();
    struct pair           *pair = pair_of(NULL, _i, &keys);
    struct ssl_session_st *session = first_session(pair);

    for (int i = 1; i < TLS_TICKET_KEYS_KEPT + 2; i++) {
        ck_assert(tls_ticket_keys_rotate(&keys));
        tls_library_set_ticket_keys(pair->library, &keys);
        ck_assert(is_resumed(pair, session));
        tls_client_session_free(&session);
        session = session_of(pair);
        ck_assert_ptr_nonnull(session);
    }
    tls_client_session_free(&session);
    pair_free(&pair);
}
END_TEST

/* Our seconds since the epoch, put forward; OpenSSL asks the clock itself. */
time_t clock_ahead_s;

time_t __real_time(time_t *now);
time_t __wrap_time(time_t *now);
time_t __wrap_time(time_t *now)
{
    time_t is = __real_time(NULL) + clock_ahead_s;

    if (now != NULL) {
        *now = is;
    }
    return is;
}

START_TEST(a_chain_of_tickets_ends_with_the_life_of_the_first_handshake)
{
    struct tls_ticket_keys     keys = fresh_keys();
    struct tls_context_options server = server_options();
    struct pair               *pair = NULL;
    struct ssl_session_st     *session = NULL;

    clock_ahead_s = 0;
    server.session_lifetime_s = 3600;
    pair = pair_of(&server, _i, &keys);
    session = first_session(pair);
    for (int i = 0; i < 2; i++) {
        clock_ahead_s += 1790;
        ck_assert(tls_ticket_keys_rotate(&keys));
        tls_library_set_ticket_keys(pair->library, &keys);
        ck_assert(is_resumed(pair, session));
        tls_client_session_free(&session);
        session = session_of(pair);
        ck_assert_ptr_nonnull(session);
    }
    clock_ahead_s += 30;
    ck_assert(!is_resumed(pair, session));
    clock_ahead_s = 0;
    tls_client_session_free(&session);
    pair_free(&pair);
}
END_TEST

START_TEST(short_keys_seal_and_open_tickets)
{
    struct tls_ticket_keys keys = fresh_keys();

    keys.keys[0].key_bytes = 16;
    struct pair           *pair = pair_of(NULL, _i, &keys);
    struct ssl_session_st *session = first_session(pair);

    ck_assert(is_resumed(pair, session));
    keys.keys[0].key_bytes = 32;
    tls_library_set_ticket_keys(pair->library, &keys);
    ck_assert(!is_resumed(pair, session));
    tls_client_session_free(&session);
    pair_free(&pair);
}
END_TEST

/* --- for whom ------------------------------------------------------------------------------ */

/* Is a ticket of a server with the first options good at one with the second, and the same keys? */
static bool passes_between(const struct tls_context_options *from,
                           const struct tls_context_options *to, int version)
{
    struct tls_ticket_keys keys = fresh_keys();
    struct pair           *first = pair_of(from, version, &keys);
    struct pair           *second = pair_of(to, version, &keys);
    struct ssl_session_st *session = first_session(first);
    bool                   passes = is_resumed(second, session);

    tls_client_session_free(&session);
    pair_free(&first);
    pair_free(&second);
    return passes;
}

static const struct certificate_options OTHER = {
    .kind = CERTIFICATE_EC_P256, .names = "DNS:www.example.org", .days = 2};

START_TEST(a_ticket_is_no_good_where_certificates_or_policy_differ)
{
    char                      *other = certificate_make(&OTHER);
    struct tls_pem             pem = pem_of("other.pem", other);
    struct tls_context_options ours = server_options();
    struct tls_context_options theirs = server_options();

    ck_assert(passes_between(&ours, &theirs, _i));
    theirs.pems = &pem;
    ck_assert(!passes_between(&ours, &theirs, _i));
    theirs = server_options();
    theirs.policy = TLS_POLICY_OLD;
    ck_assert(!passes_between(&ours, &theirs, _i));
    theirs = server_options();
    theirs.ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256";
    ck_assert(!passes_between(&ours, &theirs, _i));
    theirs = server_options();
    theirs.groups = "P-256:X25519";
    ck_assert(!passes_between(&ours, &theirs, _i));
    theirs = server_options();
    theirs.min_version = "TLSv1.1";
    ck_assert(!passes_between(&ours, &theirs, _i));
    free(other);
}
END_TEST

START_TEST(a_ticket_is_no_good_for_another_name)
{
    struct tls_ticket_keys keys = fresh_keys();
    struct pair           *pair = pair_of(NULL, _i, &keys);
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

START_TEST(the_name_of_a_resumed_session_is_known_after_settling)
{
    struct tls_ticket_keys keys = fresh_keys();
    struct pair           *pair = pair_of(NULL, _i, &keys);
    struct ssl_session_st *session = first_session(pair);
    struct tls_facts       facts;

    ck_assert(is_resumed(pair, session));
    tls_engine_settle(&pair->server.engine);
    tls_engine_facts(&pair->server.engine, &facts);
    ck_assert_uint_eq(facts.sni.len, strlen("www.example.org"));
    tls_client_session_free(&session);
    pair_free(&pair);
}
END_TEST

Suite *tickets_suite(void)
{
    Suite *suite = suite_of(
        "tickets", (const TTest *const[]){a_full_handshake_gives_as_many_tickets_as_asked_for,
                                          rotated_keys_are_random_and_the_oldest_goes, NULL});
    TCase *versions = tcase_create("versions");

    tcase_set_timeout(versions, 60);
    tcase_add_loop_test(versions, without_tickets_nothing_can_be_resumed, 0, VERSIONS_COUNT);
    tcase_add_loop_test(versions, keys_that_come_after_the_context_turn_tickets_on_and_off, 0,
                        VERSIONS_COUNT);
    tcase_add_loop_test(versions, a_ticket_of_one_library_resumes_in_another_with_the_same_keys, 0,
                        VERSIONS_COUNT);
    tcase_add_loop_test(versions, an_old_key_is_taken_until_it_is_dropped, 0, VERSIONS_COUNT);
    tcase_add_loop_test(versions, a_ticket_under_an_old_key_is_renewed_under_the_new_one, 0,
                        VERSIONS_COUNT);
    tcase_add_loop_test(versions, a_chain_of_tickets_ends_with_the_life_of_the_first_handshake, 0,
                        VERSIONS_COUNT);
    tcase_add_loop_test(versions, short_keys_seal_and_open_tickets, 0, VERSIONS_COUNT);
    tcase_add_loop_test(versions, a_ticket_is_no_good_where_certificates_or_policy_differ, 0,
                        VERSIONS_COUNT);
    tcase_add_loop_test(versions, a_ticket_is_no_good_for_another_name, 0, VERSIONS_COUNT);
    tcase_add_loop_test(versions, the_name_of_a_resumed_session_is_known_after_settling, 0,
                        VERSIONS_COUNT);
    suite_add_tcase(suite, versions);
    return suite;
}
