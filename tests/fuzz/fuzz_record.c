/*
 * What a client that finished its handshake may send if it wants to do harm: records of any type
 * and content under the right keys. Data comes out as it was sent, an end only after a
 * close_notify, and answers stay within bounds.
 */
#include "base/clock.h"
#include "base/require.h"
#include "fuzz.h"
#include "tls/tls_internal.h"
#include "tls_forge.h"
#include "tls_peer.h"
#include "tls_stage.h"

#include <string.h>

enum {
    RECORDS_MAX = 300,
    CONTENT_BYTES_MAX = 16384 + 512, /* more than a record may hold */
    TYPE_ALERT = 21,
    TYPE_HANDSHAKE = 22,
    TYPE_DATA = 23,
};

static struct tls_peer  client;
static struct tls_peer  server;
static struct tls_forge forge;

struct record {
    uint8_t            type;
    struct bytes_const content;
    size_t             padding; /* bytes of 0 behind the type */
};

static void     begin(void);
static void     on_key(const SSL *ssl, const char *line);
static void     send_record(struct bytes_const *tape, struct stream *upload, bool *said_goodbye);
static unsigned draw_record(struct record *record, struct bytes_const *tape);
static void     read_as_receiver(struct record *record);
static void     fill_from(struct record *record, struct stream *upload);
static bool     is_key_update(const struct record *record);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes_const tape = {data, size};
    struct stream      upload = {.id = 7};
    bool               said_goodbye = false;

    begin();
    server.incoming = &upload;
    server.drops_output = (fuzz_byte(&tape) & 1) != 0;
    for (unsigned i = 0; i < RECORDS_MAX && fuzz_has_more(&tape) && !server.has_failed; i++) {
        send_record(&tape, &upload, &said_goodbye);
        require(!server.has_goodbye || said_goodbye);
    }
    tls_peer_fini(&client);
    tls_peer_fini(&server);
    return 0;
}

static void begin(void)
{
    const struct tls_context *context = tls_stage_client(TLS_STAGE_1_3);

    tls_stage_begin();
    context = tls_stage_client(TLS_STAGE_1_3);
    SSL_CTX_set_keylog_callback(context->ssl_ctx, on_key);
    tls_peer_init(&server, tls_stage_server(TLS_STAGE_PLAIN), TLS_SERVER, TLS_PEER_OUTPUT_BYTES);
    tls_peer_init(&client, context, TLS_CLIENT, TLS_PEER_OUTPUT_BYTES);
    tls_peer_receive(&client, (struct bytes_const){0});
    tls_peers_meet(&client, &server);
}

static void on_key(const SSL *ssl, const char *line)
{
    static const char label[] = "CLIENT_TRAFFIC_SECRET_0 ";

    (void)ssl;
    if (strncmp(line, label, sizeof(label) - 1) == 0) {
        tls_forge_begin(&forge, line);
    }
}

static void send_record(struct bytes_const *tape, struct stream *upload, bool *said_goodbye)
{
    static uint8_t memory[2 * CONTENT_BYTES_MAX + TLS_FORGE_OVERHEAD_BYTES];
    struct record  record;

    server.now_ns += (uint64_t)draw_record(&record, tape) * NS_PER_MS;
    if (record.type == TYPE_DATA) {
        fill_from(&record, upload);
    }
    size_t len = tls_forge_record(&forge, record.type, record.content, record.padding, memory);

    if (is_key_update(&record)) {
        tls_forge_next_key(&forge);
    }
    *said_goodbye = *said_goodbye || (record.type == TYPE_ALERT && record.content.len == 2 &&
                                      record.content.data[1] == 0);
    tls_peer_receive(&server, (struct bytes_const){memory, len});
}

/* Returns the milliseconds that pass before it. */
static unsigned draw_record(struct record *record, struct bytes_const *tape)
{
    static const uint8_t types[] = {TYPE_DATA, TYPE_HANDSHAKE, TYPE_ALERT, 0};
    uint8_t              choice = fuzz_byte(tape);

    record->type = choice & 4 ? fuzz_byte(tape) : types[choice & 3];
    record->padding = 0;
    size_t len = fuzz_below(tape, 64);
    if (len == 63) { /* a long one */
        len = fuzz_below(tape, CONTENT_BYTES_MAX + 1);
        record->padding = fuzz_below(tape, CONTENT_BYTES_MAX + 1);
    }
    if (record->type == TYPE_DATA) {
        record->content = (struct bytes_const){NULL, len};
    } else {
        record->content = fuzz_bytes(tape, len);
        read_as_receiver(record);
    }
    return choice >> 4;
}

/* A type of 0 is padding to whoever receives it, and the last byte before it that is not 0 is the
 * type (RFC 8446, 5.4). */
static void read_as_receiver(struct record *record)
{
    while (record->type == 0 && record->content.len > 0) {
        record->padding++;
        record->content.len--;
        record->type = record->content.data[record->content.len];
    }
}

static void fill_from(struct record *record, struct stream *upload)
{
    static uint8_t memory[CONTENT_BYTES_MAX];

    stream_fill(upload, (struct bytes){memory, record->content.len});
    upload->sent += record->content.len;
    record->content.data = memory;
}

static bool is_key_update(const struct record *record)
{
    static const uint8_t message[] = {24, 0, 0, 1};

    return record->type == TYPE_HANDSHAKE && record->content.len == sizeof(message) + 1 &&
           memcmp(record->content.data, message, sizeof(message)) == 0 &&
           record->content.data[sizeof(message)] <= 1;
}
