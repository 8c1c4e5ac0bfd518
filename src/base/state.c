#include "base/state.h"

#include "base/require.h"

#include <stdio.h>
#include <string.h>

void state_init(struct state *state, const struct state_table *table, unsigned first)
{
    require(table->count <= STATES_MAX && first < table->count);
    *state = (struct state){.table = table, .now = (uint8_t)first};
}

const char *state_name(const struct state *state)
{
    return state->table->names[state->now];
}

bool state_may_move(const struct state *state, unsigned to)
{
    require(to < state->table->count);
    return (state->table->next[state->now] & STATE_BIT(to)) != 0;
}

void state_move(struct state *state, unsigned to)
{
    if (!state_may_move(state, to)) {
        char        memory[256];
        struct text trail;

        text_init(&trail, memory, sizeof(memory));
        state_trail(state, &trail);
        (void)fprintf(stderr, "sallyport: %s may not move %s>%s\n", state->table->machine, memory,
                      state->table->names[to]);
        require(!"a move that the table does not allow");
    }
    if (state->moves == STATE_TRAIL_LEN) {
        memmove(state->trail, state->trail + 1, STATE_TRAIL_LEN - 1);
        state->moves--;
    }
    state->trail[state->moves++] = state->now;
    state->now = (uint8_t)to;
}

void state_trail(const struct state *state, struct text *into)
{
    for (unsigned i = 0; i < state->moves; i++) {
        text_format(into, "%s>", state->table->names[state->trail[i]]);
    }
    text_format(into, "%s", state_name(state));
}
