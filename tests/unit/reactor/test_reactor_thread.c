/* A reactor on a thread of its own: how it starts, is spoken to, and ends. */
#include "base/clock.h"
#include "reactor/reactor.h"
#include "suites.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PRODUCERS = 3, LETTERS_EACH = 500, ROUNDS = 1000, PATIENCE_S = 60 };

/* What a test knows of its reactor. */
struct life {
    struct reactor *reactor;
    bool            has_started;
    bool            has_stopped;
    bool            refuses; /* on_start fails */
    sem_t           events;  /* one for each mail, and for on_stop */
};

struct letter {
    struct mail  mail;
    struct life *life;
    unsigned     number;
    unsigned    *expected; /* the next number of this producer */
};

struct producer {
    pthread_t     thread;
    struct life  *life;
    unsigned      expected;
    struct letter letters[LETTERS_EACH];
};

static const struct reactor_options EPOLL = {.name = "test", .io = {.driver = "epoll"}};
static const struct reactor_options AUTO = {.name = "test", .io = {.driver = "auto"}};

static bool on_start(struct reactor *reactor, void *owner, struct error *error)
{
    struct life *life = owner;

    ck_assert_ptr_eq(reactor, life->reactor);
    ck_assert_ptr_nonnull(reactor_loop(reactor));
    life->has_started = true;
    if (life->refuses) {
        *error = error_make(ERROR_CONFIG, "refused");
    }
    return !life->refuses;
}

static void on_stop(struct reactor *reactor, void *owner)
{
    struct life *life = owner;

    ck_assert_ptr_eq(reactor, life->reactor);
    life->has_stopped = true;
    (void)sem_post(&life->events);
}

static bool start(struct life *life, const struct reactor_options *options, struct error *error)
{
    (void)sem_init(&life->events, 0, 0);
    life->reactor = reactor_new(options, error);
    ck_assert_ptr_nonnull(life->reactor);
    return reactor_start(
        life->reactor,
        &(struct reactor_hooks){.on_start = on_start, .on_stop = on_stop, .owner = life}, error);
}

static void must_start(struct life *life, const struct reactor_options *options)
{
    struct error error = ERROR_OK;

    ck_assert(start(life, options, &error));
}

static void wait_for_event(struct life *life)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    while (sem_timedwait(&life->events, &until) != 0) {
        ck_assert_int_eq(errno, EINTR);
    }
}

static void on_letter(struct mail *mail, struct reactor *reactor)
{
    struct letter *letter = container_of(mail, struct letter, mail);

    reactor_count(reactor, METRIC_CONNECTIONS_TOTAL, 1);
    if (letter->expected != NULL) {
        ck_assert_uint_eq(letter->number, *letter->expected);
        (*letter->expected)++;
    }
    (void)sem_post(&letter->life->events);
}

static void on_stop_letter(struct mail *mail, struct reactor *reactor)
{
    (void)mail;
    reactor_stop(reactor);
}

static void stop(struct life *life)
{
    struct letter letter = {.mail.deliver = on_stop_letter, .life = life};

    reactor_post(life->reactor, &letter.mail);
    reactor_join(life->reactor);
    ck_assert(life->has_stopped);
}

static void end(struct life *life)
{
    reactor_free(&life->reactor);
    (void)sem_destroy(&life->events);
}

START_TEST(a_reactor_starts_runs_and_ends_with_its_hooks_called)
{
    struct life life = {0};

    must_start(&life, &AUTO);
    ck_assert(life.has_started);
    stop(&life);
    ck_assert_uint_ge(reactor_turns(life.reactor), 1);
    end(&life);
}
END_TEST

START_TEST(a_start_that_is_refused_is_an_error_and_nothing_runs)
{
    struct life  life = {.refuses = true};
    struct error error = ERROR_OK;

    ck_assert(!start(&life, &EPOLL, &error));
    ck_assert_int_eq(error_kind(&error), ERROR_CONFIG);
    ck_assert_str_eq(error.step, "refused");
    ck_assert(!life.has_stopped);
    ck_assert_uint_eq(reactor_turns(life.reactor), 0);
    end(&life);
}
END_TEST

START_TEST(a_loop_that_does_not_open_is_an_error_before_any_hook)
{
    struct reactor_options options = {.name = "test", .io = {.driver = "no such driver"}};
    struct life            life = {0};
    struct error           error = ERROR_OK;

    ck_assert(!start(&life, &options, &error));
    ck_assert_int_eq(error_kind(&error), ERROR_UNSUPPORTED);
    ck_assert(!life.has_started);
    end(&life);
}
END_TEST

START_TEST(mail_to_a_sleeping_reactor_arrives_every_time)
{
    struct life   life = {0};
    struct letter letter = {.mail.deliver = on_letter, .life = &life};

    must_start(&life, &EPOLL);
    for (unsigned i = 0; i < ROUNDS; i++) {
        reactor_post(life.reactor, &letter.mail);
        wait_for_event(&life);
    }
    stop(&life);
    ck_assert_uint_eq(reactor_metric(life.reactor, METRIC_CONNECTIONS_TOTAL), ROUNDS);
    end(&life);
}
END_TEST

static void *post_all(void *argument)
{
    struct producer *producer = argument;

    for (unsigned i = 0; i < LETTERS_EACH; i++) {
        producer->letters[i] = (struct letter){.mail.deliver = on_letter,
                                               .life = producer->life,
                                               .number = i,
                                               .expected = &producer->expected};
        reactor_post(producer->life->reactor, &producer->letters[i].mail);
    }
    return NULL;
}

START_TEST(mail_of_many_threads_arrives_all_of_it_in_order)
{
    static struct producer producers[PRODUCERS];
    struct life            life = {0};

    must_start(&life, &AUTO);
    for (unsigned i = 0; i < PRODUCERS; i++) {
        producers[i].life = &life;
        ck_assert_int_eq(pthread_create(&producers[i].thread, NULL, post_all, &producers[i]), 0);
    }
    for (unsigned i = 0; i < PRODUCERS * LETTERS_EACH; i++) {
        wait_for_event(&life);
    }
    for (unsigned i = 0; i < PRODUCERS; i++) {
        ck_assert_int_eq(pthread_join(producers[i].thread, NULL), 0);
    }
    stop(&life);
    for (unsigned i = 0; i < PRODUCERS; i++) {
        ck_assert_uint_eq(producers[i].expected, LETTERS_EACH);
    }
    end(&life);
}
END_TEST

/* Whoever posts the mail that stops a reactor has yet to wake it, and the thread may be gone by
 * then. Here it certainly is. */
START_TEST(mail_may_be_posted_until_the_join)
{
    struct life   life = {0};
    struct letter last = {.mail.deliver = on_stop_letter, .life = &life};
    struct letter late = {.mail.deliver = on_letter, .life = &life};

    must_start(&life, &AUTO);
    reactor_post(life.reactor, &last.mail);
    wait_for_event(&life);
    (void)usleep(20000);
    reactor_post(life.reactor, &late.mail);
    reactor_join(life.reactor);
    end(&life);
}
END_TEST

START_TEST(counters_may_be_read_while_they_are_written)
{
    struct life   life = {0};
    struct letter letter = {.mail.deliver = on_letter, .life = &life};
    uint64_t      before = 0;

    must_start(&life, &EPOLL);
    for (unsigned i = 0; i < ROUNDS; i++) {
        reactor_post(life.reactor, &letter.mail);
        uint64_t now = reactor_metric(life.reactor, METRIC_CONNECTIONS_TOTAL);

        ck_assert_uint_ge(now, before);
        ck_assert_uint_le(now, i + 1);
        before = now;
        wait_for_event(&life);
    }
    stop(&life);
    end(&life);
}
END_TEST

START_TEST(a_reactor_with_nothing_to_do_still_turns)
{
    struct life life = {0};

    must_start(&life, &EPOLL);
    uint64_t turns = reactor_turns(life.reactor);

    for (unsigned i = 0; i < PATIENCE_S * 100 && reactor_turns(life.reactor) == turns; i++) {
        (void)usleep(10000);
    }
    ck_assert_uint_gt(reactor_turns(life.reactor), turns);
    stop(&life);
    end(&life);
}
END_TEST

Suite *reactor_thread_suite(void)
{
    return suite_of("reactor_thread",
                    (const TTest *const[]){a_reactor_starts_runs_and_ends_with_its_hooks_called,
                                           a_start_that_is_refused_is_an_error_and_nothing_runs,
                                           a_loop_that_does_not_open_is_an_error_before_any_hook,
                                           mail_to_a_sleeping_reactor_arrives_every_time,
                                           mail_of_many_threads_arrives_all_of_it_in_order,
                                           mail_may_be_posted_until_the_join,
                                           counters_may_be_read_while_they_are_written,
                                           a_reactor_with_nothing_to_do_still_turns, NULL});
}
