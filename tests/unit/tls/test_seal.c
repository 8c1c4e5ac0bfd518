#include "pair.h"
#include "suites.h"
#include "tls/tls_internal.h"

#include <openssl/ssl.h>
#include <string.h>

enum { LARGE = 100000 };

static uint8_t large[LARGE];

static struct pair *pair_of(const char *version, const char *ciphersuites)
{
    struct tls_context_options client = client_options();

    client.max_version = version;
    client.ciphersuites = ciphersuites;
    struct pair *pair = pair_new(NULL, &client);

    pair_shake(pair);
    check_established(pair);
    (void)end_step(&pair->client, &pair->server, WIRE_BYTES);
    for (size_t i = 0; i < LARGE; i++) {
        large[i] = (uint8_t)(i * 7 + i / 251);
    }
    return pair;
}

static void check_large(struct end *from, struct end *to)
{
    end_write(from, (struct bytes_const){large, LARGE});
    ck_assert_int_eq(end_step(to, from, WIRE_BYTES), TLS_FEED_ME);
    ck_assert_uint_eq(buffer_len(&to->plain), LARGE);
    ck_assert_mem_eq(buffer_readable(&to->plain).data, large, LARGE);
    buffer_consumed(&to->plain, LARGE);
}

START_TEST(aes_gcm_of_tls_1_3_is_sealed_here_and_all_else_by_openssl)
{
    static const struct {
        const char *version;
        const char *ciphersuites;
        bool        is_on;
    } rows[] = {{"TLSv1.3", "TLS_AES_128_GCM_SHA256", true},
                {"TLSv1.3", "TLS_AES_256_GCM_SHA384", true},
                {"TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256", false},
                {"TLSv1.2", NULL, false}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pair *pair = pair_of(rows[i].version, rows[i].ciphersuites);

        ck_assert(seal_is_on(&pair->server.engine.seal) == rows[i].is_on);
        ck_assert(seal_is_on(&pair->client.engine.seal) == rows[i].is_on);
        check_large(&pair->server, &pair->client);
        check_large(&pair->client, &pair->server);
        pair_free(&pair);
    }
}
END_TEST

/* Both ends of a pair are of one library. */
START_TEST(engines_take_turns_with_the_context_of_their_library)
{
    struct pair *pair = pair_of(NULL, NULL);

    for (int i = 0; i < 20; i++) {
        end_write(&pair->server, bytes_of("from the server"));
        end_write(&pair->client, bytes_of("from the client"));
        end_write(&pair->server, bytes_of(", twice"));
        ck_assert_int_eq(end_step(&pair->client, &pair->server, WIRE_BYTES), TLS_FEED_ME);
        ck_assert_int_eq(end_step(&pair->server, &pair->client, WIRE_BYTES), TLS_FEED_ME);
        check_plain(&pair->client, "from the server, twice");
        check_plain(&pair->server, "from the client");
    }
    pair_free(&pair);
}
END_TEST

START_TEST(with_new_keys_openssl_seals_again)
{
    struct pair *pair = pair_of(NULL, NULL);

    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(SSL_key_update(pair->server.engine.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        check_large(&pair->server, &pair->client);
        ck_assert(!seal_is_on(&pair->server.engine.seal));
        check_large(&pair->client, &pair->server); /* with its answer before it */
        ck_assert(!seal_is_on(&pair->client.engine.seal));
    }
    ck_assert_int_eq(tls_engine_goodbye(&pair->server.engine), TLS_DONE);
    ck_assert_int_eq(end_step(&pair->client, &pair->server, WIRE_BYTES), TLS_PEER_SAID_GOODBYE);
    pair_free(&pair);
}
END_TEST

/* The ticket is a record of its own, written when the client has finished. */
START_TEST(a_ticket_without_room_waits_for_it)
{
    struct pair  *pair = pair_new(NULL, NULL);
    uint8_t       memory[SEAL_OVERHEAD_BYTES];
    struct buffer little = {0};

    buffer_attach(&little, memory, sizeof(memory));
    (void)end_step(&pair->client, &pair->server, WIRE_BYTES);
    ck_assert_int_eq(end_step(&pair->server, &pair->client, WIRE_BYTES), TLS_FEED_ME);
    ck_assert(seal_is_on(&pair->server.engine.seal));
    ck_assert_int_ne(end_step(&pair->client, &pair->server, WIRE_BYTES), TLS_FAILED);
    tls_engine_drain(&pair->server.engine, &little);
    ck_assert_int_eq(end_step(&pair->server, &pair->client, WIRE_BYTES), TLS_DRAIN_ME);
    ck_assert_uint_eq(buffer_len(&little), 0);
    tls_engine_drain(&pair->server.engine, &pair->server.wire);
    ck_assert_int_ne(end_step(&pair->server, &pair->client, WIRE_BYTES), TLS_FAILED);
    check_established(pair);
    end_write(&pair->server, bytes_of("behind the ticket"));
    ck_assert_int_eq(end_step(&pair->client, &pair->server, WIRE_BYTES), TLS_FEED_ME);
    check_plain(&pair->client, "behind the ticket");
    pair_free(&pair);
}
END_TEST

/* A context without a cipher does nothing that is asked of it. */
static void break_sealer(struct sealer *sealer, uint8_t cipher)
{
    EVP_CIPHER_CTX_free(sealer->contexts[cipher]);
    sealer->contexts[cipher] = EVP_CIPHER_CTX_new();
    sealer->holders[cipher] = 0;
    ck_assert_ptr_nonnull(sealer->contexts[cipher]);
}

START_TEST(what_cannot_be_sealed_is_not_sent_and_ends_the_connection)
{
    struct pair    *pair = pair_of(NULL, NULL);
    struct end     *server = &pair->server;
    struct tls_seal before = server->engine.seal;
    size_t          consumed = 1;

    break_sealer(&pair->library->sealer, before.cipher);
    ck_assert_int_eq(tls_engine_encrypt(&server->engine, bytes_of("secret"), &consumed),
                     TLS_FAILED);
    ck_assert_uint_eq(consumed, 0);
    ck_assert_uint_eq(buffer_len(&server->wire), 0);
    ck_assert_uint_eq(server->engine.seal.sequence, before.sequence);
    ck_assert_int_eq(tls_engine_failure(&server->engine), TLS_FAILURE_PROTOCOL);
    ck_assert_int_eq(tls_engine_goodbye(&server->engine), TLS_DONE);
    ck_assert_uint_eq(buffer_len(&server->wire), 0);
    pair_free(&pair);
}
END_TEST

/* The goodbye is a record like any other. */
START_TEST(a_goodbye_that_cannot_be_sealed_is_no_goodbye)
{
    struct pair *pair = pair_of(NULL, NULL);
    struct end  *server = &pair->server;

    break_sealer(&pair->library->sealer, server->engine.seal.cipher);
    ck_assert_int_eq(tls_engine_goodbye(&server->engine), TLS_FAILED);
    ck_assert_uint_eq(buffer_len(&server->wire), 0);
    pair_free(&pair);
}
END_TEST

START_TEST(no_key_is_left_in_an_engine_that_has_ended)
{
    static const struct tls_seal empty;
    struct pair                 *pair = pair_of(NULL, NULL);

    ck_assert(seal_is_on(&pair->server.engine.seal));
    tls_engine_fini(&pair->server.engine);
    ck_assert_mem_eq(&pair->server.engine.seal, &empty, sizeof(empty));
    pair_free(&pair);
}
END_TEST

Suite *seal_suite(void)
{
    return suite_of(
        "seal", (const TTest *const[]){aes_gcm_of_tls_1_3_is_sealed_here_and_all_else_by_openssl,
                                       engines_take_turns_with_the_context_of_their_library,
                                       with_new_keys_openssl_seals_again,
                                       a_ticket_without_room_waits_for_it,
                                       what_cannot_be_sealed_is_not_sent_and_ends_the_connection,
                                       a_goodbye_that_cannot_be_sealed_is_no_goodbye,
                                       no_key_is_left_in_an_engine_that_has_ended, NULL});
}
