/*
 * How long a thread may compute before the kernel asks who else wants its processor (sched(7)).
 */
#ifndef SALLYPORT_REACTOR_SLICE_H
#define SALLYPORT_REACTOR_SLICE_H

#include <stdint.h>

/*
 * Of the calling thread; the kernel takes 0.1 to 100 ms. Returns what it was before. 0, and nothing
 * has changed: the kernel has no such thing (before Linux 6.12), a filter of system calls forbids
 * it, or the thread does not run under the ordinary policy. Niceness and policy stay.
 */
uint64_t slice_set(uint64_t ns);

#endif
