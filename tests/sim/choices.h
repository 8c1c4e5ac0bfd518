/*
 * A tree of choices, walked depth first by repeating runs: each run is the list of what was chosen,
 * and the next one repeats it up to the last choice that has something left, takes that, and then
 * always the first.
 */
#ifndef SALLYPORT_TESTS_SIM_CHOICES_H
#define SALLYPORT_TESTS_SIM_CHOICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct choice {
    uint16_t taken;
    uint16_t count;
};

/* Zeroed memory is the first run. */
struct choices {
    struct choice *list;
    size_t         count;
    size_t         capacity;
    size_t         at;           /* how many the present run has taken */
    bool           has_diverged; /* a repeated run offered another number of alternatives (I14) */
};

void choices_fini(struct choices *choices);

/* The next run repeats nothing. */
void choices_clear(struct choices *choices);

/* A run begins: it repeats what is in the list. */
void choices_begin(struct choices *choices);

/* The next choice is not a repetition. */
bool choices_is_new(const struct choices *choices);

/* The next choice, if it is new, will be this one of `count`. */
void choices_prefer(struct choices *choices, unsigned taken, unsigned count);

/* 0 to count - 1. */
unsigned choices_take(struct choices *choices, unsigned count);

/* What the run that is over took becomes the list, and the list the next run's. False: that was the
 * last. */
bool choices_next(struct choices *choices);

/* "0,2,1": for a run to be repeated. False: that is no such list. */
bool choices_read(struct choices *choices, const char *text);
void choices_tell(const struct choices *choices);

#endif
