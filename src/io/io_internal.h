/*
 * What a driver must provide, and what the loop gives it. Included only inside io and by
 * tests/support/driver_sim.
 */
#ifndef SALLYPORT_IO_IO_INTERNAL_H
#define SALLYPORT_IO_IO_INTERNAL_H

#include "io/io.h"

enum io_kind { IO_ACCEPT, IO_CONNECT, IO_RECV, IO_SEND, IO_POLL, IO_CLOSE };

enum io_status {
    IO_IDLE,       /* the owner's */
    IO_PENDING,    /* the driver's */
    IO_CANCELLING, /* the driver's, and asked to end */
    IO_READY,      /* the loop's: `finish` does the work just before `done` */
    IO_COMPLETED,  /* the loop's: outcome known, `done` not yet called */
};

/*
 * One table a driver. The driver's own state begins with nothing of the loop; the loop passes it
 * as `state`. Functions marked "now" act at once.
 */
struct io_driver {
    const char *name;
    /* Opening proves too little: io_loop_open runs a self-test before it trusts this driver. */
    bool needs_self_test;
    /* NULL and error when this driver cannot work here. */
    void *(*open)(struct io_loop *loop, const struct io_options *options, struct error *error);
    void (*close)(void *state);
    /* op->status is IO_PENDING; end it now or later with io_complete. */
    void (*submit)(void *state, struct io_op *op);
    /* op->status is IO_CANCELLING; end it now or later with io_complete. */
    void (*cancel)(void *state, struct io_op *op);
    /* Pushes out what was submitted; waits at most wait_ns for something to complete. */
    void (*wait)(void *state, uint64_t wait_ns);
    /* Pushes out what was submitted, and waits for nothing. NULL in a driver whose submit does. */
    void (*flush)(void *state);
    /* Just before `done` of an op that came with io_ready: does the work (a readiness driver
     * receives here, into one shared buffer) and sets result or error. False: not complete after
     * all, the op is pending again. NULL in a driver that never calls io_ready. */
    bool (*finish)(void *state, struct io_op *op);
    /* Just after `done`: the buffer of a receive comes home. `op` may be gone. May be NULL. */
    void (*recycle)(void *state, int16_t buffer);
    void (*wake)(void *state); /* any thread */
    /* See io_loop_trim: no descriptor from `used` on has ever been. May be NULL. */
    void (*trim)(void *state, size_t used);
    /* See io_loop_describe. May be NULL. */
    void (*describe)(const void *state, struct text *into);

    int (*socket)(void *state, const struct address *address, struct error *error); /* now */
    void (*shutdown)(void *state, int fd, int how);                                 /* now */
    void (*reset_on_close)(void *state, int fd);                                    /* now */
    size_t (*unacknowledged)(void *state, int fd);                                  /* now */
    bool (*is_broken)(void *state, int fd);                                         /* now */
    void (*peer)(void *state, int fd, struct address *address);                     /* now */
    void (*local)(void *state, int fd, struct address *address);                    /* now */
};

/* Opens a loop on one given driver, with no self-test: for tests. */
__attribute__((warn_unused_result)) struct io_loop *
io_loop_open_driver(const struct io_driver *driver, const struct io_options *options,
                    struct error *error);

/* A driver reports an outcome: result on success, error otherwise. `done` runs later. */
void io_complete(struct io_loop *loop, struct io_op *op, int64_t result, struct error error);

/* A driver reports that the op can be done without waiting: `finish`, then `done` run later. */
void io_ready(struct io_loop *loop, struct io_op *op);

/* The kernel refused to wait, for want of memory or whatever: it is asked again soon, not at once.
 * At most wait_ns. */
void io_nap(uint64_t wait_ns);

#endif
