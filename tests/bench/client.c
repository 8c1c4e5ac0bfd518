#include "client.h"

#include "pattern.h"

#include "base/bytes.h"
#include "base/require.h"

#include <string.h>

/* A client that still has something to read after this many reads lets the others go first. */
enum { READS_MAX = 32, WRITES_MAX = 32 };

static uint8_t arrived[PATTERN_SLICE_BYTES];

static enum client_verdict push(struct client *client, const struct exchange *exchange);
static enum client_verdict pull(struct client *client, const struct exchange *exchange);
static enum client_verdict push_once(struct client *client, const struct exchange *exchange);
static enum client_verdict pull_once(struct client *client, const struct exchange *exchange);
static enum client_verdict match_answer(struct client *client, const struct exchange *exchange,
                                        struct bytes_const bytes);
static bool                is_sent(const struct client *client, const struct exchange *exchange);
static bool is_received(const struct client *client, const struct exchange *exchange);

bool client_open(struct client *client, const struct target *target, uint64_t now_ns)
{
    require(client->state == CLIENT_CLOSED);
    *client = (struct client){.opened_ns = now_ns};
    if (!transport_open(&client->transport, target)) {
        return false;
    }
    client->state = CLIENT_OPENING;
    return true;
}

enum client_verdict client_handshake(struct client *client)
{
    require(client->state == CLIENT_OPENING);
    switch (transport_handshake(&client->transport)) {
    case TRANSPORT_OK:
        client->state = CLIENT_READY;
        return CLIENT_PROGRESS;
    case TRANSPORT_AGAIN:
        return CLIENT_WAITS;
    case TRANSPORT_ENDED:
    case TRANSPORT_FAILED:
        return CLIENT_BROKEN;
    }
    return CLIENT_BROKEN;
}

enum client_verdict client_listen(struct client *client)
{
    size_t got;

    require(client->state == CLIENT_READY);
    return transport_read(&client->transport, arrived, sizeof(arrived), &got) == TRANSPORT_AGAIN
               ? CLIENT_WAITS
               : CLIENT_BROKEN;
}

void client_begin(struct client *client, uint64_t began_ns)
{
    require(client->state == CLIENT_READY);
    client->state = CLIENT_WORKING;
    client->began_ns = began_ns;
    client->sent = 0;
    client->received = 0;
    client->exchanges_begun++;
}

enum client_verdict client_work(struct client *client, const struct exchange *exchange)
{
    enum client_verdict pushed;
    enum client_verdict pulled;

    require(client->state == CLIENT_WORKING);
    pushed = push(client, exchange);
    if (pushed == CLIENT_BROKEN) {
        return CLIENT_BROKEN;
    }
    pulled = pull(client, exchange);
    if (pulled == CLIENT_BROKEN || !is_received(client, exchange)) {
        return pulled == CLIENT_WAITS ? pushed : pulled;
    }
    if (!is_sent(client, exchange)) {
        return CLIENT_BROKEN; /* an answer before the question */
    }
    client->bodies_sent += exchange->send_bytes;
    client->bodies_received += exchange->receive_bytes;
    client->exchanges_done++;
    client->state = CLIENT_READY;
    return CLIENT_PROGRESS;
}

void client_say_goodbye(struct client *client)
{
    require(client->state == CLIENT_READY);
    transport_say_goodbye(&client->transport);
    client->state = CLIENT_CLOSING;
}

enum client_verdict client_wait_for_end(struct client *client)
{
    size_t got;

    require(client->state == CLIENT_CLOSING);
    switch (transport_read(&client->transport, arrived, sizeof(arrived), &got)) {
    case TRANSPORT_OK:
        return CLIENT_BROKEN;
    case TRANSPORT_AGAIN:
        return CLIENT_WAITS;
    case TRANSPORT_ENDED:
    case TRANSPORT_FAILED:
        return CLIENT_PROGRESS;
    }
    return CLIENT_BROKEN;
}

void client_close(struct client *client)
{
    if (list_is_linked(&client->hot)) {
        list_remove(&client->hot);
    }
    transport_close(&client->transport);
    client->state = CLIENT_CLOSED;
}

static enum client_verdict push(struct client *client, const struct exchange *exchange)
{
    for (int i = 0; i < WRITES_MAX; i++) {
        enum client_verdict verdict;

        if (is_sent(client, exchange)) {
            return CLIENT_WAITS;
        }
        verdict = push_once(client, exchange);
        if (verdict != CLIENT_PROGRESS) {
            return verdict;
        }
    }
    return CLIENT_TIRED;
}

static enum client_verdict pull(struct client *client, const struct exchange *exchange)
{
    for (int i = 0; i < READS_MAX; i++) {
        enum client_verdict verdict;

        if (is_received(client, exchange)) {
            return CLIENT_WAITS;
        }
        verdict = pull_once(client, exchange);
        if (verdict != CLIENT_PROGRESS) {
            return verdict;
        }
    }
    return CLIENT_TIRED;
}

static enum client_verdict push_once(struct client *client, const struct exchange *exchange)
{
    size_t                header_bytes = strlen(exchange->header);
    const uint8_t        *from = (const uint8_t *)exchange->header + client->sent;
    uint64_t              len = header_bytes - client->sent;
    enum transport_result result;
    size_t                put;

    if (client->sent >= header_bytes) {
        from = pattern_at(client->bodies_sent + client->sent - header_bytes);
        len = header_bytes + exchange->send_bytes - client->sent;
    }
    if (len > PATTERN_SLICE_BYTES) {
        len = PATTERN_SLICE_BYTES;
    }
    result = transport_write(&client->transport, from, (size_t)len, &put);
    client->sent += put;
    if (result == TRANSPORT_OK) {
        return CLIENT_PROGRESS;
    }
    return result == TRANSPORT_AGAIN ? CLIENT_WAITS : CLIENT_BROKEN;
}

static enum client_verdict pull_once(struct client *client, const struct exchange *exchange)
{
    uint64_t              left = exchange->receive_bytes + strlen(exchange->answer);
    size_t                body = 0;
    enum transport_result result;
    size_t                got;

    left -= client->received;
    result = transport_read(&client->transport, arrived,
                            left < sizeof(arrived) ? (size_t)left : sizeof(arrived), &got);
    if (result != TRANSPORT_OK) {
        return result == TRANSPORT_AGAIN ? CLIENT_WAITS : CLIENT_BROKEN;
    }
    if (client->received < exchange->receive_bytes) {
        uint64_t body_left = exchange->receive_bytes - client->received;

        body = got < body_left ? got : (size_t)body_left;
        if (!pattern_matches(arrived, body, client->bodies_received + client->received)) {
            return CLIENT_BROKEN;
        }
    }
    client->received += body;
    return match_answer(client, exchange, (struct bytes_const){arrived + body, got - body});
}

static enum client_verdict match_answer(struct client *client, const struct exchange *exchange,
                                        struct bytes_const bytes)
{
    if (bytes.len > 0 &&
        memcmp(bytes.data, exchange->answer + (client->received - exchange->receive_bytes),
               bytes.len) != 0) {
        return CLIENT_BROKEN;
    }
    client->received += bytes.len;
    return CLIENT_PROGRESS;
}

static bool is_sent(const struct client *client, const struct exchange *exchange)
{
    return client->sent == strlen(exchange->header) + exchange->send_bytes;
}

static bool is_received(const struct client *client, const struct exchange *exchange)
{
    return client->received == exchange->receive_bytes + strlen(exchange->answer);
}
