#include "io/driver_ready.h"

#include "base/require.h"
#include "io/descriptors.h"
#include "io/socket.h"
#include "io/socket_calls.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct ready_descriptor *descriptor_of(const struct ready *ready, int fd);
static void                     forget(const struct ready *ready, int fd);
static void                     wait_to_read(struct ready *ready, struct io_op *op);
static void                     wait_to_write(struct ready *ready, struct io_op *op);
static void wait_for(struct ready *ready, struct io_op *op, struct list *list, unsigned direction);
static int  watch(struct ready *ready, int fd, unsigned wanted);
static void start_connect(struct ready *ready, struct io_op *op);
static void start_send(struct ready *ready, struct io_op *op);
static void start_close(struct ready *ready, struct io_op *op);
static bool try_send(struct ready *ready, struct io_op *op);
static void on_readable(struct ready *ready, int fd);
static void on_writable(struct ready *ready, int fd);
static void end_connect(struct ready *ready, struct io_op *op);
static bool try_accept(struct ready *ready, struct io_op *op);
static void forget_if_unused(struct ready *ready, int fd);

bool ready_init(struct ready *ready, struct io_loop *loop, ready_watch *watch_, struct error *error)
{
    ready->loop = loop;
    ready->watch = watch_;
    ready->scratch = malloc(IO_RECV_BYTES);
    if (ready->scratch == NULL) {
        *error = error_make(ERROR_EXHAUSTED, "receive buffer");
        return false;
    }
    ready->descriptors =
        descriptors_reserve(sizeof(*ready->descriptors), &ready->descriptors_count, error);
    return ready->descriptors != NULL;
}

void ready_fini(struct ready *ready)
{
    descriptors_release(ready->descriptors, sizeof(*ready->descriptors), ready->descriptors_count);
    free(ready->scratch);
}

/* A direction nobody waits for any more is unwatched only when it turns up here: until then the
 * next operation may find it still watched and save two system calls. */
void ready_event(struct ready *ready, int fd, unsigned directions)
{
    struct ready_descriptor *descriptor = descriptor_of(ready, fd);
    unsigned                 wanted = descriptor->watched;

    if (list_is_empty(&descriptor->readers)) {
        wanted &= ~(directions & READY_TO_READ);
    }
    if (list_is_empty(&descriptor->writers)) {
        wanted &= ~(directions & READY_TO_WRITE);
    }
    (void)watch(ready, fd, wanted);
    if ((directions & READY_TO_READ) != 0) {
        on_readable(ready, fd);
    }
    if ((directions & READY_TO_WRITE) != 0) {
        on_writable(ready, fd);
    }
}

void ready_submit(void *state, struct io_op *op)
{
    struct ready *ready = state;

    switch ((enum io_kind)op->kind) {
    case IO_ACCEPT:
        descriptor_of(ready, op->fd)->is_listening = true;
        wait_to_read(ready, op);
        break;
    case IO_RECV:
    case IO_POLL:
        wait_to_read(ready, op);
        break;
    case IO_CONNECT:
        start_connect(ready, op);
        break;
    case IO_SEND:
        start_send(ready, op);
        break;
    case IO_CLOSE:
        start_close(ready, op);
        break;
    }
}

void ready_cancel(void *state, struct io_op *op)
{
    struct ready *ready = state;

    list_remove(&op->link);
    io_complete(ready->loop, op, 0, error_make(ERROR_CANCELLED, "cancel"));
    if (op->kind == IO_ACCEPT || op->kind == IO_POLL) {
        forget_if_unused(ready, op->fd);
    }
}

bool ready_finish(void *state, struct io_op *op)
{
    struct ready *ready = state;
    ssize_t       received;

    do {
        received = recv(op->fd, ready->scratch, IO_RECV_BYTES, MSG_DONTWAIT);
    } while (received < 0 && errno == EINTR);
    if (received < 0 && errno == EAGAIN) {
        wait_to_read(ready, op);
        return false;
    }
    if (received < 0) {
        op->error = error_from_errno(errno, "recv");
        return true;
    }
    op->result = received;
    op->received = (struct bytes_const){.data = ready->scratch, .len = (size_t)received};
    return true;
}

void ready_trim(void *state, size_t used)
{
    struct ready *ready = state;

    descriptors_trim(ready->descriptors, sizeof(*ready->descriptors), used);
}

int ready_socket(void *state, const struct address *address, struct error *error)
{
    struct ready *ready = state;
    int           fd = socket_for(address, error);

    if (fd >= 0) {
        forget(ready, fd);
    }
    return fd;
}

void ready_shutdown(void *state, int fd, int how)
{
    (void)state;
    (void)shutdown(fd, how);
}

void ready_reset_on_close(void *state, int fd)
{
    (void)state;
    socket_reset_on_close(fd);
}

size_t ready_unacknowledged(void *state, int fd)
{
    (void)state;
    return socket_unacknowledged(fd);
}

bool ready_is_broken(void *state, int fd)
{
    (void)state;
    return socket_is_broken(fd);
}

void ready_peer(void *state, int fd, struct address *address)
{
    (void)state;
    socket_peer(fd, address);
}

void ready_local(void *state, int fd, struct address *address)
{
    (void)state;
    socket_local(fd, address);
}

static struct ready_descriptor *descriptor_of(const struct ready *ready, int fd)
{
    require(fd >= 0);
    require((size_t)fd < ready->descriptors_count);
    struct ready_descriptor *descriptor = &ready->descriptors[fd];

    if (!descriptor->is_initialised) {
        list_init(&descriptor->readers);
        list_init(&descriptor->writers);
        descriptor->is_initialised = true;
    }
    return descriptor;
}

/* The number is nobody's, or somebody else's. */
static void forget(const struct ready *ready, int fd)
{
    *descriptor_of(ready, fd) = (struct ready_descriptor){0};
}

static void wait_to_read(struct ready *ready, struct io_op *op)
{
    wait_for(ready, op, &descriptor_of(ready, op->fd)->readers, READY_TO_READ);
}

static void wait_to_write(struct ready *ready, struct io_op *op)
{
    wait_for(ready, op, &descriptor_of(ready, op->fd)->writers, READY_TO_WRITE);
}

static void wait_for(struct ready *ready, struct io_op *op, struct list *list, unsigned direction)
{
    int code = watch(ready, op->fd, descriptor_of(ready, op->fd)->watched | direction);

    if (code != 0) {
        io_complete(ready->loop, op, 0, error_from_errno(code, "watch"));
        return;
    }
    list_append(list, &op->link);
}

static int watch(struct ready *ready, int fd, unsigned wanted)
{
    struct ready_descriptor *descriptor = descriptor_of(ready, fd);

    if (wanted == descriptor->watched) {
        return 0;
    }
    int code = ready->watch(ready, fd, descriptor->watched, wanted);

    if (code == 0) {
        descriptor->watched = (uint8_t)wanted;
    }
    return code;
}

/* A connect that a signal interrupted goes on by itself. */
static void start_connect(struct ready *ready, struct io_op *op)
{
    if (connect(op->fd, &op->address->socket.any, op->address->len) == 0) {
        io_complete(ready->loop, op, 0, ERROR_OK);
    } else if (errno == EINPROGRESS || errno == EINTR) {
        wait_to_write(ready, op);
    } else {
        io_complete(ready->loop, op, 0, error_from_errno(errno, "connect"));
    }
}

static void start_send(struct ready *ready, struct io_op *op)
{
    if (!try_send(ready, op)) {
        wait_to_write(ready, op);
    }
}

/* A listening socket may be shared with another process, in which case closing it does not end
 * the watch. */
static void start_close(struct ready *ready, struct io_op *op)
{
    struct ready_descriptor *descriptor = descriptor_of(ready, op->fd);

    require(list_is_empty(&descriptor->readers));
    require(list_is_empty(&descriptor->writers));
    if (descriptor->is_listening) {
        (void)watch(ready, op->fd, 0);
    }
    forget(ready, op->fd);
    (void)close(op->fd);
    io_complete(ready->loop, op, 0, ERROR_OK);
}

/* False: no room in the socket. */
static bool try_send(struct ready *ready, struct io_op *op)
{
    ssize_t sent;

    do {
        sent = send(op->fd, op->from.data, op->from.len,
                    MSG_DONTWAIT | socket_send_flags(op->is_last));
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno == EAGAIN) {
        return false;
    }
    io_complete(ready->loop, op, sent < 0 ? 0 : sent,
                sent < 0 ? error_from_errno(errno, "send") : ERROR_OK);
    return true;
}

static void on_readable(struct ready *ready, int fd)
{
    struct ready_descriptor *descriptor = descriptor_of(ready, fd);
    struct list_link        *link = list_first(&descriptor->readers);
    bool                     is_more = true;

    while (link != NULL && is_more) {
        struct io_op *op = container_of(link, struct io_op, link);

        link = list_after(&descriptor->readers, link);
        if (op->kind == IO_ACCEPT) {
            is_more = try_accept(ready, op);
        } else if (op->kind == IO_POLL) {
            list_remove(&op->link);
            io_complete(ready->loop, op, 0, ERROR_OK);
            forget_if_unused(ready, fd);
        } else {
            list_remove(&op->link);
            io_ready(ready->loop, op);
        }
    }
}

static void on_writable(struct ready *ready, int fd)
{
    struct list_link *link = list_take_first(&descriptor_of(ready, fd)->writers);

    if (link == NULL) {
        return;
    }
    struct io_op *op = container_of(link, struct io_op, link);

    if (op->kind == IO_CONNECT) {
        end_connect(ready, op);
    } else {
        start_send(ready, op);
    }
}

static void end_connect(struct ready *ready, struct io_op *op)
{
    int       code = 0;
    socklen_t len = sizeof(code);

    if (getsockopt(op->fd, SOL_SOCKET, SO_ERROR, &code, &len) != 0) {
        code = errno;
    }
    io_complete(ready->loop, op, 0, code != 0 ? error_from_errno(code, "connect") : ERROR_OK);
}

/* False: no further connection can be had now. Running out of descriptors ends this one op, so
 * that its owner can wait; the others stay, and the kernel keeps the connection for them. */
static bool try_accept(struct ready *ready, struct io_op *op)
{
    int fd;

    do {
        fd = socket_accept(op->fd);
    } while (fd < 0 && (errno == EINTR || socket_is_lost_connection(errno)));
    if (fd < 0 && errno == EAGAIN) {
        return false;
    }
    struct error error = fd < 0 ? error_from_errno(errno, "accept") : ERROR_OK;

    if (fd >= 0) {
        forget(ready, fd);
    }
    list_remove(&op->link);
    io_complete(ready->loop, op, fd < 0 ? 0 : fd, error);
    return error_kind(&error) != ERROR_EXHAUSTED;
}

/* Others than this loop may close the descriptors that were accepted on or polled: once no
 * operation waits, the kernel must not watch them for us. */
static void forget_if_unused(struct ready *ready, int fd)
{
    struct ready_descriptor *descriptor = descriptor_of(ready, fd);

    if (list_is_empty(&descriptor->readers)) {
        (void)watch(ready, fd, descriptor->watched & ~(unsigned)READY_TO_READ);
    }
}
