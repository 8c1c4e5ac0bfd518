#include "engine_mock.h"

#include "base/clock.h"
#include "base/require.h"
#include "tls/engine.h"

#include <stdlib.h>
#include <string.h>

enum { MASK = 0x5a, FLIGHT_RECORD_BYTES = 2000, TICKET_BYTES = 200, KEY_UPDATE_REQUESTED = 1 };

enum phase { PHASE_HELLO, PHASE_FLIGHT, PHASE_FINISHED, PHASE_TICKET, PHASE_OPEN, PHASE_FAILED };

/* The name OpenSSL has for a connection; here it is the mock's. */
struct ssl_st {
    enum phase phase;
    size_t     flight_left;
    size_t     record_len; /* bytes of `record` there, head included */
    size_t     delivered;  /* of a DATA record's payload, what the caller has already */
    bool       has_peer_goodbye;
    bool       has_our_goodbye;
    size_t     sni_len;
    uint8_t    sni[TLS_SNI_BYTES];
    uint8_t    record[MOCK_HEAD_BYTES + MOCK_PAYLOAD_BYTES_MAX];
};

static size_t            flight_bytes = 3000;
static size_t            records_per_call;
static enum mock_trouble trouble;

static enum tls_next handshake_step(struct tls_engine *engine);
static enum tls_next write_flight(struct tls_engine *engine);
static bool          write_record(struct tls_engine *engine, enum mock_type type, size_t len);
static bool          fill_record(struct tls_engine *engine);
static size_t        payload_len(const struct ssl_st *ssl);
static enum tls_next open_record(struct tls_engine *engine, struct buffer *plaintext,
                                 uint64_t now_ns);
static enum tls_next deliver(struct ssl_st *ssl, struct buffer *plaintext);
static enum tls_next answer_key_update(struct tls_engine *engine, uint64_t now_ns);
static enum tls_next fail(struct tls_engine *engine, enum tls_failure failure);
static void          unmask(uint8_t *bytes, size_t len);

/* --- the records ---------------------------------------------------------------------------- */

void mock_set_flight_bytes(size_t bytes)
{
    flight_bytes = bytes;
}

void mock_set_records_per_call(size_t records)
{
    records_per_call = records;
}

uint64_t mock_fingerprint(const struct tls_engine *engine)
{
    const struct ssl_st *ssl = engine->ssl;
    uint64_t             type = ssl->record_len > 0 ? ssl->record[0] : 0;

    return (uint64_t)ssl->phase | type << 4 | (uint64_t)ssl->has_peer_goodbye << 8 |
           (uint64_t)ssl->has_our_goodbye << 9 | (uint64_t)engine->key_updates << 10 |
           (uint64_t)ssl->record_len << 18 | (uint64_t)ssl->delivered << 33 |
           (uint64_t)ssl->flight_left << 48;
}

void mock_set_trouble(enum mock_trouble wanted)
{
    trouble = wanted;
}

size_t mock_record(enum mock_type type, struct bytes_const payload, uint8_t *into)
{
    require(payload.len <= MOCK_PAYLOAD_BYTES_MAX);
    into[0] = (uint8_t)type;
    into[1] = (uint8_t)(payload.len >> 8);
    into[2] = (uint8_t)payload.len;
    if (payload.len > 0) {
        memcpy(into + MOCK_HEAD_BYTES, payload.data, payload.len);
    }
    unmask(into + MOCK_HEAD_BYTES, payload.len);
    return MOCK_HEAD_BYTES + payload.len;
}

bool mock_read(struct mock_reader *reader, struct bytes *bytes, enum mock_type *type,
               struct bytes *piece, bool *is_end)
{
    while (reader->head_len < MOCK_HEAD_BYTES && bytes->len > 0) {
        reader->head[reader->head_len++] = *bytes->data++;
        bytes->len--;
        reader->payload_left = (size_t)reader->head[1] << 8 | reader->head[2];
    }
    if (reader->head_len < MOCK_HEAD_BYTES || (bytes->len == 0 && reader->payload_left > 0)) {
        return false;
    }
    *type = (enum mock_type)reader->head[0];
    if (*type < MOCK_HELLO || *type >= MOCK_TYPES ||
        reader->payload_left > MOCK_PAYLOAD_BYTES_MAX) {
        reader->is_broken = true;
        return false;
    }
    piece->data = bytes->data;
    piece->len = bytes->len < reader->payload_left ? bytes->len : reader->payload_left;
    unmask(piece->data, piece->len);
    bytes->data += piece->len;
    bytes->len -= piece->len;
    reader->payload_left -= piece->len;
    *is_end = reader->payload_left == 0;
    if (*is_end) {
        reader->head_len = 0;
    }
    return true;
}

static void unmask(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bytes[i] ^= MASK;
    }
}

/* --- tls/engine.h --------------------------------------------------------------------------- */

bool tls_engine_init(struct tls_engine *engine, const struct tls_context *context,
                     enum tls_role role, struct error *error)
{
    require(role == TLS_SERVER);
    memset(engine, 0, sizeof(*engine));
    engine->context = context;
    engine->ssl = malloc(sizeof(*engine->ssl));
    if (engine->ssl == NULL) {
        *error = error_make(ERROR_EXHAUSTED, "engine");
        return false;
    }
    memset(engine->ssl, 0, offsetof(struct ssl_st, record));
    engine->ssl->flight_left = flight_bytes;
    engine->is_challenge = trouble == MOCK_CHALLENGES;
    return true;
}

void tls_engine_fini(struct tls_engine *engine)
{
    free(engine->ssl);
    engine->ssl = NULL;
}

void tls_engine_feed(struct tls_engine *engine, struct bytes_const ciphertext)
{
    require(ciphertext.len == 0 || engine->input.len == 0);
    engine->input = ciphertext;
}

size_t tls_engine_unread(const struct tls_engine *engine)
{
    return engine->input.len;
}

void tls_engine_drain(struct tls_engine *engine, struct buffer *into)
{
    engine->output = into;
}

enum tls_next tls_engine_handshake(struct tls_engine *engine)
{
    if (engine->ssl->phase == PHASE_FAILED) {
        return TLS_FAILED;
    }
    if (trouble == MOCK_HANDSHAKE_FAILS) {
        return fail(engine, TLS_FAILURE_MEMORY);
    }
    for (;;) {
        enum tls_next next = handshake_step(engine);

        if (next != TLS_DONE || engine->ssl->phase == PHASE_OPEN) {
            return next;
        }
    }
}

/* TLS_DONE: this step is done, and the next may begin. */
static enum tls_next handshake_step(struct tls_engine *engine)
{
    struct ssl_st *ssl = engine->ssl;

    switch (ssl->phase) {
    case PHASE_HELLO:
    case PHASE_FINISHED:
        if (!fill_record(engine)) {
            return ssl->phase == PHASE_FAILED ? TLS_FAILED : TLS_FEED_ME;
        }
        if (ssl->record[0] != (ssl->phase == PHASE_HELLO ? MOCK_HELLO : MOCK_FINISHED)) {
            return fail(engine,
                        ssl->phase == PHASE_HELLO ? TLS_FAILURE_NOT_TLS : TLS_FAILURE_HANDSHAKE);
        }
        if (ssl->phase == PHASE_HELLO) {
            ssl->sni_len = payload_len(ssl) < sizeof(ssl->sni) ? payload_len(ssl) : 0;
            memcpy(ssl->sni, ssl->record + MOCK_HEAD_BYTES, ssl->sni_len);
            unmask(ssl->sni, ssl->sni_len);
        }
        ssl->record_len = 0;
        ssl->phase = ssl->phase == PHASE_HELLO ? PHASE_FLIGHT : PHASE_TICKET;
        return TLS_DONE;
    case PHASE_FLIGHT:
        return write_flight(engine);
    case PHASE_TICKET:
        if (!write_record(engine, MOCK_TICKET, TICKET_BYTES)) {
            return TLS_DRAIN_ME;
        }
        ssl->phase = PHASE_OPEN;
        return TLS_DONE;
    case PHASE_OPEN:
        return TLS_DONE;
    case PHASE_FAILED:
        break;
    }
    return TLS_FAILED;
}

static enum tls_next write_flight(struct tls_engine *engine)
{
    struct ssl_st *ssl = engine->ssl;

    while (ssl->flight_left > 0) {
        size_t len =
            ssl->flight_left < FLIGHT_RECORD_BYTES ? ssl->flight_left : FLIGHT_RECORD_BYTES;

        if (!write_record(engine, MOCK_FLIGHT, len)) {
            return TLS_DRAIN_ME;
        }
        ssl->flight_left -= len;
    }
    if (!write_record(engine, MOCK_FLIGHT_END, 0)) {
        return TLS_DRAIN_ME;
    }
    ssl->phase = PHASE_FINISHED;
    return TLS_DONE;
}

enum tls_next tls_engine_decrypt(struct tls_engine *engine, struct buffer *plaintext,
                                 uint64_t now_ns)
{
    if (engine->ssl->phase != PHASE_OPEN) {
        return fail(engine, TLS_FAILURE_PROTOCOL);
    }
    for (size_t records = 0;; records++) {
        if (records_per_call != 0 && records == records_per_call) {
            return engine->input.len > 0 ? TLS_DRAIN_ME : TLS_FEED_ME;
        }
        if (engine->ssl->has_peer_goodbye) {
            engine->input = (struct bytes_const){0};
            return TLS_PEER_SAID_GOODBYE;
        }
        if (!fill_record(engine)) {
            return engine->ssl->phase == PHASE_FAILED ? TLS_FAILED : TLS_FEED_ME;
        }
        enum tls_next next = open_record(engine, plaintext, now_ns);

        if (next != TLS_DONE) {
            return next;
        }
        engine->ssl->record_len = 0;
    }
}

/* TLS_DONE: the record is dealt with. */
static enum tls_next open_record(struct tls_engine *engine, struct buffer *plaintext,
                                 uint64_t now_ns)
{
    struct ssl_st *ssl = engine->ssl;

    switch (ssl->record[0]) {
    case MOCK_DATA:
        return deliver(ssl, plaintext);
    case MOCK_KEY_UPDATE:
        return answer_key_update(engine, now_ns);
    case MOCK_CLOSE:
        ssl->has_peer_goodbye = true;
        return TLS_DONE;
    default:
        return fail(engine, TLS_FAILURE_PROTOCOL);
    }
}

static enum tls_next deliver(struct ssl_st *ssl, struct buffer *plaintext)
{
    size_t             len = payload_len(ssl);
    struct bytes       room = buffer_writable(plaintext);
    struct bytes_const rest = {ssl->record + MOCK_HEAD_BYTES + ssl->delivered,
                               len - ssl->delivered};
    size_t             copied = buffer_append(plaintext, rest);

    unmask(room.data, copied);
    ssl->delivered += copied;
    if (ssl->delivered < len) {
        return TLS_DRAIN_ME;
    }
    ssl->delivered = 0;
    return TLS_DONE;
}

static enum tls_next answer_key_update(struct tls_engine *engine, uint64_t now_ns)
{
    if (now_ns - engine->key_updates_at_ns >= NS_PER_S) {
        engine->key_updates_at_ns = now_ns;
        engine->key_updates = 0;
    }
    engine->key_updates++;
    if (engine->key_updates > TLS_KEY_UPDATES_PER_SECOND_MAX) {
        return fail(engine, TLS_FAILURE_FLOOD);
    }
    if (engine->ssl->record[MOCK_HEAD_BYTES] == (KEY_UPDATE_REQUESTED ^ MASK) &&
        !engine->ssl->has_our_goodbye && !write_record(engine, MOCK_KEY_UPDATE, 1)) {
        return fail(engine, TLS_FAILURE_FLOOD);
    }
    return TLS_DONE;
}

enum tls_next tls_engine_encrypt(struct tls_engine *engine, struct bytes_const plaintext,
                                 size_t *consumed)
{
    *consumed = 0;
    if (engine->ssl->phase != PHASE_OPEN || engine->ssl->has_our_goodbye ||
        trouble == MOCK_ENCRYPT_FAILS) {
        return fail(engine, TLS_FAILURE_PROTOCOL);
    }
    while (*consumed < plaintext.len) {
        size_t len = plaintext.len - *consumed;

        len = len < MOCK_PAYLOAD_BYTES_MAX ? len : MOCK_PAYLOAD_BYTES_MAX;
        if (engine->output == NULL || buffer_room(engine->output) < len +
                                                                        TLS_RECORD_OVERHEAD_BYTES +
                                                                        TLS_OUTPUT_RESERVE_BYTES) {
            return TLS_DRAIN_ME;
        }
        buffer_produced(engine->output,
                        mock_record(MOCK_DATA,
                                    (struct bytes_const){plaintext.data + *consumed, len},
                                    buffer_writable(engine->output).data));
        *consumed += len;
    }
    return TLS_DONE;
}

enum tls_next tls_engine_goodbye(struct tls_engine *engine)
{
    if (engine->ssl->phase != PHASE_OPEN || engine->ssl->has_our_goodbye) {
        return TLS_DONE;
    }
    if (trouble == MOCK_GOODBYE_FAILS) {
        return fail(engine, TLS_FAILURE_MEMORY);
    }
    if (!write_record(engine, MOCK_CLOSE, 0)) {
        return TLS_DRAIN_ME;
    }
    engine->ssl->has_our_goodbye = true;
    return TLS_DONE;
}

void tls_engine_settle(struct tls_engine *engine)
{
    require(engine->ssl != NULL);
}

/* --- helpers -------------------------------------------------------------------------------- */

/* Moves input into the record until one is whole: true. */
static bool fill_record(struct tls_engine *engine)
{
    struct ssl_st *ssl = engine->ssl;

    for (;;) {
        size_t wanted = ssl->record_len < MOCK_HEAD_BYTES ? MOCK_HEAD_BYTES
                                                          : MOCK_HEAD_BYTES + payload_len(ssl);

        if (ssl->record_len >= MOCK_HEAD_BYTES && payload_len(ssl) > MOCK_PAYLOAD_BYTES_MAX) {
            (void)fail(engine,
                       ssl->phase == PHASE_OPEN ? TLS_FAILURE_PROTOCOL : TLS_FAILURE_HELLO_INVALID);
            return false;
        }
        if (ssl->record_len == wanted && wanted > 0 &&
            (wanted > MOCK_HEAD_BYTES || payload_len(ssl) == 0)) {
            return true;
        }
        size_t missing = wanted - ssl->record_len;
        size_t len = engine->input.len < missing ? engine->input.len : missing;

        if (len == 0) {
            return false;
        }
        memcpy(ssl->record + ssl->record_len, engine->input.data, len);
        ssl->record_len += len;
        engine->input.data += len;
        engine->input.len -= len;
    }
}

static size_t payload_len(const struct ssl_st *ssl)
{
    return (size_t)ssl->record[1] << 8 | ssl->record[2];
}

/* Writes a record of zeros; false when it does not fit. */
static bool write_record(struct tls_engine *engine, enum mock_type type, size_t len)
{
    static const uint8_t zeros[FLIGHT_RECORD_BYTES];

    if (engine->output == NULL || buffer_room(engine->output) < MOCK_HEAD_BYTES + len) {
        return false;
    }
    buffer_produced(engine->output, mock_record(type, (struct bytes_const){zeros, len},
                                                buffer_writable(engine->output).data));
    return true;
}

static enum tls_next fail(struct tls_engine *engine, enum tls_failure failure)
{
    if (engine->ssl->phase != PHASE_FAILED) {
        engine->ssl->phase = PHASE_FAILED;
        engine->failure = (uint8_t)failure;
        engine->error = error_make(ERROR_TLS_PROTOCOL, "mock");
        (void)write_record(engine, MOCK_ALERT, 1);
    }
    engine->input = (struct bytes_const){0};
    return TLS_FAILED;
}

/* --- what is known -------------------------------------------------------------------------- */

struct error tls_engine_error(const struct tls_engine *engine)
{
    return engine->error;
}

enum tls_failure tls_engine_failure(const struct tls_engine *engine)
{
    return (enum tls_failure)engine->failure;
}

struct tls_alert tls_engine_alert(const struct tls_engine *engine)
{
    return engine->alert;
}

bool tls_engine_has_hello(const struct tls_engine *engine)
{
    return engine->ssl->phase != PHASE_HELLO;
}

bool tls_engine_is_established(const struct tls_engine *engine)
{
    return engine->ssl->phase == PHASE_OPEN;
}

void tls_engine_facts(const struct tls_engine *engine, struct tls_facts *facts)
{
    *facts = (struct tls_facts){.version = "mock", .cipher = "xor", .group = "-", .verify = "none"};
    facts->sni = (struct bytes_const){engine->ssl->sni, engine->ssl->sni_len};
}

void tls_engine_offered(const struct tls_engine *engine, struct tls_offered *offered)
{
    *offered = (struct tls_offered){.versions = "-"};
    offered->sni = (struct bytes_const){engine->ssl->sni, engine->ssl->sni_len};
}

const char *tls_engine_reason(const struct tls_engine *engine)
{
    return engine->failure == TLS_FAILURE_NONE ? "-" : "mock failure";
}
