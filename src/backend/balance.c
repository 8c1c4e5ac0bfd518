#include "backend/balance.h"

int balance_roundrobin(struct balance_candidate *candidates, size_t count)
{
    int32_t weights = 0;
    int     best = BALANCE_NONE;

    for (size_t i = 0; i < count; i++) {
        if (!candidates[i].is_eligible) {
            continue;
        }
        candidates[i].credit += candidates[i].weight;
        weights += candidates[i].weight;
        if (best == BALANCE_NONE || candidates[i].credit > candidates[best].credit) {
            best = (int)i;
        }
    }
    if (best != BALANCE_NONE) {
        candidates[best].credit -= weights;
    }
    return best;
}

int balance_first(const struct balance_candidate *candidates, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (candidates[i].is_eligible) {
            return (int)i;
        }
    }
    return BALANCE_NONE;
}
