/* What goes by in clear, in both directions: alerts, and what a peer could ask for without end. */
#include "base/clock.h"
#include "tls/tls_internal.h"
#include "tls/verify_internal.h"

static void note_request(struct tls_engine *engine);
static bool is_warning(const struct tls_engine *engine, const uint8_t *alert);
static void note_alert(struct tls_engine *engine, bool is_write, const uint8_t *alert);

void messages_watch(SSL_CTX *ssl_ctx)
{
    SSL_CTX_set_msg_callback(ssl_ctx, messages_on_message);
}

void messages_on_message(int is_write, int version, int content_type, const void *message,
                         size_t message_len, SSL *ssl, void *argument)
{
    enum { ALERT_BYTES = 2 };
    struct tls_engine *engine = engine_of(ssl);
    const uint8_t     *bytes = message;

    (void)version;
    (void)argument;
    if (content_type == SSL3_RT_HANDSHAKE && is_write == 0 && message_len > 0 &&
        bytes[0] == SSL3_MT_KEY_UPDATE) {
        note_request(engine);
    } else if (content_type == SSL3_RT_ALERT && message_len >= ALERT_BYTES) {
        note_alert(engine, is_write != 0, bytes);
    }
}

/* A KeyUpdate, or a renegotiation we refused: both cost the peer less than us. */
static void note_request(struct tls_engine *engine)
{
    if (engine->now_ns - engine->key_updates_at_ns >= NS_PER_S) {
        engine->key_updates_at_ns = engine->now_ns;
        engine->key_updates = 0;
    }
    engine->key_updates++;
    if (engine->key_updates > TLS_KEY_UPDATES_PER_SECOND_MAX) {
        engine_note_failure(engine, TLS_FAILURE_FLOOD);
    }
}

/* Goodbyes and warnings are no trouble; the first of the others explains the failure. */
static void note_alert(struct tls_engine *engine, bool is_write, const uint8_t *alert)
{
    uint8_t description = is_write ? verify_alert(engine, alert[1]) : alert[1];

    if (is_write && alert[1] == SSL_AD_NO_RENEGOTIATION) {
        note_request(engine);
    }
    if (alert[1] == SSL3_AD_CLOSE_NOTIFY || alert[1] == TLS1_AD_USER_CANCELLED ||
        is_warning(engine, alert) || engine->alert.by != TLS_ALERT_NONE) {
        return;
    }
    engine->alert = (struct tls_alert){.by = is_write ? TLS_ALERT_SENT : TLS_ALERT_RECEIVED,
                                       .description = description,
                                       .name = alert_name(description)};
}

/* TLS 1.3 has the byte and gives it no meaning (RFC 8446 section 6). */
static bool is_warning(const struct tls_engine *engine, const uint8_t *alert)
{
    return alert[0] == SSL3_AL_WARNING && SSL_version(engine->ssl) < TLS1_3_VERSION;
}
