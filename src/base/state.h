/*
 * A state machine's bookkeeping: which moves its table allows, and the last eight it made.
 * The machine itself (diagram, enum, table, mover) lives with its owner.
 */
#ifndef SALLYPORT_BASE_STATE_H
#define SALLYPORT_BASE_STATE_H

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

enum { STATE_TRAIL_LEN = 8, STATES_MAX = 32 };

struct state_table {
    const char        *machine; /* "session" */
    const char *const *names;   /* one a state */
    const uint32_t    *next;    /* one a state: bit n set when it may move to state n */
    unsigned           count;
};

struct state {
    /* private */
    const struct state_table *table;
    uint8_t                   now;
    uint8_t                   moves; /* how many of the trail's entries count, at most eight */
    uint8_t                   trail[STATE_TRAIL_LEN]; /* states left behind, newest last */
};

#define STATE_BIT(state) (UINT32_C(1) << (state))

void state_init(struct state *state, const struct state_table *table, unsigned first);

static inline unsigned state_now(const struct state *state)
{
    return state->now;
}

const char *state_name(const struct state *state);

bool state_may_move(const struct state *state, unsigned to);

/* Moves; a move the table does not allow is our mistake and aborts, after printing the trail. */
void state_move(struct state *state, unsigned to);

/* Appends "A>B>C", the trail with the present state last. */
void state_trail(const struct state *state, struct text *into);

#endif
