#include "visited.h"

#include "base/require.h"

#include <stdlib.h>

enum { CAPACITY_FIRST = 4096, LEFT_MAX = 254 };

static struct visited_state *place_of(struct visited *visited, uint64_t fingerprint);
static void                  grow(struct visited *visited);

void visited_fini(struct visited *visited)
{
    free(visited->states);
    *visited = (struct visited){0};
}

bool visited_enter(struct visited *visited, uint64_t fingerprint, unsigned left)
{
    require(left <= LEFT_MAX);
    if (visited->count * 2 >= visited->capacity) {
        grow(visited);
    }
    struct visited_state *state = place_of(visited, fingerprint);

    if (state->left > left) {
        return false;
    }
    visited->count += state->left == 0 ? 1 : 0;
    *state = (struct visited_state){.fingerprint = fingerprint, .left = (uint8_t)(left + 1)};
    return true;
}

uint64_t visited_sum(const struct visited *visited)
{
    uint64_t sum = visited->count;

    for (size_t i = 0; i < visited->capacity; i++) {
        sum += visited->states[i].left != 0 ? visited->states[i].fingerprint : 0;
    }
    return sum;
}

/* Its own, or the empty one it would take. */
static struct visited_state *place_of(struct visited *visited, uint64_t fingerprint)
{
    size_t mask = visited->capacity - 1;
    size_t at = (size_t)fingerprint & mask;

    while (visited->states[at].left != 0 && visited->states[at].fingerprint != fingerprint) {
        at = (at + 1) & mask;
    }
    return &visited->states[at];
}

static void grow(struct visited *visited)
{
    struct visited old = *visited;

    visited->capacity = old.capacity == 0 ? CAPACITY_FIRST : old.capacity * 2;
    visited->states = calloc(visited->capacity, sizeof(*visited->states));
    require(visited->states != NULL);
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.states[i].left != 0) {
            *place_of(visited, old.states[i].fingerprint) = old.states[i];
        }
    }
    free(old.states);
}
