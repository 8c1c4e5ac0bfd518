#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static clock_source *source_override;

uint64_t clock_now_ns(void)
{
    struct timespec now;

    if (source_override != NULL) {
        return source_override();
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t clock_wall_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / NS_PER_US;
}

void clock_wall_text(uint64_t wall_us, char into[static CLOCK_WALL_TEXT_BYTES])
{
    time_t    seconds = (time_t)(wall_us / 1000000);
    struct tm parts;

    (void)gmtime_r(&seconds, &parts);
    (void)snprintf(into, CLOCK_WALL_TEXT_BYTES, "%04u-%02u-%02uT%02u:%02u:%02u.%06uZ",
                   (unsigned)(parts.tm_year + 1900) % 10000U, (unsigned)(parts.tm_mon + 1) % 100U,
                   (unsigned)parts.tm_mday % 100U, (unsigned)parts.tm_hour % 100U,
                   (unsigned)parts.tm_min % 100U, (unsigned)parts.tm_sec % 100U,
                   (unsigned)(wall_us % 1000000));
}

void clock_set_source(clock_source *source)
{
    source_override = source;
}
