#include "reactor/quota.h"

void quota_init(struct quota *quota, int64_t max)
{
    atomic_init(&quota->left, max);
}

bool quota_take(struct quota *quota)
{
    if (atomic_fetch_sub_explicit(&quota->left, 1, memory_order_relaxed) > 0) {
        return true;
    }
    quota_give(quota);
    return false;
}

void quota_give(struct quota *quota)
{
    (void)atomic_fetch_add_explicit(&quota->left, 1, memory_order_relaxed);
}

int64_t quota_left(const struct quota *quota)
{
    return atomic_load_explicit(&quota->left, memory_order_relaxed);
}
