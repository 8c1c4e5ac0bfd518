#include "legal_state.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* Ways a connection may stand at one moment: hurried steps multiply them. */
enum { STATES_MAX = 20000 };

struct states {
    struct legal_state *all;
    size_t              count;
};

static void     add(struct states *states, const struct legal_state *state);
static void     spread(struct states *states, const struct history *history);
static void     spread_end(struct states *states, size_t index, enum script_end end,
                           const struct history *history);
static bool     apply(struct legal_state *state, const struct event *event, size_t index);
static bool     is_quiet(const struct legal_state *state);
static bool     may_wait(const struct legal_state *state, enum script_end end, enum script_op op);
static void     forget_rows(struct states *states);
static unsigned expected(const struct states *states, const struct event *event);
static void see(const struct states *states, const struct event *event, struct legal_seen *seen);
static void see_row(const struct states *states, enum script_end end, enum script_op op,
                    bool is_waiting, enum outcome outcome, struct legal_seen *seen);

struct legal_verdict legal_judge(const struct history *history, struct legal_seen *seen)
{
    struct states        states = {.all = malloc(STATES_MAX * sizeof(struct legal_state))};
    struct legal_verdict verdict = {.is_legal = true, .problem = history->problem};

    ck_assert_ptr_nonnull(states.all);
    memset(states.all, 0, sizeof(states.all[0]));
    states.count = 1;
    for (size_t i = 0; i < history->count && verdict.is_legal; i++) {
        const struct event *event = &history->events[i];
        struct legal_state  standing;
        size_t              count;

        spread(&states, history);
        verdict.event = i;
        verdict.expected = expected(&states, event);
        count = states.count;
        states.count = 0;
        for (size_t from = 0; from < count; from++) {
            standing = states.all[from];
            if (apply(&standing, event, i)) {
                add(&states, &standing);
            }
        }
        verdict.is_legal = states.count > 0;
        see(&states, event, seen);
        forget_rows(&states);
    }
    verdict.is_legal = verdict.is_legal && history->problem == NULL;
    free(states.all);
    return verdict;
}

/* Every state that may come of these by itself is among them afterwards. */
static void spread(struct states *states, const struct history *history)
{
    for (size_t i = 0; i < states->count; i++) {
        spread_end(states, i, CLIENT, history);
        spread_end(states, i, SERVER, history);
    }
}

static void spread_end(struct states *states, size_t index, enum script_end end,
                       const struct history *history)
{
    struct legal_state next = states->all[index];

    if (legal_state_arrive(&next, end)) {
        add(states, &next);
    }
    for (enum script_op op = OP_RECEIVE; op < OPS; op++) {
        const struct legal_op *of = &states->all[index].ends[end].ops[op];

        next = states->all[index];
        if ((of->phase == LEGAL_PENDING || of->phase == LEGAL_ASKED_TO_END) &&
            legal_state_operate(&next, end, &history->events[of->event])) {
            add(states, &next);
        }
    }
}

static void add(struct states *states, const struct legal_state *state)
{
    for (size_t i = 0; i < states->count; i++) {
        if (memcmp(&states->all[i], state, sizeof(*state)) == 0) {
            return;
        }
    }
    ck_assert_uint_lt(states->count, STATES_MAX);
    states->all[states->count++] = *state;
}

/* False: that event cannot have followed. */
static bool apply(struct legal_state *state, const struct event *event, size_t index)
{
    struct legal_op *op = &state->ends[event->end].ops[event->op];

    switch (event->kind) {
    case SUBMITTED:
        *op = (struct legal_op){.phase = LEGAL_PENDING, .event = (uint8_t)index};
        return true;
    case ASKED_TO_END:
        op->phase = op->phase == LEGAL_PENDING ? LEGAL_ASKED_TO_END : op->phase;
        return true;
    case DONE:
        if (op->phase != LEGAL_ENDED) {
            return false;
        }
        *op = (struct legal_op){.row = op->row};
        return true;
    case SHUT_SENDING:
    case SHUT_BOTH:
        legal_state_shut(state, event->end, event->kind == SHUT_BOTH);
        return true;
    case LINGER_SET:
        state->ends[event->end].is_lingering = true;
        return true;
    case QUIET:
        return is_quiet(state);
    }
    return false;
}

/* Nothing is on its way, and what waits must wait. */
static bool is_quiet(const struct legal_state *state)
{
    for (enum script_end end = CLIENT; end < ENDS; end++) {
        if (state->ends[end].segments_count > 0) {
            return false;
        }
        for (enum script_op op = OP_RECEIVE; op < OPS; op++) {
            if (state->ends[end].ops[op].phase != LEGAL_IDLE && !may_wait(state, end, op)) {
                return false;
            }
        }
    }
    return true;
}

static bool may_wait(const struct legal_state *state, enum script_end end, enum script_op op)
{
    return state->ends[end].ops[op].phase == LEGAL_PENDING &&
           (legal_row(legal_state_row(state, end, op))->outcomes & WAITS) != 0;
}

/* Ways that differ only in how an operation came to its end are one way from now on. */
static void forget_rows(struct states *states)
{
    size_t count = states->count;

    states->count = 0;
    for (size_t i = 0; i < count; i++) {
        struct legal_state state = states->all[i];

        for (enum script_end end = CLIENT; end < ENDS; end++) {
            for (enum script_op op = OP_RECEIVE; op < OPS; op++) {
                struct legal_op *of = &state.ends[end].ops[op];

                of->row = of->phase == LEGAL_ENDED ? of->row : 0;
            }
        }
        add(states, &state);
    }
}

static unsigned expected(const struct states *states, const struct event *event)
{
    unsigned outcomes = 0;

    for (size_t i = 0; i < states->count && event->kind == DONE; i++) {
        size_t row = legal_state_row(&states->all[i], event->end, event->op);

        outcomes |= legal_row(row)->outcomes;
    }
    return outcomes;
}

static void see(const struct states *states, const struct event *event, struct legal_seen *seen)
{
    if (event->kind == DONE) {
        see_row(states, event->end, event->op, false, event->outcome, seen);
    }
    for (enum script_end end = CLIENT; end < ENDS && event->kind == QUIET; end++) {
        for (enum script_op op = OP_RECEIVE; op < OPS; op++) {
            see_row(states, end, op, true, WAITS, seen);
        }
    }
}

static void see_row(const struct states *states, enum script_end end, enum script_op op,
                    bool is_waiting, enum outcome outcome, struct legal_seen *seen)
{
    size_t row = LEGAL_ROWS_MAX;

    for (size_t i = 0; i < states->count; i++) {
        const struct legal_op *of = &states->all[i].ends[end].ops[op];
        size_t decided = is_waiting ? legal_state_row(&states->all[i], end, op) : of->row;

        if ((is_waiting && of->phase == LEGAL_IDLE) || (row != LEGAL_ROWS_MAX && row != decided)) {
            return;
        }
        row = decided;
    }
    if (row != LEGAL_ROWS_MAX) {
        seen->outcomes[row] |= outcome;
    }
}
