/*
 * Two engines after their handshake, and what happens between them: writes, key updates, goodbyes,
 * deliveries in pieces, and harm done to the ciphertext. Whatever is done, each end gets a prefix
 * of what the other said, and an end only when it was said, after the last byte. Without harm
 * everything arrives.
 */
#include "base/clock.h"
#include "base/require.h"
#include "fuzz.h"
#include "tls/client.h"
#include "tls_peer.h"
#include "tls_stage.h"

#include <string.h>

enum { COMMANDS_MAX = 300, HEAD_BYTES = 5, INSERT_BYTES_MAX = 64 };

struct connection {
    struct tls_peer client;
    struct tls_peer server;
    struct stream   upload;
    struct stream   download;
    bool            is_tls_1_3;
    bool            is_harmed;
    bool            owes_key_update;
};

static struct connection connection;

static void begin(struct connection *between, bool is_tls_1_3);
static void run(struct connection *between, struct bytes_const *tape);
static void update_key(struct connection *between, bool asks);
static void harm(struct connection *between, struct buffer *wire, struct bytes_const *tape);
static void flip(struct bytes wire, struct bytes_const *tape);
static void swap_records(struct bytes wire);
static void insert(struct buffer *wire, struct bytes_const bytes);
static void check(const struct connection *between);
static void check_end(const struct tls_peer *peer, const struct tls_peer *other,
                      const struct stream *stream);
static void finish(struct connection *between);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes_const tape = {data, size};

    tls_stage_begin();
    begin(&connection, (fuzz_byte(&tape) & 1) == 0);
    for (unsigned i = 0; i < COMMANDS_MAX && fuzz_has_more(&tape); i++) {
        run(&connection, &tape);
        check(&connection);
    }
    finish(&connection);
    return 0;
}

static void begin(struct connection *between, bool is_tls_1_3)
{
    enum tls_stage_client which = is_tls_1_3 ? TLS_STAGE_1_3 : TLS_STAGE_1_2;

    between->upload = (struct stream){.id = 3};
    between->download = (struct stream){.id = 5};
    between->is_tls_1_3 = is_tls_1_3;
    between->is_harmed = false;
    between->owes_key_update = false;
    tls_peer_init(&between->server, tls_stage_server(TLS_STAGE_PLAIN), TLS_SERVER,
                  TLS_PEER_OUTPUT_BYTES);
    tls_peer_init(&between->client, tls_stage_client(which), TLS_CLIENT, TLS_PEER_OUTPUT_BYTES);
    tls_peer_receive(&between->client, (struct bytes_const){0});
    between->server.incoming = &between->upload;
    between->client.incoming = &between->download;
    tls_peers_meet(&between->client, &between->server);
}

static void run(struct connection *between, struct bytes_const *tape)
{
    struct tls_peer *client = &between->client;
    struct tls_peer *server = &between->server;

    switch (fuzz_below(tape, 10)) {
    case 0:
        if (tls_peer_write(client, &between->upload, fuzz_below(tape, 40000)) > 0) {
            between->owes_key_update = false;
        }
        break;
    case 1:
        (void)tls_peer_write(server, &between->download, fuzz_below(tape, 40000));
        break;
    case 2:
        tls_peer_deliver(client, server, 1 + fuzz_below(tape, 40000));
        break;
    case 3:
        tls_peer_deliver(server, client, 1 + fuzz_below(tape, 40000));
        break;
    case 4:
        update_key(between, fuzz_byte(tape) & 1);
        break;
    case 5:
        if (!between->owes_key_update) {
            tls_peer_goodbye(client);
        }
        break;
    case 6:
        tls_peer_goodbye(server);
        break;
    case 7:
        harm(between, &client->output, tape);
        break;
    case 8:
        harm(between, &server->output, tape);
        break;
    default:
        server->now_ns += fuzz_byte(tape) * 10 * NS_PER_MS;
        break;
    }
}

/* It goes out with the next record, before which the client cannot say goodbye. */
static void update_key(struct connection *between, bool asks)
{
    struct tls_peer *client = &between->client;

    if (between->is_tls_1_3 && !client->has_failed && !client->said_goodbye) {
        between->owes_key_update = tls_client_key_update(&client->engine, asks);
    }
    if (tls_peer_write(client, &between->upload, 1) > 0) {
        between->owes_key_update = false;
    }
}

static void harm(struct connection *between, struct buffer *wire, struct bytes_const *tape)
{
    struct bytes bytes = {.data = wire->memory + wire->head, .len = buffer_len(wire)};

    between->is_harmed = true;
    switch (fuzz_below(tape, 4)) {
    case 0:
        flip(bytes, tape);
        break;
    case 1:
        swap_records(bytes);
        break;
    case 2: {
        size_t lost = fuzz_below(tape, 0x10000);

        buffer_consumed(wire, lost < bytes.len ? lost : bytes.len);
        break;
    }
    default:
        insert(wire, fuzz_bytes(tape, fuzz_below(tape, INSERT_BYTES_MAX)));
        break;
    }
}

static void flip(struct bytes wire, struct bytes_const *tape)
{
    size_t at = fuzz_below(tape, 0x10000);

    if (at < wire.len) {
        wire.data[at] ^= (uint8_t)(1 + fuzz_below(tape, 255));
    }
}

/* Moves the first record behind the second, when they are of one length. */
static void swap_records(struct bytes wire)
{
    size_t len = wire.len < HEAD_BYTES ? SIZE_MAX / 2
                                       : HEAD_BYTES + ((size_t)wire.data[HEAD_BYTES - 2] << 8) +
                                             wire.data[HEAD_BYTES - 1];

    if (len * 2 <= wire.len) {
        for (size_t i = 0; i < len; i++) {
            uint8_t kept = wire.data[i];

            wire.data[i] = wire.data[i + len];
            wire.data[i + len] = kept;
        }
    }
}

/* In front of what is on the way. */
static void insert(struct buffer *wire, struct bytes_const bytes)
{
    if (bytes.len > 0 && buffer_append(wire, bytes) == bytes.len) {
        uint8_t *head = wire->memory + wire->head;

        memmove(head + bytes.len, head, buffer_len(wire) - bytes.len);
        memcpy(head, bytes.data, bytes.len);
    }
}

static void check(const struct connection *between)
{
    const struct tls_peer *client = &between->client;
    const struct tls_peer *server = &between->server;

    check_end(server, client, &between->upload);
    check_end(client, server, &between->download);
    if (server->has_failed || client->has_failed) {
        require(between->is_harmed || tls_engine_failure(&server->engine) == TLS_FAILURE_FLOOD ||
                tls_engine_failure(&client->engine) == TLS_FAILURE_FLOOD);
    }
}

static void check_end(const struct tls_peer *peer, const struct tls_peer *other,
                      const struct stream *stream)
{
    if (peer->has_goodbye) {
        require(other->said_goodbye && stream->received == stream->sent);
    }
}

static void finish(struct connection *between)
{
    tls_peer_deliver(&between->client, &between->server, SIZE_MAX);
    tls_peer_deliver(&between->server, &between->client, SIZE_MAX);
    check(between);
    if (!between->is_harmed && !between->server.has_failed && !between->client.has_failed) {
        require(between->upload.received == between->upload.sent);
        require(between->download.received == between->download.sent);
        require(between->client.said_goodbye == between->server.has_goodbye);
        require(between->server.said_goodbye == between->client.has_goodbye);
    }
    tls_peer_fini(&between->client);
    tls_peer_fini(&between->server);
}
