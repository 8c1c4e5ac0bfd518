#include "base/slab.h"

#include "suites.h"

#include <stdint.h>
#include <string.h>

enum { OBJECTS = 3 };

static struct slab *slab_of(size_t object_bytes, size_t objects_max)
{
    struct slab_options options = {.object_bytes = object_bytes, .objects_max = objects_max};
    struct error        error = ERROR_OK;
    struct slab        *slab = slab_new(&options, &error);

    ck_assert_ptr_nonnull(slab);
    return slab;
}

START_TEST(no_more_objects_than_were_reserved_are_out)
{
    struct slab *slab = slab_of(100, OBJECTS);
    void        *objects[OBJECTS];

    for (size_t i = 0; i < OBJECTS; i++) {
        objects[i] = slab_take(slab);
        ck_assert_ptr_nonnull(objects[i]);
        ck_assert_uint_eq((uintptr_t)objects[i] % _Alignof(max_align_t), 0);
        memset(objects[i], 'x', slab_object_bytes(slab));
    }
    ck_assert_ptr_null(slab_take(slab));
    ck_assert_uint_eq(slab_taken(slab), OBJECTS);
    for (size_t i = 0; i < OBJECTS; i++) {
        slab_give(slab, objects[i]);
    }
    slab_free(&slab);
    ck_assert_ptr_null(slab);
    slab_free(&slab);
}
END_TEST

START_TEST(the_object_that_came_back_last_goes_out_first)
{
    struct slab *slab = slab_of(1, OBJECTS);
    void        *one = slab_take(slab), *two = slab_take(slab);

    slab_give(slab, one);
    slab_give(slab, two);
    ck_assert_ptr_eq(slab_take(slab), two);
    ck_assert_ptr_eq(slab_take(slab), one);
    slab_give(slab, one);
    slab_give(slab, two);
    slab_free(&slab);
}
END_TEST

START_TEST(pages_go_back_only_when_no_object_is_out)
{
    struct slab *slab = slab_of(4096, OBJECTS);
    char        *object = slab_take(slab);

    slab_trim(slab);
    *object = 'x';
    slab_trim(slab);
    ck_assert_int_eq(*object, 'x');
    slab_give(slab, object);
    slab_trim(slab);
    ck_assert_ptr_eq(slab_take(slab), object);
    ck_assert_int_eq(*object, 0);
    slab_give(slab, object);
    slab_free(&slab);
}
END_TEST

START_TEST(a_reservation_the_kernel_refuses_is_an_error)
{
    struct slab_options options = {.object_bytes = (size_t)1 << 40, .objects_max = 1 << 20};
    struct error        error = ERROR_OK;

    ck_assert_ptr_null(slab_new(&options, &error));
    ck_assert_int_eq(error_kind(&error), ERROR_EXHAUSTED);
}
END_TEST

Suite *slab_suite(void)
{
    return suite_of("slab",
                    (const TTest *const[]){no_more_objects_than_were_reserved_are_out,
                                           the_object_that_came_back_last_goes_out_first,
                                           pages_go_back_only_when_no_object_is_out,
                                           a_reservation_the_kernel_refuses_is_an_error, NULL});
}
