/* A number of things that all reactors together may hold: one shared counter, one atomic
 * instruction to take or give, on accepting and on closing only. It never falls below zero, not
 * even for a moment: a refusal would then hide a place that another gives back. */
#ifndef SALLYPORT_REACTOR_QUOTA_H
#define SALLYPORT_REACTOR_QUOTA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct quota {
    /* private */
    _Atomic int64_t left;
};

void quota_init(struct quota *quota, int64_t max);
/* False when nothing is left. */
bool quota_take(struct quota *quota);
void quota_give(struct quota *quota);
/* More, or fewer: what is held already stays so, and nothing is left until enough came back. */
void    quota_change(struct quota *quota, int64_t by);
int64_t quota_left(const struct quota *quota);

#endif
