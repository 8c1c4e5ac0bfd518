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
    _Atomic int64_t  left;
    _Atomic uint64_t held_until_ns;
};

void quota_init(struct quota *quota, int64_t max);
/* False when nothing is left. */
bool quota_take(struct quota *quota);
void quota_give(struct quota *quota);
/* More, or fewer: what is held already stays so, and nothing is left until enough came back. */
void    quota_change(struct quota *quota, int64_t by);
int64_t quota_left(const struct quota *quota);

/* Until then nobody should take: what is needed beside it is short, and those who hold something
 * come first. For all reactors; whoever takes is to ask. */
void quota_hold(struct quota *quota, uint64_t until_ns);
bool quota_is_held(const struct quota *quota, uint64_t now_ns);

#endif
