#include "base/crc32c.h"

#include "suites.h"

#include <string.h>

static uint32_t sum_of(const void *bytes, size_t len)
{
    return crc32c(0, (struct bytes_const){bytes, len});
}

/* The check value of the catalogues, and RFC 3720 B.4. */
START_TEST(known_sums_come_out)
{
    uint8_t bytes[32];

    ck_assert_uint_eq(sum_of("123456789", 9), 0xe3069283);
    ck_assert_uint_eq(sum_of("", 0), 0);
    memset(bytes, 0, sizeof(bytes));
    ck_assert_uint_eq(sum_of(bytes, sizeof(bytes)), 0x8a9136aa);
    memset(bytes, 0xff, sizeof(bytes));
    ck_assert_uint_eq(sum_of(bytes, sizeof(bytes)), 0x62a8ab43);
    for (uint8_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = i;
    }
    ck_assert_uint_eq(sum_of(bytes, sizeof(bytes)), 0x46dd794e);
}
END_TEST

START_TEST(a_sum_goes_on_where_it_was)
{
    static const char text[] = "123456789";

    for (size_t i = 0; i < sizeof(text); i++) {
        uint32_t sum = sum_of(text, i);

        ck_assert_uint_eq(
            crc32c(sum, (struct bytes_const){(const uint8_t *)text + i, sizeof(text) - 1 - i}),
            0xe3069283);
    }
}
END_TEST

Suite *crc32c_suite(void)
{
    return suite_of("crc32c",
                    (const TTest *const[]){known_sums_come_out, a_sum_goes_on_where_it_was, NULL});
}
