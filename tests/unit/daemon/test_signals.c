#include "daemon/signals.h"

#include "base/clock.h"
#include "suites.h"

#include <signal.h>
#include <unistd.h>

enum { TURNS_MAX = 100 };

static int came_last;
static int came_count;

static void on_came(void *owner, int signal_number)
{
    (void)owner;
    came_last = signal_number;
    came_count++;
}

static void turn_until_came(struct io_loop *loop, int count)
{
    for (int i = 0; i < TURNS_MAX && came_count < count; i++) {
        io_turn(loop, NS_PER_MS);
    }
    ck_assert_int_eq(came_count, count);
}

START_TEST(each_signal_comes_once_in_the_loop_and_none_kills)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2};
    struct signals   signals;
    struct error     error;
    struct io_loop  *loop = io_loop_open(&(struct io_options){.driver = "epoll"}, &error);

    signals_block();
    ck_assert_ptr_nonnull(loop);
    ck_assert(signals_start(&signals, loop, on_came, NULL, &error));
    for (int i = 0; i < (int)(sizeof(numbers) / sizeof(numbers[0])); i++) {
        ck_assert_int_eq(kill(getpid(), numbers[i]), 0);
        turn_until_came(loop, i + 1);
        ck_assert_int_eq(came_last, numbers[i]);
    }
    ck_assert_int_eq(kill(getpid(), SIGPIPE), 0);
    signals_stop(&signals);
    for (int i = 0; i < TURNS_MAX && !signals_is_over(&signals); i++) {
        io_turn(loop, NS_PER_MS);
    }
    ck_assert(signals_is_over(&signals));
    io_loop_close(&loop);
}
END_TEST

/* Whether the wait for it ends before it can be cancelled is the kernel's choice. */
START_TEST(a_signal_on_its_way_does_not_keep_the_end_from_coming)
{
    static const char *const drivers[] = {"io_uring", "epoll"};

    signals_block();
    for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
        struct signals  signals;
        struct error    error;
        struct io_loop *loop = io_loop_open(&(struct io_options){.driver = drivers[i]}, &error);

        if (loop == NULL) {
            continue; /* not built, or not to be had here */
        }
        ck_assert(signals_start(&signals, loop, on_came, NULL, &error));
        io_turn(loop, 0);
        ck_assert_int_eq(kill(getpid(), SIGHUP), 0);
        signals_stop(&signals);
        for (int turns = 0; turns < TURNS_MAX && !signals_is_over(&signals); turns++) {
            io_turn(loop, NS_PER_MS);
        }
        ck_assert(signals_is_over(&signals));
        io_loop_close(&loop);
    }
}
END_TEST

Suite *signals_suite(void)
{
    return suite_of("signals", (const TTest *const[]){
                                   each_signal_comes_once_in_the_loop_and_none_kills,
                                   a_signal_on_its_way_does_not_keep_the_end_from_coming, NULL});
}
