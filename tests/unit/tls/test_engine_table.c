/* Every call in every situation, in both roles: one table says what comes back. */
#include "pair.h"
#include "suites.h"

#include <string.h>

enum situation {
    HANDSHAKING,
    OPEN,
    FAILED,
    WE_SAID_GOODBYE,
    PEER_SAID_GOODBYE,
    BOTH_SAID_GOODBYE,
    SITUATIONS_COUNT
};

enum call {
    CALL_HANDSHAKE,
    CALL_DECRYPT,
    CALL_ENCRYPT,
    CALL_GOODBYE,
    CALL_FEED,              /* the bytes are kept, unread, until taken back */
    CALL_ENCRYPT_UNDRAINED, /* with nowhere to write */
    CALL_GOODBYE_UNDRAINED,
    CALLS_COUNT
};

struct outcome {
    enum tls_next    next;
    bool             writes;  /* ciphertext came out */
    enum tls_failure failure; /* afterwards */
};

static const struct outcome table[SITUATIONS_COUNT][CALLS_COUNT] =
    {
        [HANDSHAKING] =
            {
                [CALL_HANDSHAKE] = {TLS_FEED_ME, false, TLS_FAILURE_NONE},
                [CALL_DECRYPT] = {TLS_FAILED, false, TLS_FAILURE_PROTOCOL},
                [CALL_ENCRYPT] = {TLS_FAILED, false, TLS_FAILURE_PROTOCOL},
                [CALL_GOODBYE] = {TLS_DONE, false, TLS_FAILURE_NONE},
                [CALL_FEED] = {TLS_DONE, false, TLS_FAILURE_NONE},
                [CALL_ENCRYPT_UNDRAINED] = {TLS_FAILED, false, TLS_FAILURE_PROTOCOL},
                [CALL_GOODBYE_UNDRAINED] = {TLS_DONE, false, TLS_FAILURE_NONE},
            },
        [OPEN] =
            {
                [CALL_HANDSHAKE] = {TLS_DONE, false, TLS_FAILURE_NONE},
                [CALL_DECRYPT] = {TLS_FEED_ME, false, TLS_FAILURE_NONE},
                [CALL_ENCRYPT] = {TLS_DONE, true, TLS_FAILURE_NONE},
                [CALL_GOODBYE] = {TLS_DONE, true, TLS_FAILURE_NONE},
                [CALL_FEED] = {TLS_DONE, false, TLS_FAILURE_NONE},
                [CALL_ENCRYPT_UNDRAINED] = {TLS_DRAIN_ME, false, TLS_FAILURE_NONE},
                [CALL_GOODBYE_UNDRAINED] = {TLS_DRAIN_ME, false, TLS_FAILURE_NONE},
            },
        [FAILED] =
            {
                [CALL_HANDSHAKE] = {TLS_FAILED, false, TLS_FAILURE_PROTOCOL},
                [CALL_DECRYPT] = {TLS_FAILED, false, TLS_FAILURE_PROTOCOL},
                [CALL_ENCRYPT] = {TLS_FAILED, false, TLS_FAILURE_PROTOCOL},
                [CALL_GOODBYE] = {TLS_DONE, false, TLS_FAILURE_PROTOCOL},
                [CALL_FEED] = {TLS_DONE, false, TLS_FAILURE_PROTOCOL},
                [CALL_ENCRYPT_UNDRAINED] = {TLS_FAILED, false, TLS_FAILURE_PROTOCOL},
                [CALL_GOODBYE_UNDRAINED] = {TLS_DONE, false, TLS_FAILURE_PROTOCOL},
            },
        [WE_SAID_GOODBYE] =
            {
                [CALL_HANDSHAKE] = {TLS_DONE, false, TLS_FAILURE_NONE},
                [CALL_DECRYPT] = {TLS_FEED_ME, false, TLS_FAILURE_NONE},
                [CALL_ENCRYPT] = {TLS_FAILED, false, TLS_FAILURE_PROTOCOL},
                [CALL_GOODBYE] = {TLS_DONE, false, TLS_FAILURE_NONE},
                [CALL_FEED] = {TLS_DONE, false, TLS_FAILURE_NONE},
                [CALL_ENCRYPT_UNDRAINED] = {TLS_FAILED, false, TLS_FAILURE_PROTOCOL},
                [CALL_GOODBYE_UNDRAINED] = {TLS_DONE, false, TLS_FAILURE_NONE},
            },
        [PEER_SAID_GOODBYE] =
            {
                [CALL_HANDSHAKE] = {TLS_DONE, false, TLS_FAILURE_NONE},
                [CALL_DECRYPT] = {TLS_PEER_SAID_GOODBYE, false, TLS_FAILURE_NONE},
                [CALL_ENCRYPT] = {TLS_DONE, true, TLS_FAILURE_NONE},
                [CALL_GOODBYE] = {TLS_DONE, true, TLS_FAILURE_NONE},
                [CALL_FEED] = {TLS_DONE, false, TLS_FAILURE_NONE},
                [CALL_ENCRYPT_UNDRAINED] = {TLS_DRAIN_ME, false, TLS_FAILURE_NONE},
                [CALL_GOODBYE_UNDRAINED] = {TLS_DRAIN_ME, false, TLS_FAILURE_NONE},
            },
        [BOTH_SAID_GOODBYE] =
            {
                [CALL_HANDSHAKE] = {TLS_DONE, false, TLS_FAILURE_NONE},
                [CALL_DECRYPT] = {TLS_PEER_SAID_GOODBYE, false, TLS_FAILURE_NONE},
                [CALL_ENCRYPT] = {TLS_FAILED, false, TLS_FAILURE_PROTOCOL},
                [CALL_GOODBYE] = {TLS_DONE, false, TLS_FAILURE_NONE},
                [CALL_FEED] = {TLS_DONE, false, TLS_FAILURE_NONE},
                [CALL_ENCRYPT_UNDRAINED] = {TLS_FAILED, false, TLS_FAILURE_PROTOCOL},
                [CALL_GOODBYE_UNDRAINED] = {TLS_DONE, false, TLS_FAILURE_NONE},
            },
};

static void say_goodbye(struct end *end, struct end *peer)
{
    ck_assert_int_eq(tls_engine_goodbye(&end->engine), TLS_DONE);
    ck_assert_int_eq(end_step(peer, end, WIRE_BYTES), TLS_PEER_SAID_GOODBYE);
}

static void bring_to(enum situation situation, struct end *end, struct end *peer)
{
    switch (situation) {
    case HANDSHAKING:
        (void)tls_engine_handshake(&end->engine); /* the client's hello is out */
        break;
    case OPEN:
    case SITUATIONS_COUNT:
        break;
    case FAILED:
        ck_assert_int_eq(end_feed(end, bytes_of("no record of TLS at all")), TLS_FAILED);
        break;
    case WE_SAID_GOODBYE:
        say_goodbye(end, peer);
        break;
    case PEER_SAID_GOODBYE:
        say_goodbye(peer, end);
        break;
    case BOTH_SAID_GOODBYE:
        say_goodbye(end, peer);
        say_goodbye(peer, end);
        break;
    }
    buffer_consumed(&end->wire, buffer_len(&end->wire));
}

static enum tls_next feed_and_take_back(struct tls_engine *engine)
{
    tls_engine_feed(engine, bytes_of("abc"));
    ck_assert_uint_eq(tls_engine_unread(engine), 3);
    tls_engine_feed(engine, (struct bytes_const){0});
    ck_assert_uint_eq(tls_engine_unread(engine), 0);
    return TLS_DONE;
}

static enum tls_next make(enum call call, struct end *end)
{
    size_t consumed = SIZE_MAX;

    switch (call) {
    case CALL_HANDSHAKE:
        return tls_engine_handshake(&end->engine);
    case CALL_DECRYPT:
        return tls_engine_decrypt(&end->engine, &end->plain, 1);
    case CALL_ENCRYPT_UNDRAINED:
        tls_engine_drain(&end->engine, NULL);
        /* fall through */
    case CALL_ENCRYPT: {
        enum tls_next next = tls_engine_encrypt(&end->engine, bytes_of("abc"), &consumed);

        ck_assert_uint_eq(consumed, next == TLS_DONE ? 3 : 0);
        return next;
    }
    case CALL_GOODBYE_UNDRAINED:
        tls_engine_drain(&end->engine, NULL);
        /* fall through */
    case CALL_GOODBYE:
        return tls_engine_goodbye(&end->engine);
    case CALL_FEED:
    case CALLS_COUNT:
        break;
    }
    return feed_and_take_back(&end->engine);
}

static void check_entry(enum tls_role role, enum situation situation, enum call call,
                        struct pair *pair)
{
    const struct outcome *expected = &table[situation][call];
    struct end           *end = role == TLS_SERVER ? &pair->server : &pair->client;
    struct end           *peer = role == TLS_SERVER ? &pair->client : &pair->server;

    pair_restart(pair);
    if (situation != HANDSHAKING) {
        pair_shake(pair);
        check_established(pair);
        (void)end_step(&pair->client, &pair->server, WIRE_BYTES);
    }
    bring_to(situation, end, peer);
    enum tls_next next = make(call, end);

    ck_assert_msg(next == expected->next && expected->writes == !buffer_is_empty(&end->wire) &&
                      expected->failure == tls_engine_failure(&end->engine),
                  "role %d, situation %d, call %d: next %d, %zu bytes, failure %d", role, situation,
                  call, next, buffer_len(&end->wire), tls_engine_failure(&end->engine));
    ck_assert_int_eq(tls_engine_is_established(&end->engine),
                     situation != HANDSHAKING && expected->failure == TLS_FAILURE_NONE);
    ck_assert_int_eq(tls_engine_error(&end->engine).kind,
                     expected->failure == TLS_FAILURE_NONE ? ERROR_NONE : ERROR_TLS_PROTOCOL);
    ck_assert_str_ne(tls_engine_reason(&end->engine), "");
}

static void walk(const char *version)
{
    struct tls_context_options client = client_options();

    client.max_version = version;
    struct pair *pair = pair_new(NULL, &client);

    for (int i = 0; i < SITUATIONS_COUNT * CALLS_COUNT; i++) {
        enum situation situation = (enum situation)(i / CALLS_COUNT);
        enum call      call = (enum call)(i % CALLS_COUNT);

        check_entry(TLS_SERVER, situation, call, pair);
        check_entry(TLS_CLIENT, situation, call, pair);
    }
    pair_free(&pair);
}

START_TEST(every_call_in_every_situation_returns_what_the_table_says_tls_1_3)
{
    walk("TLSv1.3");
}
END_TEST

START_TEST(every_call_in_every_situation_returns_what_the_table_says_tls_1_2)
{
    walk("TLSv1.2");
}
END_TEST

START_TEST(a_finished_engine_may_be_finished_again_and_a_zeroed_one_too)
{
    struct tls_engine engine;
    struct pair      *pair = pair_established(NULL);

    memset(&engine, 0, sizeof(engine));
    tls_engine_fini(&engine);
    tls_engine_fini(&pair->server.engine);
    tls_engine_fini(&pair->server.engine);
    pair_free(&pair);
}
END_TEST

Suite *engine_table_suite(void)
{
    const TTest *const tests[] = {every_call_in_every_situation_returns_what_the_table_says_tls_1_3,
                                  every_call_in_every_situation_returns_what_the_table_says_tls_1_2,
                                  a_finished_engine_may_be_finished_again_and_a_zeroed_one_too,
                                  NULL};

    return suite_of("engine_table", tests);
}
