/* What a peer may ask for after the handshake, and how often: key updates, renegotiation. */
#include "base/clock.h"
#include "forger.h"
#include "suites.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_ALERT = 21, RECORD_HANDSHAKE = 22, RECORD_DATA = 23, ANSWER_BYTES_MAX = 64 };

/* One KeyUpdate message on the wire, with no data behind it. */
static void write_key_update(struct end *end, bool asks)
{
    ck_assert(tls_client_key_update(&end->engine, asks));
    ck_assert_int_eq(SSL_do_handshake(end->engine.ssl), 1);
}

static enum tls_next receive_at(struct pair *pair, uint64_t now_ns)
{
    struct bytes_const wire = buffer_readable(&pair->client.wire);

    tls_engine_feed(&pair->server.engine, wire);
    enum tls_next next = tls_engine_decrypt(&pair->server.engine, &pair->server.plain, now_ns);

    buffer_consumed(&pair->client.wire, wire.len - tls_engine_unread(&pair->server.engine));
    tls_engine_feed(&pair->server.engine, (struct bytes_const){0});
    return next;
}

static void check_flood(const struct end *end)
{
    ck_assert_int_eq(tls_engine_failure(&end->engine), TLS_FAILURE_FLOOD);
    ck_assert_int_eq(tls_engine_error(&end->engine).kind, ERROR_TLS_PROTOCOL);
    ck_assert_ptr_nonnull(strstr(tls_engine_reason(&end->engine), "too many"));
}

/* --- key updates --------------------------------------------------------------------------- */

START_TEST(a_hundred_key_updates_a_second_pass_and_one_more_is_a_flood)
{
    struct pair *pair = pair_established("TLSv1.3");

    for (uint64_t second = 5; second < 8; second++) {
        for (int i = 0; i < TLS_KEY_UPDATES_PER_SECOND_MAX; i++) {
            write_key_update(&pair->client, false);
        }
        end_write(&pair->client, bytes_of("data"));
        ck_assert_int_eq(receive_at(pair, second * NS_PER_S), TLS_FEED_ME);
        check_plain(&pair->server, "data");
    }
    write_key_update(&pair->client, false);
    ck_assert_int_eq(receive_at(pair, 8 * NS_PER_S - 1), TLS_FAILED);
    check_flood(&pair->server);
    pair_free(&pair);
}
END_TEST

START_TEST(a_flood_of_key_updates_ends_at_the_first_one_too_many)
{
    enum { UPDATES = 2000 };
    struct pair *pair = pair_established("TLSv1.3");

    for (int i = 0; i < UPDATES; i++) {
        write_key_update(&pair->client, false);
    }
    ck_assert_int_eq(receive_at(pair, NS_PER_S), TLS_FAILED);
    check_flood(&pair->server);
    ck_assert_uint_le(pair->server.engine.key_updates, TLS_KEY_UPDATES_PER_SECOND_MAX + 1);
    pair_free(&pair);
}
END_TEST

START_TEST(after_our_goodbye_a_request_for_new_keys_is_heeded_but_not_answered)
{
    struct pair *pair = pair_established("TLSv1.3");

    ck_assert_int_eq(tls_engine_goodbye(&pair->server.engine), TLS_DONE);
    ck_assert_int_eq(end_step(&pair->client, &pair->server, WIRE_BYTES), TLS_PEER_SAID_GOODBYE);
    write_key_update(&pair->client, true);
    end_write(&pair->client, bytes_of("data under new keys"));
    ck_assert_int_eq(receive_at(pair, 1), TLS_FEED_ME);
    check_plain(&pair->server, "data under new keys");
    ck_assert(buffer_is_empty(&pair->server.wire));
    pair_free(&pair);
}
END_TEST

START_TEST(answers_to_key_updates_stay_within_the_output)
{
    struct pair  *pair = pair_established("TLSv1.3");
    uint8_t       memory[256];
    struct buffer little = {0};

    buffer_attach(&little, memory, sizeof(memory));
    tls_engine_drain(&pair->server.engine, &little);
    for (int i = 0; i < TLS_KEY_UPDATES_PER_SECOND_MAX; i++) {
        write_key_update(&pair->client, true);
    }
    ck_assert_int_eq(receive_at(pair, NS_PER_S), TLS_FAILED);
    check_flood(&pair->server);
    pair_free(&pair);
}
END_TEST

START_TEST(a_hundred_answers_fit_into_the_reserve)
{
    struct pair *pair = pair_established("TLSv1.3");

    for (int i = 0; i < TLS_KEY_UPDATES_PER_SECOND_MAX; i++) {
        write_key_update(&pair->client, true);
    }
    ck_assert_int_eq(receive_at(pair, NS_PER_S), TLS_FEED_ME);
    ck_assert_uint_le(buffer_len(&pair->server.wire), TLS_OUTPUT_RESERVE_BYTES);
    end_write(&pair->server, bytes_of("with the hundredth keys"));
    ck_assert_int_eq(end_step(&pair->client, &pair->server, WIRE_BYTES), TLS_FEED_ME);
    check_plain(&pair->client, "with the hundredth keys");
    pair_free(&pair);
}
END_TEST

/* Moves what fits, of a blocked write. */
static size_t write_some(struct pair *pair, struct buffer *output, struct bytes_const from)
{
    size_t        consumed = 0;
    enum tls_next next = tls_engine_encrypt(&pair->server.engine, from, &consumed);

    ck_assert(next == (consumed == from.len ? TLS_DONE : TLS_DRAIN_ME));
    ck_assert(next == TLS_DONE || !buffer_is_empty(output));
    return consumed;
}

static void deliver(struct pair *pair, struct buffer *output, struct bytes_const expected)
{
    tls_engine_feed(&pair->client.engine, buffer_readable(output));
    ck_assert_int_eq(tls_engine_decrypt(&pair->client.engine, &pair->client.plain, 1), TLS_FEED_ME);
    tls_engine_feed(&pair->client.engine, (struct bytes_const){0});
    buffer_consumed(output, buffer_len(output));
    ck_assert_uint_eq(buffer_len(&pair->client.plain), expected.len);
    ck_assert(memcmp(pair->client.plain_memory, expected.data, expected.len) == 0);
    buffer_consumed(&pair->client.plain, expected.len);
}

/* openssl#8677 (failures.md F-26). The second argument is the point, or -1 for all of them. */
static void write_a_mib(size_t output_bytes, int point)
{
    enum { MIB = 1024 * 1024 };
    struct pair  *pair = pair_established("TLSv1.3");
    uint8_t      *sent = malloc(MIB);
    uint8_t      *memory = malloc(output_bytes);
    struct buffer output = {0};
    size_t        done = 0;

    ck_assert(sent != NULL && memory != NULL);
    for (size_t i = 0; i < MIB; i++) {
        sent[i] = (uint8_t)(i ^ i >> 8 ^ i >> 16);
    }
    buffer_attach(&output, memory, output_bytes);
    tls_engine_drain(&pair->server.engine, &output);
    for (int i = 0; i < 100 && done < MIB; i++) {
        size_t consumed = write_some(pair, &output, (struct bytes_const){sent + done, MIB - done});

        if (point < 0 || point == i) {
            write_key_update(&pair->client, true);
            ck_assert_int_eq(receive_at(pair, NS_PER_S), TLS_FEED_ME);
        }
        deliver(pair, &output, (struct bytes_const){sent + done, consumed});
        done += consumed;
    }
    ck_assert_uint_eq(done, MIB);
    free(sent);
    free(memory);
    pair_free(&pair);
}

START_TEST(a_key_update_at_any_point_of_a_blocked_write_breaks_nothing)
{
    enum { OUTPUT_BYTES = 128 * 1024, POINTS = 10 };

    for (int i = 0; i < POINTS; i++) {
        write_a_mib(OUTPUT_BYTES, i);
    }
    write_a_mib(OUTPUT_BYTES, -1);
    write_a_mib(22 * 1024, -1);
    write_a_mib(40 * 1000, -1);
}
END_TEST

/* --- renegotiation ------------------------------------------------------------------------- */

/* A ClientHello that parses; it is never answered. */
static const uint8_t HELLO[] = {1, 0, 0, 41, 3, 3, [38] = 0, 0, 2, 0xc0, 0x2b, 1, 0};

static struct pair *pair_of_tls_1_2(struct forger *forger)
{
    struct pair *pair = pair_established("TLSv1.2");

    forger_init(forger, pair);
    return pair;
}

START_TEST(a_renegotiation_is_refused_and_the_connection_goes_on)
{
    struct forger forger;
    struct pair  *pair = pair_of_tls_1_2(&forger);

    forger_write(&forger, &pair->client, RECORD_HANDSHAKE,
                 (struct bytes_const){HELLO, sizeof(HELLO)});
    forger_write(&forger, &pair->client, RECORD_DATA, bytes_of("data"));
    ck_assert_int_eq(receive_at(pair, NS_PER_S), TLS_FEED_ME);
    check_plain(&pair->server, "data");
    ck_assert_uint_gt(buffer_len(&pair->server.wire), 0);
    ck_assert_uint_le(buffer_len(&pair->server.wire), ANSWER_BYTES_MAX);
    ck_assert_int_eq(tls_engine_failure(&pair->server.engine), TLS_FAILURE_NONE);
    end_write(&pair->server, bytes_of("reply"));
    ck_assert_int_eq(end_step(&pair->client, &pair->server, WIRE_BYTES), TLS_FAILED);
    ck_assert_str_eq(tls_engine_reason(&pair->client.engine), "no renegotiation");
    pair_free(&pair);
}
END_TEST

START_TEST(renegotiations_over_the_limit_are_a_flood_though_their_answers_are_read)
{
    struct forger forger;
    struct pair  *pair = pair_of_tls_1_2(&forger);

    for (int i = 0; i < TLS_KEY_UPDATES_PER_SECOND_MAX; i++) {
        forger_write(&forger, &pair->client, RECORD_HANDSHAKE,
                     (struct bytes_const){HELLO, sizeof(HELLO)});
        ck_assert_int_eq(receive_at(pair, NS_PER_S), TLS_FEED_ME);
        buffer_consumed(&pair->server.wire, buffer_len(&pair->server.wire));
    }
    forger_write(&forger, &pair->client, RECORD_HANDSHAKE,
                 (struct bytes_const){HELLO, sizeof(HELLO)});
    ck_assert_int_eq(receive_at(pair, NS_PER_S), TLS_FAILED);
    check_flood(&pair->server);
    pair_free(&pair);
}
END_TEST

START_TEST(a_refused_renegotiation_does_not_hide_the_alert_that_ends_it)
{
    struct forger forger;
    struct pair  *pair = pair_of_tls_1_2(&forger);

    forger_write(&forger, &pair->client, RECORD_HANDSHAKE,
                 (struct bytes_const){HELLO, sizeof(HELLO)});
    forger_write(&forger, &pair->client, RECORD_ALERT, bytes_of("\x02\x50"));
    ck_assert_int_eq(receive_at(pair, NS_PER_S), TLS_FAILED);
    ck_assert_int_eq(tls_engine_failure(&pair->server.engine), TLS_FAILURE_PROTOCOL);
    ck_assert_int_eq(tls_engine_alert(&pair->server.engine).by, TLS_ALERT_RECEIVED);
    ck_assert_str_eq(tls_engine_alert(&pair->server.engine).name, "internal_error");
    pair_free(&pair);
}
END_TEST

START_TEST(empty_records_and_warnings_without_end_are_refused)
{
    struct forger forger;
    struct pair  *pair = pair_of_tls_1_2(&forger);

    for (int i = 0; i < 100; i++) {
        forger_write(&forger, &pair->client, RECORD_DATA, (struct bytes_const){0});
    }
    ck_assert_int_eq(receive_at(pair, NS_PER_S), TLS_FAILED);
    ck_assert_int_eq(tls_engine_failure(&pair->server.engine), TLS_FAILURE_PROTOCOL);
    pair_free(&pair);
    pair = pair_of_tls_1_2(&forger);
    for (int i = 0; i < 100; i++) {
        forger_write(&forger, &pair->client, RECORD_ALERT, bytes_of("\x01\x5a"));
    }
    ck_assert_int_eq(receive_at(pair, NS_PER_S), TLS_FAILED);
    ck_assert_int_eq(tls_engine_failure(&pair->server.engine), TLS_FAILURE_PROTOCOL);
    pair_free(&pair);
}
END_TEST

/* --- names of alerts ----------------------------------------------------------------------- */

START_TEST(every_alert_has_a_name_or_is_unknown)
{
    static const struct {
        uint8_t     description;
        const char *name;
    } rows[] = {{10, "unexpected_message"},
                {20, "bad_record_mac"},
                {22, "record_overflow"},
                {40, "handshake_failure"},
                {42, "bad_certificate"},
                {45, "certificate_expired"},
                {46, "certificate_unknown"},
                {47, "illegal_parameter"},
                {48, "unknown_ca"},
                {50, "decode_error"},
                {51, "decrypt_error"},
                {70, "protocol_version"},
                {80, "internal_error"},
                {86, "inappropriate_fallback"},
                {100, "no_renegotiation"},
                {109, "missing_extension"},
                {112, "unrecognized_name"},
                {115, "unknown_psk_identity"},
                {116, "certificate_required"},
                {120, "no_application_protocol"},
                {1, "unknown"},
                {121, "unknown"},
                {255, "unknown"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t          alert[] = {2, rows[i].description};
        struct forger    forger;
        struct pair     *pair = pair_of_tls_1_2(&forger);
        struct tls_alert noted;

        forger_write(&forger, &pair->client, RECORD_ALERT, (struct bytes_const){alert, 2});
        ck_assert_int_eq(receive_at(pair, NS_PER_S), TLS_FAILED);
        noted = tls_engine_alert(&pair->server.engine);
        ck_assert_int_eq(noted.by, TLS_ALERT_RECEIVED);
        ck_assert_uint_eq(noted.description, rows[i].description);
        ck_assert_str_eq(noted.name, rows[i].name);
        pair_free(&pair);
    }
}
END_TEST

Suite *floods_suite(void)
{
    return suite_of("floods",
                    (const TTest *const[]){
                        a_hundred_key_updates_a_second_pass_and_one_more_is_a_flood,
                        a_flood_of_key_updates_ends_at_the_first_one_too_many,
                        after_our_goodbye_a_request_for_new_keys_is_heeded_but_not_answered,
                        answers_to_key_updates_stay_within_the_output,
                        a_hundred_answers_fit_into_the_reserve,
                        a_key_update_at_any_point_of_a_blocked_write_breaks_nothing,
                        a_renegotiation_is_refused_and_the_connection_goes_on,
                        renegotiations_over_the_limit_are_a_flood_though_their_answers_are_read,
                        a_refused_renegotiation_does_not_hide_the_alert_that_ends_it,
                        empty_records_and_warnings_without_end_are_refused,
                        every_alert_has_a_name_or_is_unknown, NULL});
}
