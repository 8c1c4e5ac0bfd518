/* Data each way: whole, in order, within the room there is. */
#include "pair.h"
#include "random.h"
#include "suites.h"

#include <stdlib.h>
#include <string.h>

enum {
    MIB = 1024 * 1024,
    RECORD_ROOM_BYTES =
        TLS_RECORD_PLAIN_BYTES + TLS_RECORD_OVERHEAD_BYTES + TLS_OUTPUT_RESERVE_BYTES
};

static const char *const VERSIONS[] = {"TLSv1.2", "TLSv1.3"};
enum { VERSIONS_COUNT = 2 };

/* What a peer sends, as a function of where it stands in the stream. */
static uint8_t pattern(size_t at)
{
    return (uint8_t)(at * 31 + (at >> 8) * 7 + (at >> 16));
}

/* One direction of a transfer. */
struct stream {
    struct end   *from;
    struct end   *to;
    struct buffer wire; /* with less room than the end's own */
    size_t        written;
    size_t        read;
};

static void stream_write(struct stream *stream, size_t bytes)
{
    uint8_t chunk[64 * 1024];
    size_t  consumed = 0;
    size_t  len = MIB - stream->written < bytes ? MIB - stream->written : bytes;

    for (size_t i = 0; i < len; i++) {
        chunk[i] = pattern(stream->written + i);
    }
    buffer_compact(&stream->wire);
    tls_engine_drain(&stream->from->engine, &stream->wire);
    enum tls_next next =
        tls_engine_encrypt(&stream->from->engine, (struct bytes_const){chunk, len}, &consumed);

    ck_assert(next == (consumed == len ? TLS_DONE : TLS_DRAIN_ME));
    stream->written += consumed;
}

static void stream_read(struct stream *stream, size_t bytes, size_t room)
{
    static uint8_t     memory[64 * 1024];
    struct buffer      plain = {0};
    struct bytes_const wire = buffer_readable(&stream->wire);
    bool               is_equal = true;

    wire.len = wire.len < bytes ? wire.len : bytes;
    buffer_attach(&plain, memory, room);
    tls_engine_feed(&stream->to->engine, wire);
    enum tls_next next = tls_engine_decrypt(&stream->to->engine, &plain, 1);

    ck_assert(next == TLS_FEED_ME || next == TLS_DRAIN_ME);
    ck_assert(next == TLS_FEED_ME ? tls_engine_unread(&stream->to->engine) == 0
                                  : buffer_room(&plain) == 0);
    for (size_t i = 0; i < buffer_len(&plain); i++) {
        is_equal = is_equal && memory[i] == pattern(stream->read + i);
    }
    ck_assert(is_equal);
    stream->read += buffer_len(&plain);
    buffer_consumed(&stream->wire, wire.len - tls_engine_unread(&stream->to->engine));
    tls_engine_feed(&stream->to->engine, (struct bytes_const){0});
}

static void stream_step(struct stream *stream, struct random *random)
{
    stream_write(stream, (size_t)random_size(random, 64 * 1024 - 1));
    stream_read(stream, (size_t)random_size(random, 64 * 1024),
                1 + (size_t)random_size(random, 64 * 1024 - 1));
}

START_TEST(a_mib_each_way_arrives_byte_for_byte_whatever_the_pieces)
{
    struct random random = {(uint64_t)_i + 1};
    struct pair  *pair = pair_established(VERSIONS[_i % VERSIONS_COUNT]);
    uint8_t      *memory = malloc((size_t)2 * 64 * 1024);
    struct stream up = {.from = &pair->client, .to = &pair->server};
    struct stream down = {.from = &pair->server, .to = &pair->client};

    ck_assert_ptr_nonnull(memory);
    buffer_attach(&up.wire, memory, 40000);
    buffer_attach(&down.wire, memory + 65536, RECORD_ROOM_BYTES);
    for (int i = 0; i < ROUNDS_MAX && (up.read < MIB || down.read < MIB); i++) {
        stream_step(&up, &random);
        stream_step(&down, &random);
    }
    ck_assert_uint_eq(up.read, MIB);
    ck_assert_uint_eq(down.read, MIB);
    free(memory);
    pair_free(&pair);
}
END_TEST

START_TEST(a_full_plaintext_buffer_asks_to_be_drained_and_goes_on)
{
    struct pair  *pair = pair_established(VERSIONS[_i]);
    char          sent[1000];
    uint8_t       memory[64];
    struct buffer little = {0};
    size_t        received = 0;
    enum tls_next next = TLS_DRAIN_ME;

    memset(sent, 'a', sizeof(sent));
    end_write(&pair->client, (struct bytes_const){(const uint8_t *)sent, sizeof(sent)});
    buffer_attach(&little, memory, sizeof(memory));
    tls_engine_feed(&pair->server.engine, buffer_readable(&pair->client.wire));
    for (int i = 0; i < 100 && next == TLS_DRAIN_ME; i++) {
        next = tls_engine_decrypt(&pair->server.engine, &little, 1);
        received += buffer_len(&little);
        buffer_consumed(&little, buffer_len(&little));
    }
    ck_assert_int_eq(next, TLS_FEED_ME);
    ck_assert_uint_eq(received, sizeof(sent));
    pair_free(&pair);
}
END_TEST

START_TEST(a_call_decrypts_for_a_millisecond_and_the_next_goes_on)
{
    enum { RECORDS = 1000 };
    struct pair  *pair = pair_established(VERSIONS[_i]);
    unsigned      calls = 0;
    enum tls_next next = TLS_DRAIN_ME;

    for (size_t i = 0; i < RECORDS; i++) {
        uint8_t byte = pattern(i);

        end_write(&pair->client, (struct bytes_const){&byte, 1});
    }
    pair_clock_step(TLS_STINT_NS / 4);
    tls_engine_feed(&pair->server.engine, buffer_readable(&pair->client.wire));
    while (next == TLS_DRAIN_ME) {
        size_t before = buffer_len(&pair->server.plain);

        next = tls_engine_decrypt(&pair->server.engine, &pair->server.plain, 1);
        ck_assert_uint_gt(buffer_len(&pair->server.plain), before);
        ck_assert_uint_lt(buffer_len(&pair->server.plain) - before, RECORDS / 10);
        calls++;
    }
    ck_assert_int_eq(next, TLS_FEED_ME);
    ck_assert_uint_ge(calls, 10);
    ck_assert_uint_eq(buffer_len(&pair->server.plain), RECORDS);
    for (size_t i = 0; i < RECORDS; i++) {
        ck_assert_uint_eq(pair->server.plain_memory[i], pattern(i));
    }
    pair_free(&pair);
}
END_TEST

START_TEST(a_call_encrypts_for_a_millisecond_and_always_something)
{
    struct pair   *pair = pair_established(VERSIONS[_i]);
    static uint8_t zeros[4 * TLS_RECORD_PLAIN_BYTES];
    size_t         consumed = 0;

    pair_clock_step(2 * TLS_STINT_NS);
    tls_engine_drain(&pair->server.engine, &pair->server.wire);
    for (size_t left = sizeof(zeros); left > 0; left -= consumed) {
        enum tls_next next =
            tls_engine_encrypt(&pair->server.engine, (struct bytes_const){zeros, left}, &consumed);

        ck_assert_uint_eq(consumed, TLS_RECORD_PLAIN_BYTES);
        ck_assert_int_eq(next, left > consumed ? TLS_DRAIN_ME : TLS_DONE);
    }
    pair_free(&pair);
}
END_TEST

START_TEST(without_room_nothing_is_decrypted)
{
    struct pair  *pair = pair_established(VERSIONS[_i]);
    struct buffer none = {0};

    ck_assert_int_eq(tls_engine_decrypt(&pair->server.engine, &none, 1), TLS_FEED_ME);
    end_write(&pair->client, bytes_of("ping"));
    tls_engine_feed(&pair->server.engine, buffer_readable(&pair->client.wire));
    ck_assert_int_eq(tls_engine_decrypt(&pair->server.engine, &none, 1), TLS_DRAIN_ME);
    ck_assert_int_eq(tls_engine_decrypt(&pair->server.engine, &pair->server.plain, 1), TLS_FEED_ME);
    check_plain(&pair->server, "ping");
    pair_free(&pair);
}
END_TEST

START_TEST(encrypting_leaves_the_reserve_and_writes_records_of_16_kib_at_most)
{
    struct pair   *pair = pair_established(VERSIONS[_i]);
    static uint8_t zeros[64 * 1024];
    size_t         consumed = 0;
    struct buffer  tight = {0};
    uint8_t       *memory = malloc((size_t)2 * RECORD_ROOM_BYTES);

    ck_assert_ptr_nonnull(memory);
    buffer_attach(&tight, memory, RECORD_ROOM_BYTES - 1);
    tls_engine_drain(&pair->server.engine, &tight);
    ck_assert_int_eq(tls_engine_encrypt(&pair->server.engine,
                                        (struct bytes_const){zeros, sizeof(zeros)}, &consumed),
                     TLS_DRAIN_ME);
    ck_assert_uint_eq(consumed, 0);
    ck_assert(buffer_is_empty(&tight));
    (void)buffer_detach(&tight);
    buffer_attach(&tight, memory, RECORD_ROOM_BYTES);
    ck_assert_int_eq(tls_engine_encrypt(&pair->server.engine,
                                        (struct bytes_const){zeros, sizeof(zeros)}, &consumed),
                     TLS_DRAIN_ME);
    ck_assert_uint_eq(consumed, TLS_RECORD_PLAIN_BYTES);
    ck_assert_uint_ge(buffer_room(&tight), TLS_OUTPUT_RESERVE_BYTES);
    ck_assert_uint_le(buffer_len(&tight), TLS_RECORD_PLAIN_BYTES + TLS_RECORD_OVERHEAD_BYTES);
    ck_assert_uint_eq((unsigned)memory[3] << 8 | memory[4], buffer_len(&tight) - 5);
    free(memory);
    pair_free(&pair);
}
END_TEST

START_TEST(data_may_come_in_the_same_bytes_as_the_clients_finished)
{
    struct tls_context_options client = client_options();

    client.max_version = VERSIONS[_i];
    struct pair *pair = pair_new(NULL, &client);

    for (int i = 0; i < 5 && !tls_engine_is_established(&pair->client.engine); i++) {
        (void)end_step(&pair->client, &pair->server, WIRE_BYTES);
        if (!tls_engine_is_established(&pair->client.engine)) {
            (void)end_step(&pair->server, &pair->client, WIRE_BYTES);
        }
    }
    end_write(&pair->client, bytes_of("early bird"));
    if (!tls_engine_is_established(&pair->server.engine)) {
        ck_assert_int_eq(end_step(&pair->server, &pair->client, WIRE_BYTES), TLS_DONE);
    }
    ck_assert_int_eq(end_step(&pair->server, &pair->client, WIRE_BYTES), TLS_FEED_ME);
    check_plain(&pair->server, "early bird");
    pair_free(&pair);
}
END_TEST

Suite *transfer_suite(void)
{
    Suite *suite = suite_create("transfer");
    TCase *versions = tcase_create("versions");

    tcase_set_timeout(versions, 60);
    tcase_add_loop_test(versions, a_mib_each_way_arrives_byte_for_byte_whatever_the_pieces, 0,
                        2 * VERSIONS_COUNT);
    tcase_add_loop_test(versions, a_full_plaintext_buffer_asks_to_be_drained_and_goes_on, 0,
                        VERSIONS_COUNT);
    tcase_add_loop_test(versions, a_call_decrypts_for_a_millisecond_and_the_next_goes_on, 0,
                        VERSIONS_COUNT);
    tcase_add_loop_test(versions, a_call_encrypts_for_a_millisecond_and_always_something, 0,
                        VERSIONS_COUNT);
    tcase_add_loop_test(versions, without_room_nothing_is_decrypted, 0, VERSIONS_COUNT);
    tcase_add_loop_test(versions,
                        encrypting_leaves_the_reserve_and_writes_records_of_16_kib_at_most, 0,
                        VERSIONS_COUNT);
    tcase_add_loop_test(versions, data_may_come_in_the_same_bytes_as_the_clients_finished, 0,
                        VERSIONS_COUNT);
    suite_add_tcase(suite, versions);
    return suite;
}
