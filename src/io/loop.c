/* Submitting, completing, turning, and the choice of driver. */
#include "io/descriptors.h"
#include "io/drivers.h"
#include "io/io_internal.h"
#include "io/self_test.h"

#include "base/clock.h"
#include "base/require.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

static const char DRIVER_AUTO[] = "auto";
enum { NO_BUFFER = -1 };

static const uint64_t NAP_NS_MAX = 1 * NS_PER_MS;

struct io_loop {
    const struct io_driver *driver;
    void                   *state;
    struct list             completed; /* ready or completed ops, oldest first */
    size_t                  pending;   /* submitted and not yet done */
    struct descriptors      descriptors;
    struct error            fallback;
    bool                    is_turning; /* inside io_turn */
};

static struct io_loop *open_first_that_works(const struct io_options *options, struct error *error);
static struct io_loop *open_named(const struct io_options *options, struct error *error);
static struct io_loop *open_tested(const struct io_driver *driver, const struct io_options *options,
                                   struct error *error);
static struct io_op   *begin(struct io_loop *loop, struct io_op *op, enum io_kind kind, int fd);
static struct io_op   *begin_send(struct io_loop *loop, struct io_op *op, int fd,
                                  struct bytes_const from);
static void            submit(struct io_loop *loop, struct io_op *op, io_done *done);
static bool            finish(struct io_loop *loop, struct io_op *op);
static void            run_done(struct io_loop *loop, struct io_op *op);

struct io_loop *io_loop_open(const struct io_options *options, struct error *error)
{
    if (options->driver == NULL || strcmp(options->driver, DRIVER_AUTO) == 0) {
        return open_first_that_works(options, error);
    }
    return open_named(options, error);
}

struct io_loop *io_loop_open_driver(const struct io_driver  *driver,
                                    const struct io_options *options, struct error *error)
{
    struct io_loop *loop = calloc(1, sizeof(*loop));

    if (loop == NULL) {
        *error = error_make(ERROR_EXHAUSTED, "loop");
        return NULL;
    }
    list_init(&loop->completed);
    loop->driver = driver;
    if (!descriptors_init(&loop->descriptors, error)) {
        goto fail;
    }
    loop->state = driver->open(loop, options, error);
    if (loop->state == NULL) {
        goto fail;
    }
    return loop;
fail:
    descriptors_fini(&loop->descriptors);
    free(loop);
    return NULL;
}

void io_loop_close(struct io_loop **loop)
{
    struct io_loop *closing = *loop;

    if (closing == NULL) {
        return;
    }
    require(!closing->is_turning);
    require(closing->pending == 0);
    closing->driver->close(closing->state);
    descriptors_fini(&closing->descriptors);
    free(closing);
    *loop = NULL;
}

const char *io_loop_driver(const struct io_loop *loop)
{
    return loop->driver->name;
}

struct error io_loop_fallback(const struct io_loop *loop)
{
    return loop->fallback;
}

void io_loop_trim(struct io_loop *loop)
{
    descriptors_trim(loop->descriptors.table, sizeof(*loop->descriptors.table),
                     loop->descriptors.used);
    if (loop->driver->trim != NULL) {
        loop->driver->trim(loop->state, loop->descriptors.used);
    }
}

void io_loop_describe(const struct io_loop *loop, struct text *into)
{
    if (loop->driver->describe != NULL) {
        loop->driver->describe(loop->state, into);
    }
}

void io_accept(struct io_loop *loop, struct io_op *op, int listen_fd, io_done *done)
{
    submit(loop, begin(loop, op, IO_ACCEPT, listen_fd), done);
}

void io_connect(struct io_loop *loop, struct io_op *op, int fd, const struct address *address,
                io_done *done)
{
    require(address->len > 0);
    begin(loop, op, IO_CONNECT, fd)->address = address;
    submit(loop, op, done);
}

void io_recv(struct io_loop *loop, struct io_op *op, int fd, io_done *done)
{
    submit(loop, begin(loop, op, IO_RECV, fd), done);
}

void io_send(struct io_loop *loop, struct io_op *op, int fd, struct bytes_const from, io_done *done)
{
    begin_send(loop, op, fd, from)->is_last = false;
    submit(loop, op, done);
}

void io_send_last(struct io_loop *loop, struct io_op *op, int fd, struct bytes_const from,
                  io_done *done)
{
    begin_send(loop, op, fd, from)->is_last = true;
    submit(loop, op, done);
}

void io_poll(struct io_loop *loop, struct io_op *op, int fd, io_done *done)
{
    submit(loop, begin(loop, op, IO_POLL, fd), done);
}

void io_close(struct io_loop *loop, struct io_op *op, int fd, io_done *done)
{
    submit(loop, begin(loop, op, IO_CLOSE, fd), done);
}

void io_cancel(struct io_loop *loop, struct io_op *op)
{
    switch ((enum io_status)op->status) {
    case IO_PENDING:
        op->status = IO_CANCELLING;
        loop->driver->cancel(loop->state, op);
        break;
    case IO_READY:
        op->status = IO_COMPLETED;
        op->error = error_make(ERROR_CANCELLED, "cancel");
        break;
    case IO_IDLE:
    case IO_CANCELLING:
    case IO_COMPLETED:
        break;
    }
}

bool io_op_is_pending(const struct io_op *op)
{
    return op->status != IO_IDLE;
}

int io_socket(struct io_loop *loop, const struct address *address, struct error *error)
{
    require(address->len > 0);
    int fd = loop->driver->socket(loop->state, address, error);

    if (fd >= 0) {
        io_adopt(loop, fd);
    }
    return fd;
}

void io_adopt(struct io_loop *loop, int fd)
{
    descriptors_forget(&loop->descriptors, fd);
}

void io_shutdown_send(struct io_loop *loop, int fd)
{
    loop->driver->shutdown(loop->state, fd, SHUT_WR);
}

void io_shutdown_both(struct io_loop *loop, int fd)
{
    loop->driver->shutdown(loop->state, fd, SHUT_RDWR);
}

void io_reset_on_close(struct io_loop *loop, int fd)
{
    loop->driver->reset_on_close(loop->state, fd);
}

size_t io_unacknowledged(struct io_loop *loop, int fd)
{
    return loop->driver->unacknowledged(loop->state, fd);
}

bool io_is_broken(struct io_loop *loop, int fd)
{
    return loop->driver->is_broken(loop->state, fd);
}

void io_peer(struct io_loop *loop, int fd, struct address *address)
{
    loop->driver->peer(loop->state, fd, address);
}

void io_local(struct io_loop *loop, int fd, struct address *address)
{
    loop->driver->local(loop->state, fd, address);
}

unsigned io_turn(struct io_loop *loop, uint64_t wait_ns)
{
    uint64_t sleep_ns = list_is_empty(&loop->completed) ? wait_ns : 0;
    unsigned done = 0;

    require(!loop->is_turning);
    loop->is_turning = true;
    if (sleep_ns > IO_SLEEP_MAX_S * NS_PER_S) {
        sleep_ns = IO_SLEEP_MAX_S * NS_PER_S;
    }
    loop->driver->wait(loop->state, sleep_ns);
    for (; done < IO_COMPLETIONS_PER_TURN_MAX; done++) {
        struct list_link *link = list_take_first(&loop->completed);

        if (link == NULL) {
            break;
        }
        run_done(loop, container_of(link, struct io_op, link));
    }
    loop->is_turning = false;
    return done;
}

void io_flush(struct io_loop *loop)
{
    if (loop->driver->flush != NULL) {
        loop->driver->flush(loop->state);
    }
}

void io_wake(struct io_loop *loop)
{
    loop->driver->wake(loop->state);
}

void io_complete(struct io_loop *loop, struct io_op *op, int64_t result, struct error error)
{
    require(op->status == IO_PENDING || op->status == IO_CANCELLING);
    op->status = IO_COMPLETED;
    op->result = result;
    op->error = error;
    descriptors_outcome(&loop->descriptors, op);
    list_append(&loop->completed, &op->link);
}

void io_ready(struct io_loop *loop, struct io_op *op)
{
    require(op->status == IO_PENDING);
    require(loop->driver->finish != NULL);
    op->status = IO_READY;
    list_append(&loop->completed, &op->link);
}

void io_nap(uint64_t wait_ns)
{
    struct timespec nap = {.tv_nsec = (long)(wait_ns < NAP_NS_MAX ? wait_ns : NAP_NS_MAX)};

    (void)nanosleep(&nap, NULL);
}

/* The first driver's refusal is the one worth telling. */
static struct io_loop *open_first_that_works(const struct io_options *options, struct error *error)
{
    struct error refusal = ERROR_OK;

    for (size_t i = 0; drivers_built[i] != NULL; i++) {
        struct io_loop *loop = open_tested(drivers_built[i], options, error);

        if (loop != NULL) {
            loop->fallback = refusal;
            return loop;
        }
        if (error_kind(&refusal) == ERROR_NONE) {
            refusal = *error;
        }
    }
    return NULL;
}

static struct io_loop *open_named(const struct io_options *options, struct error *error)
{
    for (size_t i = 0; drivers_built[i] != NULL; i++) {
        if (strcmp(drivers_built[i]->name, options->driver) == 0) {
            return open_tested(drivers_built[i], options, error);
        }
    }
    *error = error_make(ERROR_UNSUPPORTED, options->driver);
    return NULL;
}

static struct io_loop *open_tested(const struct io_driver *driver, const struct io_options *options,
                                   struct error *error)
{
    struct io_loop *loop = io_loop_open_driver(driver, options, error);

    if (loop == NULL || !driver->needs_self_test) {
        return loop;
    }
    switch (self_test(loop, error)) {
    case SELF_TEST_PASSED:
        return loop;
    case SELF_TEST_FAILED:
        io_loop_close(&loop);
        return NULL;
    case SELF_TEST_STUCK:
        /* The kernel still holds operations: their memory and the ring stay as they are. */
        return NULL;
    }
    return NULL;
}

static struct io_op *begin(struct io_loop *loop, struct io_op *op, enum io_kind kind, int fd)
{
    require(op->status == IO_IDLE);
    require(!list_is_linked(&op->link));
    op->kind = (uint8_t)kind;
    op->fd = fd;
    op->buffer = NO_BUFFER;
    op->result = 0;
    op->error = ERROR_OK;
    op->received = (struct bytes_const){0};
    descriptors_begin(&loop->descriptors, op);
    loop->pending++;
    return op;
}

static struct io_op *begin_send(struct io_loop *loop, struct io_op *op, int fd,
                                struct bytes_const from)
{
    require(from.len > 0);
    begin(loop, op, IO_SEND, fd)->from = from;
    return op;
}

static void submit(struct io_loop *loop, struct io_op *op, io_done *done)
{
    require(done != NULL);
    op->done = done;
    op->status = IO_PENDING;
    loop->driver->submit(loop->state, op);
}

/* False: there was nothing to receive after all. */
static bool finish(struct io_loop *loop, struct io_op *op)
{
    if (op->status != IO_READY) {
        return true;
    }
    op->status = IO_PENDING;
    if (!loop->driver->finish(loop->state, op)) {
        return false;
    }
    descriptors_outcome(&loop->descriptors, op);
    return true;
}

static void run_done(struct io_loop *loop, struct io_op *op)
{
    if (!finish(loop, op)) {
        return;
    }
    int16_t buffer = op->buffer;

    op->status = IO_IDLE;
    descriptors_end(&loop->descriptors, op);
    loop->pending--;
    op->done(op);
    if (buffer >= 0) {
        loop->driver->recycle(loop->state, buffer);
    }
}
