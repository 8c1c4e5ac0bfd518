#include "flood.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* The first flight of a full handshake is longer than this, an alert is not. */
enum { FLIGHT_BYTES_MIN = 300, EVENTS_MAX = 128, WAIT_MS = 20 };

struct attacker {
    int    fd; /* -1: closed */
    size_t received;
};

static void *run(void *argument);
static bool  make_hello(struct flood *flood);
static void  open_attacker(struct flood *flood, int epoll_fd, struct attacker *attacker);
static void  advance(struct flood *flood, struct attacker *attacker);
static void  reset(struct attacker *attacker);

bool flood_start(struct flood *flood, const struct target *target, unsigned connections_count)
{
    *flood = (struct flood){.target = target, .connections_count = connections_count};
    if (connections_count > FLOOD_CONNECTIONS_MAX || !make_hello(flood)) {
        return false;
    }
    return pthread_create(&flood->thread, NULL, run, flood) == 0;
}

void flood_stop(struct flood *flood)
{
    atomic_store(&flood->is_stopping, true);
    (void)pthread_join(flood->thread, NULL);
}

static void *run(void *argument)
{
    struct flood      *flood = argument;
    struct attacker    attackers[FLOOD_CONNECTIONS_MAX];
    struct epoll_event events[EVENTS_MAX];
    int                epoll_fd = epoll_create1(EPOLL_CLOEXEC);

    for (unsigned i = 0; i < flood->connections_count; i++) {
        attackers[i].fd = -1;
    }
    while (!atomic_load(&flood->is_stopping)) {
        int count;

        for (unsigned i = 0; i < flood->connections_count; i++) {
            if (attackers[i].fd < 0) {
                open_attacker(flood, epoll_fd, &attackers[i]);
            }
        }
        count = epoll_wait(epoll_fd, events, EVENTS_MAX, WAIT_MS);
        for (int i = 0; i < count; i++) {
            advance(flood, events[i].data.ptr);
        }
    }
    for (unsigned i = 0; i < flood->connections_count; i++) {
        reset(&attackers[i]);
    }
    (void)close(epoll_fd);
    return NULL;
}

static bool make_hello(struct flood *flood)
{
    SSL *ssl = SSL_new(flood->target->tls);
    BIO *in = BIO_new(BIO_s_mem());
    BIO *out = BIO_new(BIO_s_mem());
    int  len;

    if (ssl == NULL || in == NULL || out == NULL) {
        SSL_free(ssl);
        BIO_free(in);
        BIO_free(out);
        return false;
    }
    SSL_set_bio(ssl, in, out);
    (void)SSL_connect(ssl);
    len = BIO_read(out, flood->hello, FLOOD_HELLO_BYTES);
    flood->hello_bytes = len > 0 ? (size_t)len : 0;
    SSL_free(ssl);
    return len > 0 && len < FLOOD_HELLO_BYTES;
}

/* Over loopback a connect is complete when it returns, and a hello always fits. */
static void open_attacker(struct flood *flood, int epoll_fd, struct attacker *attacker)
{
    const struct target *target = flood->target;
    struct epoll_event   event = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = attacker};

    attacker->received = 0;
    attacker->fd = socket(target->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (attacker->fd < 0) {
        flood->failures_count++;
        return;
    }
    if ((connect(attacker->fd, (const struct sockaddr *)&target->address, target->address_bytes) !=
             0 &&
         errno != EINPROGRESS) ||
        send(attacker->fd, flood->hello, flood->hello_bytes, MSG_NOSIGNAL) !=
            (ssize_t)flood->hello_bytes ||
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, attacker->fd, &event) != 0) {
        flood->failures_count++;
        reset(attacker);
    }
}

static void advance(struct flood *flood, struct attacker *attacker)
{
    uint8_t flight[8192];
    ssize_t got = recv(attacker->fd, flight, sizeof(flight), 0);

    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got <= 0) {
        flood->failures_count++;
        reset(attacker);
        return;
    }
    attacker->received += (size_t)got;
    if (attacker->received > FLIGHT_BYTES_MIN) {
        flood->flights_count++;
        reset(attacker);
    }
}

/* With a reset, so that thousands of closed connections do not linger. */
static void reset(struct attacker *attacker)
{
    struct linger none = {.l_onoff = 1, .l_linger = 0};

    if (attacker->fd < 0) {
        return;
    }
    (void)setsockopt(attacker->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
    (void)close(attacker->fd);
    attacker->fd = -1;
}
