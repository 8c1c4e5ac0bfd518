#include "pattern.h"

#include "base/require.h"

#include <string.h>

/* A prime, so that the repeat never falls together with records, buffers or pages. */
enum { PERIOD_BYTES = 65521 };

static uint8_t pattern[PERIOD_BYTES + PATTERN_SLICE_BYTES];

void pattern_init(void)
{
    uint32_t state = 2463534242U;

    for (size_t i = 0; i < PERIOD_BYTES; i++) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        pattern[i] = (uint8_t)state;
    }
    for (size_t i = PERIOD_BYTES; i < sizeof(pattern); i++) {
        pattern[i] = pattern[i - PERIOD_BYTES];
    }
}

const uint8_t *pattern_at(uint64_t offset)
{
    return pattern + offset % PERIOD_BYTES;
}

bool pattern_matches(const uint8_t *bytes, size_t len, uint64_t offset)
{
    require(len <= PATTERN_SLICE_BYTES);
    return memcmp(bytes, pattern_at(offset), len) == 0;
}
