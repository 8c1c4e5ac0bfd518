/* One operation tries to end, and what becomes of it. */
#include "sim_internal.h"

#include "base/require.h"
#include "sim_lent.h"

static bool   attempt_accept(struct sim_slot *slot);
static bool   attempt_connect(struct sim_slot *slot);
static bool   attempt_recv(struct sim_slot *slot);
static bool   tell_ready(struct sim_slot *slot, const struct sim_endpoint *end);
static size_t give_bytes(struct sim_driver *driver, struct io_op *op, struct sim_endpoint *end);
static bool   attempt_send(struct sim_slot *slot);
static bool   attempt_poll(struct sim_slot *slot);
static bool   is_pollable(struct sim_net *net, int fd);
static bool   do_close(struct sim_slot *slot);

bool sim_attempt(struct sim_slot *slot)
{
    switch ((enum io_kind)slot->op->kind) {
    case IO_ACCEPT:
        return attempt_accept(slot);
    case IO_CONNECT:
        return attempt_connect(slot);
    case IO_RECV:
        return attempt_recv(slot);
    case IO_SEND:
        return attempt_send(slot);
    case IO_POLL:
        return attempt_poll(slot);
    case IO_CLOSE:
        return do_close(slot);
    }
    return false;
}

bool sim_can_end(const struct sim_slot *slot)
{
    return slot->op->status == IO_CANCELLING || sim_can_succeed(slot);
}

bool sim_can_succeed(const struct sim_slot *slot)
{
    struct sim_net            *net = slot->driver->net;
    const struct io_op        *op = slot->op;
    const struct sim_endpoint *end = sim_fd_of(net, op->fd)->endpoint;

    switch ((enum io_kind)op->kind) {
    case IO_ACCEPT:
        return is_pollable(net, op->fd) || sim_fd_of(net, op->fd)->listener->is_shut;
    case IO_CONNECT:
        return end->state != SIM_CONNECTING;
    case IO_RECV:
    case IO_POLL:
        return is_pollable(net, op->fd);
    case IO_SEND:
        return end->state != SIM_OPEN || end->is_reset || end->peer->in.is_fin_wanted ||
               sim_room(end) > 0;
    case IO_CLOSE:
        break;
    }
    return true;
}

bool sim_can_attempt(const struct sim_slot *slot)
{
    if (slot->op->kind != IO_ACCEPT || !sim_can_succeed(slot)) {
        return true;
    }
    const struct sim_slot *first = sim_fd_of(slot->driver->net, slot->op->fd)->listener->accepts;

    while (first < slot && (first->op == NULL || !sim_event_is_set(&first->event))) {
        first++;
    }
    return slot == first;
}

const char *sim_slot_word(const struct sim_slot *slot)
{
    static const char *const words[] = {
        [IO_ACCEPT] = "accept", [IO_CONNECT] = "connect", [IO_RECV] = "receive",
        [IO_SEND] = "send",     [IO_POLL] = "poll",       [IO_CLOSE] = "close"};

    return words[slot->op->kind];
}

static bool attempt_accept(struct sim_slot *slot)
{
    struct sim_net      *net = slot->driver->net;
    struct sim_listener *listener = sim_fd_of(net, slot->op->fd)->listener;

    if (listener->is_shut) {
        return sim_slot_end(slot, 0, error_make(ERROR_UNSUPPORTED, "accept"));
    }
    if (list_is_empty(&listener->backlog)) {
        return false;
    }
    int fd = sim_chance(net, net->faults.accept_exhausted) ? -1 : sim_fd_take(net);

    if (fd < 0) {
        return sim_slot_end(slot, 0, error_make(ERROR_EXHAUSTED, "accept"));
    }
    struct sim_endpoint *end = sim_backlog_take(listener);

    end->fd = fd;
    net->fds[fd - SIM_FD_FIRST] = (struct sim_fd){.kind = SIM_FD_ENDPOINT, .endpoint = end};
    return sim_slot_end(slot, fd, ERROR_OK);
}

static bool attempt_connect(struct sim_slot *slot)
{
    const struct sim_endpoint *end = sim_end_of(slot->driver->net, slot->op->fd);

    switch (end->state) {
    case SIM_CONNECTING:
        return false;
    case SIM_OPEN:
        return sim_slot_end(slot, 0, ERROR_OK);
    case SIM_FAILED:
        return sim_slot_end(slot, 0, error_make(end->failure, "connect"));
    }
    return false;
}

static bool attempt_recv(struct sim_slot *slot)
{
    int64_t      result = 0;
    struct error error = ERROR_OK;

    if (slot->driver->net->is_readiness) {
        return tell_ready(slot, sim_end_of(slot->driver->net, slot->op->fd));
    }
    return sim_receive(slot->driver, slot->op, &result, &error) &&
           sim_slot_end(slot, result, error);
}

/* The slot is free again: a ready op that is cancelled ends without asking the driver. */
static bool tell_ready(struct sim_slot *slot, const struct sim_endpoint *end)
{
    struct sim_driver *driver = slot->driver;
    struct io_op      *op = slot->op;

    if (!sim_end_is_readable(end) && !sim_chance(driver->net, driver->net->faults.spurious)) {
        return false;
    }
    sim_check_lent(slot);
    sim_event_clear(driver->net, &slot->event);
    slot->op = NULL;
    driver->net->completions++;
    io_ready(driver->loop, op);
    return true;
}

bool sim_receive(struct sim_driver *driver, struct io_op *op, int64_t *result, struct error *error)
{
    struct sim_endpoint *end = sim_end_of(driver->net, op->fd);

    if (sim_pipe_readable(&end->in) > 0) {
        *result = (int64_t)give_bytes(driver, op, end);
        return true;
    }
    if (end->in.is_fin_arrived || (end->state == SIM_FAILED && end->link->is_answered)) {
        return true; /* a FIN is remembered through a reset; one that was refused reads an end */
    }
    if (end->is_reset && !end->is_reset_told) {
        end->is_reset_told = true;
        *error = error_make(sim_end_reset_kind(end), "recv");
        return true;
    }
    if (end->is_reset || end->is_shut) {
        return true;
    }
    if (end->state != SIM_OPEN) {
        *error = error_make(ERROR_BROKEN, "recv");
    }
    return end->state != SIM_OPEN;
}

static size_t give_bytes(struct sim_driver *driver, struct io_op *op, struct sim_endpoint *end)
{
    struct sim_net *net = driver->net;
    size_t          len = sim_pipe_readable(&end->in);
    size_t          buffer = (size_t)(end->fd - SIM_FD_FIRST);

    len = len < IO_RECV_BYTES ? len : IO_RECV_BYTES;
    if (sim_chance(net, net->faults.short_recv)) {
        len = (size_t)sim_between(net, 1, len);
    }
    struct bytes lent = sim_lent_begin(driver->lent, buffer, len);

    sim_pipe_read(&end->in, lent);
    sim_end_push(end->peer);
    op->buffer = (int16_t)buffer;
    op->received = (struct bytes_const){.data = lent.data, .len = lent.len};
    return len;
}

static bool attempt_send(struct sim_slot *slot)
{
    struct sim_net      *net = slot->driver->net;
    struct sim_endpoint *end = sim_end_of(net, slot->op->fd);
    struct sim_pipe     *out = &end->peer->in;
    struct bytes_const   from = slot->op->from;

    if (end->is_reset && !end->is_reset_told && slot->sent == 0) {
        end->is_reset_told = true;
        return sim_send_end(slot, sim_end_reset_kind(end));
    }
    if (slot->sent == 0 && sim_chance(net, net->faults.send_exhausted)) {
        return sim_send_end(slot, ERROR_EXHAUSTED);
    }
    if (end->state != SIM_OPEN || end->is_reset || out->is_fin_wanted) {
        return sim_send_end(slot, ERROR_BROKEN);
    }
    from.data += slot->sent;
    from.len -= slot->sent;
    from.len = from.len < sim_pipe_room(out) ? from.len : sim_pipe_room(out);
    if (from.len == 0) {
        return false;
    }
    if (sim_chance(net, net->faults.short_send)) {
        from.len = (size_t)sim_between(net, 1, from.len);
    }
    sim_pipe_write(out, from);
    slot->sent += from.len;
    sim_end_push(end);
    if (slot->is_in_parts && slot->sent < slot->op->from.len) {
        sim_slot_poke(slot);
        return false;
    }
    return sim_send_end(slot, ERROR_NONE);
}

static bool attempt_poll(struct sim_slot *slot)
{
    return is_pollable(slot->driver->net, slot->op->fd) && sim_slot_end(slot, 0, ERROR_OK);
}

/* The slot goes with its socket, so that the op is taken out first. */
static bool do_close(struct sim_slot *slot)
{
    struct sim_slot closing = *slot;
    struct sim_net *net = slot->driver->net;
    struct sim_fd   entry = *sim_fd_of(net, slot->op->fd);

    slot->op = NULL;
    closing.event.position = 0;
    if (entry.kind == SIM_FD_LISTENER) {
        sim_listener_free(entry.listener);
    } else if (entry.kind == SIM_FD_ENDPOINT) {
        require(entry.endpoint->recv.op == NULL);
        require(entry.endpoint->send.op == NULL);
        entry.endpoint->fd = -1;
        sim_end_close(entry.endpoint);
    }
    sim_fd_give(net, closing.op->fd);
    return sim_slot_end(&closing, 0, ERROR_OK);
}

bool sim_send_end(struct sim_slot *slot, enum error_kind kind)
{
    return sim_slot_end(slot, (int64_t)slot->sent,
                        slot->sent > 0 ? ERROR_OK : error_make(kind, "send"));
}

void sim_check_lent(const struct sim_slot *slot)
{
    const struct io_op *op = slot->op;
    const struct io_op *lent = &slot->lent;

    require(op->done == lent->done);
    require(op->fd == lent->fd);
    require(op->kind == lent->kind);
    require(op->kind != IO_CONNECT || op->address == lent->address);
    require(op->kind != IO_SEND || op->from.data == lent->from.data);
    require(op->kind != IO_SEND || op->from.len == lent->from.len);
    require(op->kind != IO_SEND || sim_lent_hash(op->from) == slot->lent_hash);
}

bool sim_slot_end(struct sim_slot *slot, int64_t result, struct error error)
{
    struct sim_driver *driver = slot->driver;
    struct io_op      *op = slot->op;

    sim_check_lent(slot);
    sim_event_clear(driver->net, &slot->event);
    slot->op = NULL;
    driver->net->completions++;
    sim_note(driver->net, op->kind, (uint64_t)op->fd, (uint64_t)result * 16 + error.kind);
    io_complete(driver->loop, op, result, error);
    return true;
}

static bool is_pollable(struct sim_net *net, int fd)
{
    const struct sim_fd *entry = sim_fd_of(net, fd);

    switch (entry->kind) {
    case SIM_FD_ENDPOINT:
        return sim_end_is_readable(entry->endpoint);
    case SIM_FD_LISTENER:
        return !list_is_empty(&entry->listener->backlog);
    case SIM_FD_EVENT:
        return entry->raised->is_raised;
    case SIM_FD_FREE:
        break;
    }
    return false;
}
