/*
 * io_uring: operations become entries of the submission queue, which the next wait hands in all at
 * once; completions become outcomes. A completion submits nothing: what must be tried again is put
 * on a list, and resume() works through the lists before the next wait.
 */
#include "io/uring_internal.h"

#include "base/clock.h"
#include "base/require.h"
#include "io/descriptors.h"
#include "io/drivers.h"
#include "io/socket.h"
#include "io/socket_calls.h"
#include "io/uring_flags.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* op->buffer while the op is on a list here, and the kernel has not heard of it. */
enum { BUFFER_NONE = -1, BUFFER_HELD_BACK = -2 };

enum { GOODBYE_ROUNDS_MAX = 100, GOODBYE_ROUND_MS = 10 };

static void  *uring_open(struct io_loop *loop, const struct io_options *options,
                         struct error *error);
static void   uring_close(void *state);
static void   uring_submit(void *state, struct io_op *op);
static void   uring_cancel(void *state, struct io_op *op);
static void   uring_wait(void *state, uint64_t wait_ns);
static void   uring_flush(void *state);
static void   uring_recycle(void *state, int16_t buffer);
static void   uring_wake(void *state);
static void   uring_describe(const void *state, struct text *into);
static int    uring_socket(void *state, const struct address *address, struct error *error);
static void   uring_shutdown(void *state, int fd, int how);
static void   uring_trim(void *state, size_t used);
static void   uring_reset_on_close(void *state, int fd);
static size_t uring_unacknowledged(void *state, int fd);
static bool   uring_is_broken(void *state, int fd);
static void   uring_peer(void *state, int fd, struct address *address);
static void   uring_local(void *state, int fd, struct address *address);

static bool open_parts(struct uring *uring, const struct io_options *options, struct error *error);
static void say_goodbye(struct uring *uring);
static void prepare(struct uring *uring, struct io_op *op, struct io_uring_sqe *sqe);
static void prepare_recv(struct uring *uring, struct io_op *op, struct io_uring_sqe *sqe);
static void hold_back(struct list *list, struct io_op *op);
static bool push_cancel(struct uring *uring, struct io_op *op);
static void resume(struct uring *uring);
static void resume_starved(struct uring *uring);
static void push_all(struct uring *uring, struct list *list);
static void arm_wake(struct uring *uring);
static void on_op(struct uring *uring, struct io_op *op, const struct io_uring_cqe *cqe);
static void on_received(struct uring *uring, struct io_op *op, const struct io_uring_cqe *cqe);
static void on_outcome(struct uring *uring, struct io_op *op, int result);
static bool is_to_be_repeated(const struct io_op *op, int code);

const struct io_driver driver_uring = {
    .name = "io_uring",
    .needs_self_test = true,
    .open = uring_open,
    .close = uring_close,
    .submit = uring_submit,
    .cancel = uring_cancel,
    .wait = uring_wait,
    .recycle = uring_recycle,
    .flush = uring_flush,
    .wake = uring_wake,
    .trim = uring_trim,
    .describe = uring_describe,
    .socket = uring_socket,
    .shutdown = uring_shutdown,
    .reset_on_close = uring_reset_on_close,
    .unacknowledged = uring_unacknowledged,
    .is_broken = uring_is_broken,
    .peer = uring_peer,
    .local = uring_local,
};

struct uring_descriptor *uring_descriptor_of(const struct uring *uring, int fd)
{
    require(fd >= 0);
    require((size_t)fd < uring->descriptors_count);
    return &uring->descriptors[fd];
}

void uring_complete(struct uring *uring, struct io_op *op, int64_t result, struct error error)
{
    uring->completions++;
    io_complete(uring->loop, op, result, error);
}

void uring_push(struct uring *uring, struct io_op *op)
{
    struct io_uring_sqe *sqe = uring_ring_place(uring, URING_OP, op);

    if (sqe == NULL) {
        hold_back(&uring->held_back, op);
        return;
    }
    op->buffer = BUFFER_NONE;
    prepare(uring, op, sqe);
    sqe->user_data = (uintptr_t)op | URING_OP;
}

void uring_completion(struct uring *uring, const struct io_uring_cqe *cqe)
{
    void *pointer = (void *)(uintptr_t)(cqe->user_data & ~(uint64_t)URING_TAG_MASK);

    switch ((enum uring_tag)(cqe->user_data & URING_TAG_MASK)) {
    case URING_OP:
        on_op(uring, pointer, cqe);
        break;
    case URING_ACCEPT:
        uring_accept_completion(uring, pointer, cqe);
        break;
    case URING_WAKE:
        uring->is_wake_armed = false;
        break;
    case URING_IGNORED:
        break;
    }
}

static void *uring_open(struct io_loop *loop, const struct io_options *options, struct error *error)
{
    struct uring *uring = calloc(1, sizeof(*uring));

    if (uring == NULL) {
        *error = error_make(ERROR_EXHAUSTED, "io_uring");
        return NULL;
    }
    uring->loop = loop;
    uring->wake_fd = -1;
    list_init(&uring->listeners);
    list_init(&uring->held_back);
    list_init(&uring->starved);
    list_init(&uring->cancels);
    if (!open_parts(uring, options, error)) {
        uring_close(uring);
        return NULL;
    }
    return uring;
}

static void uring_close(void *state)
{
    struct uring *uring = state;

    if (uring->is_ring_open) {
        say_goodbye(uring);
        io_uring_queue_exit(&uring->ring);
    }
    uring_accept_fini(uring);
    if (uring->wake_fd >= 0) {
        (void)close(uring->wake_fd);
    }
    uring_buffers_fini(&uring->buffers);
    descriptors_release(uring->descriptors, sizeof(*uring->descriptors), uring->descriptors_count);
    free(uring);
}

/* While others starve a new receive queues up behind them, or it would be served first forever. */
static void uring_submit(void *state, struct io_op *op)
{
    struct uring *uring = state;

    switch ((enum io_kind)op->kind) {
    case IO_ACCEPT:
        uring_accept_submit(uring, op);
        break;
    case IO_CLOSE:
        if (!uring_accept_close(uring, op)) {
            uring_push(uring, op);
        }
        break;
    case IO_RECV:
        if (!list_is_empty(&uring->starved)) {
            hold_back(&uring->starved, op);
            break;
        }
        uring_push(uring, op);
        break;
    case IO_CONNECT:
    case IO_SEND:
    case IO_POLL:
        uring_push(uring, op);
        break;
    }
}

/* A close cannot be called off. */
static void uring_cancel(void *state, struct io_op *op)
{
    struct uring *uring = state;

    if (op->kind == IO_CLOSE) {
        return;
    }
    if (op->kind == IO_ACCEPT) {
        uring_accept_cancel(uring, op);
    } else if (op->buffer == BUFFER_HELD_BACK) {
        list_remove(&op->link);
        uring_complete(uring, op, 0, error_make(ERROR_CANCELLED, "cancel"));
    } else if (!push_cancel(uring, op) && op->status == IO_CANCELLING) {
        list_append(&uring->cancels, &op->link);
    }
}

static void uring_wait(void *state, uint64_t wait_ns)
{
    struct uring *uring = state;
    uint64_t      completions = uring->completions;

    resume(uring);
    uring_ring_turn(uring, uring->completions == completions ? wait_ns : 0);
}

static void uring_flush(void *state)
{
    uring_ring_flush(state);
}

static void uring_recycle(void *state, int16_t buffer)
{
    struct uring *uring = state;

    uring_buffers_give(&uring->buffers, (unsigned)buffer);
}

static void uring_wake(void *state)
{
    struct uring *uring = state;

    (void)eventfd_write(uring->wake_fd, 1);
}

static void uring_describe(const void *state, struct text *into)
{
    const struct uring *uring = state;

    uring_ring_describe(uring, into);
    text_format(into, " buffers=%u", uring->buffers.max);
}

static int uring_socket(void *state, const struct address *address, struct error *error)
{
    struct uring *uring = state;
    int           fd = socket_for(address, error);

    if (fd >= 0) {
        uring_descriptor_of(uring, fd)->is_drained = false;
    }
    return fd;
}

static void uring_shutdown(void *state, int fd, int how)
{
    (void)state;
    (void)shutdown(fd, how);
}

static void uring_trim(void *state, size_t used)
{
    struct uring *uring = state;

    descriptors_trim(uring->descriptors, sizeof(*uring->descriptors), used);
}

static void uring_reset_on_close(void *state, int fd)
{
    (void)state;
    socket_reset_on_close(fd);
}

static size_t uring_unacknowledged(void *state, int fd)
{
    (void)state;
    return socket_unacknowledged(fd);
}

static bool uring_is_broken(void *state, int fd)
{
    (void)state;
    return socket_is_broken(fd);
}

static void uring_peer(void *state, int fd, struct address *address)
{
    (void)state;
    socket_peer(fd, address);
}

static void uring_local(void *state, int fd, struct address *address)
{
    (void)state;
    socket_local(fd, address);
}

/* The eventfd blocks: a read of one that does not would fail at once instead of waiting. */
static bool open_parts(struct uring *uring, const struct io_options *options, struct error *error)
{
    if (!uring_ring_open(uring, options, error) ||
        !uring_buffers_init(&uring->buffers, &uring->ring, options->recv_buffers, error)) {
        return false;
    }
    uring->descriptors =
        descriptors_reserve(sizeof(*uring->descriptors), &uring->descriptors_count, error);
    uring->wake_fd = eventfd(0, EFD_CLOEXEC);
    if (uring->wake_fd < 0) {
        *error = error_from_errno(errno, "eventfd");
    }
    return uring->descriptors != NULL && uring->wake_fd >= 0;
}

/* Has the kernel end what it still does for us, so that no connection is lost inside the ring. On
 * another thread than the one that opened the ring there is nothing left to end, since that one is
 * gone and took its requests with it, nor is there a way: a registered ring goes by a number, which
 * means another ring there. */
static void say_goodbye(struct uring *uring)
{
    struct __kernel_timespec wait = {.tv_nsec = (long long)(GOODBYE_ROUND_MS * NS_PER_MS)};
    struct io_uring_cqe     *cqe;
    bool                     is_ours = uring->opener == gettid();

    for (int rounds = 0; rounds < GOODBYE_ROUNDS_MAX; rounds++) {
        unsigned head;
        unsigned count = 0;

        io_uring_for_each_cqe(&uring->ring, head, cqe)
        {
            uring_completion(uring, cqe);
            count++;
        }
        io_uring_cq_advance(&uring->ring, count);
        if (!is_ours || (!uring->is_wake_armed && !uring_accept_is_any_armed(uring))) {
            return;
        }
        struct io_uring_sqe *sqe = io_uring_get_sqe(&uring->ring);

        if (sqe != NULL) {
            io_uring_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_ANY);
            sqe->user_data = URING_IGNORED;
        }
        (void)io_uring_submit_and_wait_timeout(&uring->ring, &cqe, 1, &wait, NULL);
    }
}

static void prepare(struct uring *uring, struct io_op *op, struct io_uring_sqe *sqe)
{
    switch ((enum io_kind)op->kind) {
    case IO_RECV:
        prepare_recv(uring, op, sqe);
        break;
    case IO_SEND:
        /* Not MSG_WAITALL: a send that moved some bytes and then met RST would tell of the bytes
         * and swallow the RST, and the next receive would read a clean end. */
        io_uring_prep_send(sqe, op->fd, op->from.data, op->from.len,
                           socket_send_flags(op->is_last));
        break;
    case IO_CONNECT:
        io_uring_prep_connect(sqe, op->fd, &op->address->socket.any, op->address->len);
        break;
    case IO_POLL:
        io_uring_prep_poll_add(sqe, op->fd, POLLIN);
        break;
    case IO_CLOSE:
        uring_descriptor_of(uring, op->fd)->is_drained = false;
        io_uring_prep_close(sqe, op->fd);
        break;
    case IO_ACCEPT:
        break;
    }
}

/* The kernel picks a buffer when bytes are there. A socket that was left empty need not be tried
 * first. */
static void prepare_recv(struct uring *uring, struct io_op *op, struct io_uring_sqe *sqe)
{
    io_uring_prep_recv(sqe, op->fd, NULL, IO_RECV_BYTES, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = URING_BUFFERS_GROUP;
    if (uring_descriptor_of(uring, op->fd)->is_drained) {
        sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
    }
}

static void hold_back(struct list *list, struct io_op *op)
{
    op->buffer = BUFFER_HELD_BACK;
    list_append(list, &op->link);
}

static bool push_cancel(struct uring *uring, struct io_op *op)
{
    struct io_uring_sqe *sqe = uring_ring_place(uring, URING_IGNORED, NULL);

    if (sqe == NULL) {
        return false;
    }
    io_uring_prep_cancel64(sqe, (uintptr_t)op | URING_OP, 0);
    sqe->user_data = URING_IGNORED;
    return true;
}

/* Whatever could not be handed in before. */
static void resume(struct uring *uring)
{
    push_all(uring, &uring->held_back);
    for (size_t i = 0; i < IO_COMPLETIONS_PER_TURN_MAX && !list_is_empty(&uring->cancels); i++) {
        struct io_op *op = container_of(list_take_first(&uring->cancels), struct io_op, link);

        if (!push_cancel(uring, op) && op->status == IO_CANCELLING) {
            list_append(&uring->cancels, &op->link);
            break;
        }
    }
    resume_starved(uring);
    uring_accept_resume(uring);
    arm_wake(uring);
}

/* A receive without bytes to take holds no buffer, so that all may try again as soon as any buffer
 * is free, in the order in which they came. */
static void resume_starved(struct uring *uring)
{
    if (uring->is_short_of_buffers) {
        uring_buffers_grow(&uring->buffers);
        uring->is_short_of_buffers = false;
    }
    if (uring_buffers_is_any_free(&uring->buffers)) {
        push_all(uring, &uring->starved);
    }
}

/* What cannot be pushed now ends up on a list again, which is not this one. */
static void push_all(struct uring *uring, struct list *list)
{
    struct list       pushing;
    struct list_link *link;

    list_init(&pushing);
    list_append_all(&pushing, list);
    while ((link = list_take_first(&pushing)) != NULL) {
        uring_push(uring, container_of(link, struct io_op, link));
    }
}

static void arm_wake(struct uring *uring)
{
    if (uring->is_wake_armed) {
        return;
    }
    struct io_uring_sqe *sqe = uring_ring_place(uring, URING_WAKE, NULL);

    if (sqe != NULL) {
        io_uring_prep_read(sqe, uring->wake_fd, &uring->wake_count, sizeof(uring->wake_count), 0);
        sqe->user_data = URING_WAKE;
        uring->is_wake_armed = true;
    }
}

static void on_op(struct uring *uring, struct io_op *op, const struct io_uring_cqe *cqe)
{
    if (list_is_linked(&op->link)) {
        list_remove(&op->link); /* it still waited to be cancelled */
    }
    if (op->kind == IO_RECV) {
        on_received(uring, op, cqe);
    } else if (op->kind == IO_CLOSE) {
        uring_complete(uring, op, 0, ERROR_OK);
    } else {
        on_outcome(uring, op, cqe->res);
    }
}

static void on_received(struct uring *uring, struct io_op *op, const struct io_uring_cqe *cqe)
{
    bool           has_buffer = (cqe->flags & IORING_CQE_F_BUFFER) != 0;
    unsigned       index = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
    const uint8_t *bytes = has_buffer ? uring_buffers_take(&uring->buffers, index) : NULL;

    uring_descriptor_of(uring, op->fd)->is_drained = (cqe->flags & IORING_CQE_F_SOCK_NONEMPTY) == 0;
    if (cqe->res > 0 && has_buffer) {
        op->buffer = (int16_t)index;
        op->received = (struct bytes_const){.data = bytes, .len = (size_t)cqe->res};
        uring_complete(uring, op, cqe->res, ERROR_OK);
        return;
    }
    if (has_buffer) {
        uring_buffers_give(&uring->buffers, index);
    }
    if (cqe->res == -ENOBUFS && op->status == IO_PENDING) {
        uring->is_short_of_buffers = true;
        hold_back(&uring->starved, op);
        return;
    }
    on_outcome(uring, op, cqe->res);
}

/* A cancelled operation ends cancelled also when something else interrupted it first. */
static void on_outcome(struct uring *uring, struct io_op *op, int result)
{
    static const char *const steps[] = {
        [IO_ACCEPT] = "accept", [IO_CONNECT] = "connect", [IO_RECV] = "recv",
        [IO_SEND] = "send",     [IO_POLL] = "poll",       [IO_CLOSE] = "close",
    };

    if (result >= 0) {
        uring_complete(uring, op, op->kind == IO_POLL ? 0 : result, ERROR_OK);
    } else if (!is_to_be_repeated(op, -result)) {
        uring_complete(uring, op, 0, error_from_errno(-result, steps[op->kind]));
    } else if (op->status == IO_CANCELLING) {
        uring_complete(uring, op, 0, error_make(ERROR_CANCELLED, "cancel"));
    } else {
        hold_back(&uring->held_back, op);
    }
}

/* A UNIX socket answers EAGAIN to a connect when its backlog is full, and will do so again: that
 * is for the owner to know. */
static bool is_to_be_repeated(const struct io_op *op, int code)
{
    return code == EINTR || code == ENOBUFS || (code == EAGAIN && op->kind != IO_CONNECT);
}
