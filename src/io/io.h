/*
 * Room io: sockets and completions.
 *
 * Does: every wait in the program is an operation of this room. Drivers (io_uring, epoll, kqueue,
 * and the tests' simulator) all give the same behaviour.
 * Does not: know TLS, sessions, timers or threads. One loop belongs to one thread; only io_wake
 * may be called from another.
 * Called by: reactor, backend, proxy, daemon.
 *
 * The five laws:
 * 1. Exactly once.  Every submitted op calls `done` exactly once, also when cancelled or when it
 *    could finish at once.
 * 2. Never inside.  `done` never runs inside the call that submitted it; it runs from io_turn.
 * 3. Lent.          From submit to `done` the op and its bytes belong to the loop. Do not touch,
 *    move or free them. What a receive brought belongs to the loop again when `done` returns.
 * 4. Cancel is a request.  After io_cancel, `done` still comes, with ERROR_CANCELLED or with
 *    whatever the op had already become. Before io_close end a socket with io_shutdown or
 *    io_cancel and wait for its ops: closing under a pending op is our mistake.
 * 5. Never "would block".  EAGAIN, EINTR and short-circuit retries never leave this room.
 *
 * At most one recv and one send may be pending on a socket (two sends would reorder bytes).
 * A listening socket may have several accepts pending.
 */
#ifndef SALLYPORT_IO_IO_H
#define SALLYPORT_IO_IO_H

#include "base/bytes.h"
#include "base/error.h"
#include "base/list.h"
#include "base/text.h"
#include "io/address.h"

#include <stdbool.h>
#include <stdint.h>

struct io_op;
struct io_loop;

typedef void io_done(struct io_op *op);

/* One operation; embedded in its owner, never allocated here. Zeroed memory is an idle op. */
struct io_op {
    io_done     *done;
    int64_t      result; /* bytes moved, or the new descriptor; 0 bytes received: the end */
    struct error error;  /* ERROR_NONE on success */
    union {
        struct bytes_const received; /* recv: the bytes, lent until `done` returns */
        struct bytes_const from;     /* private; send: the bytes to send */
    };
    /* private */
    struct list_link link;
    union {
        const struct address *address; /* connect */
        bool                  is_last; /* send: FIN follows */
    };
    int     fd;
    int16_t buffer; /* recv: the driver's buffer that holds `received`, or -1 */
    uint8_t kind;   /* enum io_kind, io_internal.h */
    uint8_t status; /* enum io_status, io_internal.h */
};

/* The most bytes one recv brings; the most calls of `done` in one turn (the rest wait for the next,
 * which then does not sleep); the longest sleep, whatever io_turn is told. */
enum { IO_RECV_BYTES = 128 * 1024, IO_COMPLETIONS_PER_TURN_MAX = 1024, IO_SLEEP_MAX_S = 3600 };

struct io_options {
    const char *driver;             /* "auto", "io_uring", "epoll", "kqueue" */
    unsigned    ring_entries;       /* io_uring: submission queue length, 0 for the default */
    unsigned    completion_entries; /* io_uring: completion queue length, 0 for the default */
    unsigned    recv_buffers;       /* io_uring: buffers of IO_RECV_BYTES, 0 for the default */
};

/*
 * Opens a loop for the calling thread. "auto" takes io_uring when it passes a self-test here and
 * the platform's readiness driver otherwise; a named driver is taken or fails (ERROR_UNSUPPORTED,
 * ERROR_EXHAUSTED). Never logs: io_loop_fallback says why auto did not take io_uring.
 */
__attribute__((warn_unused_result)) struct io_loop *io_loop_open(const struct io_options *options,
                                                                 struct error            *error);

/* No op may be pending. Closes connections that were accepted but not yet handed out (RST). */
void io_loop_close(struct io_loop **loop);

const char  *io_loop_driver(const struct io_loop *loop);
struct error io_loop_fallback(const struct io_loop *loop);
/* Gives back the memory that descriptors had which are closed. It is looked for in all there ever
 * were: for the end of a burst. */
void io_loop_trim(struct io_loop *loop);
/* Appends what the driver was found to be able to do here, for people; nothing for a driver that
 * has no choice. */
void io_loop_describe(const struct io_loop *loop, struct text *into);

/* --- operations: each ends in op->done --------------------------------------------------- */

/* result: a connected descriptor, non-blocking, close-on-exec, which the caller now owns.
 * ERROR_EXHAUSTED when descriptors or memory ran out: wait before you submit again. After a cancel
 * submit and cancel again until one ends in ERROR_CANCELLED: then no connection is left inside. */
void io_accept(struct io_loop *loop, struct io_op *op, int listen_fd, io_done *done);

/* `fd` from io_socket; `address` is lent until done. */
void io_connect(struct io_loop *loop, struct io_op *op, int fd, const struct address *address,
                io_done *done);

/* Receives 1 to IO_RECV_BYTES bytes into the loop's own memory: op->received. result 0 and no
 * error: the peer sent FIN. Nothing is held while nothing has come. */
void io_recv(struct io_loop *loop, struct io_op *op, int fd, io_done *done);

/* Sends what it can: result is 1 to from.len bytes, short sends are normal. from.len > 0. */
void io_send(struct io_loop *loop, struct io_op *op, int fd, struct bytes_const from,
             io_done *done);

/* As io_send, for the last bytes: io_shutdown_send follows at once, and the kernel may hold them
 * for up to 200 ms, so that they and FIN are one segment (MSG_MORE, send(2) and tcp(7)). */
void io_send_last(struct io_loop *loop, struct io_op *op, int fd, struct bytes_const from,
                  io_done *done);

/* Waits until a descriptor of any kind (eventfd, signalfd, ...) can be read; reads nothing. Once
 * done came, the loop has forgotten the descriptor: whoever owns it may close it. */
void io_poll(struct io_loop *loop, struct io_op *op, int fd, io_done *done);

/* Closes; always succeeds as far as the caller is concerned. No op of `fd` may be pending. The only
 * way to close a descriptor that this loop accepted, connected, received from or sent to. A
 * listening socket may also be closed with close(2), or handed on, once it has no accept inside. */
void io_close(struct io_loop *loop, struct io_op *op, int fd, io_done *done);

/* Asks a pending op to end soon (law 4). An idle op, or one already cancelled, is left alone. */
void io_cancel(struct io_loop *loop, struct io_op *op);

/* True from submit until just before `done`. */
bool io_op_is_pending(const struct io_op *op);

/* --- at once: nothing here waits ----------------------------------------------------------- */

/* A non-blocking, close-on-exec stream socket fit for connecting to `address`; -1 and error. */
__attribute__((warn_unused_result)) int
io_socket(struct io_loop *loop, const struct address *address, struct error *error);

/* A descriptor that this loop did not make (an end of a socket pair, a listening socket) is used
 * here from now on. Its number may be one that was closed here and whose close is not yet reported.
 */
void io_adopt(struct io_loop *loop, int fd);

/* Sends FIN after what was sent before. A pending recv goes on. */
void io_shutdown_send(struct io_loop *loop, int fd);

/* Ends both directions: pending ops of `fd` complete soon. */
void io_shutdown_both(struct io_loop *loop, int fd);

/* The coming io_close sends RST and drops what was not yet sent (SO_LINGER with zero seconds). */
void io_reset_on_close(struct io_loop *loop, int fd);

/* Bytes handed to the kernel that the peer has not yet acknowledged (SIOCOUTQ); 0 if unknown. */
size_t io_unacknowledged(struct io_loop *loop, int fd);

/* True when the connection was reset or timed out and nobody was told of it yet: for who neither
 * receives nor sends at the moment. Whoever asks takes nothing away from the next operation. */
bool io_is_broken(struct io_loop *loop, int fd);

/* The other end's address, and this end's; len 0 if unknown. */
void io_peer(struct io_loop *loop, int fd, struct address *address);
void io_local(struct io_loop *loop, int fd, struct address *address);

/* --- turning -------------------------------------------------------------------------------- */

/* Submits, waits at most `wait_ns` for a completion (0: not at all) and runs every `done` that is
 * due. Ops submitted by a `done` may complete in the same turn or a later one. Returns how many
 * completions were dealt with. */
unsigned io_turn(struct io_loop *loop, uint64_t wait_ns);

/* What was submitted reaches the kernel now, not with the next io_turn: for who is about to compute
 * for long. May cost a system call. */
void io_flush(struct io_loop *loop);

/* From any thread: the present or next io_turn does not wait. */
void io_wake(struct io_loop *loop);

#endif
