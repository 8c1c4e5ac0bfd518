#include "proxy/listener.h"

#include "base/clock.h"
#include "base/require.h"
#include "proxy/worker_internal.h"

#include <string.h>

#define PAUSE_MIN_NS (5 * NS_PER_MS)
#define PAUSE_MAX_NS NS_PER_S
/* A draining listener that saw no connection for this long has an empty queue; it waits for that at
 * most LAST_CALL_NS, since clients may come faster. */
#define QUIET_NS     (5 * NS_PER_MS)
#define LAST_CALL_NS (200 * NS_PER_MS)
/* Another worker's session may have freed the place: nobody tells us, so we look. */
#define PLACE_POLL_NS (50 * NS_PER_MS)

static void on_accept(struct io_op *op);
static void on_due(struct timer *timer);
static void on_dropped(struct io_op *op);
static void on_closed(struct io_op *op);
static void on_slot_turn(struct turnstile_place *turn);
static void on_handed_over(struct handover *handover, bool is_taken);
static void slot_enter(struct accept_slot *slot);
static void slot_serve(struct accept_slot *slot);
static void slot_submit(struct accept_slot *slot);
static void listener_pause(struct listener *listener, uint64_t pause_ns);
static void listener_go_on(struct listener *listener);
static void listener_last_call(struct listener *listener);
static void listener_close(struct listener *listener);
static void listener_close_when_quiet(struct listener *listener);

void listener_start(struct listener *listener, struct worker *worker,
                    struct generation_frontend *frontend, int fd)
{
    memset(listener, 0, sizeof(*listener));
    listener->worker = worker;
    listener_retarget(listener, frontend);
    listener->fd = fd;
    listener->timer.due = on_due;
    io_adopt(worker_loop(worker), fd);
    for (size_t i = 0; i < ACCEPTS_PER_TURN; i++) {
        listener->slots[i].listener = listener;
        listener->slots[i].turn.pass = on_slot_turn;
        listener->slots[i].handover.over = on_handed_over;
        listener->slots[i].fd = -1;
        slot_submit(&listener->slots[i]);
    }
}

void listener_resume(struct listener *listener)
{
    if (listener->is_paused) {
        listener_go_on(listener);
    }
}

void listener_drain(struct listener *listener)
{
    struct reactor *reactor = worker_reactor(listener->worker);

    if (listener->is_draining) {
        return;
    }
    listener->is_draining = true;
    listener->last_call_ns = reactor_now_ns(reactor) + LAST_CALL_NS;
    if (!listener->is_paused) {
        reactor_timer_set(reactor, &listener->timer, reactor_now_ns(reactor) + QUIET_NS);
    }
}

void listener_release(struct listener *listener)
{
    listener->is_leaving = true;
    listener_close(listener);
    listener_close_when_quiet(listener);
}

void listener_retarget(struct listener *listener, struct generation_frontend *frontend)
{
    struct generation_frontend *before = listener->frontend;

    listener->frontend = frontend;
    frontend->generation->users++;
    if (before != NULL) {
        worker_leave_generation(listener->worker, before->generation);
    }
}

void listener_drop_waiting(struct listener *listener)
{
    struct io_loop *loop = worker_loop(listener->worker);

    for (size_t i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct accept_slot *slot = &listener->slots[i];

        turnstile_leave(&slot->turn);
        if (slot->fd >= 0 && !handover_is_out(&slot->handover)) {
            io_reset_on_close(loop, slot->fd);
            io_close(loop, &slot->op, slot->fd, on_dropped);
            slot->fd = -1;
        }
    }
}

static void on_accept(struct io_op *op)
{
    struct accept_slot *slot = container_of(op, struct accept_slot, op);
    struct listener    *listener = slot->listener;

    switch (error_kind(&op->error)) {
    case ERROR_NONE:
        listener->pause_ns = 0;
        listener->has_accepted = true;
        slot->fd = (int)op->result;
        slot_enter(slot);
        break;
    case ERROR_EXHAUSTED:
        reactor_count(worker_reactor(listener->worker), METRIC_ACCEPT_PAUSES,
                      listener->is_paused ? 0 : 1);
        listener_pause(listener, listener->pause_ns * 2);
        break;
    case ERROR_CANCELLED:
        if (!listener->is_closing) {
            slot_submit(slot); /* cancelled for a pause that is over by now */
        }
        break;
    case ERROR_RESET: /* the client left the queue before we came: accept(2), ECONNABORTED */
    case ERROR_CLOSED:
    case ERROR_BROKEN:
    case ERROR_TIMEOUT:
    case ERROR_REFUSED:
    case ERROR_UNREACHABLE:
    case ERROR_TLS_PROTOCOL:
    case ERROR_TLS_CERTIFICATE:
    case ERROR_UNSUPPORTED:
    case ERROR_CONFIG:
    case ERROR_INTERNAL:
        listener_pause(listener, PAUSE_MIN_NS);
        break;
    }
    listener_close_when_quiet(listener);
}

static void slot_enter(struct accept_slot *slot)
{
    turnstile_enter(worker_turnstile(slot->listener->worker), &slot->turn);
}

static void on_slot_turn(struct turnstile_place *turn)
{
    struct accept_slot *slot = container_of(turn, struct accept_slot, turn);
    struct listener    *listener = slot->listener;

    if (!handover_begin(&slot->handover, listener->worker, listener->frontend, slot->fd)) {
        slot_serve(slot);
    }
}

static void on_handed_over(struct handover *handover, bool is_taken)
{
    struct accept_slot *slot = container_of(handover, struct accept_slot, handover);

    if (is_taken) {
        slot->fd = -1;
        slot_submit(slot);
    } else {
        slot_serve(slot);
    }
    listener_close_when_quiet(slot->listener);
}

/* Begins a session on what the slot holds, and accepts again; or waits for a place. */
static void slot_serve(struct accept_slot *slot)
{
    struct listener *listener = slot->listener;

    if (!worker_accepted(listener->worker, listener->frontend, slot->fd)) {
        listener_pause(listener, PLACE_POLL_NS);
        return;
    }
    slot->fd = -1;
    slot_submit(slot);
}

/* While closing, every accept is cancelled at once: what the driver had already taken from the
 * queue still comes, and ERROR_CANCELLED says that nothing is left. */
static void slot_submit(struct accept_slot *slot)
{
    struct listener *listener = slot->listener;
    struct io_loop  *loop = worker_loop(listener->worker);

    if (listener->is_paused || io_op_is_pending(&slot->op) || slot->fd >= 0) {
        return;
    }
    io_accept(loop, &slot->op, listener->fd, on_accept);
    if (listener->is_closing) {
        io_cancel(loop, &slot->op);
    }
}

/* Nothing more is accepted until the timer or listener_resume. The other slots are cancelled, or
 * each of them would fail in its turn. */
static void listener_pause(struct listener *listener, uint64_t pause_ns)
{
    struct reactor *reactor = worker_reactor(listener->worker);

    if (listener->is_paused) {
        return;
    }
    if (pause_ns < PAUSE_MIN_NS) {
        pause_ns = PAUSE_MIN_NS;
    }
    listener->is_paused = true;
    listener->pause_ns = pause_ns < PAUSE_MAX_NS ? pause_ns : PAUSE_MAX_NS;
    for (size_t i = 0; i < ACCEPTS_PER_TURN; i++) {
        io_cancel(worker_loop(listener->worker), &listener->slots[i].op);
    }
    reactor_timer_set(reactor, &listener->timer, reactor_now_ns(reactor) + listener->pause_ns);
}

static void on_due(struct timer *timer)
{
    struct listener *listener = container_of(timer, struct listener, timer);

    if (listener->is_paused) {
        listener_go_on(listener);
    } else if (listener->is_draining) {
        listener_last_call(listener);
    }
    listener_close_when_quiet(listener);
}

/* A draining listener may have paused past its last call: then this is the last look. */
static void listener_go_on(struct listener *listener)
{
    struct reactor *reactor = worker_reactor(listener->worker);
    uint64_t        now_ns = reactor_now_ns(reactor);
    bool            was_closing = listener->is_closing;

    listener->is_paused = false;
    listener->is_closing =
        was_closing || (listener->is_draining && now_ns >= listener->last_call_ns);
    reactor_timer_clear(reactor, &listener->timer);
    for (size_t i = 0; i < ACCEPTS_PER_TURN && !listener->is_paused; i++) {
        struct accept_slot *slot = &listener->slots[i];

        if (slot->fd >= 0 && !handover_is_out(&slot->handover)) {
            slot_enter(slot);
        } else if (!was_closing) {
            slot_submit(slot);
        }
    }
    if (listener->is_draining && !listener->is_paused && !listener->is_closing) {
        reactor_timer_set(reactor, &listener->timer, now_ns + QUIET_NS);
    }
}

/* The kernel resets what is still queued when the socket closes, so the queue is emptied first. */
static void listener_last_call(struct listener *listener)
{
    struct reactor *reactor = worker_reactor(listener->worker);
    uint64_t        now_ns = reactor_now_ns(reactor);

    if (listener->has_accepted && now_ns < listener->last_call_ns) {
        listener->has_accepted = false;
        reactor_timer_set(reactor, &listener->timer, now_ns + QUIET_NS);
        return;
    }
    listener_close(listener);
}

static void listener_close(struct listener *listener)
{
    listener->is_closing = true;
    for (size_t i = 0; i < ACCEPTS_PER_TURN; i++) {
        io_cancel(worker_loop(listener->worker), &listener->slots[i].op);
    }
}

static void on_dropped(struct io_op *op)
{
    struct accept_slot *slot = container_of(op, struct accept_slot, op);

    listener_close_when_quiet(slot->listener);
}

/* A closing listener whose slots are all empty is done. */
static void listener_close_when_quiet(struct listener *listener)
{
    if (!listener->is_closing || listener->fd < 0) {
        return;
    }
    for (size_t i = 0; i < ACCEPTS_PER_TURN; i++) {
        if (listener->slots[i].fd >= 0 || io_op_is_pending(&listener->slots[i].op)) {
            return;
        }
    }
    int fd = listener->fd;

    listener->fd = -1;
    reactor_timer_clear(worker_reactor(listener->worker), &listener->timer);
    if (listener->is_leaving) {
        worker_listener_over(listener->worker, listener, fd, true);
    } else {
        listener->closed_fd = fd;
        io_close(worker_loop(listener->worker), &listener->close, fd, on_closed);
    }
}

static void on_closed(struct io_op *op)
{
    struct listener *listener = container_of(op, struct listener, close);

    worker_listener_over(listener->worker, listener, listener->closed_fd, false);
}
