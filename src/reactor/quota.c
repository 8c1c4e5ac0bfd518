#include "reactor/quota.h"

void quota_init(struct quota *quota, int64_t max)
{
    atomic_init(&quota->left, max);
    atomic_init(&quota->held_until_ns, 0);
}

bool quota_take(struct quota *quota)
{
    int64_t left = atomic_load_explicit(&quota->left, memory_order_relaxed);

    while (left > 0) {
        if (atomic_compare_exchange_weak_explicit(&quota->left, &left, left - 1,
                                                  memory_order_relaxed, memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

void quota_give(struct quota *quota)
{
    (void)atomic_fetch_add_explicit(&quota->left, 1, memory_order_relaxed);
}

void quota_change(struct quota *quota, int64_t by)
{
    (void)atomic_fetch_add_explicit(&quota->left, by, memory_order_relaxed);
}

int64_t quota_left(const struct quota *quota)
{
    return atomic_load_explicit(&quota->left, memory_order_relaxed);
}

void quota_hold(struct quota *quota, uint64_t until_ns)
{
    atomic_store_explicit(&quota->held_until_ns, until_ns, memory_order_relaxed);
}

bool quota_is_held(const struct quota *quota, uint64_t now_ns)
{
    return now_ns < atomic_load_explicit(&quota->held_until_ns, memory_order_relaxed);
}
