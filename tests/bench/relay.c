/*
 * The cheapest plain TCP relay there is: the floor under any proxy. It accepts, connects to one
 * backend, and copies with one buffer a thread. No TLS, no deadlines, no log; where a write does
 * not fit, the side it came from is not read until it does.
 *
 *   relay LISTEN_PORT BACKEND_PORT THREADS
 *
 * It says "ready" and lives until its stdin ends.
 */
#include "listening.h"

#include <errno.h>
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

enum { EVENTS_MAX = 256, ACCEPTS_MAX = 16, PIECE_BYTES = 64 * 1024, THREADS_MAX = 64 };

struct end {
    int           fd;
    bool          is_written_to; /* until FIN has been sent on it */
    bool          is_read;       /* until FIN has come from it */
    bool          waits_to_write;
    uint8_t      *unsent; /* for this end */
    size_t        unsent_len;
    struct end   *other;
    struct relay *relay;
    struct end   *next_dead;
};

struct relay {
    int         epoll_fd;
    int         listen_fd;
    unsigned    backend_port;
    struct end *dead; /* freed when no event of this turn can name them */
    uint8_t     piece[PIECE_BYTES];
};

static void       *serve(void *argument);
static void        accept_some(struct relay *relay);
static struct end *new_end(struct relay *relay, int fd);
static int         connect_backend(const struct relay *relay);
static void        copy(struct end *from);
static bool        keep(struct end *to, size_t from, size_t len);
static void        flush(struct end *to);
static void        pass_end(struct end *from);
static void        listen_for(struct end *end);
static void        end_pair(struct end *end);
static void        bury(struct relay *relay);

int main(int count, char **arguments)
{
    unsigned  threads = count == 4 ? listening_port(arguments[3]) : 0;
    pthread_t thread;

    (void)signal(SIGPIPE, SIG_IGN);
    if (threads == 0 || threads > THREADS_MAX) {
        fprintf(stderr, "usage: relay LISTEN_PORT BACKEND_PORT THREADS\n");
        return 2;
    }
    for (unsigned i = 0; i < threads; i++) {
        struct relay *relay = calloc(1, sizeof(*relay));

        if (relay == NULL) {
            return 1;
        }
        relay->listen_fd = listening_open(listening_port(arguments[1]));
        relay->backend_port = listening_port(arguments[2]);
        relay->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (relay->listen_fd < 0 || relay->epoll_fd < 0 ||
            pthread_create(&thread, NULL, serve, relay) != 0) {
            return 1;
        }
    }
    listening_wait_for_end();
    return 0;
}

static void *serve(void *argument)
{
    struct relay      *relay = argument;
    struct epoll_event listening = {.events = EPOLLIN, .data.ptr = NULL};
    struct epoll_event events[EVENTS_MAX];

    (void)epoll_ctl(relay->epoll_fd, EPOLL_CTL_ADD, relay->listen_fd, &listening);
    for (;;) {
        int count = epoll_wait(relay->epoll_fd, events, EVENTS_MAX, -1);

        for (int i = 0; i < count; i++) {
            struct end *end = events[i].data.ptr;

            if (end == NULL) {
                accept_some(relay);
            } else if (end->fd >= 0 && end->waits_to_write &&
                       (events[i].events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) {
                flush(end);
            } else if (end->fd >= 0) {
                copy(end);
            }
        }
        bury(relay);
    }
    return NULL;
}

static void accept_some(struct relay *relay)
{
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        int         client_fd = accept4(relay->listen_fd, NULL, NULL, SOCK_NONBLOCK);
        int         backend_fd = client_fd < 0 ? -1 : connect_backend(relay);
        struct end *client = backend_fd < 0 ? NULL : new_end(relay, client_fd);
        struct end *backend = client == NULL ? NULL : new_end(relay, backend_fd);

        if (client_fd < 0) {
            return;
        }
        if (backend == NULL) {
            (void)close(client_fd);
            if (backend_fd >= 0) {
                (void)close(backend_fd);
            }
            free(client);
            return;
        }
        client->other = backend;
        backend->other = client;
    }
}

static struct end *new_end(struct relay *relay, int fd)
{
    struct end        *end = calloc(1, sizeof(*end));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = end};
    int                one = 1;

    if (end == NULL) {
        return NULL;
    }
    *end = (struct end){.fd = fd, .is_read = true, .is_written_to = true, .relay = relay};
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (epoll_ctl(relay->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        free(end);
        return NULL;
    }
    return end;
}

static int connect_backend(const struct relay *relay)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)relay->backend_port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int                fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 &&
        errno != EINPROGRESS) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* One read and one write: whoever has more is reported again. */
static void copy(struct end *from)
{
    struct end   *to = from->other;
    struct relay *relay = from->relay;
    ssize_t       got = recv(from->fd, relay->piece, sizeof(relay->piece), 0);
    ssize_t       put;

    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got < 0) {
        end_pair(from);
        return;
    }
    if (got == 0) {
        pass_end(from);
        return;
    }
    put = send(to->fd, relay->piece, (size_t)got, MSG_NOSIGNAL);
    if (put < 0 && errno != EAGAIN && errno != EINTR) {
        end_pair(from);
        return;
    }
    put = put < 0 ? 0 : put;
    if (put < got && !keep(to, (size_t)put, (size_t)(got - put))) {
        end_pair(from);
    }
}

static bool keep(struct end *to, size_t from, size_t len)
{
    if (to->unsent == NULL) {
        to->unsent = malloc(PIECE_BYTES);
    }
    if (to->unsent == NULL) {
        return false;
    }
    memcpy(to->unsent, to->relay->piece + from, len);
    to->unsent_len = len;
    to->waits_to_write = true;
    listen_for(to);
    listen_for(to->other);
    return true;
}

static void flush(struct end *to)
{
    ssize_t put = send(to->fd, to->unsent, to->unsent_len, MSG_NOSIGNAL);

    if (put < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (put < 0) {
        end_pair(to);
        return;
    }
    to->unsent_len -= (size_t)put;
    memmove(to->unsent, to->unsent + put, to->unsent_len);
    if (to->unsent_len == 0) {
        to->waits_to_write = false;
        listen_for(to);
        listen_for(to->other);
    }
}

static void pass_end(struct end *from)
{
    from->is_read = false;
    from->other->is_written_to = false;
    (void)shutdown(from->other->fd, SHUT_WR);
    if (!from->other->is_read) {
        end_pair(from);
        return;
    }
    listen_for(from);
}

/* An end is read while the other end has room and neither FIN forbids it. */
static void listen_for(struct end *end)
{
    struct epoll_event event = {.events = 0, .data.ptr = end};

    if (end->is_read && !end->other->waits_to_write) {
        event.events |= EPOLLIN;
    }
    if (end->waits_to_write) {
        event.events |= EPOLLOUT;
    }
    (void)epoll_ctl(end->relay->epoll_fd, EPOLL_CTL_MOD, end->fd, &event);
}

static void end_pair(struct end *end)
{
    struct end *both[] = {end, end->other};

    for (int i = 0; i < 2; i++) {
        (void)close(both[i]->fd);
        both[i]->fd = -1;
        both[i]->next_dead = end->relay->dead;
        end->relay->dead = both[i];
    }
}

static void bury(struct relay *relay)
{
    while (relay->dead != NULL) {
        struct end *end = relay->dead;

        relay->dead = end->next_dead;
        free(end->unsent);
        free(end);
    }
}
