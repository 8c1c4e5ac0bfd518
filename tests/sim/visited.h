/*
 * States that were reached, each with how much was left to spend in it: whoever comes again with no
 * more than that can do nothing that was not done. A table of numbers (fingerprints) that grows.
 */
#ifndef SALLYPORT_TESTS_SIM_VISITED_H
#define SALLYPORT_TESTS_SIM_VISITED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct visited_state {
    uint64_t fingerprint;
    uint8_t  left; /* + 1; 0: an empty place */
};

/* Zeroed memory is empty. */
struct visited {
    struct visited_state *states;
    size_t                count;
    size_t                capacity; /* a power of two */
};

void visited_fini(struct visited *visited);

/* False: it was entered before, with as much left or more. */
bool visited_enter(struct visited *visited, uint64_t fingerprint, unsigned left);

/* The same whatever the order in which they were entered. */
uint64_t visited_sum(const struct visited *visited);

#endif
