/*
 * Room reactor: one thread and what it owns.
 *
 * Does: a loop, its timers, its mailbox, its counters, its queue of deferred work, and the turn
 * that runs them in an order that keeps established sessions quick. The only room with threads and
 * atomics: also the log writer's ring.
 * Does not: know what runs on it.
 * Called by: backend, proxy, daemon.
 *
 * Laws: share nothing. Everything but reactor_post, reactor_wake and reading metrics is called on
 * the reactor's own thread (or before it started, or after it ended).
 *
 * A turn: mail; timers that are due; completions (data of established sessions); then deferred
 * work, of which a handshake step is the usual kind: one piece, more only while they are short. A
 * turn that brought something leaves it to the next, a few times; while it waits the reactor does
 * not sleep. While someone waits who is known to, whatever else wants this processor may have it
 * behind each piece of such work.
 */
#ifndef SALLYPORT_REACTOR_REACTOR_H
#define SALLYPORT_REACTOR_REACTOR_H

#include "base/error.h"
#include "base/list.h"
#include "io/io.h"
#include "reactor/metrics.h"
#include "reactor/timer.h"

#include <stdbool.h>
#include <stdint.h>

struct reactor;

/* A message to a reactor; embedded in its owner, who may reuse it once deliver was called. */
struct mail {
    void (*deliver)(struct mail *mail, struct reactor *reactor);
    /* private */
    struct mail *next;
};

/* A piece of deferred work; embedded in its owner. Zeroed memory is idle. */
struct task {
    void (*run)(struct task *task);
    /* private */
    struct list_link link;
};

struct reactor_options {
    unsigned          index; /* 0, 1, ... ; for names and logs */
    const char       *name;  /* thread name, at most 15 characters */
    struct io_options io;
};

/* A reactor that does not run yet; NULL and error. */
__attribute__((warn_unused_result)) struct reactor *
reactor_new(const struct reactor_options *options, struct error *error);

/* Opens the loop on the calling thread, which becomes the reactor's. Done by reactor_start's
 * thread; the control reactor calls it itself. */
__attribute__((warn_unused_result)) bool reactor_open(struct reactor *reactor, struct error *error);

/* Takes over a loop that the caller opened on this thread: for tests with a driver of their own. */
void reactor_adopt(struct reactor *reactor, struct io_loop *loop);

/* Starts a thread that opens the loop, calls `on_start` (false: stop again), turns until
 * reactor_stop, calls `on_stop`. Returns when on_start has returned; false and error if anything
 * failed. */
struct reactor_hooks {
    bool (*on_start)(struct reactor *reactor, void *owner, struct error *error);
    void (*on_stop)(struct reactor *reactor, void *owner);
    void *owner;
};
__attribute__((warn_unused_result)) bool
reactor_start(struct reactor *reactor, const struct reactor_hooks *hooks, struct error *error);

/* Own thread: turn until reactor_stop. */
void reactor_run(struct reactor *reactor);
/* Own thread: one turn that sleeps at most wait_ns. */
void reactor_turn(struct reactor *reactor, uint64_t wait_ns);
/* Own thread: the run ends after this turn. */
void reactor_stop(struct reactor *reactor);
/* Waits for a started thread to end, then closes its loop: the thread itself cannot, since whoever
 * posted the mail that stopped it may not have come to waking it yet. */
void reactor_join(struct reactor *reactor);
/* Closes a loop that was opened or adopted; own thread. No op may be pending. */
void reactor_close(struct reactor *reactor);
void reactor_free(struct reactor **reactor);

struct io_loop *reactor_loop(struct reactor *reactor);
unsigned        reactor_index(const struct reactor *reactor);

/* The monotonic clock, read at most twice a turn: before its wait and after it. Deferred work sees
 * the time after the wait. */
uint64_t reactor_now_ns(struct reactor *reactor);

/* Any thread, until the reactor was joined: delivers the mail on the reactor's thread, in the order
 * posted by one thread. What comes after the last turn is not delivered. */
void reactor_post(struct reactor *reactor, struct mail *mail);

/* Runs the task in this turn or a later one, first come first served; what a task defers waits for
 * the next turn. Deferring twice is once. */
void   reactor_defer(struct reactor *reactor, struct task *task);
void   reactor_forget(struct reactor *reactor, struct task *task);
size_t reactor_deferred_count(const struct reactor *reactor);
/* Others may have the processor after each piece of deferred work, for the next 10 ms: somebody who
 * waits for an answer may be a process of this machine, and so may be who gives it. */
void reactor_share_processor(struct reactor *reactor);
/* How many turns in a row have put deferred work off; for tests. */
unsigned reactor_put_offs(const struct reactor *reactor);

/* Deadlines, monotonic nanoseconds. Setting a set timer moves it. Embedded timers must be cleared
 * before their owner goes. Setting one takes memory when more are set at a time than were reserved,
 * and there is no way to fail then. */
__attribute__((warn_unused_result)) bool reactor_reserve_timers(struct reactor *reactor,
                                                                size_t count, struct error *error);
void reactor_timer_set(struct reactor *reactor, struct timer *timer, uint64_t deadline_ns);
void reactor_timer_clear(struct reactor *reactor, struct timer *timer);

/* Counters of this reactor: written on its own thread, read from any. */
void     reactor_count(struct reactor *reactor, enum metric metric, int64_t amount);
uint64_t reactor_metric(const struct reactor *reactor, enum metric metric);

/* Any thread: turns made so far, to see that a reactor still lives. */
uint64_t reactor_turns(const struct reactor *reactor);

#endif
