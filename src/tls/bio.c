/* The BIO between OpenSSL and the caller's buffers: no copy of its own, no memory of its own. */
#include "base/require.h"
#include "tls/tls_internal.h"

#include <openssl/bio.h>
#include <string.h>

static int  bio_read(BIO *bio, char *into, int len);
static int  bio_write(BIO *bio, const char *from, int len);
static long bio_ctrl(BIO *bio, int command, long number, void *pointer);
static bool handshake_may_take(struct tls_engine *engine, const uint8_t *bytes, size_t len);

BIO_METHOD *bio_method_new(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "sallyport");

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
    size_t             wanted = len > 0 ? (size_t)len : 0;
    size_t             bytes = engine->input.len < wanted ? engine->input.len : wanted;

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
    if (room == 0) {
        BIO_set_retry_write(bio);
        return -1;
    }
    return (int)buffer_append(engine->output, (struct bytes_const){(const uint8_t *)from, wanted});
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

/*
 * Bounds what a stranger can make us hold. OpenSSL would reserve memory for a ClientHello of the
 * size it announces, 131 kB, so the announcement is read as it goes by: bytes 6 to 8 of the stream
 * (RFC 8446 sections 5.1 and 4).
 */
static bool handshake_may_take(struct tls_engine *engine, const uint8_t *bytes, size_t len)
{
    enum { RECORD_HANDSHAKE = 0x16, LENGTH_FIRST = 6, LENGTH_END = 9 };

    if (engine->context->is_server && engine->handshake_bytes == 0 &&
        bytes[0] != RECORD_HANDSHAKE) {
        engine_note_failure(engine, TLS_FAILURE_NOT_TLS);
        return false;
    }
    for (size_t i = 0; i < len && engine->handshake_bytes + i < LENGTH_END; i++) {
        if (engine->handshake_bytes + i >= LENGTH_FIRST) {
            engine->announced_bytes = engine->announced_bytes << 8 | bytes[i];
        }
    }
    engine->handshake_bytes += (uint32_t)len;
    if (engine->handshake_bytes > TLS_HANDSHAKE_BYTES_MAX ||
        (engine->handshake_bytes >= LENGTH_END &&
         engine->announced_bytes > TLS_HANDSHAKE_BYTES_MAX)) {
        engine_note_failure(engine, TLS_FAILURE_HELLO_INVALID);
        return false;
    }
    return true;
}
