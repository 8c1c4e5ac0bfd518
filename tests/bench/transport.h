/*
 * One client connection of the load generator, TLS or plain, over a non-blocking socket. It uses
 * OpenSSL on the descriptor, as most clients do, and nothing of the proxy's own rooms: a mistake
 * there must not cancel itself out here.
 */
#ifndef SALLYPORT_TESTS_BENCH_TRANSPORT_H
#define SALLYPORT_TESTS_BENCH_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct ssl_st;
struct ssl_ctx_st;
struct ssl_session_st;

enum transport_result { TRANSPORT_OK, TRANSPORT_AGAIN, TRANSPORT_ENDED, TRANSPORT_FAILED };

/* Where to connect and what to offer there. Empty lists leave OpenSSL's defaults. */
struct target_options {
    const char *host; /* an IPv4 address */
    unsigned    port;
    bool        plain;
    const char *version; /* "1.2" or "1.3" */
    const char *ciphers; /* one list for either version */
    const char *groups;
    unsigned    names_count; /* asked for in turn; 0: none */
};

struct target {
    struct ssl_ctx_st      *tls;     /* NULL: plain */
    struct ssl_session_st  *session; /* to resume; NULL: full handshakes */
    struct sockaddr_storage address;
    socklen_t               address_bytes;
    uint64_t                tickets_count; /* received on all connections */
    unsigned                names_count;
};

struct transport {
    int            fd; /* -1: closed */
    struct ssl_st *ssl;
};

/* False, with a line on stderr, when an option is wrong. */
__attribute__((warn_unused_result)) bool target_init(struct target               *target,
                                                     const struct target_options *options);
void                                     target_fini(struct target *target);

/* Connects once, blocking, and keeps the session that later connections resume. */
__attribute__((warn_unused_result)) bool target_take_session(struct target *target, int wait_ms);

/* Starts to connect. False when there is no descriptor or the connect fails at once. */
__attribute__((warn_unused_result)) bool transport_open(struct transport    *transport,
                                                        const struct target *target);

/* Waits for the connect, then for the handshake. */
enum transport_result transport_handshake(struct transport *transport);
bool                  transport_is_resumed(const struct transport *transport);

enum transport_result transport_read(struct transport *transport, uint8_t *into, size_t capacity,
                                     size_t *got);
enum transport_result transport_write(struct transport *transport, const uint8_t *from, size_t len,
                                      size_t *put);

/* close_notify and FIN; the other direction stays open. */
void transport_say_goodbye(struct transport *transport);
void transport_close(struct transport *transport);

#endif
