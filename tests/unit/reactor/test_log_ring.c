#include "reactor/log_ring.h"

#include "suites.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

enum { RING_BYTES = 256, HEAD_BYTES = sizeof(struct log_ring_line), LINES = 20000 };
enum { SPINS_MAX = 50000000 };

static struct log_ring ring;
static char            text[UINT16_MAX];

static bool put(const char *line, uint8_t level)
{
    struct log_ring_line head = {.len = (uint16_t)strlen(line), .channel = 1, .level = level};

    return log_ring_put(&ring, head, line);
}

static void check_next(const char *line, uint8_t level)
{
    struct log_ring_line head;

    ck_assert(log_ring_take(&ring, &head, text));
    ck_assert_uint_eq(head.len, strlen(line));
    ck_assert_mem_eq(text, line, head.len);
    ck_assert_uint_eq(head.level, level);
    ck_assert_uint_eq(head.channel, 1);
}

static void check_empty(void)
{
    struct log_ring_line head;

    ck_assert(!log_ring_take(&ring, &head, text));
}

/* A line of its own length and content for each number. */
static const char *line_of(unsigned number)
{
    static _Thread_local char line[128];
    size_t                    padding = number % 90;
    int                       len = snprintf(line, sizeof(line), "%u ", number);

    memset(line + len, 'a' + (int)(number % 26), padding);
    line[(size_t)len + padding] = '\0';
    return line;
}

START_TEST(lines_come_out_whole_and_in_order_across_the_wrap_around)
{
    ck_assert(log_ring_init(&ring, RING_BYTES));
    for (unsigned i = 0; i < 1000; i++) {
        ck_assert(put(line_of(i), (uint8_t)(i % 4)));
        ck_assert(put(line_of(i + 7), 0));
        check_next(line_of(i), (uint8_t)(i % 4));
        check_next(line_of(i + 7), 0);
        check_empty();
    }
    log_ring_fini(&ring);
}
END_TEST

START_TEST(an_empty_line_is_a_line)
{
    ck_assert(log_ring_init(&ring, RING_BYTES));
    ck_assert(put("", 2));
    check_next("", 2);
    check_empty();
    log_ring_fini(&ring);
}
END_TEST

START_TEST(a_full_ring_drops_and_counts_and_takes_again_later)
{
    char filling[RING_BYTES - HEAD_BYTES + 1];

    memset(filling, 'x', sizeof(filling) - 1);
    filling[sizeof(filling) - 1] = '\0';
    ck_assert(log_ring_init(&ring, RING_BYTES));
    ck_assert(put(filling, 0));
    ck_assert(!put("", 0));
    ck_assert(!put("more", 0));
    ck_assert_uint_eq(atomic_load(&ring.dropped), 2);
    check_next(filling, 0);
    ck_assert(put("more", 0));
    check_next("more", 0);
    ck_assert_uint_eq(atomic_load(&ring.dropped), 2);
    log_ring_fini(&ring);
}
END_TEST

START_TEST(a_line_longer_than_the_ring_is_dropped)
{
    char line[RING_BYTES + 1];

    memset(line, 'x', RING_BYTES);
    line[RING_BYTES] = '\0';
    ck_assert(log_ring_init(&ring, RING_BYTES));
    ck_assert(!put(line, 0));
    ck_assert(!put(line + HEAD_BYTES - 1, 0));
    ck_assert(put(line + HEAD_BYTES, 0));
    log_ring_fini(&ring);
}
END_TEST

static void *produce(void *unused)
{
    (void)unused;
    for (unsigned i = 0; i < LINES; i++) {
        for (unsigned spins = 0; spins < SPINS_MAX && !put(line_of(i), (uint8_t)(i % 4)); spins++) {
            (void)sched_yield();
        }
    }
    return NULL;
}

START_TEST(two_threads_pass_every_line_whole_and_in_order)
{
    struct log_ring_line head;
    pthread_t            thread;
    unsigned             taken = 0;

    ck_assert(log_ring_init(&ring, RING_BYTES));
    ck_assert_int_eq(pthread_create(&thread, NULL, produce, NULL), 0);
    for (unsigned spins = 0; spins < SPINS_MAX && taken < LINES; spins++) {
        if (!log_ring_take(&ring, &head, text)) {
            (void)sched_yield();
            continue;
        }
        ck_assert_uint_eq(head.len, strlen(line_of(taken)));
        ck_assert_mem_eq(text, line_of(taken), head.len);
        ck_assert_uint_eq(head.level, taken % 4);
        taken++;
    }
    ck_assert_uint_eq(taken, LINES);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    check_empty();
    log_ring_fini(&ring);
}
END_TEST

Suite *log_ring_suite(void)
{
    return suite_of("log_ring",
                    (const TTest *const[]){lines_come_out_whole_and_in_order_across_the_wrap_around,
                                           an_empty_line_is_a_line,
                                           a_full_ring_drops_and_counts_and_takes_again_later,
                                           a_line_longer_than_the_ring_is_dropped,
                                           two_threads_pass_every_line_whole_and_in_order, NULL});
}
