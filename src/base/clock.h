/*
 * Time. Deadlines use the monotonic clock, which never jumps; the wall clock is for people only.
 * A test may turn the monotonic clock by hand.
 */
#ifndef SALLYPORT_BASE_CLOCK_H
#define SALLYPORT_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)

/* "Never", as a deadline. */
#define CLOCK_NEVER UINT64_MAX

/* Nanoseconds of the monotonic clock. */
uint64_t clock_now_ns(void);

/* Microseconds since 1970, UTC. */
uint64_t clock_wall_us(void);

/* Writes a wall time as RFC 3339 with microseconds and "Z" (27 characters and a NUL). */
enum { CLOCK_WALL_TEXT_BYTES = 28 };
void clock_wall_text(uint64_t wall_us, char into[static CLOCK_WALL_TEXT_BYTES]);

/* Tests: replaces the monotonic clock of this process; NULL brings the real one back. */
typedef uint64_t clock_source(void);
void             clock_set_source(clock_source *source);

#endif
