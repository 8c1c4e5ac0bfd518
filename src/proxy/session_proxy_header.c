/* PROXY_HEADER: the proxy before us says whose connection this is, before TLS begins. */
#include "base/require.h"
#include "proxy/session.h"
#include "proxy/session_steps.h"
#include "proxy/worker_internal.h"

#include <string.h>

static enum step read_header(struct session *session);
static bool      begins_without(const struct session *session);
static void      take_header(struct session *session, const struct proxy_header *header);
static uint8_t   keep_address(const struct address *from, uint8_t into[SESSION_ADDRESS_BYTES]);
static void      go_on(struct session *session);

bool proxy_header_is_believed(const struct generation_frontend *frontend,
                              const struct address             *peer)
{
    const struct snapshot_frontend *snapshot = frontend->snapshot;

    for (size_t i = 0; i < snapshot->proxies_count; i++) {
        if (network_has(&snapshot->proxies[i], peer)) {
            return true;
        }
    }
    return false;
}

/* Reading it takes no turn: there is little to compute, and only proxies we believe get so far. */
enum step step_proxy_header(struct session *session)
{
    struct side *client = &session->client;

    if (side_has_input(client)) {
        return read_header(session);
    }
    if (client->has_ended && proxy_decoder_has_begun(&session->header)) {
        proxy_header_fails(session, PROXY_FAULT_CUT);
        return STEP_AGAIN;
    }
    if (client->has_ended) {
        session_finish(session, FINISH_ALERT, END_CLIENT_CLOSE);
        return STEP_AGAIN;
    }
    session_receive_client(session);
    session_watch(session);
    return STEP_WAIT;
}

void proxy_header_fails(struct session *session, enum proxy_fault fault)
{
    session->header_fault = (uint8_t)fault;
    session_end(session, END_PROXY_HEADER_INVALID);
}

static enum step read_header(struct session *session)
{
    struct side        *client = &session->client;
    struct bytes_const  input = side_input(client);
    size_t              before = input.len;
    struct proxy_header header;

    if (begins_without(session)) {
        go_on(session);
        return STEP_AGAIN;
    }
    enum proxy_next next = proxy_decoder_feed(&session->header, &input, &header);

    side_used(client, before - input.len, session_buffers(session));
    switch (next) {
    case PROXY_FEED_ME:
        break;
    case PROXY_DONE:
        take_header(session, &header);
        go_on(session);
        break;
    case PROXY_REFUSED:
        proxy_header_fails(session, proxy_decoder_fault(&session->header));
        break;
    }
    return STEP_AGAIN;
}

/* Where a header is optional, TLS may come at once; the first byte tells. */
static bool begins_without(const struct session *session)
{
    return session->frontend->snapshot->config->accept_proxy == CONFIG_ACCEPT_PROXY_OPTIONAL &&
           !proxy_decoder_has_begun(&session->header) &&
           !proxy_decoder_may_begin(side_input(&session->client).data[0]);
}

/* Who only said whose connection it is has sent nothing yet: a load balancer that looks whether we
 * are there is a probe. A UNIX socket over there tells nothing of a client. */
static void take_header(struct session *session, const struct proxy_header *header)
{
    session->has_bytes = side_has_input(&session->client);
    if (header->source.len > 0 && !address_is_unix(&header->source)) {
        session->client_address_len = keep_address(&header->source, session->client_address);
        session->destination_len = keep_address(&header->destination, session->destination);
    }
}

static uint8_t keep_address(const struct address *from, uint8_t into[SESSION_ADDRESS_BYTES])
{
    require(from->len <= SESSION_ADDRESS_BYTES);
    memcpy(into, &from->socket, from->len);
    return (uint8_t)from->len;
}

/* The engine has its memory from now on, which it wants zeroed. */
static void go_on(struct session *session)
{
    memset(&session->engine, 0, sizeof(session->engine));
    session_move(session, SESSION_HANDSHAKING);
}
