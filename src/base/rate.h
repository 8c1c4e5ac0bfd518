/*
 * Token bucket: at most so many events a second, with a count of those held back since the last
 * one let through. Keeps peers from filling the log.
 */
#ifndef SALLYPORT_BASE_RATE_H
#define SALLYPORT_BASE_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate {
    /* private */
    uint64_t filled_at_ns;
    uint32_t tokens;
    uint32_t per_second;
    uint32_t held_back;
};

void rate_init(struct rate *rate, uint32_t per_second, uint64_t now_ns);

/* True when one more event may happen now. */
bool rate_allows(struct rate *rate, uint64_t now_ns);

/* Events refused since this was last asked; asking sets it to zero. */
uint32_t rate_take_held_back(struct rate *rate);

#endif
