/* The turn, on the simulator's virtual time: nothing here is left to the machine's mood. */
#include "reactor/reactor.h"

#include "base/clock.h"
#include "driver_sim.h"
#include "reactor/slice.h"
#include "suites.h"
#include "yield.h"

#include <string.h>

enum { THINGS_MAX = 8, STORY_BYTES = 64 };

#define LONG_NS (300 * NS_PER_US)

/* Something a reactor runs: a mail, a timer, a task or an operation that writes its letter down. */
struct thing {
    struct mail  mail;
    struct timer timer;
    struct task  task;
    struct io_op op;
    char         letter;
    bool         repeats; /* comes again, as soon as it may */
    uint64_t     takes_ns;
    unsigned     runs;
    uint64_t     seen_ns; /* what the reactor said the time was */
};

static struct sim_net *net;
static struct reactor *reactor;
static struct thing    things[THINGS_MAX];
static char            story[STORY_BYTES];
static size_t          story_len;
static uint64_t        computed_ns; /* time that passed outside of io_turn */
static unsigned        clock_reads;
static int             event_fd;

static uint64_t clock_with_computing(void)
{
    clock_reads++;
    return sim_now_ns(net) + computed_ns;
}

static void tell(char letter)
{
    if (story_len < STORY_BYTES - 1) {
        story[story_len++] = letter;
        story[story_len] = '\0';
    }
}

static void run(struct thing *thing)
{
    thing->runs++;
    thing->seen_ns = reactor_now_ns(reactor);
    computed_ns += thing->takes_ns;
    tell(thing->letter);
}

static void tell_yield(void)
{
    tell('-');
}

static void on_mail(struct mail *mail, struct reactor *to)
{
    struct thing *thing = container_of(mail, struct thing, mail);

    ck_assert_ptr_eq(to, reactor);
    run(thing);
    if (thing->repeats) {
        reactor_post(reactor, mail);
    }
}

static void on_due(struct timer *timer)
{
    struct thing *thing = container_of(timer, struct thing, timer);

    run(thing);
    if (thing->repeats) {
        reactor_timer_set(reactor, timer, 1);
    }
}

static void on_task(struct task *task)
{
    struct thing *thing = container_of(task, struct thing, task);

    run(thing);
    if (thing->repeats) {
        reactor_defer(reactor, task);
    }
}

static void on_op(struct io_op *op)
{
    struct thing *thing = container_of(op, struct thing, op);

    run(thing);
    if (thing->repeats) {
        io_poll(reactor_loop(reactor), op, event_fd, on_op);
    }
}

static void begin(void)
{
    struct error error;

    memset(things, 0, sizeof(things));
    for (size_t i = 0; i < THINGS_MAX; i++) {
        things[i].letter = (char)('a' + i);
        things[i].mail.deliver = on_mail;
        things[i].timer.due = on_due;
        things[i].task.run = on_task;
    }
    story[0] = '\0';
    story_len = 0;
    computed_ns = 0;
    net = sim_net_new(&(struct sim_options){.seed = 1});
    clock_set_source(clock_with_computing);
    on_yield = tell_yield;
    reactor = reactor_new(&(struct reactor_options){.index = 3, .name = "test"}, &error);
    ck_assert_ptr_nonnull(reactor);
    reactor_adopt(reactor, sim_loop_open(net));
    event_fd = sim_event_fd(net);
    sim_event_set(net, event_fd, true);
}

static void end(void)
{
    struct thing closing = {.letter = 'z'};

    for (size_t i = 0; i < THINGS_MAX; i++) {
        things[i].repeats = false;
        reactor_timer_clear(reactor, &things[i].timer);
        reactor_forget(reactor, &things[i].task);
    }
    io_close(reactor_loop(reactor), &closing.op, event_fd, on_op);
    while (closing.runs == 0) {
        reactor_turn(reactor, 0);
    }
    reactor_close(reactor);
    reactor_free(&reactor);
    on_yield = NULL;
    sim_net_free(&net);
}

static uint64_t turn(uint64_t wait_ns)
{
    uint64_t before_ns = sim_now_ns(net);

    reactor_turn(reactor, wait_ns);
    return sim_now_ns(net) - before_ns;
}

static void check_story(const char *expected)
{
    ck_assert_str_eq(story, expected);
}

START_TEST(a_turn_is_mail_then_timers_then_completions_then_deferred_work)
{
    begin();
    reactor_defer(reactor, &things[3].task);
    io_poll(reactor_loop(reactor), &things[2].op, event_fd, on_op);
    reactor_timer_set(reactor, &things[1].timer, sim_now_ns(net));
    reactor_post(reactor, &things[0].mail);
    things[2].takes_ns = LONG_NS; /* or the work would be put off */
    (void)turn(NS_PER_S);
    check_story("abcd");
    end();
}
END_TEST

START_TEST(mail_is_delivered_in_the_order_it_was_posted)
{
    begin();
    reactor_post(reactor, &things[2].mail);
    reactor_post(reactor, &things[0].mail);
    reactor_post(reactor, &things[1].mail);
    (void)turn(0);
    check_story("cab");
    end();
}
END_TEST

START_TEST(mail_keeps_the_reactor_from_sleeping)
{
    begin();
    (void)turn(0);
    reactor_post(reactor, &things[0].mail);
    ck_assert_uint_lt(turn(NS_PER_S), NS_PER_MS);
    check_story("a");
    end();
}
END_TEST

START_TEST(mail_posted_while_delivering_comes_in_the_next_turn_without_sleep)
{
    begin();
    things[0].repeats = true;
    reactor_post(reactor, &things[0].mail);
    reactor_post(reactor, &things[1].mail);
    (void)turn(NS_PER_S);
    check_story("ab");
    ck_assert_uint_lt(turn(NS_PER_S), NS_PER_MS);
    check_story("aba");
    things[0].repeats = false;
    (void)turn(NS_PER_S);
    check_story("abaa");
    end();
}
END_TEST

START_TEST(one_long_task_is_all_a_turn_runs)
{
    begin();
    for (size_t i = 0; i < 3; i++) {
        things[i].takes_ns = LONG_NS;
        reactor_defer(reactor, &things[i].task);
    }
    (void)turn(0);
    check_story("a");
    (void)turn(0);
    (void)turn(0);
    check_story("abc");
    end();
}
END_TEST

START_TEST(short_tasks_run_together_until_they_took_too_long)
{
    begin();
    for (size_t i = 0; i < 6; i++) {
        things[i].takes_ns = 30 * NS_PER_US;
        reactor_defer(reactor, &things[i].task);
    }
    (void)turn(0);
    check_story("abcd"); /* a fourth begins at 90 us, none at 120 us */
    (void)turn(0);
    check_story("abcdef");
    end();
}
END_TEST

START_TEST(while_tasks_wait_the_reactor_does_not_sleep)
{
    begin();
    for (size_t i = 0; i < 2; i++) {
        things[i].takes_ns = LONG_NS;
        reactor_defer(reactor, &things[i].task);
    }
    ck_assert_uint_lt(turn(NS_PER_S), NS_PER_MS);
    ck_assert_uint_eq(reactor_deferred_count(reactor), 1);
    ck_assert_uint_lt(turn(NS_PER_S), NS_PER_MS);
    ck_assert_uint_eq(reactor_deferred_count(reactor), 0);
    ck_assert_uint_ge(turn(NS_PER_S), NS_PER_S);
    end();
}
END_TEST

static void on_op_defer(struct io_op *op)
{
    on_op(op);
    reactor_defer(reactor, &things[1].task);
}

START_TEST(deferred_work_waits_for_a_turn_that_brings_nothing)
{
    begin();
    io_poll(reactor_loop(reactor), &things[0].op, event_fd, on_op_defer);
    (void)turn(0);
    check_story("a");
    ck_assert_uint_eq(reactor_put_offs(reactor), 1);
    ck_assert_uint_lt(turn(NS_PER_S), NS_PER_MS);
    check_story("ab");
    ck_assert_uint_eq(reactor_put_offs(reactor), 0);
    end();
}
END_TEST

START_TEST(deferred_work_is_put_off_by_four_turns_at_most)
{
    begin();
    things[0].repeats = true;
    io_poll(reactor_loop(reactor), &things[0].op, event_fd, on_op);
    for (int i = 0; i < 2; i++) {
        reactor_defer(reactor, &things[1].task);
        for (int turns = 0; turns < 5; turns++) {
            (void)turn(NS_PER_S);
        }
    }
    check_story("aaaaabaaaaab");
    things[0].repeats = false;
    (void)turn(0);
    end();
}
END_TEST

START_TEST(deferred_work_is_not_put_off_once_what_came_took_a_fifth_of_a_millisecond)
{
    begin();
    things[0].takes_ns = 110 * NS_PER_US;
    things[0].repeats = true;
    io_poll(reactor_loop(reactor), &things[0].op, event_fd, on_op);
    reactor_defer(reactor, &things[1].task);
    (void)turn(NS_PER_S);
    check_story("a");
    (void)turn(NS_PER_S);
    check_story("aab");
    things[0].repeats = false;
    (void)turn(0);
    end();
}
END_TEST

START_TEST(others_may_have_the_processor_behind_each_task_while_it_is_shared)
{
    begin();
    things[0].takes_ns = LONG_NS;
    reactor_defer(reactor, &things[0].task);
    (void)turn(0);
    check_story("a");
    reactor_share_processor(reactor);
    reactor_defer(reactor, &things[0].task);
    reactor_defer(reactor, &things[1].task);
    (void)turn(0);
    check_story("aa-");
    (void)turn(0);
    check_story("aa-b-");
    end();
}
END_TEST

START_TEST(a_turn_gives_a_thread_its_own_slice_back)
{
    begin();
    uint64_t whole_ns = slice_set(NS_PER_MS);

    (void)turn(0);
    reactor_share_processor(reactor);
    reactor_defer(reactor, &things[0].task);
    (void)turn(0);
    computed_ns += NS_PER_S;
    (void)turn(0);
    uint64_t after_ns = slice_set(whole_ns);

    ck_assert_uint_eq(after_ns, whole_ns != 0 ? NS_PER_MS : 0);
    end();
}
END_TEST

START_TEST(work_that_was_forgotten_leaves_no_put_offs_behind)
{
    begin();
    io_poll(reactor_loop(reactor), &things[0].op, event_fd, on_op_defer);
    (void)turn(0);
    reactor_forget(reactor, &things[1].task);
    (void)turn(0);
    ck_assert_uint_eq(reactor_put_offs(reactor), 0);
    check_story("a");
    end();
}
END_TEST

START_TEST(deferring_twice_is_once)
{
    begin();
    reactor_defer(reactor, &things[0].task);
    reactor_defer(reactor, &things[0].task);
    ck_assert_uint_eq(reactor_deferred_count(reactor), 1);
    (void)turn(0);
    (void)turn(0);
    check_story("a");
    end();
}
END_TEST

START_TEST(a_forgotten_task_does_not_run)
{
    begin();
    reactor_defer(reactor, &things[0].task);
    reactor_defer(reactor, &things[1].task);
    reactor_forget(reactor, &things[0].task);
    reactor_forget(reactor, &things[0].task);
    ck_assert_uint_eq(reactor_deferred_count(reactor), 1);
    (void)turn(0);
    check_story("b");
    reactor_defer(reactor, &things[0].task);
    (void)turn(0);
    check_story("ba");
    end();
}
END_TEST

START_TEST(a_task_that_defers_itself_runs_once_a_turn)
{
    begin();
    things[0].repeats = true;
    reactor_defer(reactor, &things[0].task);
    reactor_defer(reactor, &things[1].task);
    (void)turn(0);
    check_story("ab");
    (void)turn(0);
    check_story("aba");
    end();
}
END_TEST

START_TEST(a_timer_that_sets_itself_in_the_past_fires_once_a_turn)
{
    begin();
    things[0].repeats = true;
    reactor_timer_set(reactor, &things[0].timer, 1);
    reactor_timer_set(reactor, &things[1].timer, 2);
    io_poll(reactor_loop(reactor), &things[2].op, event_fd, on_op);
    (void)turn(0);
    check_story("abc");
    (void)turn(0);
    check_story("abca");
    end();
}
END_TEST

START_TEST(the_reactor_sleeps_until_the_nearest_deadline)
{
    begin();
    uint64_t due_ns = sim_now_ns(net) + 5 * NS_PER_MS;

    reactor_timer_set(reactor, &things[0].timer, due_ns);
    ck_assert_uint_ge(turn(NS_PER_S), 5 * NS_PER_MS);
    (void)turn(0);
    check_story("a");
    ck_assert_uint_ge(things[0].seen_ns, due_ns);
    ck_assert_uint_lt(things[0].seen_ns, due_ns + NS_PER_MS);
    end();
}
END_TEST

START_TEST(a_timer_set_in_the_past_fires_once_and_then_all_is_quiet)
{
    begin();
    reactor_timer_set(reactor, &things[0].timer, 1);
    ck_assert_uint_ge(turn(NS_PER_S), NS_PER_S);
    check_story("a");
    ck_assert_uint_ge(turn(NS_PER_S), NS_PER_S);
    check_story("a");
    end();
}
END_TEST

START_TEST(a_cleared_timer_neither_fires_nor_wakes)
{
    begin();
    reactor_timer_set(reactor, &things[0].timer, sim_now_ns(net) + NS_PER_MS);
    reactor_timer_clear(reactor, &things[0].timer);
    ck_assert_uint_ge(turn(NS_PER_S), NS_PER_S);
    (void)turn(0);
    check_story("");
    end();
}
END_TEST

START_TEST(a_turn_reads_the_clock_once_before_and_once_after_its_wait)
{
    begin();
    reactor_post(reactor, &things[0].mail);
    reactor_post(reactor, &things[1].mail);
    things[0].takes_ns = LONG_NS;
    int other_fd = sim_event_fd(net);

    sim_event_set(net, other_fd, true);
    io_poll(reactor_loop(reactor), &things[3].op, other_fd, on_op);
    io_poll(reactor_loop(reactor), &things[2].op, event_fd, on_op);
    clock_reads = 0;
    (void)turn(0);
    ck_assert_uint_eq(clock_reads, 2);
    ck_assert_uint_eq(story_len, 4);
    ck_assert_uint_eq(things[0].seen_ns, things[1].seen_ns);
    ck_assert_uint_eq(things[2].seen_ns, things[3].seen_ns);
    ck_assert_uint_ge(things[2].seen_ns, things[1].seen_ns + LONG_NS);
    io_close(reactor_loop(reactor), &things[3].op, other_fd, on_op);
    end();
}
END_TEST

static void on_stop_mail(struct mail *mail, struct reactor *to)
{
    on_mail(mail, to);
    reactor_stop(to);
}

START_TEST(the_run_ends_with_the_turn_that_was_told_to_stop)
{
    begin();
    things[0].mail.deliver = on_stop_mail;
    reactor_post(reactor, &things[0].mail);
    reactor_defer(reactor, &things[1].task);
    uint64_t before_ns = sim_now_ns(net);

    reactor_run(reactor);
    check_story("ab");
    ck_assert_uint_eq(reactor_turns(reactor), 1);
    ck_assert_uint_lt(sim_now_ns(net) - before_ns, NS_PER_MS);
    end();
}
END_TEST

START_TEST(turns_are_counted)
{
    begin();
    ck_assert_uint_eq(reactor_turns(reactor), 0);
    for (int i = 0; i < 5; i++) {
        (void)turn(0);
    }
    ck_assert_uint_eq(reactor_turns(reactor), 5);
    ck_assert_uint_eq(reactor_index(reactor), 3);
    end();
}
END_TEST

START_TEST(counters_go_up_and_down_each_on_its_own)
{
    begin();
    reactor_count(reactor, METRIC_CONNECTIONS_ACTIVE, 3);
    reactor_count(reactor, METRIC_CONNECTIONS_ACTIVE, -2);
    reactor_count(reactor, METRIC_CONNECTIONS_TOTAL, 7);
    ck_assert_uint_eq(reactor_metric(reactor, METRIC_CONNECTIONS_ACTIVE), 1);
    ck_assert_uint_eq(reactor_metric(reactor, METRIC_CONNECTIONS_TOTAL), 7);
    ck_assert_uint_eq(reactor_metric(reactor, METRIC_HANDSHAKES_TOTAL), 0);
    end();
}
END_TEST

Suite *reactor_suite(void)
{
    return suite_of("reactor",
                    (const TTest *const[]){
                        a_turn_is_mail_then_timers_then_completions_then_deferred_work,
                        mail_is_delivered_in_the_order_it_was_posted,
                        mail_keeps_the_reactor_from_sleeping,
                        mail_posted_while_delivering_comes_in_the_next_turn_without_sleep,
                        one_long_task_is_all_a_turn_runs,
                        short_tasks_run_together_until_they_took_too_long,
                        while_tasks_wait_the_reactor_does_not_sleep,
                        deferred_work_waits_for_a_turn_that_brings_nothing,
                        deferred_work_is_put_off_by_four_turns_at_most,
                        deferred_work_is_not_put_off_once_what_came_took_a_fifth_of_a_millisecond,
                        others_may_have_the_processor_behind_each_task_while_it_is_shared,
                        a_turn_gives_a_thread_its_own_slice_back,
                        work_that_was_forgotten_leaves_no_put_offs_behind,
                        deferring_twice_is_once,
                        a_forgotten_task_does_not_run,
                        a_task_that_defers_itself_runs_once_a_turn,
                        a_timer_that_sets_itself_in_the_past_fires_once_a_turn,
                        the_reactor_sleeps_until_the_nearest_deadline,
                        a_timer_set_in_the_past_fires_once_and_then_all_is_quiet,
                        a_cleared_timer_neither_fires_nor_wakes,
                        a_turn_reads_the_clock_once_before_and_once_after_its_wait,
                        the_run_ends_with_the_turn_that_was_told_to_stop,
                        turns_are_counted,
                        counters_go_up_and_down_each_on_its_own,
                        NULL});
}
