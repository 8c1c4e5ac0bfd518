/* A neighbour's errors in OpenSSL's queue, and what we make of our own. */
#include "pair.h"
#include "suites.h"
#include "tls/openssl_error.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

/* What a session before this one may have left behind. */
static void poison(void)
{
    ERR_raise(ERR_LIB_SSL, SSL_R_CERTIFICATE_VERIFY_FAILED);
    ERR_raise(ERR_LIB_EVP, ERR_R_MALLOC_FAILURE);
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_RECORD_TYPE);
}

static void check_clean(void)
{
    ck_assert_msg(ERR_peek_error() == 0, "left in the queue: %s",
                  ERR_reason_error_string(ERR_peek_error()));
}

static enum tls_next poisoned_step(struct end *end, struct end *from)
{
    poison();
    enum tls_next next = end_step(end, from, WIRE_BYTES);

    check_clean();
    return next;
}

static void poisoned_shake(struct pair *pair)
{
    enum { FLIGHTS_MAX = 5 };

    for (int i = 0; i < FLIGHTS_MAX && !(tls_engine_is_established(&pair->client.engine) &&
                                         tls_engine_is_established(&pair->server.engine));
         i++) {
        ck_assert_int_ne(poisoned_step(&pair->client, &pair->server), TLS_FAILED);
        ck_assert_int_ne(poisoned_step(&pair->server, &pair->client), TLS_FAILED);
    }
    check_established(pair);
}

static void poisoned_ping(struct end *from, struct end *to)
{
    size_t consumed = 0;

    poison();
    ck_assert_int_eq(tls_engine_encrypt(&from->engine, bytes_of("ping"), &consumed), TLS_DONE);
    check_clean();
    ck_assert_int_eq(poisoned_step(to, from), TLS_FEED_ME);
    check_plain(to, "ping");
}

static void poisoned_goodbye(struct end *from, struct end *to)
{
    poison();
    ck_assert_int_eq(tls_engine_goodbye(&from->engine), TLS_DONE);
    check_clean();
    ck_assert_int_eq(poisoned_step(to, from), TLS_PEER_SAID_GOODBYE);
}

static struct pair *pair_of_version(int at)
{
    struct tls_context_options client = client_options();

    client.max_version = at == 0 ? "TLSv1.2" : "TLSv1.3";
    return pair_new(NULL, &client);
}

START_TEST(a_poisoned_queue_harms_no_call_and_is_clean_afterwards)
{
    struct pair     *pair = pair_of_version(_i);
    struct tls_facts facts;

    poisoned_shake(pair);
    (void)poisoned_step(&pair->client, &pair->server);
    poisoned_ping(&pair->client, &pair->server);
    poisoned_ping(&pair->server, &pair->client);
    poison();
    tls_engine_facts(&pair->server.engine, &facts);
    check_clean();
    poisoned_goodbye(&pair->client, &pair->server);
    poisoned_goodbye(&pair->server, &pair->client);
    poison();
    end_fini(&pair->server);
    check_clean();
    pair_free(&pair);
}
END_TEST

START_TEST(a_poisoned_queue_harms_no_resumption)
{
    struct pair           *pair = pair_of_version(_i);
    struct ssl_session_st *session;
    struct tls_facts       facts;

    poisoned_shake(pair);
    session = session_of(pair);
    ck_assert_ptr_nonnull(session);
    pair_restart(pair);
    poison();
    ck_assert(tls_client_resume(&pair->client.engine, session));
    check_clean();
    poisoned_shake(pair);
    tls_engine_facts(&pair->server.engine, &facts);
    ck_assert(facts.is_resumed);
    tls_client_session_free(&session);
    pair_free(&pair);
}
END_TEST

START_TEST(a_poisoned_queue_harms_no_making_of_engines_and_contexts)
{
    struct tls_context_options server = server_options();
    struct error               error = ERROR_OK;

    poison();
    struct tls_library *library = library_new();

    check_clean();
    poison();
    struct tls_context *context = context_new(library, &server);

    check_clean();
    struct tls_engine engine = {0};

    poison();
    ck_assert(tls_engine_init(&engine, context, TLS_SERVER, &error));
    check_clean();
    tls_engine_fini(&engine);
    tls_context_free(&context);
    poison();
    tls_library_free(&library);
    check_clean();
}
END_TEST

START_TEST(a_failure_reports_its_own_error_and_not_a_neighbours)
{
    struct pair *pair = pair_of_version(_i);
    size_t       consumed = 0;

    poison();
    ck_assert_int_eq(end_feed(&pair->server, bytes_of("GET / HTTP/1.1\r\n\r\n")), TLS_FAILED);
    check_clean();
    ck_assert_str_eq(tls_engine_reason(&pair->server.engine), "not a TLS record");
    ck_assert_int_eq(tls_engine_error(&pair->server.engine).source, ERROR_FROM_US);
    pair_restart(pair);
    poison();
    ck_assert_int_eq(tls_engine_encrypt(&pair->server.engine, bytes_of("x"), &consumed),
                     TLS_FAILED);
    check_clean();
    ck_assert_int_eq(tls_engine_error(&pair->server.engine).source, ERROR_FROM_US);
    pair_restart(pair);
    poison();
    ck_assert_int_eq(tls_engine_decrypt(&pair->server.engine, &pair->server.plain, 1), TLS_FAILED);
    check_clean();
    ck_assert_int_eq(tls_engine_error(&pair->server.engine).source, ERROR_FROM_US);
    pair_free(&pair);
}
END_TEST

/* --- our words for them -------------------------------------------------------------------- */

START_TEST(an_error_is_the_newest_of_the_queue_and_empties_it)
{
    struct pair *pair = pair_new(NULL, NULL); /* texts are there once TLS is */

    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_RECORD_TYPE);
    ERR_raise(ERR_LIB_SSL, SSL_R_NO_SHARED_CIPHER);
    struct error error = error_from_openssl("handshake");

    check_clean();
    ck_assert_int_eq(error.kind, ERROR_TLS_PROTOCOL);
    ck_assert_int_eq(error.source, ERROR_FROM_OPENSSL);
    ck_assert_str_eq(error.step, "handshake");
    ck_assert_str_eq(openssl_error_reason(&error), "no shared cipher");
    pair_free(&pair);
}
END_TEST

START_TEST(kinds_tell_certificates_memory_and_the_rest_apart)
{
    static const struct {
        int             library;
        int             reason;
        enum error_kind kind;
    } rows[] = {{ERR_LIB_SSL, SSL_R_CERTIFICATE_VERIFY_FAILED, ERROR_TLS_CERTIFICATE},
                {ERR_LIB_SSL, SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, ERROR_TLS_CERTIFICATE},
                {ERR_LIB_EC, SSL_R_CERTIFICATE_VERIFY_FAILED, ERROR_TLS_PROTOCOL},
                {ERR_LIB_EVP, SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, ERROR_TLS_PROTOCOL},
                {ERR_LIB_SSL, ERR_R_MALLOC_FAILURE, ERROR_EXHAUSTED},
                {ERR_LIB_BN, ERR_R_MALLOC_FAILURE, ERROR_EXHAUSTED},
                {ERR_LIB_SSL, SSL_R_UNSUPPORTED_PROTOCOL, ERROR_TLS_PROTOCOL}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ERR_raise(rows[i].library, rows[i].reason);
        struct error error = error_from_openssl("step");

        ck_assert_msg(error.kind == rows[i].kind, "row %zu: kind %d", i, error.kind);
    }
}
END_TEST

START_TEST(without_an_error_there_is_no_reason)
{
    struct error none = error_from_openssl("step");
    struct error ours = error_make(ERROR_TIMEOUT, "step");

    ck_assert_uint_eq(none.code, 0);
    ck_assert_str_eq(openssl_error_reason(&none), "-");
    ck_assert_str_eq(openssl_error_reason(&ours), "-");
}
END_TEST

Suite *error_queue_suite(void)
{
    Suite *suite =
        suite_of("error_queue",
                 (const TTest *const[]){a_poisoned_queue_harms_no_making_of_engines_and_contexts,
                                        an_error_is_the_newest_of_the_queue_and_empties_it,
                                        kinds_tell_certificates_memory_and_the_rest_apart,
                                        without_an_error_there_is_no_reason, NULL});
    TCase *versions = tcase_create("versions");

    tcase_add_loop_test(versions, a_poisoned_queue_harms_no_call_and_is_clean_afterwards, 0, 2);
    tcase_add_loop_test(versions, a_poisoned_queue_harms_no_resumption, 0, 2);
    tcase_add_loop_test(versions, a_failure_reports_its_own_error_and_not_a_neighbours, 0, 2);
    suite_add_tcase(suite, versions);
    return suite;
}
