/* What a stranger may send: hellos in pieces, announcements, garbage. */
#include "pair.h"
#include "random.h"
#include "suites.h"

#include <stdlib.h>
#include <string.h>

enum { RECORD_HEAD_BYTES = 5, MESSAGE_HEAD_BYTES = 4, HEAP_FEW_BYTES = 40 * 1024 };

/* The hello the pair's client sends, record and all; the client waits for the answer. */
static struct bytes_const client_hello(struct pair *pair)
{
    ck_assert_int_eq(tls_engine_handshake(&pair->client.engine), TLS_FEED_ME);
    return buffer_readable(&pair->client.wire);
}

/* The same hello in records of `bytes` of payload each. */
static void split_records(struct buffer *wire, size_t bytes)
{
    uint8_t            memory[WIRE_BYTES];
    struct bytes_const whole = buffer_readable(wire);
    size_t             len = 0;

    for (size_t at = RECORD_HEAD_BYTES; at < whole.len; at += bytes) {
        size_t part = whole.len - at < bytes ? whole.len - at : bytes;

        memcpy(memory + len, whole.data, 3);
        memory[len + 3] = (uint8_t)(part >> 8);
        memory[len + 4] = (uint8_t)part;
        memcpy(memory + len + RECORD_HEAD_BYTES, whole.data + at, part);
        len += RECORD_HEAD_BYTES + part;
    }
    buffer_consumed(wire, whole.len);
    ck_assert_uint_eq(buffer_append(wire, (struct bytes_const){memory, len}), len);
}

static void check_hello_invalid(const struct end *end)
{
    ck_assert_int_eq(tls_engine_failure(&end->engine), TLS_FAILURE_HELLO_INVALID);
    ck_assert_str_ne(tls_engine_reason(&end->engine), "-");
}

/* --- in pieces ----------------------------------------------------------------------------- */

static void shake_in_pieces(struct pair *pair, size_t piece)
{
    for (int i = 0; i < ROUNDS_MAX && !(tls_engine_is_established(&pair->server.engine) &&
                                        tls_engine_is_established(&pair->client.engine));
         i++) {
        ck_assert_int_ne(end_step(&pair->client, &pair->server, piece), TLS_FAILED);
        ck_assert_int_ne(end_step(&pair->server, &pair->client, piece), TLS_FAILED);
    }
    check_established(pair);
}

START_TEST(a_handshake_in_one_byte_pieces_is_as_good_as_any)
{
    struct tls_context_options client = client_options();

    client.max_version = _i == 0 ? "TLSv1.2" : "TLSv1.3";
    struct pair *pair = pair_new(NULL, &client);

    shake_in_pieces(pair, 1);
    pair_free(&pair);
}
END_TEST

START_TEST(a_hello_split_over_many_records_is_as_good_as_any)
{
    static const size_t sizes[] = {1, 2, 3, 4, 5, 100};
    struct pair        *pair = pair_new(NULL, NULL);

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        pair_restart(pair);
        (void)client_hello(pair);
        split_records(&pair->client.wire, sizes[i]);
        shake_in_pieces(pair, WIRE_BYTES);
    }
    pair_free(&pair);
}
END_TEST

/* Drains the server through a buffer with little room, as a congested client would. */
static void shake_through(struct pair *pair, size_t room)
{
    uint8_t       memory[128];
    struct buffer little = {0};

    buffer_attach(&little, memory, room);
    tls_engine_drain(&pair->server.engine, &little);
    for (int i = 0; i < ROUNDS_MAX && !(tls_engine_is_established(&pair->server.engine) &&
                                        tls_engine_is_established(&pair->client.engine));
         i++) {
        ck_assert_int_ne(end_step(&pair->client, &pair->server, WIRE_BYTES), TLS_FAILED);
        enum tls_next next = end_step(&pair->server, &pair->client, WIRE_BYTES);

        ck_assert_int_ne(next, TLS_FAILED);
        ck_assert(next != TLS_DRAIN_ME || buffer_room(&little) == 0);
        (void)buffer_append(&pair->server.wire, buffer_readable(&little));
        buffer_consumed(&little, buffer_len(&little));
    }
    tls_engine_drain(&pair->server.engine, &pair->server.wire);
    check_established(pair);
}

START_TEST(output_may_leave_through_a_buffer_of_one_seven_or_a_hundred_bytes)
{
    static const size_t rooms[] = {1, 7, 100};

    for (size_t i = 0; i < 2 * sizeof(rooms) / sizeof(rooms[0]); i++) {
        struct tls_context_options client = client_options();

        client.max_version = i % 2 == 0 ? "TLSv1.2" : "TLSv1.3";
        struct pair *pair = pair_new(NULL, &client);

        shake_through(pair, rooms[i / 2]);
        pair_free(&pair);
    }
}
END_TEST

/* --- hello retry request ------------------------------------------------------------------- */

/* The client offers a share of a group the server does not have, and has the server's too. */
static struct pair *pair_that_retries(void)
{
    struct tls_context_options server = server_options();
    struct tls_context_options client = client_options();

    server.groups = "P-256";
    client.groups = "X25519:P-256";
    return pair_new(&server, &client);
}

START_TEST(a_hello_retry_request_leads_to_a_handshake)
{
    struct pair     *pair = pair_that_retries();
    struct tls_facts facts;

    pair_shake(pair);
    check_established(pair);
    tls_engine_facts(&pair->server.engine, &facts);
    ck_assert_str_eq(facts.version, "TLSv1.3");
    ck_assert_str_eq(facts.group, "secp256r1");
    ck_assert_uint_eq(facts.sni.len, strlen("www.example.org"));
    pair_restart(pair);
    shake_in_pieces(pair, 1);
    pair_free(&pair);
}
END_TEST

START_TEST(an_engine_dies_well_between_two_hellos)
{
    struct pair *pair = pair_that_retries();

    (void)client_hello(pair);
    ck_assert_int_eq(end_step(&pair->server, &pair->client, WIRE_BYTES), TLS_FEED_ME);
    ck_assert(tls_engine_has_hello(&pair->server.engine));
    pair_free(&pair);
}
END_TEST

/* --- how much ------------------------------------------------------------------------------ */

#define ANNOUNCES_131071 "\x01\x01\xff\xff"

static void feed_first_byte(struct pair *pair)
{
    (void)end_feed(&pair->server, (struct bytes_const){(const uint8_t *)"\x16", 1});
}

START_TEST(a_hello_that_announces_131071_bytes_is_refused_at_once)
{
    static const uint8_t announcement[] = "\x16\x03\x01\x02\x00" ANNOUNCES_131071;
    struct pair         *pair = pair_new(NULL, NULL);

    feed_first_byte(pair);
    size_t before = heap_bytes();

    ck_assert_int_eq(
        end_feed(&pair->server, (struct bytes_const){announcement + 1, sizeof(announcement) - 2}),
        TLS_FAILED);
    check_hello_invalid(&pair->server);
    ck_assert_uint_lt(heap_bytes(), before + HEAP_FEW_BYTES);
    pair_free(&pair);
}
END_TEST

START_TEST(an_announcement_spread_over_records_is_refused_too)
{
    struct pair *pair = pair_new(NULL, NULL);

    for (size_t i = 1; i <= 3; i++) {
        static const uint8_t announcement[] = "\x16\x03\x01\x02\x00" ANNOUNCES_131071;

        pair_restart(pair);
        (void)buffer_append(&pair->client.wire,
                            (struct bytes_const){announcement, sizeof(announcement) - 1});
        split_records(&pair->client.wire, i);
        ck_assert_int_eq(end_step(&pair->server, &pair->client, WIRE_BYTES), TLS_FAILED);
        check_hello_invalid(&pair->server);
    }
    pair_free(&pair);
}
END_TEST

START_TEST(the_second_hello_may_announce_no_more_than_the_first)
{
    static const uint8_t announcement[] =
        "\x14\x03\x03\x00\x01\x01\x16\x03\x03\x02\x00" ANNOUNCES_131071;
    struct pair *pair = pair_that_retries();

    (void)client_hello(pair);
    ck_assert_int_eq(end_step(&pair->server, &pair->client, WIRE_BYTES), TLS_FEED_ME);
    size_t before = heap_bytes();

    ck_assert_int_eq(
        end_feed(&pair->server, (struct bytes_const){announcement, sizeof(announcement) - 1}),
        TLS_FAILED);
    check_hello_invalid(&pair->server);
    ck_assert_uint_lt(heap_bytes(), before + HEAP_FEW_BYTES);
    pair_free(&pair);
}
END_TEST

START_TEST(more_than_64_kib_before_the_handshake_is_done_are_refused)
{
    enum { RECORDS_MAX = 5000, PAYLOAD_BYTES = 16 };
    static const uint8_t head[] = "\x16\x03\x01\x00\x10\x01\x00\xff\xf0";
    uint8_t              record[RECORD_HEAD_BYTES + PAYLOAD_BYTES] = {0};
    struct pair         *pair = pair_new(NULL, NULL);
    size_t               taken = 0;
    enum tls_next        next = TLS_FEED_ME;

    memcpy(record, head, sizeof(head) - 1);
    for (int i = 0; i < RECORDS_MAX && next == TLS_FEED_ME; i++) {
        next = end_feed(&pair->server, (struct bytes_const){record, sizeof(record)});
        taken += sizeof(record);
        memset(record + RECORD_HEAD_BYTES, 0, MESSAGE_HEAD_BYTES);
    }
    ck_assert_int_eq(next, TLS_FAILED);
    ck_assert_uint_le(taken, TLS_HANDSHAKE_BYTES_MAX + sizeof(record));
    check_hello_invalid(&pair->server);
    pair_free(&pair);
}
END_TEST

/* --- no hello at all ----------------------------------------------------------------------- */

static void check_stranger(const char *bytes, size_t len, enum tls_failure failure)
{
    struct pair  *pair = pair_new(NULL, NULL);
    enum tls_next next = end_feed(&pair->server, (struct bytes_const){(const uint8_t *)bytes, len});

    ck_assert_int_eq(next, TLS_FAILED);
    ck_assert_int_eq(tls_engine_failure(&pair->server.engine), failure);
    ck_assert_int_eq(tls_engine_error(&pair->server.engine).kind, ERROR_TLS_PROTOCOL);
    ck_assert(!tls_engine_has_hello(&pair->server.engine));
    ck_assert_str_ne(tls_engine_reason(&pair->server.engine), "-");
    pair_free(&pair);
}

START_TEST(plain_http_garbage_zeros_and_sslv2_are_no_tls)
{
    static const char sslv2[] = "\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10\x00\x00\x05";

    check_stranger("GET / HTTP/1.1\r\n\r\n", 18, TLS_FAILURE_NOT_TLS);
    check_stranger("\r\n", 2, TLS_FAILURE_NOT_TLS);
    check_stranger("\x00\x00\x00\x00\x00\x00\x00\x00", 8, TLS_FAILURE_NOT_TLS);
    check_stranger(sslv2, sizeof(sslv2) - 1, TLS_FAILURE_NOT_TLS);
    check_stranger("\x15\x03\x01\x00\x02\x02\x28", 7, TLS_FAILURE_NOT_TLS);
    check_stranger("\xff", 1, TLS_FAILURE_NOT_TLS);
}
END_TEST

START_TEST(a_record_that_holds_no_hello_is_an_invalid_hello)
{
    check_stranger("\x16garbage garbage garbage", 24, TLS_FAILURE_HELLO_INVALID);
    check_stranger("\x16\x03\x01\x00\x04\x02\x00\x00\x00", 9, TLS_FAILURE_HELLO_INVALID);
    check_stranger("\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03", 11, TLS_FAILURE_HELLO_INVALID);
    check_stranger("\x16\x03\x01\xff\xff\x01\x00\x00\x02", 9, TLS_FAILURE_HELLO_INVALID);
}
END_TEST

START_TEST(empty_records_without_end_are_an_invalid_hello)
{
    enum { RECORDS = 100 };
    char records[RECORDS * RECORD_HEAD_BYTES];

    for (size_t i = 0; i < RECORDS; i++) {
        memcpy(records + i * RECORD_HEAD_BYTES, "\x16\x03\x01\x00\x00", RECORD_HEAD_BYTES);
    }
    check_stranger(records, sizeof(records), TLS_FAILURE_HELLO_INVALID);
}
END_TEST

START_TEST(no_bytes_are_no_failure)
{
    struct pair *pair = pair_new(NULL, NULL);

    ck_assert_int_eq(end_feed(&pair->server, (struct bytes_const){0}), TLS_FEED_ME);
    ck_assert_int_eq(tls_engine_failure(&pair->server.engine), TLS_FAILURE_NONE);
    pair_shake(pair);
    check_established(pair);
    pair_free(&pair);
}
END_TEST

static void fill_random(struct random *random, uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)random_next(random);
    }
}

START_TEST(random_bytes_before_and_after_the_handshake_crash_nothing)
{
    enum { TRIES = 400 };
    struct random random = {1};
    struct pair  *pair = pair_new(NULL, NULL);

    for (int i = 0; i < TRIES; i++) {
        uint8_t bytes[2048];
        size_t  len = 1 + (size_t)random_below(&random, sizeof(bytes));

        pair_restart(pair);
        fill_random(&random, bytes, len);
        if (i % 4 != 0) {
            memcpy(bytes, "\x16\x03\x01\x01\x00\x01\x00\x00\xfc", len < 9 ? len : 9);
        }
        if (i % 8 == 0) {
            pair_shake(pair);
            check_established(pair);
        }
        if (i % 16 == 0) {
            memcpy(bytes, "\x17\x03\x03\x00\x40", len < RECORD_HEAD_BYTES ? len : 5);
        }
        (void)end_feed(&pair->server, (struct bytes_const){bytes, len});
        ck_assert(buffer_is_empty(&pair->server.plain));
    }
    pair_free(&pair);
}
END_TEST

START_TEST(hellos_with_bytes_changed_crash_nothing)
{
    enum { TRIES = 600, CHANGES = 3 };
    struct random random = {2};
    struct pair  *pair = pair_new(NULL, NULL);

    for (int i = 0; i < TRIES; i++) {
        pair_restart(pair);
        struct bytes_const hello = client_hello(pair);

        for (int j = 0; j < CHANGES; j++) {
            size_t at = RECORD_HEAD_BYTES + (size_t)random_below(&random, hello.len - 5);

            pair->client.wire_memory[at] = (uint8_t)random_next(&random);
        }
        (void)end_step(&pair->server, &pair->client, WIRE_BYTES);
        (void)end_step(&pair->client, &pair->server, WIRE_BYTES);
    }
    pair_free(&pair);
}
END_TEST

Suite *hello_suite(void)
{
    Suite *suite = suite_of(
        "hello",
        (const TTest *const[]){
            a_hello_split_over_many_records_is_as_good_as_any,
            output_may_leave_through_a_buffer_of_one_seven_or_a_hundred_bytes,
            a_hello_retry_request_leads_to_a_handshake, an_engine_dies_well_between_two_hellos,
            a_hello_that_announces_131071_bytes_is_refused_at_once,
            an_announcement_spread_over_records_is_refused_too,
            the_second_hello_may_announce_no_more_than_the_first,
            more_than_64_kib_before_the_handshake_is_done_are_refused,
            plain_http_garbage_zeros_and_sslv2_are_no_tls,
            a_record_that_holds_no_hello_is_an_invalid_hello,
            empty_records_without_end_are_an_invalid_hello, no_bytes_are_no_failure,
            random_bytes_before_and_after_the_handshake_crash_nothing,
            hellos_with_bytes_changed_crash_nothing, NULL});
    TCase *pieces = tcase_create("pieces");

    tcase_add_loop_test(pieces, a_handshake_in_one_byte_pieces_is_as_good_as_any, 0, 2);
    suite_add_tcase(suite, pieces);
    return suite;
}
