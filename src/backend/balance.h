/* Pure choice: which of several servers comes next. No clocks, no sockets. */
#ifndef SALLYPORT_BACKEND_BALANCE_H
#define SALLYPORT_BACKEND_BALANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct balance_candidate {
    int32_t weight;      /* at least 1 */
    int32_t credit;      /* round robin's memory; begins at 0 */
    bool    is_eligible; /* false: not this time */
};

enum { BALANCE_NONE = -1 };

/* Smooth weighted round robin: over a full round each eligible server is chosen as often as its
 * weight says, and the choices of a heavy one are spread out. */
int balance_roundrobin(struct balance_candidate *candidates, size_t count);

/* The first eligible one, in the order of the configuration. */
int balance_first(const struct balance_candidate *candidates, size_t count);

#endif
