/*
 * Calls of the C library that cost something else under callgrind than elsewhere, or not the same
 * twice, replaced for the whole program. Clocks are answered without the kernel in earnest, but by
 * a system call under valgrind, and what a turn does may depend on them: here a microsecond passes
 * with each look. epoll_pwait2 is a call that valgrind 3.19 does not know.
 */
#ifndef SALLYPORT_TESTS_BENCH_STEADY_H
#define SALLYPORT_TESTS_BENCH_STEADY_H

#include <stdint.h>

/* The clocks go on by this much. */
void steady_pass(int64_t ns);

#endif
