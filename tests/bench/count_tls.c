#include "counted.h"
#include "peer.h"

#include "base/require.h"

static const struct tls_context *server_context;
static const struct tls_context *client_context;
static struct ssl_session_st    *session; /* the last one given */
static struct peer               server;
static struct peer               client;
static bool                      is_resuming;

static void full_handshake(void);
static void resumed_handshake(void);

const struct operation tls_rounds[] = {
    {"handshake", 20, full_handshake}, {"handshake-resumed", 20, resumed_handshake}, {0}};

static void server_open(void);
static void server_read(void);
static void server_close(void);
static void shake_hands(void);
static void end(void);

void tls_rounds_open(void)
{
    server_context = peer_context(TLS_SERVER);
    client_context = peer_context(TLS_CLIENT);
}

void tls_rounds_close(void)
{
    tls_client_session_free(&session);
    peer_contexts_free();
}

static void full_handshake(void)
{
    peer_open(&client, client_context, TLS_CLIENT);
    is_resuming = false;
    shake_hands();
    end();
}

static void resumed_handshake(void)
{
    peer_open(&client, client_context, TLS_CLIENT);
    require(tls_client_resume(&client.engine, session));
    is_resuming = true;
    shake_hands();
    end();
}

/* The client's flights are made before the server is let at them, so that what is counted is the
 * server's part alone. */
static void shake_hands(void)
{
    struct tls_facts facts;

    peer_feed(&client, (struct bytes_const){0});
    counted_run(server_open);
    counted_run(server_read);
    peer_feed(&client, buffer_readable(&server.wire));
    buffer_consumed(&server.wire, buffer_len(&server.wire));
    counted_run(server_read);
    tls_engine_facts(&server.engine, &facts);
    require(tls_engine_is_established(&server.engine) && facts.is_resumed == is_resuming);
}

/* OpenSSL resumes no session of a connection that ended without a goodbye. */
static void end(void)
{
    peer_feed(&client, buffer_readable(&server.wire));
    tls_client_session_free(&session);
    session = tls_client_session(&client.engine);
    require(session != NULL);
    peer_say_goodbye(&client);
    peer_close(&client);
    counted_run(server_close);
}

static void server_open(void)
{
    peer_open(&server, server_context, TLS_SERVER);
}

static void server_read(void)
{
    peer_feed(&server, buffer_readable(&client.wire));
    buffer_consumed(&client.wire, buffer_len(&client.wire));
}

static void server_close(void)
{
    peer_close(&server);
}
