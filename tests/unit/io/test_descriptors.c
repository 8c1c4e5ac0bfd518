#include "io/descriptors.h"

#include "suites.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ENTRY_BYTES = 32, PAGES = 6 };

static uint8_t *table;
static size_t   count;
static size_t   page_bytes;

static void begin(void)
{
    struct error error = ERROR_OK;

    page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    table = descriptors_reserve(ENTRY_BYTES, &count, &error);
    ck_assert_ptr_nonnull(table);
    ck_assert_uint_ge(count * ENTRY_BYTES, PAGES * page_bytes);
}

static void check_present(const char *pages)
{
    unsigned char present[PAGES];

    ck_assert_int_eq(mincore(table, PAGES * page_bytes, present), 0);
    for (size_t i = 0; i < PAGES; i++) {
        ck_assert_int_eq(present[i] & 1, pages[i] == 'x');
    }
}

START_TEST(pages_without_an_entry_in_use_are_given_back)
{
    begin();
    memset(table, 1, PAGES * page_bytes);
    memset(table, 0, PAGES * page_bytes);
    table[2 * page_bytes] = 1;
    table[4 * page_bytes - 1] = 2;
    check_present("xxxxxx");
    descriptors_trim(table, ENTRY_BYTES, PAGES * page_bytes / ENTRY_BYTES);
    check_present("  xx  ");
    ck_assert_uint_eq(table[2 * page_bytes], 1);
    ck_assert_uint_eq(table[4 * page_bytes - 1], 2);
    ck_assert_uint_eq(table[0], 0);
    descriptors_release(table, ENTRY_BYTES, count);
}
END_TEST

START_TEST(what_was_never_used_is_not_looked_at)
{
    begin();
    memset(table, 1, PAGES * page_bytes);
    memset(table, 0, PAGES * page_bytes);
    descriptors_trim(table, ENTRY_BYTES, 0);
    check_present("xxxxxx");
    descriptors_trim(table, ENTRY_BYTES, page_bytes / ENTRY_BYTES);
    check_present(" xxxxx");
    descriptors_release(table, ENTRY_BYTES, count);
}
END_TEST

Suite *descriptors_suite(void)
{
    return suite_of("descriptors",
                    (const TTest *const[]){pages_without_an_entry_in_use_are_given_back,
                                           what_was_never_used_is_not_looked_at, NULL});
}
