/*
 * Readiness made into completion, shared by epoll and kqueue: try, wait, try again. A poller
 * embeds `struct ready` as the first member of its state, puts the ready_* functions in its table
 * and calls ready_event for what it saw.
 */
#ifndef SALLYPORT_IO_DRIVER_READY_H
#define SALLYPORT_IO_DRIVER_READY_H

#include "io/io_internal.h"

enum { READY_TO_READ = 1, READY_TO_WRITE = 2 };

struct ready;

/* Has the kernel watch `fd` for `wanted` (bits of READY_TO_*, none: not at all), level-triggered;
 * `before` is what it watches now. Returns 0 or an errno. */
typedef int ready_watch(struct ready *ready, int fd, unsigned before, unsigned wanted);

struct ready_descriptor {
    struct list readers; /* accepts, or a receive and a poll */
    struct list writers; /* a connect or a send */
    uint8_t     watched; /* what the kernel watches: bits of READY_TO_* */
    bool        is_initialised;
    bool        is_listening;
};

struct ready {
    struct io_loop          *loop;
    ready_watch             *watch;
    struct ready_descriptor *descriptors; /* indexed by descriptor */
    size_t                   descriptors_count;
    uint8_t                 *scratch; /* every receive of this loop lands here */
};

__attribute__((warn_unused_result)) bool ready_init(struct ready *ready, struct io_loop *loop,
                                                    ready_watch *watch, struct error *error);
void                                     ready_fini(struct ready *ready);

/* Something can be done on `fd`. An end or an error counts as both directions. */
void ready_event(struct ready *ready, int fd, unsigned directions);

/* For the driver's table; `state` is a struct ready. */
void   ready_submit(void *state, struct io_op *op);
void   ready_cancel(void *state, struct io_op *op);
bool   ready_finish(void *state, struct io_op *op);
void   ready_trim(void *state, size_t used);
int    ready_socket(void *state, const struct address *address, struct error *error);
void   ready_shutdown(void *state, int fd, int how);
void   ready_reset_on_close(void *state, int fd);
size_t ready_unacknowledged(void *state, int fd);
bool   ready_is_broken(void *state, int fd);
void   ready_peer(void *state, int fd, struct address *address);
void   ready_local(void *state, int fd, struct address *address);

#endif
