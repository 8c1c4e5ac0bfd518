/* The BIO between OpenSSL and the caller's buffers: no copy of its own, no memory of its own. */
#include "base/require.h"
#include "tls/tls_internal.h"
#include "tls/verify_internal.h"

#include <openssl/bio.h>
#include <string.h>

enum { ALERT_RECORD_BYTES = 7 };

/* OpenSSL's include/internal/bio.h: BIO_CTRL_SET_KTLS, whose number is 0 for receiving, and
 * BIO_CTRL_SET_KTLS_TX_SEND_CTRL_MSG, whose number is the content type of the next write. */
enum { CTRL_SET_KTLS = 72, CTRL_SET_CONTENT_TYPE = 74 };

static int    bio_read(BIO *bio, char *into, int len);
static int    bio_write(BIO *bio, const char *from, int len);
static bool   begin_seal(struct tls_engine *engine, const void *crypto_info);
static int    write_sealed(BIO *bio, struct bytes_const content);
static bool   is_plain_alert(const char *record, size_t len);
static int    write_alert(struct tls_engine *engine, const char *from);
static long   bio_ctrl(BIO *bio, int command, long number, void *pointer);
static bool   handshake_may_take(struct tls_engine *engine, const uint8_t *bytes, size_t len);
static bool   may_say_hello(const struct tls_engine *engine);
static bool   announced_fits(struct tls_announced *announced, const uint8_t *bytes, size_t len);
static size_t smaller(size_t one, size_t other);
static void   announced_record_head(struct tls_announced *announced, uint8_t byte);
static void   announced_message_head(struct tls_announced *announced, uint8_t byte);

/* Without a number of its own: OpenSSL has 127 for a process, and each library makes a method. */
BIO_METHOD *bio_method_new(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "sallyport");

    if (method != NULL) {
        (void)BIO_meth_set_read(method, bio_read);
        (void)BIO_meth_set_write(method, bio_write);
        (void)BIO_meth_set_ctrl(method, bio_ctrl);
    }
    return method;
}

BIO *bio_new(BIO_METHOD *method, struct tls_engine *engine)
{
    BIO *bio = BIO_new(method);

    if (bio != NULL) {
        BIO_set_data(bio, engine);
        BIO_set_init(bio, 1);
    }
    return bio;
}

/* "Nothing yet" is a retry, never 0: to OpenSSL 0 is the end of the stream, and that is not ours
 * to tell it. An engine that failed gets nothing more, so that a flood ends at the next record. */
static int bio_read(BIO *bio, char *into, int len)
{
    struct tls_engine *engine = BIO_get_data(bio);
    size_t             bytes = smaller(engine->input.len, len > 0 ? (size_t)len : 0);

    BIO_clear_retry_flags(bio);
    if (engine->failure != TLS_FAILURE_NONE) {
        return -1;
    }
    if (bytes == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    if (engine->phase == ENGINE_HANDSHAKING &&
        !handshake_may_take(engine, engine->input.data, bytes)) {
        return -1;
    }
    memcpy(into, engine->input.data, bytes);
    engine->input.data += bytes;
    engine->input.len -= bytes;
    return (int)bytes;
}

/*
 * Established, a write always fits: application data is written only when it does, and the reserve
 * behind it is for answers. When it is used up, the peer makes us talk and does not listen. After
 * our close_notify there is nothing more to say, and what OpenSSL still writes is dropped.
 */
static int bio_write(BIO *bio, const char *from, int len)
{
    struct tls_engine *engine = BIO_get_data(bio);
    size_t             wanted = len > 0 ? (size_t)len : 0;
    size_t             room = engine->output == NULL ? 0 : buffer_room(engine->output);

    BIO_clear_retry_flags(bio);
    if (engine->has_said_goodbye) {
        return len;
    }
    if (engine->phase != ENGINE_HANDSHAKING && room < wanted) {
        engine_note_failure(engine, TLS_FAILURE_FLOOD);
        return -1;
    }
    if (seal_is_on(&engine->seal)) {
        return write_sealed(bio, (struct bytes_const){(const uint8_t *)from, wanted});
    }
    if (room == 0) {
        BIO_set_retry_write(bio);
        return -1;
    }
    if (engine->is_denied && is_plain_alert(from, wanted)) {
        return write_alert(engine, from);
    }
    return (int)buffer_append(engine->output, (struct bytes_const){(const uint8_t *)from, wanted});
}

/* An output with less room has OpenSSL seal, which can write a record in pieces. */
static bool begin_seal(struct tls_engine *engine, const void *crypto_info)
{
    return engine->output != NULL && buffer_room(engine->output) >= TLS_OUTPUT_RESERVE_BYTES &&
           seal_begin(&engine->seal, &engine->context->library->sealer, crypto_info);
}

/* The content of a record, which is written as a whole or not at all. */
static int write_sealed(BIO *bio, struct bytes_const content)
{
    struct tls_engine *engine = BIO_get_data(bio);

    if (engine->output == NULL || buffer_room(engine->output) < content.len + SEAL_OVERHEAD_BYTES) {
        if (engine->phase == ENGINE_HANDSHAKING) {
            BIO_set_retry_write(bio);
        } else {
            engine_note_failure(engine, TLS_FAILURE_FLOOD);
        }
        return -1;
    }
    return seal_record(&engine->seal, &engine->context->library->sealer, content, engine->output)
               ? (int)content.len
               : -1;
}

/* A record of type, version, length, and an alert of level and description. */
static bool is_plain_alert(const char *record, size_t len)
{
    return len == ALERT_RECORD_BYTES && record[0] == SSL3_RT_ALERT && record[4] == 2;
}

/* In clear, so that it can be changed. When there is no room for all of it, it is not sent. */
static int write_alert(struct tls_engine *engine, const char *from)
{
    uint8_t record[ALERT_RECORD_BYTES];

    memcpy(record, from, sizeof(record));
    record[sizeof(record) - 1] = verify_alert(engine, record[sizeof(record) - 1]);
    if (buffer_room(engine->output) >= sizeof(record)) {
        (void)buffer_append(engine->output, (struct bytes_const){record, sizeof(record)});
    }
    return (int)sizeof(record);
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    struct tls_engine *engine = BIO_get_data(bio);

    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case CTRL_SET_KTLS:
        return number != 0 && begin_seal(engine, pointer);
    case BIO_CTRL_GET_KTLS_SEND:
        return seal_is_on(&engine->seal);
    case CTRL_SET_CONTENT_TYPE:
        engine->seal.type = (uint8_t)number;
        return 1;
    default:
        return 0;
    }
}

/* Bounds what a stranger can make us hold. */
static bool handshake_may_take(struct tls_engine *engine, const uint8_t *bytes, size_t len)
{
    bool is_server = engine->context->is_server;

    if (is_server && engine->handshake_bytes == 0 && bytes[0] != SSL3_RT_HANDSHAKE) {
        engine_note_failure(engine, TLS_FAILURE_NOT_TLS);
        return false;
    }
    engine->handshake_bytes += (uint32_t)len;
    if (engine->handshake_bytes > TLS_HANDSHAKE_BYTES_MAX ||
        (is_server && may_say_hello(engine) && !announced_fits(&engine->announced, bytes, len))) {
        engine_note_failure(engine, is_server ? TLS_FAILURE_HELLO_INVALID : TLS_FAILURE_HANDSHAKE);
        return false;
    }
    return true;
}

/* A ClientHello may come until TLS 1.2 or below is agreed upon: before that the version is the
 * highest OpenSSL knows, and TLS 1.3 has a second hello after a HelloRetryRequest. What else comes
 * in TLS 1.3 is of another record type. */
static bool may_say_hello(const struct tls_engine *engine)
{
    return SSL_version(engine->ssl) >= TLS1_3_VERSION;
}

/*
 * OpenSSL would reserve memory for a ClientHello of the size it announces, 131 kB, so the
 * announcement is read as it goes by (RFC 8446 sections 5.1 and 4), wherever the records are cut.
 */
static bool announced_fits(struct tls_announced *announced, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t step = 1;

        if (announced->record_left == 0) {
            announced_record_head(announced, bytes[i++]);
            continue;
        }
        if (!announced->is_handshake) {
            step = smaller(len - i, announced->record_left);
        } else if (announced->message_left > 0) {
            step = smaller(smaller(len - i, announced->record_left), announced->message_left);
            announced->message_left -= (uint32_t)step;
        } else {
            announced_message_head(announced, bytes[i]);
        }
        announced->record_left -= (uint32_t)step;
        i += step;
        if (announced->message_left > TLS_HANDSHAKE_BYTES_MAX) {
            return false;
        }
    }
    return true;
}

static size_t smaller(size_t one, size_t other)
{
    return one < other ? one : other;
}

/* Type (1), version (2), length (2). */
static void announced_record_head(struct tls_announced *announced, uint8_t byte)
{
    enum { HEAD_BYTES = 5, LENGTH_MASK = 0xffff };

    announced->record_head = announced->record_head << 8 | byte;
    announced->record_head_len++;
    if (announced->record_head_len == HEAD_BYTES) {
        announced->is_handshake = announced->record_head >> 32 == SSL3_RT_HANDSHAKE;
        announced->record_left = announced->record_head & LENGTH_MASK;
        announced->record_head = 0;
        announced->record_head_len = 0;
    }
}

/* Type (1), length (3). */
static void announced_message_head(struct tls_announced *announced, uint8_t byte)
{
    enum { HEAD_BYTES = 4, LENGTH_MASK = 0xffffff };

    announced->message_head = announced->message_head << 8 | byte;
    announced->message_head_len++;
    if (announced->message_head_len == HEAD_BYTES) {
        announced->message_left = announced->message_head & LENGTH_MASK;
        announced->message_head_len = 0;
    }
}
