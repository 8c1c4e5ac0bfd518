/*
 * Goes in front of liburing when a program runs under valgrind (LD_PRELOAD, see scripts/valgrind).
 *
 * Valgrind 3.19 knows io_uring_enter, but not that it may sleep: a thread that waits in it keeps
 * all others from running. So the wait is made with poll, which valgrind knows well. And it does
 * not look behind an entry of the ring, so that bytes nobody wrote would leave unseen: whatever is
 * to be sent is checked here, before the kernel hears of it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <valgrind/memcheck.h>

enum { MS_PER_S = 1000, NS_PER_MS = 1000 * 1000 };

typedef int ring_call(struct io_uring *ring);

static void       check_sends(const struct io_uring *ring);
static ring_call *real(const char *name);
static int        milliseconds(const struct __kernel_timespec *wait);

int io_uring_submit(struct io_uring *ring)
{
    check_sends(ring);
    return real("io_uring_submit")(ring);
}

int io_uring_submit_and_get_events(struct io_uring *ring)
{
    check_sends(ring);
    return real("io_uring_submit_and_get_events")(ring);
}

int io_uring_submit_and_wait_timeout(struct io_uring *ring, struct io_uring_cqe **cqe,
                                     unsigned wait_nr, struct __kernel_timespec *wait,
                                     sigset_t *mask)
{
    struct pollfd poll_fd = {.fd = ring->ring_fd, .events = POLLIN};
    int           submitted = io_uring_submit_and_get_events(ring);

    (void)cqe;
    (void)mask;
    if (submitted < 0 || io_uring_cq_ready(ring) >= wait_nr) {
        return submitted;
    }
    if (poll(&poll_fd, 1, milliseconds(wait)) < 0) {
        return -errno;
    }
    int code = io_uring_get_events(ring);

    if (code >= 0 && io_uring_cq_ready(ring) < wait_nr) {
        code = -ETIME;
    }
    return code < 0 ? code : submitted;
}

static void check_sends(const struct io_uring *ring)
{
    for (unsigned i = ring->sq.sqe_head; i != ring->sq.sqe_tail; i++) {
        const struct io_uring_sqe *sqe = &ring->sq.sqes[i & ring->sq.ring_mask];

        if (sqe->opcode == IORING_OP_SEND) {
            VALGRIND_CHECK_MEM_IS_DEFINED((const void *)(uintptr_t)sqe->addr, sqe->len);
        }
    }
}

static ring_call *real(const char *name)
{
    void *symbol = dlsym(RTLD_NEXT, name);

    if (symbol == NULL) {
        abort();
    }
    return (ring_call *)symbol;
}

/* Rounded up, so that a short wait does not become none at all. */
static int milliseconds(const struct __kernel_timespec *wait)
{
    return (int)(wait->tv_sec * MS_PER_S + (wait->tv_nsec + NS_PER_MS - 1) / NS_PER_MS);
}
