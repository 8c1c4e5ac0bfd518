/*
 * kqueue, for BSD and macOS: arm, disarm, wait. Everything else is driver_ready.c.
 * Written beside driver_epoll.c to the same plan; it has never been compiled or run.
 */
#include "io/driver_ready.h"
#include "io/drivers.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/event.h>
#include <sys/time.h>
#include <unistd.h>

enum { EVENTS_PER_WAIT_MAX = 512, WAKE_IDENT = 1, CHANGES_MAX = 2 };

struct kqueue_state {
    struct ready  ready; /* first: the shared functions are given a pointer to it */
    int           kqueue_fd;
    struct kevent events[EVENTS_PER_WAIT_MAX];
};

static void    *kqueue_state_open(struct io_loop *loop, const struct io_options *options,
                                  struct error *error);
static void     kqueue_state_close(void *state);
static void     kqueue_state_wait(void *state, uint64_t wait_ns);
static void     kqueue_state_wake(void *state);
static bool     open_queue(struct kqueue_state *kqueue_state, struct error *error);
static int      watch(struct ready *ready, int fd, unsigned before, unsigned wanted);
static unsigned directions_of(const struct kevent *event);

const struct io_driver driver_kqueue = {
    .name = "kqueue",
    .open = kqueue_state_open,
    .close = kqueue_state_close,
    .submit = ready_submit,
    .cancel = ready_cancel,
    .wait = kqueue_state_wait,
    .finish = ready_finish,
    .trim = ready_trim,
    .wake = kqueue_state_wake,
    .socket = ready_socket,
    .shutdown = ready_shutdown,
    .reset_on_close = ready_reset_on_close,
    .unacknowledged = ready_unacknowledged,
    .is_broken = ready_is_broken,
    .peer = ready_peer,
    .local = ready_local,
};

static void *kqueue_state_open(struct io_loop *loop, const struct io_options *options,
                               struct error *error)
{
    struct kqueue_state *state = calloc(1, sizeof(*state));

    (void)options;
    if (state == NULL) {
        *error = error_make(ERROR_EXHAUSTED, "kqueue");
        return NULL;
    }
    state->kqueue_fd = -1;
    if (!ready_init(&state->ready, loop, watch, error) || !open_queue(state, error)) {
        kqueue_state_close(state);
        return NULL;
    }
    return state;
}

static void kqueue_state_close(void *state)
{
    struct kqueue_state *closing = state;

    if (closing->kqueue_fd >= 0) {
        (void)close(closing->kqueue_fd);
    }
    ready_fini(&closing->ready);
    free(closing);
}

static void kqueue_state_wait(void *state, uint64_t wait_ns)
{
    struct kqueue_state *waiting = state;
    struct timespec      wait = {.tv_sec = (time_t)(wait_ns / NS_PER_S),
                                 .tv_nsec = (long)(wait_ns % NS_PER_S)};
    int count = kevent(waiting->kqueue_fd, NULL, 0, waiting->events, EVENTS_PER_WAIT_MAX, &wait);

    if (count < 0 && errno != EINTR) {
        io_nap(wait_ns);
    }
    for (int i = 0; i < count; i++) {
        const struct kevent *event = &waiting->events[i];

        if (event->filter != EVFILT_USER) {
            ready_event(&waiting->ready, (int)event->ident, directions_of(event));
        }
    }
}

static void kqueue_state_wake(void *state)
{
    struct kqueue_state *waking = state;
    struct kevent        wake;

    EV_SET(&wake, WAKE_IDENT, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL);
    (void)kevent(waking->kqueue_fd, &wake, 1, NULL, 0, NULL);
}

static bool open_queue(struct kqueue_state *kqueue_state, struct error *error)
{
    struct kevent wake;

    kqueue_state->kqueue_fd = kqueue();
    EV_SET(&wake, WAKE_IDENT, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0, NULL);
    if (kqueue_state->kqueue_fd < 0 || fcntl(kqueue_state->kqueue_fd, F_SETFD, FD_CLOEXEC) != 0 ||
        kevent(kqueue_state->kqueue_fd, &wake, 1, NULL, 0, NULL) != 0) {
        *error = error_from_errno(errno, "kqueue");
        return false;
    }
    return true;
}

/* Each direction is a filter of its own. Removing one that the kernel already dropped with its
 * descriptor is no failure, and adding one twice is none either. */
static int watch(struct ready *ready, int fd, unsigned before, unsigned wanted)
{
    static const struct {
        unsigned direction;
        int16_t  filter;
    } filters[CHANGES_MAX] = {{READY_TO_READ, EVFILT_READ}, {READY_TO_WRITE, EVFILT_WRITE}};

    struct kqueue_state *watching = container_of(ready, struct kqueue_state, ready);

    for (size_t i = 0; i < CHANGES_MAX; i++) {
        bool          is_wanted = (wanted & filters[i].direction) != 0;
        struct kevent change;

        if (is_wanted == ((before & filters[i].direction) != 0)) {
            continue;
        }
        EV_SET(&change, fd, filters[i].filter, is_wanted ? EV_ADD : EV_DELETE, 0, 0, NULL);
        if (kevent(watching->kqueue_fd, &change, 1, NULL, 0, NULL) != 0 && is_wanted) {
            return errno;
        }
    }
    return 0;
}

/* A filter says which direction it is, also at an end or an error. */
static unsigned directions_of(const struct kevent *event)
{
    return event->filter == EVFILT_WRITE ? READY_TO_WRITE : READY_TO_READ;
}
