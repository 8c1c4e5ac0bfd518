#include "base/rate.h"

#include "base/clock.h"

void rate_init(struct rate *rate, uint32_t per_second, uint64_t now_ns)
{
    *rate = (struct rate){.filled_at_ns = now_ns, .tokens = per_second, .per_second = per_second};
}

bool rate_allows(struct rate *rate, uint64_t now_ns)
{
    uint64_t gained = (now_ns - rate->filled_at_ns) / (NS_PER_S / rate->per_second);

    if (gained > 0) {
        uint64_t tokens = rate->tokens + gained;

        rate->tokens = tokens > rate->per_second ? rate->per_second : (uint32_t)tokens;
        rate->filled_at_ns = now_ns;
    }
    if (rate->tokens == 0) {
        rate->held_back++;
        return false;
    }
    rate->tokens--;
    return true;
}

uint32_t rate_take_held_back(struct rate *rate)
{
    uint32_t held_back = rate->held_back;

    rate->held_back = 0;
    return held_back;
}
