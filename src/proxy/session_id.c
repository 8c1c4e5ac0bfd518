#include "proxy/session_id.h"

#include <string.h>

/* Digits, five bits each. */
enum { MS_DIGITS = 10, US_DIGITS = 2, REACTOR_DIGITS = 7, NUMBER_DIGITS = 7 };
enum { US_PER_MS = 1000 };

_Static_assert(MS_DIGITS + US_DIGITS + REACTOR_DIGITS + NUMBER_DIGITS + 1 == SESSION_ID_BYTES,
               "the digits and a NUL");

static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static char *put(char *at, uint64_t number, unsigned digits);
static bool  take(const uint8_t **at, unsigned digits, uint64_t max, uint64_t *number);

void session_id_text(const struct session_id *id, char into[static SESSION_ID_BYTES])
{
    char *at = put(into, id->time_us / US_PER_MS, MS_DIGITS);

    at = put(at, id->time_us % US_PER_MS, US_DIGITS);
    at = put(at, id->reactor, REACTOR_DIGITS);
    at = put(at, id->number, NUMBER_DIGITS);
    *at = '\0';
}

bool session_id_read(struct bytes_const text, struct session_id *id)
{
    const uint8_t *at = text.data;
    uint64_t       ms = 0;
    uint64_t       us = 0;
    uint64_t       reactor = 0;
    uint64_t       number = 0;

    if (text.len != SESSION_ID_BYTES - 1 || !take(&at, MS_DIGITS, UINT64_MAX, &ms) ||
        !take(&at, US_DIGITS, US_PER_MS - 1, &us) ||
        !take(&at, REACTOR_DIGITS, UINT32_MAX, &reactor) ||
        !take(&at, NUMBER_DIGITS, UINT32_MAX, &number)) {
        return false;
    }
    *id = (struct session_id){
        .time_us = ms * US_PER_MS + us, .reactor = (unsigned)reactor, .number = (uint32_t)number};
    return true;
}

bool session_id_is_equal(const struct session_id *one, const struct session_id *other)
{
    return one->number == other->number && one->time_us == other->time_us &&
           one->reactor == other->reactor;
}

/* Writes the low digits, highest first; returns where the next goes. */
static char *put(char *at, uint64_t number, unsigned digits)
{
    for (unsigned i = digits; i > 0; i--) {
        at[i - 1] = crockford[number & 31];
        number >>= 5;
    }
    return at + digits;
}

static bool take(const uint8_t **at, unsigned digits, uint64_t max, uint64_t *number)
{
    for (unsigned i = 0; i < digits; i++, (*at)++) {
        const char *digit = **at != '\0' ? strchr(crockford, **at) : NULL;

        if (digit == NULL) {
            return false;
        }
        *number = *number << 5 | (uint64_t)(digit - crockford);
    }
    return *number <= max;
}
