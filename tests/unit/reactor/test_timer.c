#include "reactor/timer.h"

#include "base/clock.h"
#include "base/list.h"
#include "suites.h"

#include <stdlib.h>

enum { ALARMS_MAX = 8, MODEL_TIMERS = 10000, MODEL_ROUNDS = 200, MODEL_STEPS = 100 };

/* A timer that writes down when it was its turn, and may do something then. */
struct alarm {
    struct timer  timer;
    struct alarm *clears; /* when due */
    struct alarm *sets;   /* when due */
    uint64_t      sets_to_ns;
    unsigned      calls;
};

static struct timers timers;
static struct alarm  alarms[ALARMS_MAX];
static struct alarm *order[ALARMS_MAX * 2];
static unsigned      order_count;

static void on_due(struct timer *timer)
{
    struct alarm *alarm = container_of(timer, struct alarm, timer);

    ck_assert(!timer_is_set(timer));
    alarm->calls++;
    order[order_count % (ALARMS_MAX * 2)] = alarm;
    order_count++;
    if (alarm->clears != NULL) {
        timers_clear(&timers, &alarm->clears->timer);
    }
    if (alarm->sets != NULL) {
        timers_set(&timers, &alarm->sets->timer, alarm->sets_to_ns);
    }
}

static void set(unsigned index, uint64_t deadline_ns)
{
    alarms[index].timer.due = on_due;
    timers_set(&timers, &alarms[index].timer, deadline_ns);
}

static void begin(void)
{
    timers = (struct timers){0};
    order_count = 0;
    for (size_t i = 0; i < ALARMS_MAX; i++) {
        alarms[i] = (struct alarm){.timer.due = on_due};
    }
}

static void end(void)
{
    for (size_t i = 0; i < ALARMS_MAX; i++) {
        timers_clear(&timers, &alarms[i].timer);
    }
    ck_assert_uint_eq(timers_next_ns(&timers), CLOCK_NEVER);
    timers_fini(&timers);
}

static void check_order(const unsigned *expected, unsigned count)
{
    ck_assert_uint_eq(order_count, count);
    for (unsigned i = 0; i < count; i++) {
        ck_assert_ptr_eq(order[i], &alarms[expected[i]]);
    }
}

START_TEST(timers_expire_in_the_order_of_their_deadlines)
{
    begin();
    set(0, 30);
    set(1, 10);
    set(2, 40);
    set(3, 20);
    ck_assert_uint_eq(timers_next_ns(&timers), 10);
    timers_expire(&timers, 100);
    check_order((unsigned[]){1, 3, 0, 2}, 4);
    end();
}
END_TEST

START_TEST(only_what_is_due_expires_and_only_once)
{
    begin();
    set(0, 10);
    set(1, 11);
    timers_expire(&timers, 9);
    ck_assert_uint_eq(order_count, 0);
    timers_expire(&timers, 10);
    check_order((unsigned[]){0}, 1);
    ck_assert(!timer_is_set(&alarms[0].timer));
    ck_assert(timer_is_set(&alarms[1].timer));
    timers_expire(&timers, 10);
    ck_assert_uint_eq(order_count, 1);
    ck_assert_uint_eq(timers_next_ns(&timers), 11);
    end();
}
END_TEST

START_TEST(a_timer_set_again_moves_nearer_or_farther)
{
    begin();
    set(0, 50);
    set(1, 60);
    set(2, 70);
    set(2, 10);
    ck_assert_uint_eq(timers_next_ns(&timers), 10);
    set(0, 90);
    ck_assert_uint_eq(timer_deadline_ns(&alarms[0].timer), 90);
    timers_expire(&timers, 60);
    check_order((unsigned[]){2, 1}, 2);
    timers_expire(&timers, 90);
    check_order((unsigned[]){2, 1, 0}, 3);
    end();
}
END_TEST

START_TEST(a_cleared_timer_is_not_called)
{
    begin();
    set(0, 10);
    set(1, 20);
    timers_clear(&timers, &alarms[0].timer);
    timers_clear(&timers, &alarms[0].timer);
    ck_assert(!timer_is_set(&alarms[0].timer));
    timers_expire(&timers, 100);
    check_order((unsigned[]){1}, 1);
    end();
}
END_TEST

START_TEST(a_due_timer_may_clear_itself)
{
    begin();
    alarms[0].clears = &alarms[0];
    set(0, 10);
    set(1, 20);
    timers_expire(&timers, 100);
    check_order((unsigned[]){0, 1}, 2);
    end();
}
END_TEST

START_TEST(a_due_timer_may_clear_another_that_is_due)
{
    begin();
    alarms[0].clears = &alarms[1];
    set(0, 10);
    set(1, 20);
    set(2, 30);
    timers_expire(&timers, 100);
    check_order((unsigned[]){0, 2}, 2);
    end();
}
END_TEST

START_TEST(a_timer_that_sets_itself_in_the_past_waits_for_the_next_round)
{
    begin();
    alarms[0].sets = &alarms[0];
    alarms[0].sets_to_ns = 5;
    set(0, 10);
    set(1, 20);
    timers_expire(&timers, 100);
    check_order((unsigned[]){0, 1}, 2);
    ck_assert(timer_is_set(&alarms[0].timer));
    ck_assert_uint_gt(timers_next_ns(&timers), 100);
    timers_expire(&timers, timers_next_ns(&timers));
    check_order((unsigned[]){0, 1, 0}, 3);
    end();
}
END_TEST

START_TEST(a_timer_that_sets_itself_to_now_does_not_hold_up_others)
{
    begin();
    alarms[0].sets = &alarms[0];
    alarms[0].sets_to_ns = 100;
    set(0, 100);
    set(1, 100);
    timers_expire(&timers, 100);
    ck_assert_uint_eq(alarms[0].calls, 1);
    ck_assert_uint_eq(alarms[1].calls, 1);
    end();
}
END_TEST

START_TEST(outside_of_expiring_a_deadline_in_the_past_is_kept)
{
    begin();
    timers_expire(&timers, 100);
    set(0, 7);
    ck_assert_uint_eq(timers_next_ns(&timers), 7);
    end();
}
END_TEST

START_TEST(a_deadline_of_never_does_not_expire)
{
    begin();
    set(0, CLOCK_NEVER);
    timers_expire(&timers, CLOCK_NEVER - 1);
    ck_assert_uint_eq(order_count, 0);
    end();
}
END_TEST

/* --- against a model ------------------------------------------------------------------------ */

static struct timer model_timers[MODEL_TIMERS];
static uint64_t     model_deadlines[MODEL_TIMERS]; /* 0: not running */
static uint64_t     model_now_ns, model_last_ns;
static size_t       model_set_count;

static uint64_t chance(uint64_t below)
{
    static uint64_t state = 20260722;

    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (state >> 33) % below;
}

static void on_model_due(struct timer *timer)
{
    size_t index = (size_t)(timer - model_timers);

    ck_assert_uint_ne(model_deadlines[index], 0);
    ck_assert_uint_le(model_deadlines[index], model_now_ns);
    ck_assert_uint_ge(model_deadlines[index], model_last_ns);
    model_last_ns = model_deadlines[index];
    model_deadlines[index] = 0;
    model_set_count--;
}

static void model_set(size_t index, uint64_t deadline_ns)
{
    model_set_count += model_deadlines[index] == 0 ? 1 : 0;
    model_deadlines[index] = deadline_ns;
    timers_set(&timers, &model_timers[index], deadline_ns);
}

static void model_clear(size_t index)
{
    model_set_count -= model_deadlines[index] != 0 ? 1 : 0;
    model_deadlines[index] = 0;
    timers_clear(&timers, &model_timers[index]);
}

static uint64_t model_nearest(void)
{
    uint64_t nearest_ns = CLOCK_NEVER;
    unsigned differences = 0;

    for (size_t i = 0; i < MODEL_TIMERS; i++) {
        differences += timer_is_set(&model_timers[i]) != (model_deadlines[i] != 0) ? 1 : 0;
        if (model_deadlines[i] != 0 && model_deadlines[i] < nearest_ns) {
            nearest_ns = model_deadlines[i];
        }
    }
    ck_assert_uint_eq(differences, 0);
    return nearest_ns;
}

static void model_expire(uint64_t now_ns)
{
    model_now_ns = now_ns;
    model_last_ns = 0;
    timers_expire(&timers, now_ns);
    uint64_t nearest_ns = model_nearest();

    ck_assert_uint_gt(nearest_ns, now_ns);
    ck_assert_uint_eq(timers_next_ns(&timers), nearest_ns);
}

START_TEST(ten_thousand_timers_behave_like_a_sorted_list)
{
    uint64_t now_ns = 1;

    timers = (struct timers){0};
    for (size_t i = 0; i < MODEL_TIMERS; i++) {
        model_timers[i].due = on_model_due;
        model_set(i, 1 + chance(1000000));
    }
    for (unsigned round = 0; round < MODEL_ROUNDS; round++) {
        for (unsigned step = 0; step < MODEL_STEPS; step++) {
            size_t index = (size_t)chance(MODEL_TIMERS);

            if (chance(4) == 0) {
                model_clear(index);
            } else {
                model_set(index, now_ns + chance(1000000));
            }
        }
        now_ns += chance(10000);
        model_expire(now_ns);
    }
    model_expire(CLOCK_NEVER - 1);
    ck_assert_uint_eq(model_set_count, 0);
    timers_fini(&timers);
}
END_TEST

Suite *timer_suite(void)
{
    return suite_of(
        "timer",
        (const TTest *const[]){
            timers_expire_in_the_order_of_their_deadlines, only_what_is_due_expires_and_only_once,
            a_timer_set_again_moves_nearer_or_farther, a_cleared_timer_is_not_called,
            a_due_timer_may_clear_itself, a_due_timer_may_clear_another_that_is_due,
            a_timer_that_sets_itself_in_the_past_waits_for_the_next_round,
            a_timer_that_sets_itself_to_now_does_not_hold_up_others,
            outside_of_expiring_a_deadline_in_the_past_is_kept, a_deadline_of_never_does_not_expire,
            ten_thousand_timers_behave_like_a_sorted_list, NULL});
}
