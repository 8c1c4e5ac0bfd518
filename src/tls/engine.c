#include "tls/engine.h"

#include "base/clock.h"
#include "base/require.h"
#include "tls/openssl_error.h"
#include "tls/tls_internal.h"
#include "tls/verify_internal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* What an OpenSSL call came to, whichever call it was. */
enum verdict {
    VERDICT_OK,
    VERDICT_WANTS_INPUT,
    VERDICT_WANTS_ROOM,
    VERDICT_WANTS_POLICY,
    VERDICT_GOODBYE,
    VERDICT_FAILED
};

/* How long a call works at a stretch. The clock is read when so much was done since it was read
 * last: a record costs as much as RECORD_WORK bytes, about. */
struct stint {
    uint64_t until_ns;
    size_t   work;
};

enum { RECORD_WORK = 256, WORK_PER_LOOK = 4096 };

static struct stint      stint_begin(void);
static bool              stint_is_over(struct stint *stint, size_t bytes);
static const char *const verified_names[] = {[TLS_VERIFIED_NOT] = "none",
                                             [TLS_VERIFIED] = "ok",
                                             [TLS_VERIFIED_LIST_MISSING] = "crl_missing",
                                             [TLS_VERIFIED_LIST_OLD] = "crl_expired",
                                             [TLS_VERIFY_FAILED] = "failed"};

static bool             has_read_all(const struct tls_engine *engine);
static enum verdict     verdict_of(struct tls_engine *engine, int result, const char *step);
static enum tls_next    next_of(enum verdict verdict);
static void             engine_fail(struct tls_engine *engine, const char *step);
static void             engine_misused(struct tls_engine *engine, const char *step);
static enum tls_failure failure_of(const struct tls_engine *engine);
static enum verdict     shake(struct tls_engine *engine);
static enum verdict     shake_again(struct tls_engine *engine) __attribute__((cold, noinline));
static bool             remake_ssl(struct tls_engine *engine);
static inline bool      make_ssl(struct tls_engine *engine, enum tls_role role);

bool tls_engine_init(struct tls_engine *engine, const struct tls_context *context,
                     enum tls_role role, struct error *error)
{
    require(engine->ssl == NULL);
    *engine = (struct tls_engine){.context = context};
    openssl_error_drop();
    if (!make_ssl(engine, role)) {
        *error = error_from_openssl("engine");
        error->kind = ERROR_EXHAUSTED;
        tls_engine_fini(engine);
        return false;
    }
    return true;
}

static inline bool make_ssl(struct tls_engine *engine, enum tls_role role)
{
    BIO *bio = bio_new(engine->context->library->bio_method, engine);

    engine->ssl = SSL_new(engine->context->ssl_ctx);
    if (engine->ssl == NULL || bio == NULL || SSL_set_app_data(engine->ssl, engine) != 1) {
        BIO_free(bio);
        return false;
    }
    SSL_set_bio(engine->ssl, bio, bio);
    if (role == TLS_SERVER) {
        SSL_set_accept_state(engine->ssl);
        tickets_begin(engine);
    } else {
        SSL_set_connect_state(engine->ssl);
    }
    return true;
}

void tls_engine_fini(struct tls_engine *engine)
{
    tls_engine_settle(engine);
    if (engine->records.data != NULL) { /* seldom, and then its connection was never made */
        free(engine->records.data);
        engine->records = (struct bytes){0};
    }
    free(engine->name.data);
    engine->name = (struct bytes){0};
    if (engine->ssl != NULL) {
        /* A connection that ended without close_notify leaves its session good (RFC 5246, 7.2.1);
         * OpenSSL would drop it. One that failed was dropped with its alert. */
        SSL_set_shutdown(engine->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    }
    verify_forget(engine);
    SSL_free(engine->ssl);
    engine->ssl = NULL;
    seal_end(&engine->seal);
    openssl_error_drop();
}

void tls_engine_settle(struct tls_engine *engine)
{
    if (engine->hello != NULL && engine->hello->has_staple) {
        (void)SSL_set_tlsext_status_ocsp_resp(engine->ssl, NULL, 0);
    }
    free(engine->hello);
    engine->hello = NULL;
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

/* --- steps -------------------------------------------------------------------------------- */

enum tls_next tls_engine_handshake(struct tls_engine *engine)
{
    switch ((enum engine_phase)engine->phase) {
    case ENGINE_OPEN:
        return TLS_DONE;
    case ENGINE_FAILED:
        return TLS_FAILED;
    case ENGINE_HANDSHAKING:
        break;
    }
    enum verdict verdict = shake(engine);

    if (verdict == VERDICT_WANTS_POLICY) {
        verdict = shake_again(engine);
    }
    if (verdict == VERDICT_OK && !verify_finish(engine)) {
        engine_fail(engine, "handshake");
        return TLS_FAILED;
    }
    if (verdict == VERDICT_OK) {
        engine->phase = ENGINE_OPEN;
    }
    return next_of(verdict);
}

static enum verdict shake(struct tls_engine *engine)
{
    openssl_error_drop();
    return verdict_of(engine, SSL_do_handshake(engine->ssl), "handshake");
}

/* The name has another context, so the hello goes to a connection of that one, and what came behind
 * it after that. All of this has been counted and bounded before. Out of the way of every other
 * handshake, whose frame it would enlarge. */
static enum verdict shake_again(struct tls_engine *engine)
{
    struct bytes_const rest = engine->input;
    struct bytes       records = engine->records;

    engine->records = (struct bytes){0};
    if (!remake_ssl(engine)) {
        free(records.data);
        return VERDICT_FAILED;
    }
    engine->handshake_bytes = 0;
    engine->announced = (struct tls_announced){0};
    engine->input = (struct bytes_const){records.data, records.len};
    enum verdict verdict = shake(engine);

    free(records.data);
    if (verdict == VERDICT_FAILED) {
        return VERDICT_FAILED;
    }
    engine->input = rest;
    return verdict == VERDICT_WANTS_INPUT && rest.len > 0 ? shake(engine) : verdict;
}

/* Of the context the engine has now. The old one goes only when there is another: engines are asked
 * for facts also when they have failed. */
static bool remake_ssl(struct tls_engine *engine)
{
    SSL *given_up = engine->ssl;

    engine->ssl = NULL;
    if (!make_ssl(engine, TLS_SERVER)) {
        SSL_free(engine->ssl);
        engine->ssl = given_up;
        engine_note_failure(engine, TLS_FAILURE_MEMORY);
        engine_fail(engine, "handshake");
        return false;
    }
    SSL_free(given_up);
    return true;
}

enum tls_next tls_engine_decrypt(struct tls_engine *engine, struct buffer *plaintext,
                                 uint64_t now_ns)
{
    engine->now_ns = now_ns;
    if (engine->phase == ENGINE_HANDSHAKING) {
        engine_misused(engine, "decrypt");
    }
    struct stint stint = stint_begin();
    size_t       got = 0;

    while (engine->phase == ENGINE_OPEN) {
        struct bytes room = buffer_writable(plaintext);

        if (room.len == 0 || stint_is_over(&stint, got)) {
            return has_read_all(engine) ? TLS_FEED_ME : TLS_DRAIN_ME;
        }
        openssl_error_drop();
        enum verdict verdict =
            verdict_of(engine, SSL_read_ex(engine->ssl, room.data, room.len, &got), "decrypt");

        if (verdict != VERDICT_OK) {
            return next_of(verdict);
        }
        buffer_produced(plaintext, got);
        if (has_read_all(engine)) {
            return TLS_FEED_ME;
        }
    }
    return TLS_FAILED;
}

/* OpenSSL need not be asked for more: it would take memory for a record, find that nothing has
 * come, and give it back. */
static bool has_read_all(const struct tls_engine *engine)
{
    return engine->input.len == 0 && SSL_has_pending(engine->ssl) == 0;
}

enum tls_next tls_engine_encrypt(struct tls_engine *engine, struct bytes_const plaintext,
                                 size_t *consumed)
{
    *consumed = 0;
    if (engine->phase == ENGINE_HANDSHAKING || engine->has_said_goodbye) {
        engine_misused(engine, "encrypt");
    }
    struct stint stint = stint_begin();
    size_t       written = 0;

    while (engine->phase == ENGINE_OPEN && *consumed < plaintext.len) {
        size_t len = plaintext.len - *consumed;

        len = len < TLS_RECORD_PLAIN_BYTES ? len : TLS_RECORD_PLAIN_BYTES;
        if (engine->output == NULL ||
            buffer_room(engine->output) <
                len + TLS_RECORD_OVERHEAD_BYTES + TLS_OUTPUT_RESERVE_BYTES ||
            stint_is_over(&stint, written)) {
            return TLS_DRAIN_ME;
        }
        openssl_error_drop();
        enum verdict verdict =
            verdict_of(engine, SSL_write_ex(engine->ssl, plaintext.data + *consumed, len, &written),
                       "encrypt");

        if (verdict != VERDICT_OK) {
            return next_of(verdict);
        }
        *consumed += written;
    }
    return engine->phase == ENGINE_FAILED ? TLS_FAILED : TLS_DONE;
}

enum tls_next tls_engine_goodbye(struct tls_engine *engine)
{
    if (engine->phase != ENGINE_OPEN || engine->has_said_goodbye) {
        return TLS_DONE;
    }
    if (engine->output == NULL || buffer_room(engine->output) < TLS_RECORD_OVERHEAD_BYTES) {
        return TLS_DRAIN_ME;
    }
    openssl_error_drop();
    int result = SSL_shutdown(engine->ssl);

    if (result < 0) {
        return next_of(verdict_of(engine, result, "goodbye"));
    }
    engine->has_said_goodbye = true;
    return TLS_DONE;
}

/* --- stints ------------------------------------------------------------------------------- */

static struct stint stint_begin(void)
{
    return (struct stint){.until_ns = clock_now_ns() + TLS_STINT_NS};
}

/* True once TLS_STINT_NS have passed; at the first call never. `bytes` were done since the last. */
static bool stint_is_over(struct stint *stint, size_t bytes)
{
    stint->work += RECORD_WORK + bytes;
    if (stint->work < WORK_PER_LOOK) {
        return false;
    }
    stint->work = 0;
    return clock_now_ns() >= stint->until_ns;
}

/* --- verdicts ----------------------------------------------------------------------------- */

/* The one switch over SSL_get_error. Leaves the error queue empty. */
static enum verdict verdict_of(struct tls_engine *engine, int result, const char *step)
{
    if (engine->failure != TLS_FAILURE_NONE) {
        engine_fail(engine, step);
        return VERDICT_FAILED;
    }
    if (result > 0) {
        openssl_error_drop();
        return VERDICT_OK;
    }
    switch (SSL_get_error(engine->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        openssl_error_drop();
        return VERDICT_WANTS_INPUT;
    case SSL_ERROR_WANT_CLIENT_HELLO_CB:
        openssl_error_drop();
        return VERDICT_WANTS_POLICY;
    case SSL_ERROR_WANT_WRITE:
        openssl_error_drop();
        return VERDICT_WANTS_ROOM;
    case SSL_ERROR_ZERO_RETURN:
        /* What stands behind a close_notify is nothing we may look at (RFC 8446 section 6.1). */
        engine->input = (struct bytes_const){0};
        openssl_error_drop();
        return VERDICT_GOODBYE;
    default:
        engine_fail(engine, step);
        return VERDICT_FAILED;
    }
}

static enum tls_next next_of(enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_OK:
        return TLS_DONE;
    case VERDICT_WANTS_INPUT:
        return TLS_FEED_ME;
    case VERDICT_WANTS_ROOM:
        return TLS_DRAIN_ME;
    case VERDICT_GOODBYE:
        return TLS_PEER_SAID_GOODBYE;
    case VERDICT_WANTS_POLICY: /* dealt with in the handshake, and nowhere else does it come */
    case VERDICT_FAILED:
        break;
    }
    return TLS_FAILED;
}

/* The first failure is the one that counts. */
void engine_note_failure(struct tls_engine *engine, enum tls_failure failure)
{
    if (engine->failure == TLS_FAILURE_NONE) {
        engine->failure = (uint8_t)failure;
    }
}

static void engine_fail(struct tls_engine *engine, const char *step)
{
    if (engine->phase != ENGINE_FAILED) {
        engine->error = error_from_openssl(step);
        engine_note_failure(engine, failure_of(engine));
        if (engine->error.code == 0) {
            engine->error = error_make(ERROR_TLS_PROTOCOL, step);
        }
        engine->phase = ENGINE_FAILED;
    }
    engine->input = (struct bytes_const){0};
    openssl_error_drop();
}

/* A step that the phase does not allow; OpenSSL has not been asked. */
static void engine_misused(struct tls_engine *engine, const char *step)
{
    openssl_error_drop();
    engine_note_failure(engine, TLS_FAILURE_PROTOCOL);
    engine_fail(engine, step);
}

static enum tls_failure failure_of(const struct tls_engine *engine)
{
    switch (error_kind(&engine->error)) {
    case ERROR_EXHAUSTED:
        return TLS_FAILURE_MEMORY;
    case ERROR_TLS_CERTIFICATE:
        return TLS_FAILURE_CERTIFICATE;
    case ERROR_NONE:
    case ERROR_CLOSED:
    case ERROR_RESET:
    case ERROR_BROKEN:
    case ERROR_TIMEOUT:
    case ERROR_CANCELLED:
    case ERROR_REFUSED:
    case ERROR_UNREACHABLE:
    case ERROR_TLS_PROTOCOL:
    case ERROR_UNSUPPORTED:
    case ERROR_CONFIG:
        break;
    case ERROR_INTERNAL:
        return engine->phase == ENGINE_OPEN ? TLS_FAILURE_PROTOCOL : TLS_FAILURE_HANDSHAKE;
    }
    if (engine->phase == ENGINE_OPEN) {
        return TLS_FAILURE_PROTOCOL;
    }
    return tls_engine_has_hello(engine) || !engine->context->is_server ? TLS_FAILURE_HANDSHAKE
                                                                       : TLS_FAILURE_HELLO_INVALID;
}

struct tls_engine *engine_of(const SSL *ssl)
{
    return SSL_get_app_data(ssl);
}

/* --- what is known ------------------------------------------------------------------------ */

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
    return engine->has_hello;
}

bool tls_engine_is_established(const struct tls_engine *engine)
{
    return engine->phase == ENGINE_OPEN;
}

void tls_engine_facts(const struct tls_engine *engine, struct tls_facts *facts)
{
    SSL                 *ssl = engine->ssl;
    const unsigned char *alpn = NULL;
    unsigned             alpn_len = 0;

    *facts = (struct tls_facts){.version = "-", .cipher = "-", .group = "-"};
    facts->verify = verified_names[engine->verified];
    facts->subject = (struct bytes_const){engine->subject.data, engine->subject.len};
    facts->sni = hello_name(engine);
    if (!SSL_is_init_finished(ssl)) {
        return;
    }
    int group = (int)SSL_get_negotiated_group(ssl);

    facts->version = SSL_get_version(ssl);
    facts->cipher = SSL_get_cipher_name(ssl);
    if (group != NID_undef && SSL_group_to_name(ssl, group) != NULL) {
        facts->group = SSL_group_to_name(ssl, group);
    }
    SSL_get0_alpn_selected(ssl, &alpn, &alpn_len);
    facts->alpn = (struct bytes_const){alpn, alpn_len};
    facts->is_resumed = SSL_session_reused(ssl) != 0;
    openssl_error_drop();
}

void tls_engine_offered(const struct tls_engine *engine, struct tls_offered *offered)
{
    const struct tls_hello *hello = engine->hello;

    *offered = (struct tls_offered){.versions = "-"};
    if (hello != NULL) {
        offered->sni = (struct bytes_const){hello->sni, hello->sni_len};
        offered->alpn = (struct bytes_const){hello->alpn, hello->alpn_len};
        offered->versions = hello->versions[0] != '\0' ? hello->versions : "-";
    }
}

const char *tls_engine_reason(const struct tls_engine *engine)
{
    switch ((enum tls_failure)engine->failure) {
    case TLS_FAILURE_NONE:
        return "-";
    case TLS_FAILURE_NOT_TLS:
        return "not a TLS record";
    case TLS_FAILURE_NAME_UNKNOWN:
        return "no certificate for the name";
    case TLS_FAILURE_FLOOD:
        return "too many key updates or renegotiations, or answers that are not read";
    case TLS_FAILURE_HELLO_INVALID:
    case TLS_FAILURE_HANDSHAKE:
    case TLS_FAILURE_CERTIFICATE:
    case TLS_FAILURE_PROTOCOL:
    case TLS_FAILURE_MEMORY:
        break;
    }
    if (engine->refusal != NULL) {
        return engine->refusal;
    }
    if (engine->error.source == ERROR_FROM_OPENSSL) {
        return openssl_error_reason(&engine->error);
    }
    return engine->failure == TLS_FAILURE_HELLO_INVALID
               ? "ClientHello too long or malformed"
               : error_kind_text(error_kind(&engine->error));
}
