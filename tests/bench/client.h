/*
 * One client of the load generator, from connect to close:
 *
 *  CLOSED ─► OPENING ─► READY ◄─► WORKING
 *               │         │          │
 *               └─────────┴────┬─────┴─ goodbye said, waiting for the other's end
 *                              ▼
 *                           CLOSING ─► CLOSED
 *
 * A client that is WORKING does one exchange: it sends a header and a body, and expects a body
 * and an answer. An echo, a download and an upload differ in the lengths only.
 */
#ifndef SALLYPORT_TESTS_BENCH_CLIENT_H
#define SALLYPORT_TESTS_BENCH_CLIENT_H

#include "transport.h"

#include "base/list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum client_state { CLIENT_CLOSED, CLIENT_OPENING, CLIENT_READY, CLIENT_WORKING, CLIENT_CLOSING };

/* What a call on a client found out. */
enum client_verdict {
    CLIENT_WAITS,    /* for the socket */
    CLIENT_PROGRESS, /* a step is complete: look again */
    CLIENT_TIRED,    /* did enough for now, has more to do */
    CLIENT_BROKEN    /* failed, or got what nobody sent */
};

enum { EXCHANGE_WORD_BYTES = 128 };

struct exchange {
    char     header[EXCHANGE_WORD_BYTES]; /* sent first; "" none */
    uint64_t send_bytes;
    uint64_t receive_bytes;
    char     answer[EXCHANGE_WORD_BYTES]; /* expected last; "" none */
};

struct client {
    struct list_link  hot; /* linked while tired */
    struct transport  transport;
    enum client_state state;
    uint64_t          opened_ns;
    uint64_t          began_ns;        /* this exchange, or when it was due */
    uint64_t          sent;            /* of this exchange, header included */
    uint64_t          received;        /* of this exchange, answer included */
    uint64_t          bodies_sent;     /* of all exchanges before this one */
    uint64_t          bodies_received; /* of all exchanges before this one */
    unsigned          exchanges_begun;
    unsigned          exchanges_done;
};

__attribute__((warn_unused_result)) bool client_open(struct client       *client,
                                                     const struct target *target, uint64_t now_ns);

/* OPENING: PROGRESS when the connection is up. */
enum client_verdict client_handshake(struct client *client);

/* READY: reads tickets and whatever else is no content. */
enum client_verdict client_listen(struct client *client);

void client_begin(struct client *client, uint64_t began_ns);
/* WORKING: PROGRESS when the exchange is complete. */
enum client_verdict client_work(struct client *client, const struct exchange *exchange);

void client_say_goodbye(struct client *client);
/* CLOSING: PROGRESS when the other side has ended, too, cleanly or not. */
enum client_verdict client_wait_for_end(struct client *client);
void                client_close(struct client *client);

#endif
