/* io operations become attempts: at once, or when their socket changed, or later by chance. */
#include "sim_internal.h"

#include "base/clock.h"
#include "base/require.h"
#include "sim_choice.h"
#include "sim_lent.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const uint64_t DELAY_NS_MAX = 1 * NS_PER_MS;

static void  *sim_driver_open(struct io_loop *loop, const struct io_options *options,
                              struct error *error);
static void   sim_driver_close(void *state);
static void   sim_driver_submit(void *state, struct io_op *op);
static void   sim_driver_cancel(void *state, struct io_op *op);
static void   sim_driver_wait(void *state, uint64_t wait_ns);
static bool   sim_driver_finish(void *state, struct io_op *op);
static void   sim_driver_recycle(void *state, int16_t buffer);
static void   sim_driver_wake(void *state);
static int    sim_driver_socket(void *state, const struct address *address, struct error *error);
static void   sim_driver_shutdown(void *state, int fd, int how);
static void   sim_driver_reset_on_close(void *state, int fd);
static size_t sim_driver_unacknowledged(void *state, int fd);
static bool   sim_driver_is_broken(void *state, int fd);
static void   sim_driver_peer(void *state, int fd, struct address *address);
static void   sim_driver_local(void *state, int fd, struct address *address);

static struct sim_slot *free_slot(struct sim_net *net, const struct io_op *op);
static struct sim_slot *slot_of(struct sim_net *net, const struct io_op *op);
static struct sim_slot *endpoint_slot(struct sim_endpoint *end, enum io_kind kind);
static struct sim_slot *accept_slot(struct sim_listener *listener, const struct io_op *op);
static bool             is_worth_a_race(const struct sim_slot *slot);
static uint64_t         delay(struct sim_net *net);
static uint64_t         delay_max(const struct sim_net *net);
static void             on_slot(struct sim_event *event);
static void             run_events(struct sim_net *net);

static const struct io_driver driver_sim = {
    .name = "sim",
    .open = sim_driver_open,
    .close = sim_driver_close,
    .submit = sim_driver_submit,
    .cancel = sim_driver_cancel,
    .wait = sim_driver_wait,
    .finish = sim_driver_finish,
    .recycle = sim_driver_recycle,
    .wake = sim_driver_wake,
    .socket = sim_driver_socket,
    .shutdown = sim_driver_shutdown,
    .reset_on_close = sim_driver_reset_on_close,
    .unacknowledged = sim_driver_unacknowledged,
    .is_broken = sim_driver_is_broken,
    .peer = sim_driver_peer,
    .local = sim_driver_local,
};

/* The table's open is not told which net: this is how it knows. */
static struct sim_net *opening;

struct io_loop *sim_loop_open(struct sim_net *net)
{
    struct error    error = ERROR_OK;
    struct io_loop *loop;

    opening = net;
    loop = io_loop_open_driver(&driver_sim, &(struct io_options){0}, &error);
    require(loop != NULL);
    opening = NULL;
    return loop;
}

void sim_slot_poke(struct sim_slot *slot)
{
    if (slot->op != NULL && !sim_event_is_set(&slot->event)) {
        struct sim_net *net = slot->driver->net;

        sim_event_at(net, &slot->event, net->now_ns + delay(net));
    }
}

static void *sim_driver_open(struct io_loop *loop, const struct io_options *options,
                             struct error *error)
{
    struct sim_driver *driver = calloc(1, sizeof(*driver));

    (void)options;
    (void)error;
    require(opening != NULL);
    require(driver != NULL);
    driver->loop = loop;
    driver->net = opening;
    driver->lent = sim_lent_new(opening->fds_max);
    driver->net->loops++;
    return driver;
}

static void sim_driver_close(void *state)
{
    struct sim_driver *driver = state;

    driver->net->loops--;
    sim_lent_free(&driver->lent);
    free(driver);
}

static void sim_driver_submit(void *state, struct io_op *op)
{
    struct sim_driver *driver = state;
    struct sim_net    *net = driver->net;
    struct sim_slot   *slot = free_slot(net, op);

    require(slot->op == NULL);
    net->silent_until_ns = 0;
    slot->op = op;
    slot->last = op;
    slot->driver = driver;
    slot->event.run = on_slot;
    slot->event.kind = SIM_EVENT_ATTEMPT;
    slot->lent = *op;
    slot->lent_hash = op->kind == IO_SEND ? sim_lent_hash(op->from) : 0;
    slot->sent = 0;
    slot->is_in_parts =
        op->kind == IO_SEND && !net->is_readiness && sim_chance(net, net->faults.send_parts);
    if (op->kind == IO_CONNECT) {
        sim_connect(sim_end_of(net, op->fd), op->address);
    } else if (op->kind == IO_SEND && net->is_readiness && !sim_chance(net, net->faults.blocked)) {
        (void)sim_attempt(slot);
    } else {
        sim_slot_poke(slot);
    }
}

/* A close cannot be called off. */
static void sim_driver_cancel(void *state, struct io_op *op)
{
    struct sim_driver *driver = state;
    struct sim_net    *net = driver->net;
    struct sim_slot   *slot = slot_of(net, op);

    net->silent_until_ns = 0;
    if (op->kind == IO_CLOSE) {
        return;
    }
    if (!net->is_readiness && is_worth_a_race(slot) && sim_chance(net, net->faults.cancel_late)) {
        sim_event_at(net, &slot->event, net->now_ns + sim_random(net, delay_max(net)));
        return;
    }
    if (op->kind == IO_SEND) {
        (void)sim_send_end(slot, ERROR_CANCELLED);
    } else {
        (void)sim_slot_end(slot, 0, error_make(ERROR_CANCELLED, "cancel"));
    }
}

/* With a chooser: an op that could end in nothing but its cancel need not be late. */
static bool is_worth_a_race(const struct sim_slot *slot)
{
    return slot->driver->net->chooser == NULL || (sim_can_succeed(slot) && sim_can_attempt(slot));
}

/* Everything due at one moment happens before the loop goes on, as far as it was due by then. */
static void sim_driver_wait(void *state, uint64_t wait_ns)
{
    struct sim_driver *driver = state;
    struct sim_net    *net = driver->net;
    uint64_t           completions = net->completions;

    sim_lent_turn(driver->lent);
    if (net->chooser != NULL) {
        sim_choose_wait(driver, wait_ns);
        driver->is_woken = false;
        return;
    }
    net->now_ns += SIM_TURN_NS;
    if (sim_chance(net, net->faults.stall)) {
        net->now_ns += sim_random(net, net->faults.stall_ns_max + NS_PER_MS);
    }
    uint64_t deadline_ns = net->now_ns + wait_ns;

    run_events(net);
    while (net->completions == completions && !driver->is_woken && net->now_ns < deadline_ns) {
        const struct sim_event *next = sim_queue_first(&net->queue);

        net->now_ns = next == NULL || next->time_ns > deadline_ns ? deadline_ns : next->time_ns;
        run_events(net);
    }
    driver->is_woken = false;
}

/* Only for what was told to be readable. */
static bool sim_driver_finish(void *state, struct io_op *op)
{
    struct sim_driver *driver = state;
    struct sim_slot   *slot = slot_of(driver->net, op);

    require(slot->op == NULL);
    if (sim_receive(driver, op, &op->result, &op->error)) {
        sim_note(driver->net, op->kind, (uint64_t)op->fd,
                 (uint64_t)op->result * 16 + op->error.kind);
        return true;
    }
    slot->op = op;
    return false;
}

static void sim_driver_recycle(void *state, int16_t buffer)
{
    struct sim_driver *driver = state;

    sim_lent_end(driver->lent, (size_t)buffer);
}

static void sim_driver_wake(void *state)
{
    struct sim_driver *driver = state;

    driver->is_woken = true;
}

static int sim_driver_socket(void *state, const struct address *address, struct error *error)
{
    struct sim_driver *driver = state;
    struct sim_net    *net = driver->net;
    int                fd = sim_chance(net, net->faults.socket_exhausted) ? -1 : sim_fd_take(net);

    (void)address;
    if (fd < 0) {
        *error = error_make(ERROR_EXHAUSTED, "socket");
        return -1;
    }
    struct sim_endpoint *end = &sim_link_new(net)->ends[0];

    end->fd = fd;
    net->fds[fd - SIM_FD_FIRST] = (struct sim_fd){.kind = SIM_FD_ENDPOINT, .endpoint = end};
    return fd;
}

static void sim_driver_shutdown(void *state, int fd, int how)
{
    struct sim_driver *driver = state;
    struct sim_fd     *entry = sim_fd_of(driver->net, fd);

    driver->net->silent_until_ns = 0;
    if (entry->kind == SIM_FD_LISTENER) {
        entry->listener->is_shut = true;
        sim_listener_changed(entry->listener);
    } else if (entry->kind == SIM_FD_ENDPOINT) {
        sim_end_shut(entry->endpoint, how == SHUT_RDWR);
    }
}

static void sim_driver_reset_on_close(void *state, int fd)
{
    struct sim_driver *driver = state;

    sim_end_of(driver->net, fd)->is_reset_wanted = true;
}

static size_t sim_driver_unacknowledged(void *state, int fd)
{
    struct sim_driver *driver = state;

    return sim_unacknowledged(sim_end_of(driver->net, fd));
}

static bool sim_driver_is_broken(void *state, int fd)
{
    struct sim_driver         *driver = state;
    const struct sim_endpoint *end = sim_end_of(driver->net, fd);

    return end->is_reset && !end->is_reset_told;
}

static void sim_driver_peer(void *state, int fd, struct address *address)
{
    struct sim_driver         *driver = state;
    const struct sim_endpoint *end = sim_end_of(driver->net, fd);

    /* Linux knows no peer of a connection that was reset. */
    *address = end->state == SIM_OPEN && !end->is_reset ? end->peer->address : (struct address){0};
}

static void sim_driver_local(void *state, int fd, struct address *address)
{
    struct sim_driver *driver = state;

    *address = sim_end_of(driver->net, fd)->address;
}

static struct sim_slot *free_slot(struct sim_net *net, const struct io_op *op)
{
    return op->kind == IO_ACCEPT ? accept_slot(sim_fd_of(net, op->fd)->listener, NULL)
                                 : slot_of(net, op);
}

static struct sim_slot *slot_of(struct sim_net *net, const struct io_op *op)
{
    struct sim_fd *entry = sim_fd_of(net, op->fd);

    switch (entry->kind) {
    case SIM_FD_ENDPOINT:
        return endpoint_slot(entry->endpoint, (enum io_kind)op->kind);
    case SIM_FD_LISTENER:
        require(op->kind == IO_ACCEPT || op->kind == IO_CLOSE);
        return op->kind == IO_CLOSE ? &entry->listener->close : accept_slot(entry->listener, op);
    case SIM_FD_EVENT:
        require(op->kind == IO_POLL || op->kind == IO_CLOSE);
        return op->kind == IO_CLOSE ? &entry->raised->close : &entry->raised->poll;
    case SIM_FD_FREE:
        break;
    }
    require(false);
    return NULL;
}

static struct sim_slot *endpoint_slot(struct sim_endpoint *end, enum io_kind kind)
{
    switch (kind) {
    case IO_CONNECT:
        return &end->connect;
    case IO_RECV:
        return &end->recv;
    case IO_SEND:
        return &end->send;
    case IO_POLL:
        return &end->poll;
    case IO_CLOSE:
        return &end->close;
    case IO_ACCEPT:
        break;
    }
    require(kind != IO_ACCEPT);
    return NULL;
}

/* NULL for `op`: a free one. */
static struct sim_slot *accept_slot(struct sim_listener *listener, const struct io_op *op)
{
    size_t index = 0;

    require(listener != NULL);
    while (index < SIM_ACCEPTS_MAX && listener->accepts[index].op != op) {
        index++;
    }
    require(index < SIM_ACCEPTS_MAX);
    return &listener->accepts[index];
}

struct io_op *sim_last_recv(const struct sim_net *net, int fd)
{
    const struct sim_fd *entry = &net->fds[fd - SIM_FD_FIRST];

    return entry->kind == SIM_FD_ENDPOINT ? entry->endpoint->recv.last : NULL;
}

struct sim_endpoint *sim_end_of(struct sim_net *net, int fd)
{
    struct sim_fd *entry = sim_fd_of(net, fd);

    require(entry->kind == SIM_FD_ENDPOINT);
    return entry->endpoint;
}

static uint64_t delay(struct sim_net *net)
{
    return sim_chance(net, net->faults.delay) ? sim_random(net, delay_max(net)) : 0;
}

static uint64_t delay_max(const struct sim_net *net)
{
    return net->faults.delay_ns_max == 0 ? DELAY_NS_MAX : net->faults.delay_ns_max;
}

static void on_slot(struct sim_event *event)
{
    struct sim_slot *slot = container_of(event, struct sim_slot, event);
    struct io_op    *op = slot->op;

    require(op != NULL);
    if (!sim_attempt(slot) && op->status == IO_CANCELLING) {
        (void)(op->kind == IO_SEND ? sim_send_end(slot, ERROR_CANCELLED)
                                   : sim_slot_end(slot, 0, error_make(ERROR_CANCELLED, "cancel")));
    }
}

/* Those that are due now; what they set for the same moment, too. */
static void run_events(struct sim_net *net)
{
    struct sim_event *event;

    while ((event = sim_queue_first(&net->queue)) != NULL && event->time_ns <= net->now_ns) {
        sim_queue_remove(&net->queue, event);
        event->run(event);
    }
}
