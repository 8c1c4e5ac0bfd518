#include "config/memory.h"

#include "suites.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(memory_is_zeroed_aligned_and_freed_at_once)
{
    struct config_memory *memory = config_memory_new();

    for (size_t bytes = 1; bytes < 100; bytes++) {
        unsigned char *taken = config_memory_take(memory, bytes);

        ck_assert_uint_eq((uintptr_t)taken % _Alignof(max_align_t), 0);
        ck_assert_uint_eq(taken[0], 0);
        ck_assert_uint_eq(taken[bytes - 1], 0);
        memset(taken, 0xff, bytes);
    }
    ck_assert_str_eq(config_memory_copy(memory, "text"), "text");
    ck_assert_str_eq(config_memory_copy(memory, ""), "");
    config_memory_free(&memory);
    ck_assert_ptr_null(memory);
}
END_TEST

/* As much as there never is: what the child says on stderr before it dies. */
START_TEST(want_of_memory_ends_the_process_with_a_message)
{
    int  said[2];
    char text[200] = "";
    int  status = 0;

    ck_assert_int_eq(pipe(said), 0);
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct config_memory *memory = config_memory_new();

        (void)dup2(said[1], STDERR_FILENO);
        (void)config_memory_take(memory, SIZE_MAX);
        _exit(0);
    }
    ck_assert_int_eq(close(said[1]), 0);
    ck_assert_int_gt(read(said[0], text, sizeof(text) - 1), 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    ck_assert_int_eq(strncmp(text, "sallyport: broken requirement: ", 31), 0);
    ck_assert_int_eq(close(said[0]), 0);
}
END_TEST

Suite *memory_suite(void)
{
    return suite_of("memory",
                    (const TTest *const[]){memory_is_zeroed_aligned_and_freed_at_once,
                                           want_of_memory_ends_the_process_with_a_message, NULL});
}
