#include "tls_peer.h"

#include "base/clock.h"
#include "base/name_table.h"
#include "base/require.h"

#include <openssl/err.h>
#include <string.h>

enum { STEPS_MAX = 100 * 1000, PIECE_BYTES = 32 * 1024, FLIGHTS_MAX = 4 };

static bool          step(struct tls_peer *peer);
static enum tls_next handshake(struct tls_peer *peer);
static enum tls_next decrypt(struct tls_peer *peer);
static bool          note(struct tls_peer *peer, enum tls_next next);
static void          check_failure(const struct tls_peer *peer);
static void          check_facts(const struct tls_peer *peer);
static void          make_room(struct tls_peer *peer);

/* So that a call goes on as long as there is something to do. */
static uint64_t standing_clock(void)
{
    return 0;
}

void tls_peer_init(struct tls_peer *peer, const struct tls_context *context, enum tls_role role,
                   size_t output_max)
{
    struct error error = ERROR_OK;

    clock_set_source(standing_clock);
    memset(peer, 0, offsetof(struct tls_peer, output_memory));
    peer->output_max = output_max;
    buffer_attach(&peer->output, peer->output_memory, output_max);
    buffer_attach(&peer->plain, peer->plain_memory, TLS_PEER_PLAIN_BYTES);
    require(tls_engine_init(&peer->engine, context, role, &error));
    tls_engine_drain(&peer->engine, &peer->output);
}

void tls_peer_fini(struct tls_peer *peer)
{
    check_facts(peer);
    tls_engine_fini(&peer->engine);
    require(ERR_peek_error() == 0);
}

void tls_peer_receive(struct tls_peer *peer, struct bytes_const ciphertext)
{
    unsigned steps = 0;

    if (peer->has_goodbye || peer->has_failed) {
        return;
    }
    tls_engine_feed(&peer->engine, ciphertext);
    while (step(peer)) {
        require(++steps < STEPS_MAX);
    }
    tls_engine_feed(&peer->engine, (struct bytes_const){0});
}

/* False when there is no going on without more input. */
static bool step(struct tls_peer *peer)
{
    bool          was_handshaking = !peer->is_established;
    size_t        unread = tls_engine_unread(&peer->engine);
    enum tls_next next;

    make_room(peer);
    size_t output_len = buffer_len(&peer->output);

    next = was_handshaking ? handshake(peer) : decrypt(peer);
    require(ERR_peek_error() == 0);
    require(tls_engine_unread(&peer->engine) <= unread);
    if (next == TLS_DRAIN_ME && was_handshaking) {
        require(buffer_len(&peer->output) > output_len || !peer->drops_output);
    }
    return note(peer, next);
}

static enum tls_next handshake(struct tls_peer *peer)
{
    enum tls_next next = tls_engine_handshake(&peer->engine);

    require(next != TLS_PEER_SAID_GOODBYE);
    require((next == TLS_DONE) == tls_engine_is_established(&peer->engine));
    peer->is_established = next == TLS_DONE;
    return next;
}

static enum tls_next decrypt(struct tls_peer *peer)
{
    enum tls_next      next = tls_engine_decrypt(&peer->engine, &peer->plain, peer->now_ns);
    struct bytes_const plain = buffer_readable(&peer->plain);

    require(next != TLS_DONE);
    require(next != TLS_DRAIN_ME || plain.len > 0);
    if (peer->incoming != NULL) {
        require(stream_check(peer->incoming, plain));
    }
    peer->received += plain.len;
    buffer_consumed(&peer->plain, plain.len);
    return next;
}

static bool note(struct tls_peer *peer, enum tls_next next)
{
    switch (next) {
    case TLS_DONE:
    case TLS_DRAIN_ME:
        return true;
    case TLS_FEED_ME:
        require(tls_engine_unread(&peer->engine) == 0);
        return false;
    case TLS_PEER_SAID_GOODBYE:
        peer->has_goodbye = true;
        return false;
    case TLS_FAILED:
        peer->has_failed = true;
        check_failure(peer);
        return false;
    }
    return false;
}

void tls_peers_meet(struct tls_peer *client, struct tls_peer *server)
{
    for (unsigned i = 0; i < FLIGHTS_MAX; i++) {
        tls_peer_deliver(client, server, SIZE_MAX);
        tls_peer_deliver(server, client, SIZE_MAX);
    }
    require(client->is_established && server->is_established);
}

void tls_peer_deliver(struct tls_peer *from, struct tls_peer *to, size_t len)
{
    struct bytes_const bytes = buffer_readable(&from->output);

    bytes.len = bytes.len < len ? bytes.len : len;
    tls_peer_receive(to, bytes);
    buffer_consumed(&from->output, bytes.len);
}

/* A failure has its words, and stays one. */
static void check_failure(const struct tls_peer *peer)
{
    struct tls_peer *again = (struct tls_peer *)(uintptr_t)peer;
    struct tls_alert alert = tls_engine_alert(&peer->engine);
    struct error     error = tls_engine_error(&peer->engine);
    size_t           used = 0;

    require(tls_engine_failure(&peer->engine) != TLS_FAILURE_NONE);
    require(error_kind(&error) != ERROR_NONE);
    require(tls_engine_reason(&peer->engine)[0] != '\0');
    require(alert.by == TLS_ALERT_NONE || alert.name != NULL);
    require(!tls_engine_is_established(&peer->engine));
    require(tls_engine_handshake(&again->engine) == TLS_FAILED);
    require(tls_engine_decrypt(&again->engine, &again->plain, peer->now_ns) == TLS_FAILED);
    require(tls_engine_encrypt(&again->engine, (struct bytes_const){(const uint8_t *)"x", 1},
                               &used) == TLS_FAILED);
    require(used == 0 && buffer_is_empty(&peer->plain));
    require(tls_engine_goodbye(&again->engine) == TLS_DONE);
    require(ERR_peek_error() == 0);
}

static void check_facts(const struct tls_peer *peer)
{
    struct tls_facts   facts;
    struct tls_offered offered;

    tls_engine_facts(&peer->engine, &facts);
    require(facts.sni.len == 0 || name_is_valid(facts.sni));
    require(facts.version != NULL && facts.cipher != NULL && facts.group != NULL);
    require(facts.alpn.len == 0 || peer->is_established || peer->has_failed);
    tls_engine_offered(&peer->engine, &offered);
    require(offered.sni.len <= TLS_SNI_BYTES && offered.alpn.len <= TLS_OFFERED_BYTES);
    require(offered.versions[0] != '\0');
    require(strspn(offered.versions, "-,.TLSv123SSunknown") == strlen(offered.versions));
    require(ERR_peek_error() == 0);
}

static void make_room(struct tls_peer *peer)
{
    if (peer->drops_output) {
        buffer_consumed(&peer->output, buffer_len(&peer->output));
    }
    buffer_compact(&peer->output);
}

size_t tls_peer_write(struct tls_peer *peer, struct stream *outgoing, size_t len)
{
    static uint8_t memory[PIECE_BYTES];
    size_t         used = 0;

    if (!peer->is_established || peer->has_failed || peer->said_goodbye) {
        return 0;
    }
    len = len < PIECE_BYTES ? len : PIECE_BYTES;
    stream_fill(outgoing, (struct bytes){memory, len});
    make_room(peer);
    enum tls_next next =
        tls_engine_encrypt(&peer->engine, (struct bytes_const){memory, len}, &used);

    require(ERR_peek_error() == 0);
    require(next == TLS_DONE ? used == len : used < len);
    require(next == TLS_DONE || next == TLS_DRAIN_ME || next == TLS_FAILED);
    outgoing->sent += used;
    (void)note(peer, next == TLS_FAILED ? TLS_FAILED : TLS_DONE);
    return used;
}

void tls_peer_goodbye(struct tls_peer *peer)
{
    if (peer->is_established && !peer->has_failed) {
        make_room(peer);
        enum tls_next next = tls_engine_goodbye(&peer->engine);

        require(next == TLS_DONE || next == TLS_DRAIN_ME || next == TLS_FAILED);
        require(ERR_peek_error() == 0);
        peer->said_goodbye = peer->said_goodbye || next == TLS_DONE;
        (void)note(peer, next == TLS_FAILED ? TLS_FAILED : TLS_DONE);
    }
}
