#include "config/memory.h"

#include "suites.h"

#include <stdint.h>
#include <string.h>

START_TEST(memory_is_zeroed_aligned_and_freed_at_once)
{
    struct config_memory *memory = config_memory_new();

    for (size_t bytes = 1; bytes < 100; bytes++) {
        unsigned char *taken = config_memory_take(memory, bytes);

        ck_assert_uint_eq((uintptr_t)taken % _Alignof(max_align_t), 0);
        ck_assert_uint_eq(taken[0], 0);
        ck_assert_uint_eq(taken[bytes - 1], 0);
        memset(taken, 0xff, bytes);
    }
    ck_assert_str_eq(config_memory_copy(memory, "text"), "text");
    ck_assert_str_eq(config_memory_copy(memory, ""), "");
    config_memory_free(&memory);
    ck_assert_ptr_null(memory);
}
END_TEST

START_TEST(want_of_memory_is_null)
{
    struct config_memory *memory = config_memory_new();

    ck_assert_ptr_null(config_memory_take(memory, SIZE_MAX));
    ck_assert_ptr_nonnull(config_memory_take(memory, 1));
    config_memory_free(&memory);
}
END_TEST

Suite *memory_suite(void)
{
    return suite_of("memory", (const TTest *const[]){memory_is_zeroed_aligned_and_freed_at_once,
                                                     want_of_memory_is_null, NULL});
}
