#include "reactor/slice.h"

#include "forbid.h"
#include "suites.h"

#include <errno.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NICENESS = 7, SHORT_NS = 300 * 1000 };

static struct sched_attr of_this_thread(void)
{
    struct sched_attr attributes = {.size = sizeof(attributes)};

    ck_assert_int_eq(syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0), 0);
    return attributes;
}

/* Kernels before 6.12 have none to set. */
START_TEST(another_slice_leaves_niceness_and_policy)
{
    struct sched_attr before = of_this_thread();

    ck_assert_int_eq(setpriority(PRIO_PROCESS, 0, NICENESS), 0);
    ck_assert_uint_eq(slice_set(SHORT_NS), before.sched_runtime);
    struct sched_attr after = of_this_thread();

    ck_assert_uint_eq(after.sched_runtime, before.sched_runtime != 0 ? SHORT_NS : 0);
    ck_assert_int_eq(after.sched_nice, NICENESS);
    ck_assert_uint_eq(after.sched_policy, SCHED_NORMAL);
    ck_assert_uint_eq(slice_set(before.sched_runtime), after.sched_runtime);
    after = of_this_thread();
    ck_assert_uint_eq(after.sched_runtime, before.sched_runtime);
}
END_TEST

START_TEST(a_thread_of_another_policy_is_left_alone)
{
    struct sched_attr before = of_this_thread();

    before.sched_policy = SCHED_BATCH;
    before.sched_runtime = 0;
    ck_assert_int_eq(syscall(SYS_sched_setattr, 0, &before, 0), 0);
    before = of_this_thread();
    ck_assert_uint_eq(slice_set(SHORT_NS), 0);
    struct sched_attr after = of_this_thread();

    ck_assert_uint_eq(after.sched_policy, SCHED_BATCH);
    ck_assert_uint_eq(after.sched_runtime, before.sched_runtime);
}
END_TEST

START_TEST(a_filter_of_system_calls_may_refuse_it)
{
    struct sched_attr before = of_this_thread();

    forbid(SYS_sched_setattr, EPERM);
    ck_assert_uint_eq(slice_set(SHORT_NS), 0);
    struct sched_attr after = of_this_thread();

    ck_assert_uint_eq(after.sched_runtime, before.sched_runtime);
    forbid(SYS_sched_getattr, EPERM);
    ck_assert_uint_eq(slice_set(SHORT_NS), 0);
}
END_TEST

Suite *slice_suite(void)
{
    return suite_of("slice", (const TTest *const[]){another_slice_leaves_niceness_and_policy,
                                                    a_thread_of_another_policy_is_left_alone,
                                                    a_filter_of_system_calls_may_refuse_it, NULL});
}
