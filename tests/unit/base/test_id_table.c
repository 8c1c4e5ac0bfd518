#include "base/id_table.h"

#include "suites.h"

enum { MANY = 5000 };

struct thing {
    struct id_entry entry;
    unsigned        number;
};

static struct thing things[MANY];

static void fill(struct id_table *table)
{
    for (unsigned i = 0; i < MANY; i++) {
        things[i].number = i;
        ck_assert(id_table_add(table, &things[i].entry, i));
    }
}

START_TEST(each_of_many_is_found_by_its_number)
{
    struct id_table table = {0};

    ck_assert_ptr_null(id_table_find(&table, 1));
    fill(&table);
    ck_assert_uint_eq(id_table_count(&table), MANY);
    for (unsigned i = 0; i < MANY; i++) {
        struct id_entry *entry = id_table_find(&table, i);

        ck_assert_ptr_nonnull(entry);
        ck_assert_uint_eq(container_of(entry, struct thing, entry)->number, i);
        ck_assert_ptr_null(id_table_find_next(entry));
    }
    ck_assert_ptr_null(id_table_find(&table, MANY));
    id_table_fini(&table);
}
END_TEST

START_TEST(what_was_removed_is_gone_and_the_rest_stays)
{
    struct id_table table = {0};

    fill(&table);
    for (unsigned i = 0; i < MANY; i += 2) {
        id_table_remove(&table, &things[i].entry);
    }
    for (unsigned i = 0; i < MANY; i++) {
        ck_assert(id_table_find(&table, i) == (i % 2 == 0 ? NULL : &things[i].entry));
    }
    struct id_entry *after = NULL;

    for (struct id_entry *at = id_table_first(&table); at != NULL; at = after) {
        after = id_table_after(&table, at);
        id_table_remove(&table, at);
    }
    ck_assert_uint_eq(id_table_count(&table), 0);
    id_table_fini(&table);
}
END_TEST

START_TEST(several_may_have_one_number)
{
    struct id_table table = {0};

    fill(&table);
    for (unsigned i = 0; i < 3; i++) {
        id_table_remove(&table, &things[i].entry);
        ck_assert(id_table_add(&table, &things[i].entry, MANY + 7));
    }
    struct id_entry *third = id_table_find(&table, MANY + 7);
    struct id_entry *second = id_table_find_next(third);

    ck_assert_ptr_eq(third, &things[2].entry);
    ck_assert_ptr_eq(second, &things[1].entry);
    ck_assert_ptr_eq(id_table_find_next(second), &things[0].entry);
    ck_assert_ptr_null(id_table_find_next(&things[0].entry));
    id_table_fini(&table);
}
END_TEST

Suite *id_table_suite(void)
{
    return suite_of("id table", (const TTest *const[]){each_of_many_is_found_by_its_number,
                                                       what_was_removed_is_gone_and_the_rest_stays,
                                                       several_may_have_one_number, NULL});
}
