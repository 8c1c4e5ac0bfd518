/* sched_yield(2) of this program's suites. */
#ifndef SALLYPORT_TESTS_REACTOR_YIELD_H
#define SALLYPORT_TESTS_REACTOR_YIELD_H

/* Called in the kernel's place, unless it is NULL. */
extern void (*on_yield)(void);

#endif
