#include "proxy/end_reason.h"

#include "suites.h"

#include <string.h>

START_TEST(each_reason_has_a_word_of_its_own)
{
    for (unsigned i = 0; i < END_REASONS_COUNT; i++) {
        const char *word = end_reason_word((enum end_reason)i);

        ck_assert_uint_gt(strlen(word), 0);
        ck_assert_uint_eq(strspn(word, "abcdefghijklmnopqrstuvwxyz_"), strlen(word));
        for (unsigned j = 0; j < i; j++) {
            ck_assert_str_ne(word, end_reason_word((enum end_reason)j));
        }
    }
}
END_TEST

/* HAProxy's letters: who ended it, and in which phase. */
START_TEST(each_reason_has_two_letters)
{
    for (unsigned i = 0; i < END_REASONS_COUNT; i++) {
        const char *letters = end_reason_ts((enum end_reason)i);

        ck_assert_uint_eq(strlen(letters), 2);
        ck_assert_ptr_nonnull(strchr("-CSPRIKLcs", letters[0]));
        ck_assert_ptr_nonnull(strchr("-RCD", letters[1]));
    }
}
END_TEST

Suite *end_reason_suite(void)
{
    return suite_of("end_reason", (const TTest *const[]){each_reason_has_a_word_of_its_own,
                                                         each_reason_has_two_letters, NULL});
}
