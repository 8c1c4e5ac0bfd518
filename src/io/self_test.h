/* Tries a fresh loop with real traffic inside this process before anyone relies on it. */
#ifndef SALLYPORT_IO_SELF_TEST_H
#define SALLYPORT_IO_SELF_TEST_H

#include "base/error.h"
#include "io/io.h"

enum self_test_outcome {
    SELF_TEST_PASSED,
    SELF_TEST_FAILED, /* and every operation ended */
    SELF_TEST_STUCK,  /* an operation never ended, even when cancelled */
};

/* Accepts, connects, moves 64 KiB and more, sees an end, cancels: all on one loop with nothing
 * else on it. Takes about a millisecond, at most a few seconds. */
enum self_test_outcome self_test(struct io_loop *loop, struct error *error);

#endif
