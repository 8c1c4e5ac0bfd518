/* Listening sockets and the life of a bench server: until its stdin ends, so none is orphaned. */
#ifndef SALLYPORT_TESTS_BENCH_LISTENING_H
#define SALLYPORT_TESTS_BENCH_LISTENING_H

#include <stdbool.h>

/* A non-blocking socket listening on this loopback port, shared (SO_REUSEPORT) by all who ask for
 * it in one process. -1, with a line on stderr, when the port cannot be had. */
__attribute__((warn_unused_result)) int listening_open(unsigned port);

/* The port of "9000"; 0 when that is none. */
unsigned listening_port(const char *text);

/* Prints "ready", then blocks until stdin ends. */
void listening_wait_for_end(void);

#endif
