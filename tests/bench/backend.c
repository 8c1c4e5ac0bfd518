/*
 * The plaintext server behind the proxy under test, in one thread and four roles, one port each:
 *
 *   backend ECHO_PORT SOURCE_PORT SINK_PORT HTTP_PORT
 *
 *   echo    sends back what it gets
 *   source  reads "N\n", sends N bytes of the pattern, then FIN
 *   sink    reads "N\n" and N bytes, answers with how many of them were right and "\n", then FIN
 *   http    answers whatever ends in an empty line with the same short page
 *
 * It says "ready" and lives until its stdin ends.
 */
#include "http.h"
#include "listening.h"
#include "pattern.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum role { ROLE_ECHO, ROLE_SOURCE, ROLE_SINK, ROLE_HTTP, ROLES_COUNT };
enum state {
    STATE_ASKED,    /* reading the amount */
    STATE_ECHOING,  /* reading, then writing what was read */
    STATE_SENDING,  /* source: writing the pattern */
    STATE_COUNTING, /* sink: reading the pattern */
    STATE_SERVING,  /* http: reading requests, answering each */
    STATE_ENDING    /* FIN sent, waiting for the other's */
};
enum verdict { VERDICT_AGAIN, VERDICT_WAIT, VERDICT_CLOSE };
enum { EVENTS_MAX = 256, STEPS_MAX = 64, PIECE_BYTES = 64 * 1024, AMOUNT_BYTES = 24 };

struct peer {
    int        fd;
    enum role  role;
    enum state state;
    uint64_t   amount;
    uint64_t   moved;
    uint64_t   wrong;
    char       asked[AMOUNT_BYTES];
    size_t     asked_len; /* http: how much of an empty line has come */
    uint8_t   *unsent;    /* what an echo could not write at once */
    size_t     unsent_len;
    bool       waits_to_write;
};

struct server {
    int epoll_fd;
    int listen_fds[ROLES_COUNT];
};

static uint8_t piece[PIECE_BYTES];

static const enum state first_states[] = {[ROLE_ECHO] = STATE_ECHOING,
                                          [ROLE_SOURCE] = STATE_ASKED,
                                          [ROLE_SINK] = STATE_ASKED,
                                          [ROLE_HTTP] = STATE_SERVING};

static void        *serve(void *argument);
static void         accept_all(struct server *server, enum role role);
static void         advance(struct server *server, struct peer *peer);
static enum verdict step(struct server *server, struct peer *peer);
static enum verdict step_asked(struct server *server, struct peer *peer);
static enum verdict step_echoing(struct server *server, struct peer *peer);
static enum verdict step_sending(struct server *server, struct peer *peer);
static enum verdict step_counting(struct peer *peer);
static enum verdict step_serving(struct peer *peer);
static unsigned     requests_in(struct peer *peer, size_t len);
static enum verdict step_ending(struct peer *peer);
static enum verdict echo_unsent(struct server *server, struct peer *peer);
static enum verdict keep_unsent(struct server *server, struct peer *peer, size_t from, size_t len);
static void         wait_to_write(struct server *server, struct peer *peer, bool waits);
static enum verdict of_failure(void);
static void         close_peer(struct peer *peer);

int main(int count, char **arguments)
{
    struct server server = {.epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
    pthread_t     thread;

    (void)signal(SIGPIPE, SIG_IGN);
    if (count != 1 + ROLES_COUNT) {
        fprintf(stderr, "usage: backend ECHO_PORT SOURCE_PORT SINK_PORT HTTP_PORT\n");
        return 2;
    }
    for (int i = 0; i < ROLES_COUNT; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &server.listen_fds[i]};

        server.listen_fds[i] = listening_open(listening_port(arguments[1 + i]));
        if (server.listen_fds[i] < 0 ||
            epoll_ctl(server.epoll_fd, EPOLL_CTL_ADD, server.listen_fds[i], &event) != 0) {
            return 1;
        }
    }
    pattern_init();
    if (pthread_create(&thread, NULL, serve, &server) != 0) {
        return 1;
    }
    listening_wait_for_end();
    return 0;
}

static void *serve(void *argument)
{
    struct server     *server = argument;
    struct epoll_event events[EVENTS_MAX];

    for (;;) {
        int count = epoll_wait(server->epoll_fd, events, EVENTS_MAX, -1);

        for (int i = 0; i < count; i++) {
            int *listen_fd = events[i].data.ptr;

            if (listen_fd >= server->listen_fds && listen_fd < server->listen_fds + ROLES_COUNT) {
                accept_all(server, (enum role)(listen_fd - server->listen_fds));
            } else {
                advance(server, events[i].data.ptr);
            }
        }
    }
    return NULL;
}

static void accept_all(struct server *server, enum role role)
{
    for (int i = 0; i < STEPS_MAX; i++) {
        int                fd = accept4(server->listen_fds[role], NULL, NULL, SOCK_NONBLOCK);
        struct peer       *peer = fd < 0 ? NULL : calloc(1, sizeof(*peer));
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
        int                one = 1;

        if (fd < 0) {
            return;
        }
        if (peer == NULL || epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
            free(peer);
            (void)close(fd);
            return;
        }
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        peer->fd = fd;
        peer->role = role;
        peer->state = first_states[role];
    }
}

/* Level-triggered: a peer that had its share of steps is reported again. */
static void advance(struct server *server, struct peer *peer)
{
    for (int i = 0; i < STEPS_MAX; i++) {
        switch (step(server, peer)) {
        case VERDICT_AGAIN:
            break;
        case VERDICT_WAIT:
            return;
        case VERDICT_CLOSE:
            close_peer(peer);
            return;
        }
    }
}

static enum verdict step(struct server *server, struct peer *peer)
{
    switch (peer->state) {
    case STATE_ASKED:
        return step_asked(server, peer);
    case STATE_ECHOING:
        return step_echoing(server, peer);
    case STATE_SENDING:
        return step_sending(server, peer);
    case STATE_COUNTING:
        return step_counting(peer);
    case STATE_SERVING:
        return step_serving(peer);
    case STATE_ENDING:
        return step_ending(peer);
    }
    return VERDICT_CLOSE;
}

/* Byte by byte, so that what follows the newline stays for the next state. */
static enum verdict step_asked(struct server *server, struct peer *peer)
{
    char    letter;
    ssize_t got = recv(peer->fd, &letter, 1, 0);

    if (got <= 0) {
        return got == 0 ? VERDICT_CLOSE : of_failure();
    }
    if (letter != '\n') {
        if (letter < '0' || letter > '9' || peer->asked_len == AMOUNT_BYTES - 1) {
            return VERDICT_CLOSE;
        }
        peer->asked[peer->asked_len++] = letter;
        return VERDICT_AGAIN;
    }
    peer->amount = strtoull(peer->asked, NULL, 10);
    peer->state = peer->role == ROLE_SOURCE ? STATE_SENDING : STATE_COUNTING;
    wait_to_write(server, peer, peer->state == STATE_SENDING);
    return VERDICT_AGAIN;
}

static enum verdict step_echoing(struct server *server, struct peer *peer)
{
    ssize_t got;
    ssize_t put;

    if (peer->unsent_len > 0) {
        return echo_unsent(server, peer);
    }
    got = recv(peer->fd, piece, sizeof(piece), 0);
    if (got <= 0) {
        return got == 0 ? VERDICT_CLOSE : of_failure();
    }
    put = send(peer->fd, piece, (size_t)got, MSG_NOSIGNAL);
    if (put < got) {
        size_t from = put < 0 ? 0 : (size_t)put;

        return keep_unsent(server, peer, from, (size_t)got - from);
    }
    /* A short read has emptied the socket; asking again would only say so. */
    return got < PIECE_BYTES ? VERDICT_WAIT : VERDICT_AGAIN;
}

static enum verdict step_sending(struct server *server, struct peer *peer)
{
    uint64_t len = peer->amount - peer->moved;
    ssize_t  put;

    if (len == 0) {
        wait_to_write(server, peer, false);
        (void)shutdown(peer->fd, SHUT_WR);
        peer->state = STATE_ENDING;
        return VERDICT_AGAIN;
    }
    len = len < PATTERN_SLICE_BYTES ? len : PATTERN_SLICE_BYTES;
    put = send(peer->fd, pattern_at(peer->moved), (size_t)len, MSG_NOSIGNAL);
    if (put < 0) {
        return of_failure();
    }
    peer->moved += (uint64_t)put;
    return VERDICT_AGAIN;
}

static enum verdict step_counting(struct peer *peer)
{
    uint64_t left = peer->amount - peer->moved;
    char     answer[AMOUNT_BYTES];
    ssize_t  got;

    if (left == 0) {
        int len = snprintf(answer, sizeof(answer), "%" PRIu64 "\n", peer->amount - peer->wrong);

        (void)!send(peer->fd, answer, (size_t)len, MSG_NOSIGNAL);
        (void)shutdown(peer->fd, SHUT_WR);
        peer->state = STATE_ENDING;
        return VERDICT_AGAIN;
    }
    got = recv(peer->fd, piece, left < sizeof(piece) ? (size_t)left : sizeof(piece), 0);
    if (got < 0) {
        return of_failure();
    }
    if (got == 0) {
        peer->amount = peer->moved; /* ended early: answer with what came */
        return VERDICT_AGAIN;
    }
    peer->wrong += pattern_matches(piece, (size_t)got, peer->moved) ? 0 : (uint64_t)got;
    peer->moved += (uint64_t)got;
    return VERDICT_AGAIN;
}

/* An answer that does not fit ends the connection: whoever sends so many requests and reads so few
 * answers is no load generator. */
static enum verdict step_serving(struct peer *peer)
{
    static const char answer[] = HTTP_ANSWER;
    ssize_t           got = recv(peer->fd, piece, sizeof(piece), 0);

    if (got <= 0) {
        return got == 0 ? VERDICT_CLOSE : of_failure();
    }
    for (unsigned left = requests_in(peer, (size_t)got); left > 0; left--) {
        if (send(peer->fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL) !=
            (ssize_t)sizeof(answer) - 1) {
            return VERDICT_CLOSE;
        }
    }
    return got < PIECE_BYTES ? VERDICT_WAIT : VERDICT_AGAIN;
}

/* How many requests end in these bytes. */
static unsigned requests_in(struct peer *peer, size_t len)
{
    static const char end[] = HTTP_HEAD_END;
    unsigned          count = 0;

    for (size_t i = 0; i < len; i++) {
        bool goes_on = piece[i] == (uint8_t)end[peer->asked_len];

        peer->asked_len = goes_on ? peer->asked_len + 1 : piece[i] == '\r';
        if (peer->asked_len == sizeof(end) - 1) {
            peer->asked_len = 0;
            count++;
        }
    }
    return count;
}

static enum verdict step_ending(struct peer *peer)
{
    ssize_t got = recv(peer->fd, piece, sizeof(piece), 0);

    return got == 0 ? VERDICT_CLOSE : (got < 0 ? of_failure() : VERDICT_AGAIN);
}

static enum verdict echo_unsent(struct server *server, struct peer *peer)
{
    ssize_t put = send(peer->fd, peer->unsent, peer->unsent_len, MSG_NOSIGNAL);

    if (put < 0) {
        return of_failure();
    }
    peer->unsent_len -= (size_t)put;
    memmove(peer->unsent, peer->unsent + put, peer->unsent_len);
    if (peer->unsent_len == 0) {
        wait_to_write(server, peer, false);
    }
    return VERDICT_AGAIN;
}

static enum verdict keep_unsent(struct server *server, struct peer *peer, size_t from, size_t len)
{
    if (peer->unsent == NULL) {
        peer->unsent = malloc(PIECE_BYTES);
    }
    if (peer->unsent == NULL) {
        return VERDICT_CLOSE;
    }
    memcpy(peer->unsent, piece + from, len);
    peer->unsent_len = len;
    wait_to_write(server, peer, true);
    return VERDICT_WAIT;
}

/* While it waits to write, it does not read: the sender is held back. */
static void wait_to_write(struct server *server, struct peer *peer, bool waits)
{
    struct epoll_event event = {.events = waits ? EPOLLOUT : EPOLLIN, .data.ptr = peer};

    if (peer->waits_to_write != waits) {
        peer->waits_to_write = waits;
        (void)epoll_ctl(server->epoll_fd, EPOLL_CTL_MOD, peer->fd, &event);
    }
}

static enum verdict of_failure(void)
{
    return errno == EAGAIN || errno == EINTR ? VERDICT_WAIT : VERDICT_CLOSE;
}

static void close_peer(struct peer *peer)
{
    (void)close(peer->fd);
    free(peer->unsent);
    free(peer);
}
