#include "io/self_test.h"

#include "base/clock.h"
#include "base/require.h"
#include "io/address.h"
#include "io/socket_calls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TEST_BYTES = 3 * IO_RECV_BYTES / 2, TURNS_MAX = 200, TURN_MS = 10 };

/*
 * On the heap and not given back when stuck: the kernel may write into it yet.
 *
 *   listening ── accept ──► server ── sends pattern, FIN ──►
 *   client ── connect ─────► receives, compares, sees the end
 */
struct trial {
    struct io_loop *loop;
    struct io_op    accept, connect, send, recv, idle, close;
    struct address  address;
    struct error    error; /* the first thing that went wrong */
    int             listen_fd;
    int             server_fd;
    int             client_fd;
    size_t          sent;
    size_t          received;
    bool            is_ended;
    bool            is_wrong; /* bytes came that were not sent */
    uint8_t         pattern[TEST_BYTES];
};

static bool prepare(struct trial *trial, struct error *error);
static bool open_sockets(struct trial *trial);
static void run_connection(struct trial *trial);
static void run_cancel(struct trial *trial);
static void send_more(struct trial *trial);
static void note(struct trial *trial, const struct io_op *op);
static void turn_until_done(struct trial *trial, const struct io_op *const *ops);
static bool is_any_pending(const struct trial *trial);
static bool is_as_expected(const struct trial *trial);
static void cancel_all(struct trial *trial);
static void close_through_loop(struct trial *trial, int fd);
static void close_fd(int fd);
static void on_accept(struct io_op *op);
static void on_connect(struct io_op *op);
static void on_sent(struct io_op *op);
static void on_received(struct io_op *op);
static void on_idle(struct io_op *op);
static void on_closed(struct io_op *op);

enum self_test_outcome self_test(struct io_loop *loop, struct error *error)
{
    struct trial *trial = calloc(1, sizeof(*trial));

    if (trial == NULL) {
        *error = error_make(ERROR_EXHAUSTED, "self-test");
        return SELF_TEST_FAILED;
    }
    trial->loop = loop;
    if (!prepare(trial, error)) {
        free(trial);
        return SELF_TEST_FAILED;
    }
    run_connection(trial);
    run_cancel(trial);
    bool passed = is_as_expected(trial);

    *error = error_kind(&trial->error) != ERROR_NONE ? trial->error
                                                     : error_make(ERROR_UNSUPPORTED, "self-test");
    cancel_all(trial);
    if (is_any_pending(trial)) {
        return SELF_TEST_STUCK;
    }
    close_through_loop(trial, trial->listen_fd);
    close_through_loop(trial, trial->client_fd);
    close_through_loop(trial, trial->server_fd);
    if (is_any_pending(trial)) {
        return SELF_TEST_STUCK;
    }
    free(trial);
    if (passed) {
        *error = ERROR_OK;
    }
    return passed ? SELF_TEST_PASSED : SELF_TEST_FAILED;
}

/* A UNIX socket with a name the kernel chooses: needs neither a network nor a file system. */
static bool prepare(struct trial *trial, struct error *error)
{
    trial->listen_fd = -1;
    trial->client_fd = -1;
    trial->server_fd = -1;
    for (size_t i = 0; i < TEST_BYTES; i++) {
        trial->pattern[i] = (uint8_t)(i * 31 + i / 251);
    }
    if (!open_sockets(trial)) {
        *error = error_from_errno(errno, "self-test");
        close_fd(trial->listen_fd);
        close_fd(trial->client_fd);
        return false;
    }
    return true;
}

static bool open_sockets(struct trial *trial)
{
    struct address *address = &trial->address;

    address->socket.any.sa_family = AF_UNIX;
    address->len = sizeof(address->socket.any.sa_family);
    trial->listen_fd = socket_new_stream(AF_UNIX);
    trial->client_fd = socket_new_stream(AF_UNIX);
    if (trial->listen_fd < 0 || trial->client_fd < 0 ||
        bind(trial->listen_fd, &address->socket.any, address->len) != 0 ||
        listen(trial->listen_fd, 1) != 0) {
        return false;
    }
    address->len = sizeof(address->socket);
    return getsockname(trial->listen_fd, &address->socket.any, &address->len) == 0;
}

static void run_connection(struct trial *trial)
{
    const struct io_op *const ops[] = {&trial->accept, &trial->connect, &trial->recv, &trial->send,
                                       NULL};

    io_accept(trial->loop, &trial->accept, trial->listen_fd, on_accept);
    io_connect(trial->loop, &trial->connect, trial->client_fd, &trial->address, on_connect);
    turn_until_done(trial, ops);
}

/* A receive for which nothing ever comes must end when asked to, and a close must be done. */
static void run_cancel(struct trial *trial)
{
    const struct io_op *const ops[] = {&trial->idle, &trial->close, NULL};

    if (error_kind(&trial->error) != ERROR_NONE || trial->server_fd < 0) {
        return;
    }
    io_recv(trial->loop, &trial->idle, trial->server_fd, on_idle);
    io_turn(trial->loop, 0);
    io_cancel(trial->loop, &trial->idle);
    turn_until_done(trial, ops);
}

static void send_more(struct trial *trial)
{
    struct bytes_const rest = {.data = trial->pattern + trial->sent,
                               .len = TEST_BYTES - trial->sent};

    if (rest.len > 0) {
        io_send(trial->loop, &trial->send, trial->server_fd, rest, on_sent);
    } else {
        io_shutdown_send(trial->loop, trial->server_fd);
    }
}

static void note(struct trial *trial, const struct io_op *op)
{
    if (error_kind(&trial->error) == ERROR_NONE) {
        trial->error = op->error;
    }
}

static void turn_until_done(struct trial *trial, const struct io_op *const *ops)
{
    for (int turns = 0; turns < TURNS_MAX; turns++) {
        bool is_pending = false;

        for (size_t i = 0; ops[i] != NULL; i++) {
            is_pending = is_pending || io_op_is_pending(ops[i]);
        }
        if (!is_pending || error_kind(&trial->error) != ERROR_NONE) {
            return;
        }
        io_turn(trial->loop, TURN_MS * NS_PER_MS);
    }
}

static bool is_any_pending(const struct trial *trial)
{
    return io_op_is_pending(&trial->accept) || io_op_is_pending(&trial->connect) ||
           io_op_is_pending(&trial->send) || io_op_is_pending(&trial->recv) ||
           io_op_is_pending(&trial->idle) || io_op_is_pending(&trial->close);
}

static bool is_as_expected(const struct trial *trial)
{
    return error_kind(&trial->error) == ERROR_NONE && trial->received == TEST_BYTES &&
           trial->is_ended && !trial->is_wrong && trial->server_fd < 0 &&
           error_kind(&trial->idle.error) == ERROR_CANCELLED;
}

static void cancel_all(struct trial *trial)
{
    struct io_op *const ops[] = {&trial->accept, &trial->connect, &trial->send,
                                 &trial->recv,   &trial->idle,    &trial->close};

    for (int turns = 0; turns < TURNS_MAX && is_any_pending(trial); turns++) {
        for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
            io_cancel(trial->loop, ops[i]);
        }
        io_turn(trial->loop, TURN_MS * NS_PER_MS);
    }
}

/* The loop may still accept on the listening socket. Once a close is stuck none follows. */
static void close_through_loop(struct trial *trial, int fd)
{
    if (fd < 0 || io_op_is_pending(&trial->close)) {
        return;
    }
    io_close(trial->loop, &trial->close, fd, on_closed);
    for (int turns = 0; turns < TURNS_MAX && io_op_is_pending(&trial->close); turns++) {
        io_turn(trial->loop, TURN_MS * NS_PER_MS);
    }
}

static void close_fd(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}

static void on_accept(struct io_op *op)
{
    struct trial *trial = container_of(op, struct trial, accept);

    note(trial, op);
    if (error_kind(&op->error) == ERROR_NONE) {
        trial->server_fd = (int)op->result;
        send_more(trial);
    }
}

static void on_connect(struct io_op *op)
{
    struct trial *trial = container_of(op, struct trial, connect);

    note(trial, op);
    if (error_kind(&op->error) == ERROR_NONE) {
        io_recv(trial->loop, &trial->recv, trial->client_fd, on_received);
    }
}

static void on_sent(struct io_op *op)
{
    struct trial *trial = container_of(op, struct trial, send);

    note(trial, op);
    if (error_kind(&op->error) == ERROR_NONE) {
        trial->sent += (size_t)op->result;
        send_more(trial);
    }
}

static void on_received(struct io_op *op)
{
    struct trial *trial = container_of(op, struct trial, recv);

    note(trial, op);
    if (error_kind(&op->error) != ERROR_NONE) {
        return;
    }
    if (op->result == 0) {
        trial->is_ended = true;
        return;
    }
    if (op->received.len > TEST_BYTES - trial->received ||
        memcmp(op->received.data, trial->pattern + trial->received, op->received.len) != 0) {
        trial->is_wrong = true;
        return;
    }
    trial->received += op->received.len;
    io_recv(trial->loop, &trial->recv, trial->client_fd, on_received);
}

static void on_idle(struct io_op *op)
{
    struct trial *trial = container_of(op, struct trial, idle);

    io_close(trial->loop, &trial->close, trial->server_fd, on_closed);
}

static void on_closed(struct io_op *op)
{
    struct trial *trial = container_of(op, struct trial, close);

    note(trial, op);
    if (op->fd == trial->server_fd) {
        trial->server_fd = -1;
    }
}
