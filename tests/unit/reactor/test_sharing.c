/* Where the kernel gives a thread no slice of its own, what is said of slices holds of nothing. */
#include "reactor/sharing.h"

#include "base/clock.h"
#include "forbid.h"
#include "reactor/slice.h"
#include "suites.h"
#include "yield.h"

#include <errno.h>
#include <sys/syscall.h>

static struct sharing sharing;
static uint64_t       now_ns;
static unsigned       yields;

static void count_yield(void)
{
    yields++;
}

static void begin(void)
{
    sharing = (struct sharing){0};
    now_ns = NS_PER_S;
    yields = 0;
    on_yield = count_yield;
}

static void end(void)
{
    on_yield = NULL;
}

START_TEST(the_processor_is_nobody_elses_where_nobody_converses)
{
    begin();
    sharing_offer(&sharing, now_ns);
    ck_assert_uint_eq(yields, 0);
    end();
}
END_TEST

START_TEST(the_processor_is_offered_for_ten_milliseconds)
{
    begin();
    sharing_extend(&sharing, now_ns);
    now_ns += 10 * NS_PER_MS - 1;
    sharing_offer(&sharing, now_ns);
    ck_assert_uint_eq(yields, 1);
    now_ns++;
    sharing_offer(&sharing, now_ns);
    ck_assert_uint_eq(yields, 1);
    end();
}
END_TEST

START_TEST(a_slice_is_short_until_a_tenth_of_a_second_after_the_last_offer)
{
    begin();
    uint64_t whole_ns = slice_set(NS_PER_MS);

    sharing_extend(&sharing, now_ns);
    sharing_offer(&sharing, now_ns);
    uint64_t shared_ns = slice_set(NS_PER_MS / 2);

    now_ns += 99 * NS_PER_MS;
    sharing_settle(&sharing, now_ns);
    uint64_t kept_ns = slice_set(NS_PER_MS / 2);

    now_ns += NS_PER_MS;
    sharing_settle(&sharing, now_ns);
    uint64_t after_ns = slice_set(whole_ns);

    if (whole_ns != 0) {
        ck_assert_uint_eq(shared_ns, NS_PER_MS / 5);
        ck_assert_uint_eq(kept_ns, NS_PER_MS / 2);
        ck_assert_uint_eq(after_ns, NS_PER_MS);
    }
    end();
}
END_TEST

START_TEST(a_slice_that_may_not_be_set_keeps_nobody_from_the_processor)
{
    begin();
    forbid(SYS_sched_setattr, EPERM);
    for (unsigned i = 0; i < 3; i++) {
        sharing_extend(&sharing, now_ns);
        sharing_offer(&sharing, now_ns);
        now_ns += NS_PER_S;
        sharing_settle(&sharing, now_ns);
    }
    ck_assert_uint_eq(yields, 3);
    end();
}
END_TEST

Suite *sharing_suite(void)
{
    return suite_of(
        "sharing",
        (const TTest *const[]){the_processor_is_nobody_elses_where_nobody_converses,
                               the_processor_is_offered_for_ten_milliseconds,
                               a_slice_is_short_until_a_tenth_of_a_second_after_the_last_offer,
                               a_slice_that_may_not_be_set_keeps_nobody_from_the_processor, NULL});
}
