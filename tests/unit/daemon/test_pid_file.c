#include "daemon/pid_file.h"

#include "base/log.h"
#include "scratch.h"
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void keep_quiet(enum log_level level, const char *line, size_t line_len)
{
    (void)level;
    (void)line;
    (void)line_len;
}

START_TEST(holds_our_number_and_goes_with_us)
{
    struct scratch scratch;
    char           path[SCRATCH_PATH_BYTES];
    char           line[32] = "";

    scratch_open(&scratch);
    scratch_write(&scratch, "pid", "1\n"); /* one that was left behind is replaced */
    scratch_name(&scratch, "pid", path);
    ck_assert(pid_file_write(path));
    FILE *file = fopen(path, "r");

    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(fgets(line, sizeof(line), file));
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(strtol(line, NULL, 10), getpid());
    pid_file_remove(path);
    ck_assert_int_ne(access(path, F_OK), 0);
    scratch_close(&scratch);
}
END_TEST

START_TEST(a_file_that_names_another_process_stays)
{
    struct scratch scratch;
    char           path[SCRATCH_PATH_BYTES];

    scratch_open(&scratch);
    scratch_write(&scratch, "pid", "1\n");
    scratch_name(&scratch, "pid", path);
    pid_file_remove(path);
    ck_assert_int_eq(access(path, F_OK), 0);
    scratch_close(&scratch);
}
END_TEST

START_TEST(never_writes_through_a_link)
{
    struct scratch scratch;
    char           path[SCRATCH_PATH_BYTES], aside[SCRATCH_PATH_BYTES], target[SCRATCH_PATH_BYTES];

    scratch_open(&scratch);
    scratch_name(&scratch, "pid", path);
    scratch_name(&scratch, "pid.new", aside);
    scratch_name(&scratch, "target", target);
    scratch_write(&scratch, "target", "");
    ck_assert_int_eq(symlink(target, aside), 0);
    log_set_sink(keep_quiet);
    ck_assert(!pid_file_write(path));
    log_set_sink(NULL);
    scratch_close(&scratch);
}
END_TEST

START_TEST(no_path_is_no_file_and_no_error)
{
    ck_assert(pid_file_write(""));
    pid_file_remove("");
}
END_TEST

START_TEST(a_directory_that_is_not_there_is_an_error)
{
    log_set_sink(keep_quiet);
    ck_assert(!pid_file_write("/nonexistent-directory/pid"));
    log_set_sink(NULL);
}
END_TEST

Suite *pid_file_suite(void)
{
    return suite_of("pid_file",
                    (const TTest *const[]){
                        holds_our_number_and_goes_with_us, a_file_that_names_another_process_stays,
                        never_writes_through_a_link, no_path_is_no_file_and_no_error,
                        a_directory_that_is_not_there_is_an_error, NULL});
}
