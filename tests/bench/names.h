/* The names of a server with many: "host0.bench.example" and so on. */
#ifndef SALLYPORT_TESTS_BENCH_NAMES_H
#define SALLYPORT_TESTS_BENCH_NAMES_H

#include <stdio.h>

enum { NAMES_BYTES = 32 };

static inline void names_write(unsigned index, char into[static NAMES_BYTES])
{
    (void)snprintf(into, NAMES_BYTES, "host%u.bench.example", index);
}

#endif
