#include "legal_state.h"

#include <check.h>
#include <string.h>

/* As Linux has it, with the one addition of io.h: the end of a connection that was told to be reset
 * is no end. A FIN is remembered before a reset that follows it (SOCK_DONE before sk_err). */
static const struct legal_row rows[] = {
    {"recv: bytes are there", OP_RECEIVE, HAS_BYTES, BYTES},
    {"recv: a reset was told", OP_RECEIVE, WAS_TOLD, IS_RESET},
    {"recv: the peer ended", OP_RECEIVE, HAS_FIN, END},
    {"recv: a reset came", OP_RECEIVE, HAS_RESET, IS_RESET},
    {"recv: we ended reading", OP_RECEIVE, SHUT_READING, END},
    {"recv: nothing is there", OP_RECEIVE, 0, WAITS},
    {"send: a reset came", OP_SEND, HAS_RESET, IS_RESET},
    {"send: a reset came after the peer's end", OP_SEND, HAS_LATE_RESET, IS_BROKEN},
    {"send: a reset was told", OP_SEND, IS_DEAD, IS_BROKEN},
    {"send: we ended sending", OP_SEND, SENT_FIN, IS_BROKEN},
    {"send: there is room", OP_SEND, 0, BYTES},
    {"poll: bytes are there", OP_POLL, HAS_BYTES, IS_WELL},
    {"poll: the peer ended", OP_POLL, HAS_FIN, IS_WELL},
    {"poll: a reset came", OP_POLL, IS_DEAD, IS_WELL},
    {"poll: we ended reading", OP_POLL, SHUT_READING, IS_WELL},
    {"poll: nothing is there", OP_POLL, 0, WAITS},
    {"close", OP_CLOSE, 0, IS_WELL},
};

static unsigned          facts_of(const struct legal_end *end);
static struct legal_end *other(struct legal_state *state, enum script_end end);
static bool              is_over(const struct legal_state *state, enum script_end end);
static void              launch(struct legal_state *state, enum script_end from, unsigned segment);
static bool take_effect(struct legal_state *state, enum script_end end, const struct event *event);
static void tell_of_reset(struct legal_end *end);
static void close_end(struct legal_state *state, enum script_end end);
static void send_fin(struct legal_state *state, enum script_end end);
static void on_bytes(struct legal_state *state, enum script_end end, unsigned bytes);
static void on_reset(struct legal_state *state, enum script_end end);

size_t legal_rows_count(void)
{
    return sizeof(rows) / sizeof(rows[0]);
}

const struct legal_row *legal_row(size_t index)
{
    return &rows[index];
}

size_t legal_state_row(const struct legal_state *state, enum script_end end, enum script_op op)
{
    unsigned facts = facts_of(&state->ends[end]);
    size_t   index = 0;

    while (rows[index].op != op || (facts & rows[index].holds) != rows[index].holds) {
        index++;
    }
    return index;
}

bool legal_state_operate(struct legal_state *state, enum script_end end, const struct event *event)
{
    struct legal_op *op = &state->ends[end].ops[event->op];
    size_t           row = legal_state_row(state, end, event->op);

    if (event->outcome == IS_CANCELLED) {
        if (op->phase != LEGAL_ASKED_TO_END) {
            return false;
        }
    } else if ((rows[row].outcomes & event->outcome) == 0 || event->outcome == WAITS ||
               !take_effect(state, end, event)) {
        return false;
    }
    op->phase = LEGAL_ENDED;
    op->row = (uint8_t)row;
    return true;
}

bool legal_state_arrive(struct legal_state *state, enum script_end end)
{
    struct legal_end *at = &state->ends[end];

    if (at->segments_count == 0) {
        return false;
    }
    unsigned segment = at->segments[0];

    at->segments_count--;
    memmove(at->segments, at->segments + 1, at->segments_count * sizeof(at->segments[0]));
    at->segments[at->segments_count] = 0;
    if (segment == LEGAL_RST) {
        on_reset(state, end);
    } else if (segment == LEGAL_FIN) {
        at->facts |= (at->facts & IS_DEAD) == 0 ? HAS_FIN : 0;
        other(state, end)->is_fin_arrived = true;
    } else {
        on_bytes(state, end, segment);
    }
    return true;
}

void legal_state_shut(struct legal_state *state, enum script_end end, bool is_both)
{
    struct legal_end *at = &state->ends[end];

    at->facts |= is_both ? SHUT_READING : 0;
    send_fin(state, end);
}

static unsigned facts_of(const struct legal_end *end)
{
    return end->facts | (end->unread > 0 ? HAS_BYTES : 0);
}

static struct legal_end *other(struct legal_state *state, enum script_end end)
{
    return &state->ends[ENDS - 1 - end];
}

/* Both FINs arrived: nothing happens to this connection any more. */
static bool is_over(const struct legal_state *state, enum script_end end)
{
    const struct legal_end *at = &state->ends[end];

    return (at->facts & HAS_FIN) != 0 && at->is_fin_arrived;
}

static void launch(struct legal_state *state, enum script_end from, unsigned segment)
{
    struct legal_end *to = other(state, from);

    ck_assert_uint_lt(to->segments_count, LEGAL_SEGMENTS_MAX);
    to->segments[to->segments_count++] = (uint16_t)segment;
}

static bool take_effect(struct legal_state *state, enum script_end end, const struct event *event)
{
    struct legal_end *at = &state->ends[end];

    if (event->op == OP_CLOSE) {
        close_end(state, end);
    } else if (event->outcome == BYTES && event->op == OP_SEND) {
        launch(state, end, event->moved);
    } else if (event->outcome == BYTES) {
        if (event->moved > at->unread) {
            return false;
        }
        at->unread = (uint16_t)(at->unread - event->moved);
    } else if (event->outcome == IS_RESET || event->outcome == IS_BROKEN) {
        at->facts |= event->outcome == IS_RESET ? WAS_TOLD : 0;
        tell_of_reset(at);
    }
    return true;
}

/* The kernel tells once. */
static void tell_of_reset(struct legal_end *end)
{
    end->facts &= (uint16_t) ~(HAS_RESET | HAS_LATE_RESET);
}

static void close_end(struct legal_state *state, enum script_end end)
{
    struct legal_end *at = &state->ends[end];

    at->is_closed = true;
    if ((at->facts & IS_DEAD) != 0 || is_over(state, end)) {
        return;
    }
    bool has_both_ended = (at->facts & (HAS_FIN | SENT_FIN)) == (HAS_FIN | SENT_FIN);

    if (at->unread > 0 || (at->is_lingering && !has_both_ended)) {
        launch(state, end, LEGAL_RST);
        at->facts |= IS_DEAD;
    } else {
        send_fin(state, end);
    }
}

static void send_fin(struct legal_state *state, enum script_end end)
{
    struct legal_end *at = &state->ends[end];

    if ((at->facts & (SENT_FIN | IS_DEAD)) == 0) {
        launch(state, end, LEGAL_FIN);
    }
    at->facts |= SENT_FIN;
}

/* Bytes that nobody will receive are answered by RST. */
static void on_bytes(struct legal_state *state, enum script_end end, unsigned bytes)
{
    struct legal_end *at = &state->ends[end];
    bool              is_unwanted =
        at->is_closed || (at->facts & (SHUT_READING | SENT_FIN)) == (SHUT_READING | SENT_FIN);

    if ((at->facts & IS_DEAD) != 0) {
        return;
    }
    if (is_unwanted) {
        launch(state, end, LEGAL_RST);
        on_reset(state, end);
        return;
    }
    at->unread = (uint16_t)(at->unread + bytes);
}

static void on_reset(struct legal_state *state, enum script_end end)
{
    struct legal_end *at = &state->ends[end];

    if ((at->facts & IS_DEAD) != 0 || is_over(state, end)) {
        return;
    }
    bool is_late = (at->facts & (HAS_FIN | SENT_FIN)) == HAS_FIN;

    at->facts |= IS_DEAD | (is_late ? HAS_LATE_RESET : HAS_RESET);
}
