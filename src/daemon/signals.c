#include "daemon/signals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const int handled[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2};

static void fill(sigset_t *set);
static void on_readable(struct io_op *op);

void signals_block(void)
{
    sigset_t set;

    fill(&set);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

bool signals_start(struct signals *signals, struct io_loop *loop, signals_came *came, void *owner,
                   struct error *error)
{
    sigset_t set;

    fill(&set);
    *signals = (struct signals){.loop = loop, .came = came, .owner = owner};
    signals->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (signals->fd < 0) {
        *error = error_from_errno(errno, "signalfd");
        return false;
    }
    io_poll(loop, &signals->op, signals->fd, on_readable);
    return true;
}

void signals_stop(struct signals *signals)
{
    signals->is_stopping = true;
    io_cancel(signals->loop, &signals->op);
}

bool signals_is_over(const struct signals *signals)
{
    return signals->fd < 0;
}

static void fill(sigset_t *set)
{
    (void)sigemptyset(set);
    for (size_t i = 0; i < sizeof(handled) / sizeof(handled[0]); i++) {
        (void)sigaddset(set, handled[i]);
    }
}

static void on_readable(struct io_op *op)
{
    struct signals         *signals = container_of(op, struct signals, op);
    struct signalfd_siginfo info;

    /* A cancel is a request: a signal may have come first. */
    if (signals->is_stopping || error_kind(&op->error) == ERROR_CANCELLED) {
        (void)close(signals->fd);
        signals->fd = -1;
        return;
    }
    while (read(signals->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        signals->came(signals->owner, (int)info.ssi_signo);
    }
    if (!io_op_is_pending(&signals->op)) {
        io_poll(signals->loop, &signals->op, signals->fd, on_readable);
    }
}
