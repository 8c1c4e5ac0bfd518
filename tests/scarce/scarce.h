/* What the test and the daemon that runs short of memory have in common. */
#ifndef SALLYPORT_TESTS_SCARCE_H
#define SALLYPORT_TESTS_SCARCE_H

#include <stdatomic.h>
#include <stdint.h>

/* Environment: the file that both map. tests/system/scarce.py knows its layout. */
#define SCARCE_FILE "SALLYPORT_SCARCE"

struct scarce {
    _Atomic uint64_t first; /* the allocation to fail, counted from 1; 0: nothing is counted */
    _Atomic uint64_t last;  /* and all up to this one */
    _Atomic uint64_t count;
    _Atomic uint64_t failed;
    _Atomic uint64_t is_own; /* only what the daemon's own code asks for is counted */
};

#endif
