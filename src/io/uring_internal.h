/*
 * The io_uring driver's state, shared by driver_uring.c (operations), uring_accept.c (multishot
 * accepts under single-shot operations) and uring_ring.c (the two queues).
 */
#ifndef SALLYPORT_IO_URING_INTERNAL_H
#define SALLYPORT_IO_URING_INTERNAL_H

#include "base/list.h"
#include "io/io_internal.h"
#include "io/uring_buffers.h"

#include <liburing.h>
#include <sys/types.h>

struct uring_listener;

struct uring_descriptor {
    struct uring_listener *listener;   /* NULL: never accepted on */
    bool                   is_drained; /* the last receive left nothing behind */
};

struct uring {
    struct io_loop          *loop;
    struct io_uring          ring;
    bool                     is_ring_open;
    pid_t                    opener;        /* of the ring, which is this thread's */
    bool                     is_registered; /* the ring, which saves a look-up a turn */
    bool                     tells_of_work; /* the kernel raises a flag when it has something */
    struct uring_buffers     buffers;
    bool                     is_short_of_buffers;
    struct uring_descriptor *descriptors; /* indexed by descriptor */
    size_t                   descriptors_count;
    struct list              listeners;
    struct list              held_back;   /* operations that found no place in the queue */
    struct list              starved;     /* receives that found no buffer */
    struct list              cancels;     /* operations whose cancel found no place in the queue */
    uint64_t                 completions; /* ever */
    uint64_t                 wake_count;  /* what the eventfd read brings */
    int                      wake_fd;
    bool                     is_wake_armed;
};

/* What the pointer in a completion's user_data is; the pointers are multiples of eight. */
enum uring_tag { URING_OP, URING_ACCEPT, URING_WAKE, URING_IGNORED };
enum { URING_TAG_MASK = 7 };

/* --- uring_ring.c */

__attribute__((warn_unused_result)) bool
uring_ring_open(struct uring *uring, const struct io_options *options, struct error *error);

/* Which of the flags we know the kernel took. */
void uring_ring_describe(const struct uring *uring, struct text *into);

/* A place in the submission queue, tagged; submits when it is full. NULL when the kernel does not
 * take anything now: try again in the next turn. May reap, so that operations may complete. */
struct io_uring_sqe *uring_ring_place(struct uring *uring, enum uring_tag tag, void *pointer);

/* Submits, waits, reaps. */
void uring_ring_turn(struct uring *uring, uint64_t wait_ns);
/* Submits what there is. */
void uring_ring_flush(struct uring *uring);

/* --- uring_accept.c */

void uring_accept_submit(struct uring *uring, struct io_op *op);
void uring_accept_cancel(struct uring *uring, struct io_op *op);
/* Ends what goes on at a descriptor that is about to be closed. False: nothing does, close it. */
bool uring_accept_close(struct uring *uring, struct io_op *op);
/* Arms and disarms as the waiting operations ask for. */
void uring_accept_resume(struct uring *uring);
void uring_accept_completion(struct uring *uring, struct uring_listener *listener,
                             const struct io_uring_cqe *cqe);
bool uring_accept_is_any_armed(const struct uring *uring);
/* Resets every connection that was not handed out; nothing is armed any more. */
void uring_accept_fini(struct uring *uring);

/* --- driver_uring.c */

struct uring_descriptor *uring_descriptor_of(const struct uring *uring, int fd);
void uring_complete(struct uring *uring, struct io_op *op, int64_t result, struct error error);
/* Queues an operation as it is. */
void uring_push(struct uring *uring, struct io_op *op);
/* A completion of any kind; submits nothing. */
void uring_completion(struct uring *uring, const struct io_uring_cqe *cqe);

#endif
