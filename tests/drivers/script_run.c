#include "script_run.h"

#include "base/clock.h"
#include "base/list.h"

#include <linux/sockios.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

/* On the simulator everything is over after this much virtual time, lost segments included. On the
 * kernel the sockets tell; a number of turns bounds the wait for what never comes. */
static const uint64_t QUIET_NS = 2 * NS_PER_S;
enum { QUIET_TURNS_MAX = 30, ROUNDS = 3, CLOSED = -1 };

struct stage;

struct stage_op {
    struct io_op    op;
    struct stage   *stage;
    enum script_end end;
    enum script_op  kind;
    unsigned        step;
};

struct stage_end {
    int             fd;
    struct stage_op ops[OPS];
    size_t          sent;
    size_t          received;
    size_t          wanted;   /* of what was sent, as much as the other end took before it closed */
    bool            is_ended; /* sends no more */
    bool            expects_reset; /* the other end did what the kernel answers with RST */
};

struct stage {
    struct world    *world;
    struct history  *history;
    struct stage_end ends[ENDS];
    unsigned         step;
    bool             is_accepted;
    bool             is_over; /* what still happens is not the script's */
};

static void  stage_open(struct stage *stage);
static void  stage_close(struct stage *stage);
static void  accept_server(struct stage *stage);
static void  play(struct stage *stage, const struct step *step);
static void  shut(struct stage *stage, enum script_end end, bool is_both);
static void  submit(struct stage *stage, enum script_end end, enum script_op kind, unsigned bytes);
static void  cancel(struct stage *stage, enum script_end end);
static void  close_end(struct stage *stage, enum script_end end, bool is_reset);
static bool  is_any_pending(const struct stage_end *end);
static void  pace(struct stage *stage, enum script_pace pace);
static void  wait_until_quiet(struct stage *stage);
static bool  is_moving(const struct stage *stage, enum script_end end);
static bool  has_arrived(const struct stage *stage, enum script_end end);
static int   unread(int fd);
static short events_of(int fd);
static void  on_done(struct io_op *op);
static void  check_bytes(struct stage *stage, const struct stage_op *op);
static void  note(struct stage *stage, struct event event);
static void  fill_in(struct history *history);

void script_run(struct world *world, const struct script *script, struct history *history)
{
    struct stage stage = {.world = world, .history = history};

    memset(history, 0, sizeof(*history));
    stage_open(&stage);
    for (size_t i = 0; i < script->count; i++) {
        stage.step = (unsigned)i;
        play(&stage, &script->steps[i]);
        pace(&stage, script->steps[i].pace);
    }
    pace(&stage, UNTIL_QUIET);
    fill_in(history);
    stage.is_over = true;
    stage_close(&stage);
}

static void stage_open(struct stage *stage)
{
    struct call connecting = {0};

    for (enum script_end end = CLIENT; end < ENDS; end++) {
        stage->ends[end].fd = CLOSED;
        for (enum script_op kind = OP_RECEIVE; kind < OPS; kind++) {
            struct stage_op *op = &stage->ends[end].ops[kind];

            op->stage = stage;
            op->end = end;
            op->kind = kind;
        }
    }
    stage->ends[CLIENT].fd = world_socket(stage->world);
    world_connect(stage->world, &connecting, stage->ends[CLIENT].fd);
    world_finish(stage->world, &connecting);
    ck_assert_int_eq(call_error(&connecting), ERROR_NONE);
}

/* By RST, which leaves nothing in TIME_WAIT. */
static void stage_close(struct stage *stage)
{
    if (!stage->is_accepted) {
        accept_server(stage);
    }
    for (enum script_end end = CLIENT; end < ENDS; end++) {
        close_end(stage, end, true);
    }
    wait_until_quiet(stage);
}

static void accept_server(struct stage *stage)
{
    struct call accepting = {0};

    world_accept(stage->world, &accepting);
    world_finish(stage->world, &accepting);
    ck_assert_int_eq(call_error(&accepting), ERROR_NONE);
    stage->ends[SERVER].fd = (int)accepting.op.result;
    stage->is_accepted = true;
}

static void play(struct stage *stage, const struct step *step)
{
    if (step->end == SERVER && !stage->is_accepted) {
        accept_server(stage);
    }
    if (stage->ends[step->end].fd == CLOSED) {
        return;
    }
    switch (step->verb) {
    case DOES_NOTHING:
        break;
    case RECEIVES:
        submit(stage, step->end, OP_RECEIVE, 0);
        break;
    case SENDS:
        submit(stage, step->end, OP_SEND, step->bytes);
        break;
    case POLLS:
        submit(stage, step->end, OP_POLL, 0);
        break;
    case CANCELS:
        cancel(stage, step->end);
        break;
    case ENDS_SENDING:
    case ENDS_BOTH:
        shut(stage, step->end, step->verb == ENDS_BOTH);
        break;
    case CLOSES:
    case RESETS:
        close_end(stage, step->end, step->verb == RESETS);
        break;
    }
}

static void shut(struct stage *stage, enum script_end end, bool is_both)
{
    note(stage, (struct event){.kind = is_both ? SHUT_BOTH : SHUT_SENDING, .end = end});
    stage->ends[end].is_ended = true;
    if (is_both) {
        io_shutdown_both(stage->world->loop, stage->ends[end].fd);
    } else {
        io_shutdown_send(stage->world->loop, stage->ends[end].fd);
    }
}

/* A second one of its kind would break a law: the step is left out. */
static void submit(struct stage *stage, enum script_end end, enum script_op kind, unsigned bytes)
{
    struct io_loop    *loop = stage->world->loop;
    struct stage_end  *of = &stage->ends[end];
    struct stage_op   *op = &of->ops[kind];
    struct bytes_const from = {.data = world_pattern(of->sent + bytes).data + of->sent,
                               .len = bytes};

    if (io_op_is_pending(&op->op)) {
        return;
    }
    memset(&op->op, 0, sizeof(op->op));
    op->step = stage->step;
    note(stage, (struct event){
                    .kind = SUBMITTED, .end = end, .op = kind, .step = op->step, .bytes = bytes});
    switch (kind) {
    case OP_RECEIVE:
        io_recv(loop, &op->op, of->fd, on_done);
        break;
    case OP_SEND:
        io_send(loop, &op->op, of->fd, from, on_done);
        break;
    case OP_POLL:
        io_poll(loop, &op->op, of->fd, on_done);
        break;
    case OP_CLOSE:
        io_close(loop, &op->op, of->fd, on_done);
        of->fd = CLOSED;
        break;
    case OPS:
        break;
    }
}

static void cancel(struct stage *stage, enum script_end end)
{
    for (enum script_op kind = OP_RECEIVE; kind < OP_CLOSE; kind++) {
        struct stage_op *op = &stage->ends[end].ops[kind];

        if (io_op_is_pending(&op->op)) {
            note(stage, (struct event){.kind = ASKED_TO_END, .end = end, .op = kind});
            io_cancel(stage->world->loop, &op->op);
        }
    }
}

static void close_end(struct stage *stage, enum script_end end, bool is_reset)
{
    struct stage_end *of = &stage->ends[end];

    if (of->fd == CLOSED) {
        return;
    }
    cancel(stage, end);
    for (int turns = 0; turns < WORLD_TURNS_MAX && is_any_pending(of); turns++) {
        io_turn(stage->world->loop, WORLD_TURN_MS * NS_PER_MS);
    }
    ck_assert(!is_any_pending(of));
    if (is_reset) {
        note(stage, (struct event){.kind = LINGER_SET, .end = end});
        io_reset_on_close(stage->world->loop, of->fd);
    }
    struct stage_end *peer = &stage->ends[ENDS - 1 - end];

    of->is_ended = true;
    peer->expects_reset = is_reset || unread(of->fd) > 0;
    peer->wanted = of->received + (size_t)unread(of->fd);
    submit(stage, end, OP_CLOSE, 0);
}

static bool is_any_pending(const struct stage_end *end)
{
    for (enum script_op kind = OP_RECEIVE; kind < OPS; kind++) {
        if (io_op_is_pending(&end->ops[kind].op)) {
            return true;
        }
    }
    return false;
}

static void pace(struct stage *stage, enum script_pace pace)
{
    switch (pace) {
    case UNTIL_QUIET:
        wait_until_quiet(stage);
        note(stage, (struct event){.kind = QUIET});
        break;
    case ONE_TURN:
        io_turn(stage->world->loop, 0);
        break;
    case AT_ONCE:
        break;
    }
}

static void wait_until_quiet(struct stage *stage)
{
    struct io_loop *loop = stage->world->loop;

    if (stage->world->is_simulated) {
        uint64_t until_ns = clock_now_ns() + QUIET_NS;

        while (clock_now_ns() < until_ns) {
            io_turn(loop, until_ns - clock_now_ns());
        }
        return;
    }
    for (int i = 0; i < ROUNDS; i++) {
        io_turn(loop, 0);
    }
    for (int turns = 0; turns < QUIET_TURNS_MAX; turns++) {
        if (!is_moving(stage, CLIENT) && !is_moving(stage, SERVER)) {
            break;
        }
        io_turn(loop, NS_PER_MS);
    }
    for (int i = 0; i < ROUNDS; i++) {
        io_turn(loop, 0);
    }
}

/* Something is on its way, or something that an operation waits for has come. */
static bool is_moving(const struct stage *stage, enum script_end end)
{
    const struct stage_end *at = &stage->ends[end];

    if (at->fd == CLOSED) {
        return io_op_is_pending(&at->ops[OP_CLOSE].op);
    }
    if ((events_of(at->fd) & ~POLLRDHUP) != 0 &&
        (io_op_is_pending(&at->ops[OP_RECEIVE].op) || io_op_is_pending(&at->ops[OP_POLL].op))) {
        return true;
    }
    return io_op_is_pending(&at->ops[OP_SEND].op) || !has_arrived(stage, end);
}

/* What the other end did. Acknowledgements tell as well, but may take 40 ms. */
static bool has_arrived(const struct stage *stage, enum script_end end)
{
    const struct stage_end *at = &stage->ends[end];
    const struct stage_end *peer = &stage->ends[ENDS - 1 - end];
    short                   events = events_of(at->fd);
    int                     unacknowledged = 0;

    if ((events & POLLHUP) != 0) {
        return true;
    }
    if (!stage->is_accepted) {
        (void)ioctl(at->fd, SIOCOUTQ, &unacknowledged);
        return unacknowledged == 0;
    }
    if (peer->fd == CLOSED && at->sent > at->wanted) {
        return false;
    }
    return peer->sent == at->received + (size_t)unread(at->fd) && !at->expects_reset &&
           (!peer->is_ended || (events & POLLRDHUP) != 0);
}

static int unread(int fd)
{
    int bytes = 0;

    return ioctl(fd, FIONREAD, &bytes) == 0 ? bytes : 0;
}

static short events_of(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN | POLLRDHUP};

    (void)poll(&poll_fd, 1, 0);
    return poll_fd.revents;
}

static void on_done(struct io_op *op)
{
    struct stage_op *done = container_of(op, struct stage_op, op);
    struct stage    *stage = done->stage;
    enum outcome     outcome = outcome_of(op);

    if (outcome == BYTES) {
        check_bytes(stage, done);
    }
    note(stage, (struct event){.kind = DONE,
                               .end = done->end,
                               .op = done->kind,
                               .step = done->step,
                               .bytes = outcome == BYTES ? (unsigned)op->result : 0,
                               .outcome = outcome});
}

/* Every byte in order, exactly once. */
static void check_bytes(struct stage *stage, const struct stage_op *op)
{
    struct stage_end *end = &stage->ends[op->end];
    size_t            len = (size_t)op->op.result;

    if (op->kind == OP_SEND) {
        end->sent += len;
        return;
    }
    const uint8_t *expected = world_pattern(end->received + len).data + end->received;

    if (len != op->op.received.len || memcmp(op->op.received.data, expected, len) != 0) {
        stage->history->problem = "bytes out of order";
    }
    end->received += len;
}

enum outcome outcome_of(const struct io_op *op)
{
    static const enum outcome outcomes[] = {
        [ERROR_RESET] = IS_RESET,
        [ERROR_BROKEN] = IS_BROKEN,
        [ERROR_CANCELLED] = IS_CANCELLED,
        [ERROR_REFUSED] = IS_REFUSED,
        [ERROR_EXHAUSTED] = IS_EXHAUSTED,
        [ERROR_UNSUPPORTED] = IS_UNSUPPORTED,
        [ERROR_INTERNAL] = 0,
    };
    enum error_kind kind = error_kind(&op->error);

    if (io_op_is_pending(op)) {
        return WAITS;
    }
    if (kind != ERROR_NONE) {
        return outcomes[kind] != 0 ? outcomes[kind] : SOMETHING_ELSE;
    }
    if (op->kind != IO_RECV && op->kind != IO_SEND) {
        return IS_WELL;
    }
    return op->result > 0 ? BYTES : END;
}

static void note(struct stage *stage, struct event event)
{
    struct history *history = stage->history;

    if (stage->is_over) {
        return;
    }
    ck_assert_uint_lt(history->count, SCRIPT_EVENTS_MAX);
    history->events[history->count++] = event;
}

/* What was submitted is told what became of it. */
static void fill_in(struct history *history)
{
    for (size_t i = 0; i < history->count; i++) {
        struct event *event = &history->events[i];

        if (event->kind != SUBMITTED) {
            continue;
        }
        event->outcome = WAITS;
        for (size_t later = i + 1; later < history->count; later++) {
            const struct event *done = &history->events[later];

            if (done->kind == DONE && done->end == event->end && done->op == event->op) {
                event->outcome = done->outcome;
                event->moved = done->bytes;
                break;
            }
        }
        history->outcomes[event->step] = event->outcome;
    }
}
