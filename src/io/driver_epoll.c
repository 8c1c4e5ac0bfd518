/* epoll: arm, disarm, wait. Everything else is driver_ready.c. */
#include "io/driver_ready.h"
#include "io/drivers.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { EVENTS_PER_WAIT_MAX = 512 };

struct epoll_state {
    struct ready       ready; /* first: the shared functions are given a pointer to it */
    int                epoll_fd;
    int                wake_fd;
    struct epoll_event events[EVENTS_PER_WAIT_MAX];
};

static void    *epoll_state_open(struct io_loop *loop, const struct io_options *options,
                                 struct error *error);
static void     epoll_state_close(void *state);
static void     epoll_state_wait(void *state, uint64_t wait_ns);
static void     epoll_state_wake(void *state);
static bool     open_descriptors(struct epoll_state *epoll, struct error *error);
static void     close_descriptor(int fd);
static int      watch(struct ready *ready, int fd, unsigned before, unsigned wanted);
static int      sleep_until_event(struct epoll_state *epoll, uint64_t wait_ns);
static void     take_wake(struct epoll_state *epoll);
static unsigned directions_of(uint32_t events);

const struct io_driver driver_epoll = {
    .name = "epoll",
    .open = epoll_state_open,
    .close = epoll_state_close,
    .submit = ready_submit,
    .cancel = ready_cancel,
    .wait = epoll_state_wait,
    .finish = ready_finish,
    .trim = ready_trim,
    .wake = epoll_state_wake,
    .socket = ready_socket,
    .shutdown = ready_shutdown,
    .reset_on_close = ready_reset_on_close,
    .unacknowledged = ready_unacknowledged,
    .is_broken = ready_is_broken,
    .peer = ready_peer,
    .local = ready_local,
};

static void *epoll_state_open(struct io_loop *loop, const struct io_options *options,
                              struct error *error)
{
    struct epoll_state *epoll = calloc(1, sizeof(*epoll));

    (void)options;
    if (epoll == NULL) {
        *error = error_make(ERROR_EXHAUSTED, "epoll");
        return NULL;
    }
    epoll->epoll_fd = -1;
    epoll->wake_fd = -1;
    if (!ready_init(&epoll->ready, loop, watch, error) || !open_descriptors(epoll, error)) {
        epoll_state_close(epoll);
        return NULL;
    }
    return epoll;
}

static void epoll_state_close(void *state)
{
    struct epoll_state *epoll = state;

    close_descriptor(epoll->wake_fd);
    close_descriptor(epoll->epoll_fd);
    ready_fini(&epoll->ready);
    free(epoll);
}

static void epoll_state_wait(void *state, uint64_t wait_ns)
{
    struct epoll_state *epoll = state;
    int                 count = sleep_until_event(epoll, wait_ns);

    for (int i = 0; i < count; i++) {
        if (epoll->events[i].data.fd == epoll->wake_fd) {
            take_wake(epoll);
        } else {
            ready_event(&epoll->ready, epoll->events[i].data.fd,
                        directions_of(epoll->events[i].events));
        }
    }
}

static void epoll_state_wake(void *state)
{
    struct epoll_state *epoll = state;

    (void)eventfd_write(epoll->wake_fd, 1);
}

static bool open_descriptors(struct epoll_state *epoll, struct error *error)
{
    struct epoll_event wake = {.events = EPOLLIN};

    epoll->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll->epoll_fd < 0) {
        *error = error_from_errno(errno, "epoll");
        return false;
    }
    epoll->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    wake.data.fd = epoll->wake_fd;
    if (epoll->wake_fd < 0 ||
        epoll_ctl(epoll->epoll_fd, EPOLL_CTL_ADD, epoll->wake_fd, &wake) != 0) {
        *error = error_from_errno(errno, "eventfd");
        return false;
    }
    return true;
}

static void close_descriptor(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}

/* epoll reports errors and hang-ups even to those who want no event, so that "nothing wanted"
 * must mean "not watched". A descriptor that its owner closed and got again is no longer watched
 * although we thought so; adding it again mends that. */
static int watch(struct ready *ready, int fd, unsigned before, unsigned wanted)
{
    struct epoll_state *epoll = container_of(ready, struct epoll_state, ready);
    struct epoll_event  event = {.data.fd = fd};
    int                 operation = before == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

    event.events |= (wanted & READY_TO_READ) != 0 ? (uint32_t)EPOLLIN : 0;
    event.events |= (wanted & READY_TO_WRITE) != 0 ? (uint32_t)EPOLLOUT : 0;
    if (wanted == 0) {
        (void)epoll_ctl(epoll->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    if (epoll_ctl(epoll->epoll_fd, operation, fd, &event) == 0) {
        return 0;
    }
    if (errno == ENOENT) {
        return epoll_ctl(epoll->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : errno;
    }
    if (errno == EEXIST) {
        return epoll_ctl(epoll->epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0 ? 0 : errno;
    }
    return errno;
}

/* epoll_wait counts in milliseconds and serves kernels before 5.11, and filters of system calls
 * that are older and say EPERM; rounding up, so that a short sleep does not become none at all. */
static int sleep_until_event(struct epoll_state *epoll, uint64_t wait_ns)
{
    struct timespec wait = {.tv_sec = (time_t)(wait_ns / NS_PER_S),
                            .tv_nsec = (long)(wait_ns % NS_PER_S)};
    int count = epoll_pwait2(epoll->epoll_fd, epoll->events, EVENTS_PER_WAIT_MAX, &wait, NULL);

    if (count < 0 && (errno == ENOSYS || errno == EPERM)) {
        int wait_ms = (int)((wait_ns + NS_PER_MS - 1) / NS_PER_MS);

        count = epoll_wait(epoll->epoll_fd, epoll->events, EVENTS_PER_WAIT_MAX, wait_ms);
    }
    if (count < 0 && errno != EINTR) {
        io_nap(wait_ns);
    }
    return count;
}

static void take_wake(struct epoll_state *epoll)
{
    eventfd_t count;

    (void)eventfd_read(epoll->wake_fd, &count);
}

static unsigned directions_of(uint32_t events)
{
    unsigned directions = 0;

    if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) {
        directions |= READY_TO_READ;
    }
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) {
        directions |= READY_TO_WRITE;
    }
    return directions;
}
