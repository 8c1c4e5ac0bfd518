#include "daemon/cpus.h"

#include "scratch.h"
#include "suites.h"

#include <sched.h>

START_TEST(a_quota_is_rounded_up_to_whole_cpus)
{
    ck_assert_uint_eq(cpus_of_quota("200000 100000"), 2);
    ck_assert_uint_eq(cpus_of_quota("150000 100000\n"), 2);
    ck_assert_uint_eq(cpus_of_quota("10000 100000"), 1);
    ck_assert_uint_eq(cpus_of_quota("1000000 10000"), 100);
}
END_TEST

START_TEST(no_quota_and_nonsense_are_no_limit)
{
    ck_assert_uint_eq(cpus_of_quota("max 100000"), 0);
    ck_assert_uint_eq(cpus_of_quota(""), 0);
    ck_assert_uint_eq(cpus_of_quota("200000"), 0);
    ck_assert_uint_eq(cpus_of_quota("0 100000"), 0);
    ck_assert_uint_eq(cpus_of_quota("200000 0"), 0);
    ck_assert_uint_eq(cpus_of_quota("200000 words"), 0);
    ck_assert_uint_eq(cpus_of_quota("99999999999999999999999 1"), 0);
}
END_TEST

START_TEST(the_smallest_quota_on_the_way_up_counts)
{
    struct scratch scratch;

    scratch_open(&scratch);
    scratch_write(&scratch, "a.slice/cpu.max", "300000 100000\n");
    scratch_write(&scratch, "a.slice/b.service/cpu.max", "max 100000\n");
    scratch_write(&scratch, "a.slice/b.service/deep/cpu.max", "800000 100000\n");
    ck_assert_uint_eq(cpus_of_cgroup(scratch.path, "/a.slice/b.service/deep"), 3);
    ck_assert_uint_eq(cpus_of_cgroup(scratch.path, "/a.slice/b.service"), 3);
    ck_assert_uint_eq(cpus_of_cgroup(scratch.path, "/elsewhere"), 0);
    ck_assert_uint_eq(cpus_of_cgroup(scratch.path, "/"), 0);
    scratch_close(&scratch);
}
END_TEST

START_TEST(affinity_is_respected)
{
    cpu_set_t all, one;

    ck_assert_int_eq(sched_getaffinity(0, sizeof(all), &all), 0);
    CPU_ZERO(&one);
    for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++) {
        if (CPU_ISSET(i, &all)) {
            CPU_SET(i, &one);
        }
    }
    ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
    ck_assert_uint_eq(cpus_allowed(), 1);
    ck_assert_int_eq(sched_setaffinity(0, sizeof(all), &all), 0);
    ck_assert_uint_ge(cpus_allowed(), 1);
    ck_assert_uint_le(cpus_allowed(), (unsigned)CPU_COUNT(&all));
}
END_TEST

Suite *cpus_suite(void)
{
    return suite_of("cpus", (const TTest *const[]){a_quota_is_rounded_up_to_whole_cpus,
                                                   no_quota_and_nonsense_are_no_limit,
                                                   the_smallest_quota_on_the_way_up_counts,
                                                   affinity_is_respected, NULL});
}
