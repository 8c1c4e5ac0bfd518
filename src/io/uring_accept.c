/*
 * Many single-shot accepts on top of one multishot accept a listening socket. What the kernel
 * brings while no operation waits is kept in a queue, and the multishot is ended: whoever does not
 * ask for connections shall find them in the kernel's backlog, not here. The queue is handed out
 * before a wait, never on asking: a `done` that accepts again gets no second one in its turn.
 *
 *     disarmed ── an accept waits ──► armed ── one too many came, or the last accept was
 *        ▲                              │       cancelled, or the socket closes ──► stopping
 *        └── a completion without F_MORE, whatever its result ◄──────────────────────┘
 */
#include "io/uring_internal.h"

#include "base/require.h"
#include "io/socket_calls.h"
#include "io/uring_flags.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { QUEUE_FIRST = 64 };

struct uring_listener {
    struct list_link link;    /* of the driver */
    struct list      waiting; /* accepts */
    struct io_op    *closing;
    int              fd;
    bool             is_armed;
    bool             is_stop_wanted;
    bool             is_stopping;
    int             *queue; /* connections nobody waited for, oldest first, in a ring */
    size_t           queue_capacity;
    size_t           queue_first;
    size_t           queue_count;
};

static struct uring_listener *listener_for(struct uring *uring, int fd);
static void                   listener_free(struct uring *uring, struct uring_listener *listener);
static void                   resume_listener(struct uring *uring, struct uring_listener *listener);
static void                   arm(struct uring *uring, struct uring_listener *listener);
static void                   stop(struct uring *uring, struct uring_listener *listener);
static bool                   is_anyone_waiting(const struct uring_listener *listener);
static void          on_connection(struct uring *uring, struct uring_listener *listener, int fd);
static void          on_failure(struct uring *uring, struct uring_listener *listener, int code);
static void          end_cancelled(struct uring *uring, struct uring_listener *listener);
static struct io_op *take_waiting(struct uring_listener *listener);
static bool          queue_add(struct uring_listener *listener, int fd);
static int           queue_take(struct uring_listener *listener);
static bool          is_worth_another_try(int code);

void uring_accept_submit(struct uring *uring, struct io_op *op)
{
    struct uring_listener *listener = listener_for(uring, op->fd);

    if (listener == NULL) {
        uring_complete(uring, op, 0, error_make(ERROR_EXHAUSTED, "accept"));
    } else {
        list_append(&listener->waiting, &op->link);
    }
}

/* The last one to be cancelled waits until nothing can come any more: when it has ended, no
 * connection is left in here. */
void uring_accept_cancel(struct uring *uring, struct io_op *op)
{
    struct uring_listener *listener = uring_descriptor_of(uring, op->fd)->listener;

    require(listener != NULL);
    if (listener->queue_count > 0) {
        list_remove(&op->link);
        uring_complete(uring, op, queue_take(listener), ERROR_OK);
        return;
    }
    if (listener->is_armed && !is_anyone_waiting(listener)) {
        listener->is_stop_wanted = true;
        return;
    }
    list_remove(&op->link);
    uring_complete(uring, op, 0, error_make(ERROR_CANCELLED, "cancel"));
}

bool uring_accept_close(struct uring *uring, struct io_op *op)
{
    struct uring_listener *listener = uring_descriptor_of(uring, op->fd)->listener;

    if (listener == NULL) {
        return false;
    }
    require(list_is_empty(&listener->waiting));
    if (!listener->is_armed) {
        listener_free(uring, listener);
        return false;
    }
    listener->closing = op;
    listener->is_stop_wanted = true;
    return true;
}

void uring_accept_resume(struct uring *uring)
{
    struct list_link *link = list_first(&uring->listeners);

    while (link != NULL) {
        struct uring_listener *listener = container_of(link, struct uring_listener, link);

        link = list_after(&uring->listeners, link);
        resume_listener(uring, listener);
    }
}

void uring_accept_completion(struct uring *uring, struct uring_listener *listener,
                             const struct io_uring_cqe *cqe)
{
    if ((cqe->flags & IORING_CQE_F_MORE) == 0) {
        listener->is_armed = false;
        listener->is_stopping = false;
        listener->is_stop_wanted = false;
    }
    if (cqe->res >= 0) {
        on_connection(uring, listener, cqe->res);
    } else {
        on_failure(uring, listener, -cqe->res);
    }
    if (!listener->is_armed) {
        end_cancelled(uring, listener);
    }
}

bool uring_accept_is_any_armed(const struct uring *uring)
{
    for (struct list_link *link = list_first(&uring->listeners); link != NULL;
         link = list_after(&uring->listeners, link)) {
        if (container_of(link, struct uring_listener, link)->is_armed) {
            return true;
        }
    }
    return false;
}

void uring_accept_fini(struct uring *uring)
{
    struct list_link *link;

    while ((link = list_first(&uring->listeners)) != NULL) {
        listener_free(uring, container_of(link, struct uring_listener, link));
    }
}

/* The first accept on a socket makes its listener; NULL without memory. */
static struct uring_listener *listener_for(struct uring *uring, int fd)
{
    struct uring_descriptor *descriptor = uring_descriptor_of(uring, fd);
    struct uring_listener   *listener = descriptor->listener;

    if (listener == NULL) {
        listener = calloc(1, sizeof(*listener));
        if (listener == NULL) {
            return NULL;
        }
        listener->fd = fd;
        list_init(&listener->waiting);
        list_append(&uring->listeners, &listener->link);
        descriptor->listener = listener;
    }
    return listener;
}

static void listener_free(struct uring *uring, struct uring_listener *listener)
{
    while (listener->queue_count > 0) {
        socket_reset(queue_take(listener));
    }
    uring_descriptor_of(uring, listener->fd)->listener = NULL;
    list_remove(&listener->link);
    free(listener->queue);
    free(listener);
}

static void resume_listener(struct uring *uring, struct uring_listener *listener)
{
    while (listener->queue_count > 0 && !list_is_empty(&listener->waiting)) {
        uring_complete(uring, take_waiting(listener), queue_take(listener), ERROR_OK);
    }
    if (listener->is_armed) {
        if (listener->is_stop_wanted && !listener->is_stopping) {
            stop(uring, listener);
        }
        return;
    }
    if (listener->closing != NULL) {
        struct io_op *closing = listener->closing;

        listener_free(uring, listener);
        uring_push(uring, closing);
    } else if (!list_is_empty(&listener->waiting)) {
        arm(uring, listener);
    }
}

static void arm(struct uring *uring, struct uring_listener *listener)
{
    struct io_uring_sqe *sqe = uring_ring_place(uring, URING_ACCEPT, listener);

    if (sqe != NULL) {
        uint64_t user_data = sqe->user_data;

        io_uring_prep_multishot_accept(sqe, listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        sqe->user_data = user_data;
        listener->is_armed = true;
    }
}

static void stop(struct uring *uring, struct uring_listener *listener)
{
    struct io_uring_sqe *sqe = uring_ring_place(uring, URING_IGNORED, NULL);

    if (sqe != NULL) {
        io_uring_prep_cancel64(sqe, (uintptr_t)listener | URING_ACCEPT, 0);
        sqe->user_data = URING_IGNORED;
        listener->is_stopping = true;
    }
}

/* Someone who has not been cancelled. */
static bool is_anyone_waiting(const struct uring_listener *listener)
{
    for (struct list_link *link = list_first(&listener->waiting); link != NULL;
         link = list_after(&listener->waiting, link)) {
        if (container_of(link, struct io_op, link)->status == IO_PENDING) {
            return true;
        }
    }
    return false;
}

static void on_connection(struct uring *uring, struct uring_listener *listener, int fd)
{
    struct io_op *op = take_waiting(listener);

    uring_descriptor_of(uring, fd)->is_drained = false;
    if (op != NULL) {
        uring_complete(uring, op, fd, ERROR_OK);
        return;
    }
    listener->is_stop_wanted = listener->is_armed;
    if (!queue_add(listener, fd)) {
        socket_reset(fd);
    }
}

/* One accept is told; its owner waits before it tries again, and so do we. */
static void on_failure(struct uring *uring, struct uring_listener *listener, int code)
{
    struct io_op *op = is_worth_another_try(code) ? NULL : take_waiting(listener);

    if (op != NULL) {
        uring_complete(uring, op, 0, error_from_errno(code, "accept"));
    }
}

static void end_cancelled(struct uring *uring, struct uring_listener *listener)
{
    struct list_link *link = list_first(&listener->waiting);

    while (link != NULL) {
        struct io_op *op = container_of(link, struct io_op, link);

        link = list_after(&listener->waiting, link);
        if (op->status == IO_CANCELLING) {
            list_remove(&op->link);
            uring_complete(uring, op, 0, error_make(ERROR_CANCELLED, "cancel"));
        }
    }
}

static struct io_op *take_waiting(struct uring_listener *listener)
{
    struct list_link *link = list_take_first(&listener->waiting);

    return link == NULL ? NULL : container_of(link, struct io_op, link);
}

/* At most as long as the kernel's backlog, and rarely needed: it grows when it must. */
static bool queue_add(struct uring_listener *listener, int fd)
{
    if (listener->queue_count == listener->queue_capacity) {
        size_t capacity =
            listener->queue_capacity == 0 ? QUEUE_FIRST : 2 * listener->queue_capacity;
        int *queue = calloc(capacity, sizeof(*queue));

        if (queue == NULL) {
            return false;
        }
        for (size_t i = 0; i < listener->queue_count; i++) {
            queue[i] = listener->queue[(listener->queue_first + i) % listener->queue_capacity];
        }
        free(listener->queue);
        listener->queue = queue;
        listener->queue_capacity = capacity;
        listener->queue_first = 0;
    }
    listener->queue[(listener->queue_first + listener->queue_count) % listener->queue_capacity] =
        fd;
    listener->queue_count++;
    return true;
}

static int queue_take(struct uring_listener *listener)
{
    require(listener->queue_count > 0);
    int fd = listener->queue[listener->queue_first];

    listener->queue_first = (listener->queue_first + 1) % listener->queue_capacity;
    listener->queue_count--;
    return fd;
}

/* It was our own cancel, or that one connection had already failed. */
static bool is_worth_another_try(int code)
{
    return code == ECANCELED || code == EAGAIN || socket_is_lost_connection(code);
}
