/*
 * A worker of room proxy as the daemon has it, with one client and one server that take their turns
 * when the worker has had its own. UNIX sockets, since theirs is the only delivery that is over
 * when the call returns: over TCP the kernel's timing would decide how many turns a round takes.
 */
#include "counted.h"
#include "peer.h"
#include "stand.h"

#include "base/clock.h"
#include "base/require.h"

#include <string.h>
#include <unistd.h>

enum { TURNS_MAX = 1000, RELAYED_BYTES = 16384, ECHOED_BYTES = 47 };

typedef bool is_so(void);

static const struct tls_context *client_context;
static struct peer               client;
static int                       client_fd;
static int                       server_fd;
static size_t                    server_bytes; /* received this round */
static size_t                    awaited_bytes;
static uint8_t                   content[RELAYED_BYTES];
static uint8_t                   wire[PEER_BYTES];

static void accept_and_close(void);
static void whole_session(void);
static void echo(void);
static void relay_up(void);
static void relay_down(void);

const struct operation worker_rounds[] = {{"accept-close", 50, accept_and_close},
                                          {"session", 20, whole_session},
                                          {"echo-47", 50, echo},
                                          {"relay-16k-up", 50, relay_up},
                                          {"relay-16k-down", 50, relay_down},
                                          {0}};

static void establish(void);
static void part(void);
static void client_send(void);
static void client_receive(void);
static void exchange_up(size_t bytes);
static void exchange_down(size_t bytes);
static void turn_until(is_so *so);
static void turn(void);
static bool is_accepted(void);
static bool is_over(void);
static bool is_established(void);
static bool is_served(void);
static bool is_up(void);
static bool is_down(void);
static bool is_up_ended(void);
static bool is_down_ended(void);

bool worker_rounds_open(const char *driver)
{
    if (!stand_open(driver)) {
        return false;
    }
    client_context = peer_context(TLS_CLIENT);
    return true;
}

void worker_rounds_close(void)
{
    stand_close();
    peer_contexts_free();
}

/* --- rounds ---------------------------------------------------------------------------------- */

static void accept_and_close(void)
{
    client_fd = stand_dial();
    turn_until(is_accepted);
    require(close(client_fd) == 0);
    turn_until(is_over);
}

static void whole_session(void)
{
    establish();
    exchange_up(ECHOED_BYTES);
    exchange_down(ECHOED_BYTES);
    part();
}

/* The first round of those that follow finds no connection open, and the last leaves one. */
static void echo(void)
{
    if (stand_sessions() == 0) {
        establish();
    }
    exchange_up(ECHOED_BYTES);
    exchange_down(ECHOED_BYTES);
}

static void relay_up(void)
{
    exchange_up(RELAYED_BYTES);
}

static void relay_down(void)
{
    exchange_down(RELAYED_BYTES);
}

/* --- their parts ----------------------------------------------------------------------------- */

static void establish(void)
{
    client_fd = stand_dial();
    server_fd = -1;
    peer_open(&client, client_context, TLS_CLIENT);
    peer_feed(&client, (struct bytes_const){0});
    client_send();
    turn_until(is_established);
    client_send();
    turn_until(is_served);
    client_receive(); /* the ticket */
}

static void part(void)
{
    peer_say_goodbye(&client);
    client_send();
    turn_until(is_up_ended);
    require(close(server_fd) == 0);
    turn_until(is_down_ended);
    peer_close(&client);
    require(close(client_fd) == 0);
    turn_until(is_over);
}

static void exchange_up(size_t bytes)
{
    server_bytes = 0;
    awaited_bytes = bytes;
    peer_write(&client, (struct bytes_const){content, bytes});
    client_send();
    turn_until(is_up);
}

static void exchange_down(size_t bytes)
{
    awaited_bytes = bytes;
    require(write(server_fd, content, bytes) == (ssize_t)bytes);
    turn_until(is_down);
    buffer_consumed(&client.plain, bytes);
}

static void client_send(void)
{
    struct bytes_const bytes = buffer_readable(&client.wire);

    require(write(client_fd, bytes.data, bytes.len) == (ssize_t)bytes.len);
    buffer_consumed(&client.wire, bytes.len);
}

/* As much as is there. */
static void client_receive(void)
{
    ssize_t got = read(client_fd, wire, sizeof(wire));

    if (got > 0) {
        peer_feed(&client, (struct bytes_const){wire, (size_t)got});
    }
}

/* Only the worker's turns are counted. Each has something to do, or something is on its way to it:
 * none waits for time to pass, so that how many there are does not depend on it. */
static void turn_until(is_so *so)
{
    for (unsigned i = 0; i < TURNS_MAX; i++) {
        if (so()) {
            return;
        }
        counted_run(turn);
    }
    require(!"the worker does not do its part");
}

static void turn(void)
{
    stand_turn(NS_PER_S);
}

static bool is_accepted(void)
{
    return stand_sessions() == 1;
}

static bool is_over(void)
{
    return stand_sessions() == 0;
}

static bool is_established(void)
{
    client_receive();
    return tls_engine_is_established(&client.engine);
}

static bool is_served(void)
{
    server_fd = stand_accept();
    return server_fd >= 0;
}

static bool is_up(void)
{
    ssize_t got = read(server_fd, wire, sizeof(wire));

    server_bytes += got > 0 ? (size_t)got : 0;
    return server_bytes == awaited_bytes;
}

static bool is_down(void)
{
    client_receive();
    return buffer_len(&client.plain) == awaited_bytes;
}

static bool is_up_ended(void)
{
    return read(server_fd, wire, sizeof(wire)) == 0;
}

static bool is_down_ended(void)
{
    ssize_t got;

    if (!client.has_goodbye) {
        client_receive();
    }
    if (!client.has_goodbye) {
        return false;
    }
    got = read(client_fd, wire, sizeof(wire));
    return got == 0;
}
