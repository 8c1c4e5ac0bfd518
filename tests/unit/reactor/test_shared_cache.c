#include "reactor/shared_cache.h"

#include "suites.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { ENTRIES = 64, THREADS = 4, ROUNDS = 5000 };

static struct shared_cache *cache;

static void set_up(void)
{
    struct error error;

    cache = shared_cache_new(ENTRIES, &error);
    ck_assert_ptr_nonnull(cache);
}

static void tear_down(void)
{
    shared_cache_free(&cache);
    ck_assert_ptr_null(cache);
    shared_cache_free(&cache);
}

/* Keys of one shard, or of others by the first byte. */
static const uint8_t *key_of(uint8_t shard, unsigned number)
{
    static _Thread_local uint8_t key[SHARED_CACHE_KEY_BYTES];

    memset(key, 0, sizeof(key));
    key[0] = shard;
    memcpy(key + 1, &number, sizeof(number));
    memcpy(key + 20, &number, sizeof(number));
    return key;
}

static bool puts_number(const uint8_t *key, unsigned number, uint64_t until_ns)
{
    return shared_cache_put(
        cache, key, (struct bytes_const){(const uint8_t *)&number, sizeof(number)}, until_ns);
}

/* -1: nothing there. */
static int64_t gets_number(const uint8_t *key, uint64_t now_ns)
{
    uint8_t  value[SHARED_CACHE_VALUE_BYTES];
    unsigned number = 0;
    size_t   len = shared_cache_get(cache, key, now_ns, value);

    ck_assert(len == 0 || len == sizeof(number));
    memcpy(&number, value, len);
    return len == 0 ? -1 : (int64_t)number;
}

START_TEST(what_was_put_is_there_until_its_time)
{
    ck_assert_int_eq(gets_number(key_of(0, 1), 0), -1);
    ck_assert(puts_number(key_of(0, 1), 17, 100));
    ck_assert(puts_number(key_of(1, 1), 18, 100));
    ck_assert_int_eq(gets_number(key_of(0, 1), 99), 17);
    ck_assert_int_eq(gets_number(key_of(1, 1), 99), 18);
    ck_assert_int_eq(gets_number(key_of(0, 2), 99), -1);
    ck_assert_int_eq(gets_number(key_of(0, 1), 100), -1);
    ck_assert_int_eq(gets_number(key_of(0, 1), 99), -1);
}
END_TEST

START_TEST(the_second_value_of_a_key_takes_the_place_of_the_first)
{
    ck_assert(puts_number(key_of(0, 1), 17, 100));
    ck_assert(puts_number(key_of(0, 1), 18, 100));
    ck_assert_int_eq(gets_number(key_of(0, 1), 0), 18);
    shared_cache_drop(cache, key_of(0, 1));
    ck_assert_int_eq(gets_number(key_of(0, 1), 0), -1);
    shared_cache_drop(cache, key_of(0, 1));
}
END_TEST

START_TEST(when_it_is_full_the_oldest_goes)
{
    enum { IN_A_SHARD = ENTRIES / 16 };

    for (unsigned i = 0; i < 100; i++) {
        ck_assert(puts_number(key_of(3, i), i, 100));
        for (unsigned j = 0; j <= i; j++) {
            ck_assert_int_eq(gets_number(key_of(3, j), 0), i - j < IN_A_SHARD ? (int64_t)j : -1);
        }
    }
}
END_TEST

START_TEST(a_value_too_long_is_not_kept)
{
    static const uint8_t long_value[SHARED_CACHE_VALUE_BYTES + 1] = {1};
    uint8_t              value[SHARED_CACHE_VALUE_BYTES];

    ck_assert(!shared_cache_put(cache, key_of(0, 1),
                                (struct bytes_const){long_value, sizeof(long_value)}, 100));
    ck_assert(!shared_cache_put(cache, key_of(0, 1), (struct bytes_const){long_value, 0}, 100));
    ck_assert(shared_cache_put(cache, key_of(0, 1), (struct bytes_const){long_value, sizeof(value)},
                               100));
    ck_assert_uint_eq(shared_cache_get(cache, key_of(0, 1), 0, value), sizeof(value));
}
END_TEST

static atomic_uint wrong;

static void *hammer(void *argument)
{
    (void)argument;
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned number = i % 97;
        int64_t  found = gets_number(key_of((uint8_t)number, number), 0);

        if (found != -1 && found != (int64_t)number) {
            atomic_fetch_add(&wrong, 1);
        }
        (void)puts_number(key_of((uint8_t)number, number), number, 100);
        if (i % 7 == 0) {
            shared_cache_drop(cache, key_of((uint8_t)number, number));
        }
    }
    return NULL;
}

START_TEST(threads_see_whole_values_only)
{
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, hammer, NULL), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    ck_assert_uint_eq(atomic_load(&wrong), 0);
}
END_TEST

Suite *shared_cache_suite(void)
{
    Suite *suite = suite_create("shared_cache");
    TCase *tests = tcase_create("shared_cache");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, what_was_put_is_there_until_its_time);
    tcase_add_test(tests, the_second_value_of_a_key_takes_the_place_of_the_first);
    tcase_add_test(tests, when_it_is_full_the_oldest_goes);
    tcase_add_test(tests, a_value_too_long_is_not_kept);
    tcase_add_test(tests, threads_see_whole_values_only);
    suite_add_tcase(suite, tests);
    return suite;
}
