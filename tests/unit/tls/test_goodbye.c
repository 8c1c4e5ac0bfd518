/* close_notify, each way and both, and the half-open connection between. */
#include "pair.h"
#include "suites.h"

#include <string.h>

static const char *const VERSIONS[] = {"TLSv1.2", "TLSv1.3"};
enum { VERSIONS_COUNT = 2 };

static enum tls_next receive(struct end *end, struct end *from)
{
    return end_step(end, from, WIRE_BYTES);
}

static void check_passes(struct end *from, struct end *to, const char *text, enum tls_next next)
{
    end_write(from, bytes_of(text));
    ck_assert_int_eq(receive(to, from), next);
    check_plain(to, text);
}

START_TEST(goodbye_is_heard_once_and_said_once)
{
    struct pair *pair = pair_established(VERSIONS[_i]);

    ck_assert_int_eq(tls_engine_goodbye(&pair->client.engine), TLS_DONE);
    size_t len = buffer_len(&pair->client.wire);

    ck_assert_uint_gt(len, 0);
    ck_assert_int_eq(tls_engine_goodbye(&pair->client.engine), TLS_DONE);
    ck_assert_uint_eq(buffer_len(&pair->client.wire), len);
    ck_assert_int_eq(receive(&pair->server, &pair->client), TLS_PEER_SAID_GOODBYE);
    ck_assert_int_eq(receive(&pair->server, &pair->client), TLS_PEER_SAID_GOODBYE);
    ck_assert_int_eq(tls_engine_alert(&pair->server.engine).by, TLS_ALERT_NONE);
    ck_assert_int_eq(tls_engine_failure(&pair->server.engine), TLS_FAILURE_NONE);
    ck_assert_int_eq(tls_engine_goodbye(&pair->server.engine), TLS_DONE);
    ck_assert_int_eq(receive(&pair->client, &pair->server), TLS_PEER_SAID_GOODBYE);
    pair_free(&pair);
}
END_TEST

START_TEST(what_was_said_before_goodbye_is_delivered)
{
    struct pair *pair = pair_established(VERSIONS[_i]);

    end_write(&pair->client, bytes_of("last "));
    end_write(&pair->client, bytes_of("words"));
    ck_assert_int_eq(tls_engine_goodbye(&pair->client.engine), TLS_DONE);
    ck_assert_int_eq(receive(&pair->server, &pair->client), TLS_PEER_SAID_GOODBYE);
    check_plain(&pair->server, "last words");
    pair_free(&pair);
}
END_TEST

START_TEST(goodbye_waits_until_full_plaintext_was_taken)
{
    struct pair  *pair = pair_established(VERSIONS[_i]);
    uint8_t       memory[4];
    struct buffer little = {0};

    buffer_attach(&little, memory, sizeof(memory));
    end_write(&pair->client, bytes_of("abcdefgh"));
    ck_assert_int_eq(tls_engine_goodbye(&pair->client.engine), TLS_DONE);
    tls_engine_feed(&pair->server.engine, buffer_readable(&pair->client.wire));
    ck_assert_int_eq(tls_engine_decrypt(&pair->server.engine, &little, 1), TLS_DRAIN_ME);
    ck_assert(memcmp(memory, "abcd", 4) == 0);
    buffer_consumed(&little, 4);
    ck_assert_int_eq(tls_engine_decrypt(&pair->server.engine, &little, 1), TLS_DRAIN_ME);
    ck_assert(memcmp(memory, "efgh", 4) == 0);
    buffer_consumed(&little, 4);
    ck_assert_int_eq(tls_engine_decrypt(&pair->server.engine, &little, 1), TLS_PEER_SAID_GOODBYE);
    ck_assert_uint_eq(tls_engine_unread(&pair->server.engine), 0);
    pair_free(&pair);
}
END_TEST

START_TEST(what_comes_after_goodbye_is_ignored)
{
    struct pair *pair = pair_established(VERSIONS[_i]);

    ck_assert_int_eq(tls_engine_goodbye(&pair->client.engine), TLS_DONE);
    (void)buffer_append(&pair->client.wire, bytes_of("\x17\x03\x03\x00\x05trash and more trash"));
    ck_assert_int_eq(receive(&pair->server, &pair->client), TLS_PEER_SAID_GOODBYE);
    ck_assert(buffer_is_empty(&pair->client.wire));
    ck_assert_int_eq(end_feed(&pair->server, bytes_of("GET /")), TLS_PEER_SAID_GOODBYE);
    ck_assert_uint_eq(buffer_len(&pair->server.plain), 0);
    ck_assert_uint_eq(buffer_len(&pair->server.wire), 0);
    check_passes(&pair->server, &pair->client, "still here", TLS_FEED_ME);
    pair_free(&pair);
}
END_TEST

START_TEST(each_side_may_go_on_speaking_after_the_others_goodbye)
{
    struct pair *pair = pair_established(VERSIONS[_i]);

    ck_assert_int_eq(tls_engine_goodbye(&pair->client.engine), TLS_DONE);
    ck_assert_int_eq(receive(&pair->server, &pair->client), TLS_PEER_SAID_GOODBYE);
    check_passes(&pair->server, &pair->client, "reply", TLS_FEED_ME);
    check_passes(&pair->server, &pair->client, "more", TLS_FEED_ME);
    ck_assert_int_eq(tls_engine_goodbye(&pair->server.engine), TLS_DONE);
    ck_assert_int_eq(receive(&pair->client, &pair->server), TLS_PEER_SAID_GOODBYE);
    pair_free(&pair);
    pair = pair_established(VERSIONS[_i]);
    ck_assert_int_eq(tls_engine_goodbye(&pair->server.engine), TLS_DONE);
    ck_assert_int_eq(receive(&pair->client, &pair->server), TLS_PEER_SAID_GOODBYE);
    check_passes(&pair->client, &pair->server, "request", TLS_FEED_ME);
    check_passes(&pair->client, &pair->server, "more", TLS_FEED_ME);
    pair_free(&pair);
}
END_TEST

START_TEST(goodbye_waits_for_room_and_is_then_said)
{
    struct pair  *pair = pair_established(VERSIONS[_i]);
    uint8_t       memory[TLS_RECORD_OVERHEAD_BYTES];
    struct buffer little = {0};

    buffer_attach(&little, memory, sizeof(memory));
    (void)buffer_append(&little, bytes_of("x"));
    tls_engine_drain(&pair->server.engine, &little);
    ck_assert_int_eq(tls_engine_goodbye(&pair->server.engine), TLS_DRAIN_ME);
    ck_assert_uint_eq(buffer_len(&little), 1);
    buffer_consumed(&little, 1);
    ck_assert_int_eq(tls_engine_goodbye(&pair->server.engine), TLS_DONE);
    (void)buffer_append(&pair->server.wire, buffer_readable(&little));
    ck_assert_int_eq(receive(&pair->client, &pair->server), TLS_PEER_SAID_GOODBYE);
    pair_free(&pair);
}
END_TEST

START_TEST(nothing_is_written_after_our_goodbye_even_when_asked)
{
    struct pair *pair = pair_established("TLSv1.3");

    ck_assert_int_eq(tls_engine_goodbye(&pair->server.engine), TLS_DONE);
    buffer_consumed(&pair->server.wire, buffer_len(&pair->server.wire));
    ck_assert(tls_client_key_update(&pair->client.engine, true));
    check_passes(&pair->client, &pair->server, "answer me", TLS_FEED_ME);
    ck_assert(buffer_is_empty(&pair->server.wire));
    check_passes(&pair->client, &pair->server, "with new keys", TLS_FEED_ME);
    pair_free(&pair);
}
END_TEST

START_TEST(a_broken_record_after_the_handshake_ends_with_bad_record_mac)
{
    struct pair *pair = pair_established(VERSIONS[_i]);

    end_write(&pair->client, bytes_of("ping"));
    pair->client.wire_memory[buffer_len(&pair->client.wire) - 1] ^= 1;
    ck_assert_int_eq(receive(&pair->server, &pair->client), TLS_FAILED);
    ck_assert_int_eq(tls_engine_failure(&pair->server.engine), TLS_FAILURE_PROTOCOL);
    ck_assert_str_eq(tls_engine_alert(&pair->server.engine).name, "bad_record_mac");
    ck_assert_int_eq(tls_engine_alert(&pair->server.engine).by, TLS_ALERT_SENT);
    ck_assert_uint_eq(buffer_len(&pair->server.plain), 0);
    ck_assert_int_eq(receive(&pair->client, &pair->server), TLS_FAILED);
    ck_assert_str_eq(tls_engine_alert(&pair->client.engine).name, "bad_record_mac");
    ck_assert_int_eq(tls_engine_alert(&pair->client.engine).by, TLS_ALERT_RECEIVED);
    pair_free(&pair);
}
END_TEST

Suite *goodbye_suite(void)
{
    Suite *suite = suite_of(
        "goodbye",
        (const TTest *const[]){nothing_is_written_after_our_goodbye_even_when_asked, NULL});
    TCase *versions = tcase_create("versions");

    tcase_add_loop_test(versions, goodbye_is_heard_once_and_said_once, 0, VERSIONS_COUNT);
    tcase_add_loop_test(versions, what_was_said_before_goodbye_is_delivered, 0, VERSIONS_COUNT);
    tcase_add_loop_test(versions, goodbye_waits_until_full_plaintext_was_taken, 0, VERSIONS_COUNT);
    tcase_add_loop_test(versions, what_comes_after_goodbye_is_ignored, 0, VERSIONS_COUNT);
    tcase_add_loop_test(versions, each_side_may_go_on_speaking_after_the_others_goodbye, 0,
                        VERSIONS_COUNT);
    tcase_add_loop_test(versions, goodbye_waits_for_room_and_is_then_said, 0, VERSIONS_COUNT);
    tcase_add_loop_test(versions, a_broken_record_after_the_handshake_ends_with_bad_record_mac, 0,
                        VERSIONS_COUNT);
    suite_add_tcase(suite, versions);
    return suite;
}
