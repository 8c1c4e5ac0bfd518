/* A small generator whose whole state is one number, so that a seed says everything
 * (splitmix64: one addition and three multiplications a number). */
#ifndef SALLYPORT_TESTS_SIM_RANDOM_H
#define SALLYPORT_TESTS_SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
    uint64_t state;
};

static inline uint64_t random_next(struct random *random)
{
    uint64_t mixed = random->state += UINT64_C(0x9e3779b97f4a7c15);

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

/* 0 to below - 1; below at least 1. */
static inline uint64_t random_below(struct random *random, uint64_t below)
{
    return random_next(random) % below;
}

static inline bool random_percent(struct random *random, unsigned percent)
{
    return random_below(random, 100) < percent;
}

/* Mostly small, now and then up to max: sizes as traffic has them. */
static inline uint64_t random_size(struct random *random, uint64_t max)
{
    unsigned shift = (unsigned)random_below(random, 20);

    return random_below(random, (max >> shift) + 1);
}

#endif
