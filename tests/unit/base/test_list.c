#include "base/list.h"

#include "suites.h"

struct element {
    int              number;
    struct list_link link;
};

START_TEST(elements_leave_in_the_order_they_came)
{
    struct list    list;
    struct element one = {.number = 1}, two = {.number = 2};

    list_init(&list);
    list_append(&list, &one.link);
    list_append(&list, &two.link);

    ck_assert_ptr_eq(list_take_first(&list), &one.link);
    ck_assert_int_eq(container_of(list_take_first(&list), struct element, link)->number, 2);
    ck_assert_ptr_null(list_take_first(&list));
}
END_TEST

START_TEST(removing_the_middle_keeps_the_rest_in_order)
{
    struct list    list;
    struct element elements[3] = {0};

    list_init(&list);
    for (int i = 0; i < 3; i++) {
        list_append(&list, &elements[i].link);
    }
    list_remove(&elements[1].link);

    ck_assert(!list_is_linked(&elements[1].link));
    ck_assert_ptr_eq(list_first(&list), &elements[0].link);
    ck_assert_ptr_eq(list_after(&list, &elements[0].link), &elements[2].link);
    ck_assert_ptr_null(list_after(&list, &elements[2].link));
}
END_TEST

START_TEST(appending_a_whole_list_empties_it)
{
    struct list    to, from;
    struct element one = {0}, two = {0};

    list_init(&to);
    list_init(&from);
    list_append(&to, &one.link);
    list_append(&from, &two.link);
    list_append_all(&to, &from);

    ck_assert(list_is_empty(&from));
    ck_assert_ptr_eq(list_after(&to, &one.link), &two.link);
}
END_TEST

START_TEST(linking_twice_aborts)
{
    struct list    list;
    struct element one = {0};

    list_init(&list);
    list_append(&list, &one.link);
    list_append(&list, &one.link);
}
END_TEST

Suite *list_suite(void)
{
    Suite *suite = suite_of("list", (const TTest *[]){elements_leave_in_the_order_they_came,
                                                      removing_the_middle_keeps_the_rest_in_order,
                                                      appending_a_whole_list_empties_it, NULL});
    TCase *aborts = tcase_create("aborts");

    tcase_add_test_raise_signal(aborts, linking_twice_aborts, 6);
    suite_add_tcase(suite, aborts);
    return suite;
}
