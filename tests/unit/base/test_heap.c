#include "base/heap.h"

#include "suites.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 8, ATTEMPTS = 40 };

static pthread_barrier_t at_once;

static void *trim(void *argument)
{
    (void)pthread_barrier_wait(&at_once);
    heap_trim();
    return argument;
}

static void trim_on_many_threads(void)
{
    pthread_t threads[THREADS];

    ck_assert_int_eq(pthread_barrier_init(&at_once, NULL, THREADS), 0);
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, trim, NULL), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
}

/* It used to abort some processes, one in twelve, and only where something has replaced malloc, as
 * AddressSanitizer does; so there are many, and each is new. */
START_TEST(threads_may_trim_at_once_before_anybody_else_has)
{
    for (unsigned i = 0; i < ATTEMPTS; i++) {
        int   status = -1;
        pid_t child = fork();

        ck_assert_int_ge(child, 0);
        if (child == 0) {
            trim_on_many_threads();
            _exit(0);
        }
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_int_eq(status, 0);
    }
}
END_TEST

Suite *heap_suite(void)
{
    return suite_of("heap",
                    (const TTest *const[]){threads_may_trim_at_once_before_anybody_else_has, NULL});
}
