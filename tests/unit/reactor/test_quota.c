#include "reactor/quota.h"

#include "suites.h"

#include <pthread.h>
#include <stdatomic.h>

enum { THREADS = 4, ROUNDS = 20000, PLACES = 3 };

struct shared {
    struct quota quota;
    atomic_int   held;
    atomic_uint  breaches;
};

static void *take_and_give(void *argument)
{
    struct shared *shared = argument;

    for (int i = 0; i < ROUNDS; i++) {
        if (quota_left(&shared->quota) < 0) {
            atomic_fetch_add(&shared->breaches, 1);
        }
        if (!quota_take(&shared->quota)) {
            continue;
        }
        if (atomic_fetch_add(&shared->held, 1) >= PLACES) {
            atomic_fetch_add(&shared->breaches, 1);
        }
        atomic_fetch_sub(&shared->held, 1);
        quota_give(&shared->quota);
    }
    return NULL;
}

static void *take_in_vain(void *argument)
{
    struct shared *shared = argument;

    for (int i = 0; i < ROUNDS; i++) {
        if (quota_left(&shared->quota) < 0 || quota_take(&shared->quota)) {
            atomic_fetch_add(&shared->breaches, 1);
        }
    }
    return NULL;
}

static void run(struct shared *shared, void *(*body)(void *))
{
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, body, shared), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
}

START_TEST(no_more_is_taken_than_there_is)
{
    struct quota quota;

    quota_init(&quota, 2);
    ck_assert(quota_take(&quota));
    ck_assert(quota_take(&quota));
    ck_assert(!quota_take(&quota));
    ck_assert_int_eq(quota_left(&quota), 0);
    quota_give(&quota);
    ck_assert_int_eq(quota_left(&quota), 1);
    ck_assert(quota_take(&quota));
}
END_TEST

START_TEST(a_quota_of_none_refuses)
{
    struct quota quota;

    quota_init(&quota, 0);
    ck_assert(!quota_take(&quota));
    ck_assert_int_eq(quota_left(&quota), 0);
}
END_TEST

START_TEST(many_threads_never_hold_more_than_there_is)
{
    struct shared shared = {0};

    quota_init(&shared.quota, PLACES);
    run(&shared, take_and_give);
    ck_assert_uint_eq(atomic_load(&shared.breaches), 0);
    ck_assert_int_eq(quota_left(&shared.quota), PLACES);
}
END_TEST

START_TEST(what_is_left_is_never_below_zero_for_a_moment)
{
    struct shared shared = {0};

    quota_init(&shared.quota, 0);
    run(&shared, take_in_vain);
    ck_assert_uint_eq(atomic_load(&shared.breaches), 0);
}
END_TEST

START_TEST(a_quota_is_held_until_its_time_has_come)
{
    struct quota quota;

    quota_init(&quota, 1);
    ck_assert(!quota_is_held(&quota, 0));
    quota_hold(&quota, 100);
    ck_assert(quota_is_held(&quota, 99));
    ck_assert(!quota_is_held(&quota, 100));
    ck_assert_int_eq(quota_left(&quota), 1);
}
END_TEST

Suite *quota_suite(void)
{
    return suite_of("quota",
                    (const TTest *const[]){no_more_is_taken_than_there_is, a_quota_of_none_refuses,
                                           many_threads_never_hold_more_than_there_is,
                                           what_is_left_is_never_below_zero_for_a_moment,
                                           a_quota_is_held_until_its_time_has_come, NULL});
}
