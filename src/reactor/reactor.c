#include "reactor/reactor.h"

#include "base/clock.h"
#include "base/require.h"
#include "reactor/mailbox.h"
#include "reactor/sharing.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* After the first piece of deferred work more may follow within this time: a server's first flight
 * takes 0.2 ms and more and stays alone, the cheap second steps go together. Measured elsewhere:
 * one step a turn keeps the p99 of established connections under a flood at 0.9 ms, not 66. */
enum { DEFERRED_BUDGET_NS = 100 * 1000 };

/* That work is put off while turns bring something, so often at most and for so long: what came
 * meanwhile would have to wait for all of it, and an io_uring needs two rounds to pass bytes on.
 * Where there is always something to do, one turn is all, or nobody would ever get in. */
enum { PUT_OFFS_MAX = 4, PUT_OFF_NS = 200 * 1000 };

/* With nothing to do a reactor still turns this often, so that a watchdog can tell it lives. */
#define IDLE_TURN_NS (500 * NS_PER_MS)

struct reactor {
    struct reactor_options options;
    struct io_loop        *loop;
    struct timers          timers;
    struct mailbox         mailbox;
    struct list            deferred;
    size_t                 deferred_count;
    unsigned               put_offs;   /* turns that have left the deferred work undone, in a row */
    uint64_t               put_off_ns; /* since when */
    struct sharing         sharing;
    uint64_t               now_ns; /* 0: to be read again */
    bool                   is_stopping;
    _Atomic uint64_t       turns;
    _Atomic uint64_t       metrics[METRICS_COUNT];
    /* the thread, while there is one */
    pthread_t            thread;
    struct reactor_hooks hooks;
    sem_t                started;
    bool                 has_started;
    struct error         start_error;
};

static void *thread_main(void *argument);
static void  deliver_mail(struct reactor *reactor);
static bool  may_put_off(struct reactor *reactor, unsigned done);
static void  run_deferred(struct reactor *reactor);

struct reactor *reactor_new(const struct reactor_options *options, struct error *error)
{
    struct reactor *reactor = calloc(1, sizeof(*reactor));

    if (reactor == NULL) {
        *error = error_from_errno(ENOMEM, "reactor");
        return NULL;
    }
    reactor->options = *options;
    list_init(&reactor->deferred);
    return reactor;
}

bool reactor_open(struct reactor *reactor, struct error *error)
{
    require(reactor->loop == NULL);
    reactor->loop = io_loop_open(&reactor->options.io, error);
    return reactor->loop != NULL;
}

void reactor_adopt(struct reactor *reactor, struct io_loop *loop)
{
    require(reactor->loop == NULL);
    reactor->loop = loop;
}

bool reactor_start(struct reactor *reactor, const struct reactor_hooks *hooks, struct error *error)
{
    reactor->hooks = *hooks;
    require(sem_init(&reactor->started, 0, 0) == 0);
    int code = pthread_create(&reactor->thread, NULL, thread_main, reactor);

    if (code != 0) {
        (void)sem_destroy(&reactor->started);
        *error = error_from_errno(code, "thread");
        return false;
    }
    while (sem_wait(&reactor->started) != 0) {
        require(errno == EINTR);
    }
    (void)sem_destroy(&reactor->started);
    if (!reactor->has_started) {
        *error = reactor->start_error;
        reactor_join(reactor);
    }
    return reactor->has_started;
}

static void *thread_main(void *argument)
{
    struct reactor *reactor = argument;

    (void)pthread_setname_np(pthread_self(), reactor->options.name);
    if (!reactor_open(reactor, &reactor->start_error)) {
        (void)sem_post(&reactor->started);
        return NULL;
    }
    bool has_started =
        reactor->hooks.on_start(reactor, reactor->hooks.owner, &reactor->start_error);

    reactor->has_started = has_started;
    (void)sem_post(&reactor->started);
    if (has_started) {
        reactor_run(reactor);
        reactor->hooks.on_stop(reactor, reactor->hooks.owner);
    }
    return NULL;
}

void reactor_run(struct reactor *reactor)
{
    while (!reactor->is_stopping) {
        reactor_turn(reactor, IDLE_TURN_NS);
    }
}

void reactor_turn(struct reactor *reactor, uint64_t wait_ns)
{
    reactor->now_ns = 0;
    deliver_mail(reactor);
    if (reactor->sharing.is_begun) {
        sharing_settle(&reactor->sharing, reactor_now_ns(reactor));
    }
    timers_expire(&reactor->timers, reactor_now_ns(reactor));

    uint64_t next_ns = timers_next_ns(&reactor->timers);
    uint64_t now_ns = reactor_now_ns(reactor);

    if (!list_is_empty(&reactor->deferred) || next_ns <= now_ns || reactor->is_stopping) {
        wait_ns = 0;
    } else if (next_ns - now_ns < wait_ns) {
        wait_ns = next_ns - now_ns;
    }
    reactor->now_ns = 0;
    unsigned done = io_turn(reactor->loop, wait_ns);

    if (list_is_empty(&reactor->deferred)) {
        reactor->put_offs = 0;
    } else if (!may_put_off(reactor, done)) {
        run_deferred(reactor);
    }
    atomic_store_explicit(&reactor->turns,
                          atomic_load_explicit(&reactor->turns, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

static void deliver_mail(struct reactor *reactor)
{
    struct mail *mail = mailbox_take(&reactor->mailbox);

    while (mail != NULL) {
        struct mail *next = mail->next;

        mail->deliver(mail, reactor);
        mail = next;
    }
}

static bool may_put_off(struct reactor *reactor, unsigned done)
{
    if (reactor->put_offs == 0) {
        reactor->put_off_ns = reactor_now_ns(reactor);
    }
    if (done == 0 || reactor->put_offs == PUT_OFFS_MAX ||
        clock_now_ns() >= reactor->put_off_ns + PUT_OFF_NS) {
        reactor->put_offs = 0;
        return false;
    }
    reactor->put_offs++;
    return true;
}

static void run_deferred(struct reactor *reactor)
{
    uint64_t until_ns = clock_now_ns() + DEFERRED_BUDGET_NS;
    size_t   left = reactor->deferred_count; /* what is deferred meanwhile is for the next turn */

    do {
        struct list_link *link = list_take_first(&reactor->deferred);
        struct task      *task = container_of(link, struct task, link);

        reactor->deferred_count--;
        left--;
        task->run(task);
    } while (left > 0 && !list_is_empty(&reactor->deferred) && clock_now_ns() < until_ns);
    sharing_offer(&reactor->sharing, reactor_now_ns(reactor));
}

void reactor_stop(struct reactor *reactor)
{
    reactor->is_stopping = true;
}

void reactor_join(struct reactor *reactor)
{
    require(pthread_join(reactor->thread, NULL) == 0);
    reactor_close(reactor);
}

void reactor_close(struct reactor *reactor)
{
    io_loop_close(&reactor->loop);
    timers_fini(&reactor->timers);
}

void reactor_free(struct reactor **reactor)
{
    if (*reactor == NULL) {
        return;
    }
    require((*reactor)->loop == NULL);
    free(*reactor);
    *reactor = NULL;
}

struct io_loop *reactor_loop(struct reactor *reactor)
{
    return reactor->loop;
}

unsigned reactor_index(const struct reactor *reactor)
{
    return reactor->options.index;
}

uint64_t reactor_now_ns(struct reactor *reactor)
{
    if (reactor->now_ns == 0) {
        reactor->now_ns = clock_now_ns();
    }
    return reactor->now_ns;
}

void reactor_post(struct reactor *reactor, struct mail *mail)
{
    require(mail->deliver != NULL);
    if (mailbox_post(&reactor->mailbox, mail)) {
        io_wake(reactor->loop);
    }
}

void reactor_defer(struct reactor *reactor, struct task *task)
{
    require(task->run != NULL);
    if (!list_is_linked(&task->link)) {
        list_append(&reactor->deferred, &task->link);
        reactor->deferred_count++;
    }
}

void reactor_forget(struct reactor *reactor, struct task *task)
{
    if (list_is_linked(&task->link)) {
        list_remove(&task->link);
        reactor->deferred_count--;
    }
}

size_t reactor_deferred_count(const struct reactor *reactor)
{
    return reactor->deferred_count;
}

void reactor_share_processor(struct reactor *reactor)
{
    sharing_extend(&reactor->sharing, reactor_now_ns(reactor));
}

unsigned reactor_put_offs(const struct reactor *reactor)
{
    return reactor->put_offs;
}

bool reactor_reserve_timers(struct reactor *reactor, size_t count, struct error *error)
{
    if (!timers_reserve(&reactor->timers, count)) {
        *error = error_from_errno(ENOMEM, "timers");
        return false;
    }
    return true;
}

void reactor_timer_set(struct reactor *reactor, struct timer *timer, uint64_t deadline_ns)
{
    timers_set(&reactor->timers, timer, deadline_ns);
}

void reactor_timer_clear(struct reactor *reactor, struct timer *timer)
{
    timers_clear(&reactor->timers, timer);
}

void reactor_count(struct reactor *reactor, enum metric metric, int64_t amount)
{
    uint64_t now = atomic_load_explicit(&reactor->metrics[metric], memory_order_relaxed);

    atomic_store_explicit(&reactor->metrics[metric], now + (uint64_t)amount, memory_order_relaxed);
}

uint64_t reactor_metric(const struct reactor *reactor, enum metric metric)
{
    return atomic_load_explicit(&reactor->metrics[metric], memory_order_relaxed);
}

uint64_t reactor_turns(const struct reactor *reactor)
{
    return atomic_load_explicit(&reactor->turns, memory_order_relaxed);
}
