#include "reactor/slice.h"

#include "reactor/reactor.h"
#include "suites.h"

#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NICENESS = 7 };

static struct sched_attr of_the_reactor;

static struct sched_attr of_this_thread(void)
{
    struct sched_attr attributes = {.size = sizeof(attributes)};

    ck_assert_int_eq(syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0), 0);
    return attributes;
}

/* Kernels before 6.12 say that a thread has none. */
static void check_short(const struct sched_attr *attributes)
{
    if (attributes->sched_runtime != 0) {
        ck_assert_uint_eq(attributes->sched_runtime, SLICE_NS);
    }
}

static bool on_start(struct reactor *reactor, void *owner, struct error *error)
{
    (void)reactor;
    (void)owner;
    *error = error_make(ERROR_CONFIG, "enough is known");
    of_the_reactor = of_this_thread();
    return false;
}

START_TEST(a_short_slice_leaves_niceness_and_policy)
{
    ck_assert_int_eq(setpriority(PRIO_PROCESS, 0, NICENESS), 0);
    slice_shorten();
    struct sched_attr after = of_this_thread();

    check_short(&after);
    ck_assert_int_eq(after.sched_nice, NICENESS);
    ck_assert_uint_eq(after.sched_policy, SCHED_NORMAL);
}
END_TEST

START_TEST(a_thread_of_another_policy_is_left_alone)
{
    struct sched_attr before = of_this_thread();

    before.sched_policy = SCHED_BATCH;
    before.sched_runtime = 0;
    ck_assert_int_eq(syscall(SYS_sched_setattr, 0, &before, 0), 0);
    before = of_this_thread();
    slice_shorten();
    struct sched_attr after = of_this_thread();

    ck_assert_uint_eq(after.sched_policy, SCHED_BATCH);
    ck_assert_uint_eq(after.sched_runtime, before.sched_runtime);
}
END_TEST

START_TEST(the_thread_of_a_reactor_has_a_short_slice)
{
    struct error    error = ERROR_OK;
    struct reactor *reactor =
        reactor_new(&(struct reactor_options){.name = "test", .io = {.driver = "epoll"}}, &error);

    ck_assert_ptr_nonnull(reactor);
    ck_assert(!reactor_start(reactor, &(struct reactor_hooks){.on_start = on_start}, &error));
    check_short(&of_the_reactor);
    reactor_free(&reactor);
}
END_TEST

Suite *slice_suite(void)
{
    return suite_of("slice",
                    (const TTest *const[]){a_short_slice_leaves_niceness_and_policy,
                                           a_thread_of_another_policy_is_left_alone,
                                           the_thread_of_a_reactor_has_a_short_slice, NULL});
}
