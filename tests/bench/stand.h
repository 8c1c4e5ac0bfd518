/* A worker on this thread, set up from a configuration as the daemon does it: one frontend and one
 * backend, on UNIX sockets. */
#ifndef SALLYPORT_TESTS_BENCH_STAND_H
#define SALLYPORT_TESTS_BENCH_STAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False: there is no such driver here. Aborts when anything else fails. */
__attribute__((warn_unused_result)) bool stand_open(const char *driver);
/* Ends the sessions that are left. */
void stand_close(void);

/* One turn of the reactor that sleeps at most this long. */
void   stand_turn(uint64_t wait_ns);
size_t stand_sessions(void);

/* A client's socket, connected to the frontend; non-blocking. */
int stand_dial(void);
/* What the worker opened to the backend: a non-blocking socket, or -1. */
int stand_accept(void);

#endif
