/* Programs that are run: what they see of us, what we see of them, and how long. */
#include "proxy/command.h"

#include "base/clock.h"
#include "scratch.h"
#include "suites.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROBLEM_BYTES = 512 };

static struct command command;
static char           problem[PROBLEM_BYTES];

/* Of a shell script. */
static bool runs_within(const char *script, uint64_t within_ns)
{
    const char *arguments[] = {"/bin/sh", "-c", script, NULL};
    struct text text;

    text_init(&text, problem, sizeof(problem));
    command = (struct command){.arguments = arguments, .within_ns = within_ns};
    return command_run(&command, &text);
}

static bool runs(const char *script)
{
    return runs_within(script, 30 * NS_PER_S);
}

static void check_output(const struct command_output *output, const char *text)
{
    ck_assert_msg(output->len == strlen(text) && memcmp(output->bytes, text, output->len) == 0,
                  "\"%.*s\"", (int)output->len, output->bytes);
}

START_TEST(what_it_writes_is_kept_apart)
{
    ck_assert(runs("echo one; echo two >&2; echo three"));
    check_output(&command.output, "one\nthree\n");
    check_output(&command.complaints, "two\n");
}
END_TEST

START_TEST(it_has_an_environment_and_a_standard_input_of_its_own)
{
    ck_assert_int_eq(setenv("SECRET", "x", 1), 0);
    ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", "/creds", 1), 0);
    ck_assert(runs("env | grep -v '^PWD=\\|^_=\\|^SHLVL=\\|^OLDPWD=' | sort; cat"));
    check_output(&command.output,
                 "CREDENTIALS_DIRECTORY=/creds\nLC_ALL=C\n"
                 "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n");
    ck_assert_int_eq(unsetenv("SECRET"), 0);
    ck_assert_int_eq(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}
END_TEST

START_TEST(it_has_none_of_our_descriptors_and_signals)
{
    int      fd = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */
    sigset_t blocked;

    ck_assert_int_ge(fd, 3);
    ck_assert_int_eq(sigemptyset(&blocked), 0);
    ck_assert_int_eq(sigaddset(&blocked, SIGTERM), 0);
    ck_assert_int_eq(sigprocmask(SIG_BLOCK, &blocked, NULL), 0);
    void (*was)(int) = signal(SIGPIPE, SIG_IGN);

    ck_assert(!runs("ls /proc/self/fd | wc -l; grep SigBlk /proc/self/status; kill -PIPE $$"));
    /* 0 to 2, and that of ls for the directory */
    check_output(&command.output, "4\nSigBlk:\t0000000000000000\n");
    ck_assert_str_eq(problem, "\"/bin/sh\" was ended by signal 13");
    ck_assert_ptr_ne(signal(SIGPIPE, was), SIG_ERR);
    ck_assert_int_eq(sigprocmask(SIG_UNBLOCK, &blocked, NULL), 0);
    ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(how_it_failed_is_said)
{
    struct text text;

    ck_assert(!runs("echo no >&2; exit 3"));
    ck_assert_str_eq(problem, "\"/bin/sh\" ended with status 3");
    check_output(&command.complaints, "no\n");
    ck_assert(!runs("kill -9 $$"));
    ck_assert_str_eq(problem, "\"/bin/sh\" was ended by signal 9");
    text_init(&text, problem, sizeof(problem));
    command =
        (struct command){.arguments = (const char *[]){"/nowhere", NULL}, .within_ns = NS_PER_S};
    ck_assert(!command_run(&command, &text));
    ck_assert_str_eq(problem, "\"/nowhere\" cannot be started: No such file or directory");
}
END_TEST

START_TEST(what_takes_too_long_is_ended_with_all_it_started)
{
    char           script[2 * SCRATCH_PATH_BYTES], path[SCRATCH_PATH_BYTES];
    struct scratch scratch;
    struct stat    status;

    scratch_open(&scratch);
    scratch_name(&scratch, "late", path);
    (void)snprintf(script, sizeof(script), "(sleep 2; : >%s) & sleep 60", path);
    ck_assert(!runs_within(script, NS_PER_S / 2));
    ck_assert_str_eq(problem, "\"/bin/sh\" did not end within 0 seconds");
    (void)sleep(3);
    ck_assert_int_ne(stat(path, &status), 0);
    scratch_close(&scratch);
}
END_TEST

START_TEST(what_it_leaves_behind_does_not_hold_us_up)
{
    uint64_t began_ns = clock_now_ns();

    ck_assert(runs("sleep 60 & echo done"));
    check_output(&command.output, "done\n");
    ck_assert_uint_lt(clock_now_ns() - began_ns, 30 * NS_PER_S);
}
END_TEST

START_TEST(what_is_too_much_is_read_and_dropped)
{
    ck_assert(runs("i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i + 1)); done; "
                   "head -c 200000 /dev/zero >&2"));
    ck_assert_uint_eq(command.output.len, COMMAND_OUTPUT_BYTES);
    ck_assert_uint_eq(command.complaints.len, COMMAND_OUTPUT_BYTES);
    command_wipe(&command);
    ck_assert_uint_eq(command.output.len, 0);
    ck_assert_int_eq(command.output.bytes[0], '\0');
}
END_TEST

START_TEST(children_that_our_parent_had_us_ignore_are_waited_for_all_the_same)
{
    ck_assert_ptr_ne(signal(SIGCHLD, SIG_IGN), SIG_ERR);
    ck_assert_msg(runs("echo x"), "%s", problem);
    ck_assert(!runs("exit 1"));
    ck_assert_str_eq(problem, "\"/bin/sh\" ended with status 1");
}
END_TEST

Suite *command_suite(void)
{
    Suite *suite = suite_create("command");
    TCase *tcase = tcase_create("command");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, what_it_writes_is_kept_apart);
    tcase_add_test(tcase, it_has_an_environment_and_a_standard_input_of_its_own);
    tcase_add_test(tcase, it_has_none_of_our_descriptors_and_signals);
    tcase_add_test(tcase, how_it_failed_is_said);
    tcase_add_test(tcase, what_takes_too_long_is_ended_with_all_it_started);
    tcase_add_test(tcase, what_it_leaves_behind_does_not_hold_us_up);
    tcase_add_test(tcase, what_is_too_much_is_read_and_dropped);
    tcase_add_test(tcase, children_that_our_parent_had_us_ignore_are_waited_for_all_the_same);
    suite_add_tcase(suite, tcase);
    return suite;
}
