#include "reactor/log_writer.h"

#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    CONTENT_BYTES = 1024 * 1024,
    PATH_BYTES = 128,
    PATIENCE_MS = 30000,
    PIPE_BYTES = 4096,
    LINE_BYTES = 100,
    WAKE_ROUNDS = 500,
    UNATTACHED_LINES = 5000,
};

static char               directory[PATH_BYTES];
static char               daemon_path[PATH_BYTES], access_path[PATH_BYTES], other_path[PATH_BYTES];
static struct log_writer *writer;
static char               content[CONTENT_BYTES + 1];
static size_t             content_len;

static void begin(void)
{
    (void)snprintf(directory, sizeof(directory), "/tmp/test-log-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)snprintf(daemon_path, sizeof(daemon_path), "%.100s/daemon", directory);
    (void)snprintf(access_path, sizeof(access_path), "%.100s/access", directory);
    (void)snprintf(other_path, sizeof(other_path), "%.100s/other", directory);
    content_len = 0;
}

static void end(void)
{
    log_writer_stop(&writer);
    ck_assert_ptr_null(writer);
    (void)unlink(daemon_path);
    (void)unlink(access_path);
    (void)unlink(other_path);
    ck_assert_int_eq(rmdir(directory), 0);
}

static struct log_writer_options options_of(const char *path)
{
    return (struct log_writer_options){
        .targets = {[LOG_CHANNEL_DAEMON] = {.kind = LOG_TO_FILE, .path = path},
                    [LOG_CHANNEL_ACCESS] = {.kind = LOG_TO_FILE, .path = access_path}},
        .producers = 2,
        .ring_bytes = 64 * 1024};
}

static void start(const struct log_writer_options *options)
{
    struct error error;

    writer = log_writer_start(options, &error);
    ck_assert_ptr_nonnull(writer);
}

static bool put(enum log_channel channel, const char *line)
{
    return log_writer_put(writer, channel, LOG_LEVEL_INFO, line, strlen(line));
}

static const char *read_file(const char *path)
{
    int     fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? 0 : read(fd, content, CONTENT_BYTES);

    ck_assert_int_ge(len, 0);
    content[len] = '\0';
    if (fd >= 0) {
        (void)close(fd);
    }
    return content;
}

/* Waits until the file holds `text`. */
static void await_text(const char *path, const char *text)
{
    for (int i = 0; i < PATIENCE_MS && strstr(read_file(path), text) == NULL; i++) {
        (void)usleep(1000);
    }
    ck_assert_ptr_nonnull(strstr(content, text));
}

static size_t count_lines(const char *path)
{
    size_t lines = 0;

    for (const char *at = read_file(path); *at != '\0'; at++) {
        lines += *at == '\n' ? 1 : 0;
    }
    return lines;
}

/* A pipe by name, small, and the end that reads it. */
static int open_fifo(const char *path)
{
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    (void)fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
    return fd;
}

/* Reads on, into `content`, until it holds `text`. */
static void await_from_fifo(int fd, const char *text)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    content[content_len] = '\0';
    while (strstr(content, text) == NULL) {
        ck_assert_int_gt(poll(&wait, 1, PATIENCE_MS), 0);
        ssize_t len = read(fd, content + content_len, CONTENT_BYTES - content_len);

        ck_assert_int_gt(len, 0);
        content_len += (size_t)len;
        content[content_len] = '\0';
    }
}

/* A line of LINE_BYTES that begins with a letter and a number. */
static const char *long_line(char letter, unsigned number)
{
    static _Thread_local char line[LINE_BYTES + 1];
    int                       len = snprintf(line, sizeof(line), "%c%u", letter, number);

    memset(line + len, '.', LINE_BYTES - (size_t)len);
    return line;
}

/* Puts lines until one is dropped; how many were taken. */
static unsigned fill(char letter)
{
    unsigned lines = 0;

    while (lines < 100000 && put(LOG_CHANNEL_DAEMON, long_line(letter, lines))) {
        lines++;
    }
    ck_assert_uint_lt(lines, 100000);
    return lines;
}

START_TEST(lines_reach_the_target_of_their_channel_in_order)
{
    begin();
    struct log_writer_options options = options_of(daemon_path);

    start(&options);
    log_writer_attach(writer, 0);
    ck_assert(put(LOG_CHANNEL_DAEMON, "one"));
    ck_assert(put(LOG_CHANNEL_ACCESS, "two"));
    ck_assert(log_writer_put(writer, LOG_CHANNEL_DAEMON, LOG_LEVEL_ERROR, "three", 5));
    log_writer_stop(&writer);
    ck_assert_str_eq(read_file(daemon_path), "sallyport: info: one\nsallyport: error: three\n");
    ck_assert_str_eq(read_file(access_path), "two\n");
    end();
}
END_TEST

START_TEST(lines_for_the_journal_begin_with_their_priority)
{
    begin();
    struct log_writer_options options = options_of(daemon_path);

    options.has_priority = true;
    start(&options);
    log_writer_attach(writer, 0);
    ck_assert(log_writer_put(writer, LOG_CHANNEL_DAEMON, LOG_LEVEL_ERROR, "a", 1));
    ck_assert(log_writer_put(writer, LOG_CHANNEL_DAEMON, LOG_LEVEL_WARN, "b", 1));
    ck_assert(log_writer_put(writer, LOG_CHANNEL_DAEMON, LOG_LEVEL_INFO, "c", 1));
    ck_assert(log_writer_put(writer, LOG_CHANNEL_DAEMON, LOG_LEVEL_DEBUG, "d", 1));
    ck_assert(put(LOG_CHANNEL_ACCESS, "e"));
    log_writer_stop(&writer);
    ck_assert_str_eq(read_file(daemon_path), "<3>a\n<4>b\n<6>c\n<7>d\n");
    ck_assert_str_eq(read_file(access_path), "<6>e\n");
    end();
}
END_TEST

START_TEST(a_thread_that_is_not_attached_writes_at_once)
{
    begin();
    struct log_writer_options options = options_of(daemon_path);

    start(&options);
    ck_assert(put(LOG_CHANNEL_ACCESS, "now"));
    ck_assert_str_eq(read_file(access_path), "now\n");
    end();
}
END_TEST

START_TEST(a_file_that_does_not_open_is_an_error_that_names_it)
{
    begin();
    struct log_writer_options options = options_of("/nonexistent/file");
    struct error              error = ERROR_OK;

    ck_assert_ptr_null(log_writer_start(&options, &error));
    ck_assert_str_eq(error.step, "/nonexistent/file");
    ck_assert_uint_eq(error.code, ENOENT);
    end();
}
END_TEST

START_TEST(lines_still_in_the_rings_are_written_before_the_stop)
{
    begin();
    struct log_writer_options options = options_of(daemon_path);
    unsigned                  taken = 0;

    start(&options);
    for (unsigned producer = 0; producer < 2; producer++) {
        log_writer_attach(writer, producer);
        for (unsigned i = 0; i < 600; i++) {
            taken += put(LOG_CHANNEL_ACCESS, long_line('a', i)) ? 1 : 0;
        }
    }
    uint64_t dropped = log_writer_dropped(writer);

    log_writer_stop(&writer);
    ck_assert_uint_eq(count_lines(access_path), taken);
    ck_assert_uint_eq(taken + dropped, 1200);
    end();
}
END_TEST

START_TEST(a_stuck_target_never_blocks_a_producer_and_a_line_says_what_was_lost)
{
    char told[32];

    begin();
    int                       fd = open_fifo(daemon_path);
    struct log_writer_options options = options_of(daemon_path);

    start(&options);
    log_writer_attach(writer, 0);
    (void)fill('a');
    for (unsigned i = 0; i < 10; i++) {
        (void)put(LOG_CHANNEL_DAEMON, long_line('b', i));
    }
    uint64_t dropped = log_writer_dropped(writer);

    ck_assert_uint_ge(dropped, 1);
    (void)snprintf(told, sizeof(told), "count=%llu\n", (unsigned long long)dropped);
    await_from_fifo(fd, told);
    ck_assert_ptr_nonnull(strstr(content, "sallyport: warn: log lines dropped"));
    ck_assert_uint_eq(log_writer_dropped(writer), dropped);
    ck_assert(put(LOG_CHANNEL_DAEMON, "and on it goes"));
    await_from_fifo(fd, "and on it goes\n");
    end();
    (void)close(fd);
}
END_TEST

START_TEST(a_stuck_target_does_not_hold_up_the_stop)
{
    struct timespec before, after;

    begin();
    int                       fd = open_fifo(daemon_path);
    struct log_writer_options options = options_of(daemon_path);

    start(&options);
    log_writer_attach(writer, 0);
    (void)fill('a');
    (void)clock_gettime(CLOCK_MONOTONIC, &before);
    end();
    (void)clock_gettime(CLOCK_MONOTONIC, &after);
    ck_assert_int_lt(after.tv_sec - before.tv_sec, PATIENCE_MS / 1000);
    /* The pipe stays open, and with it the thread stuck, to the end of the process. */
    ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
}
END_TEST

START_TEST(a_busy_ring_does_not_hold_up_the_others)
{
    begin();
    int                       fd = open_fifo(daemon_path);
    struct log_writer_options options = options_of(daemon_path);

    start(&options);
    log_writer_attach(writer, 0);
    unsigned last = fill('a') - 1;

    log_writer_attach(writer, 1);
    ck_assert(put(LOG_CHANNEL_DAEMON, "the other"));
    char text[32];

    (void)snprintf(text, sizeof(text), "a%u.", last);
    await_from_fifo(fd, text);
    ck_assert_ptr_nonnull(strstr(content, "the other"));
    ck_assert(strstr(content, "the other") < strstr(content, text));
    end();
    (void)close(fd);
}
END_TEST

START_TEST(lines_a_target_does_not_take_are_counted)
{
    begin();
    struct log_writer_options options = options_of("/dev/full");

    start(&options);
    log_writer_attach(writer, 0);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert(put(LOG_CHANNEL_DAEMON, "lost"));
    }
    for (int i = 0; i < PATIENCE_MS && log_writer_dropped(writer) < 3; i++) {
        (void)usleep(1000);
    }
    ck_assert_uint_eq(log_writer_dropped(writer), 3);
    end();
}
END_TEST

START_TEST(after_a_rotation_the_next_line_goes_to_the_new_file)
{
    begin();
    struct log_writer_options options = options_of(daemon_path);

    start(&options);
    log_writer_attach(writer, 0);
    ck_assert(put(LOG_CHANNEL_ACCESS, "before"));
    await_text(access_path, "before\n");
    ck_assert_int_eq(rename(access_path, other_path), 0);
    log_writer_reopen(writer);
    ck_assert(put(LOG_CHANNEL_ACCESS, "after"));
    log_writer_stop(&writer);
    ck_assert_str_eq(read_file(other_path), "before\n");
    ck_assert_str_eq(read_file(access_path), "after\n");
    end();
}
END_TEST

static unsigned warnings;

static void count_warnings(enum log_level level, const char *line, size_t line_len)
{
    (void)line_len;
    if (level == LOG_LEVEL_WARN && strstr(line, "not reopened") != NULL) {
        warnings++;
    }
}

START_TEST(a_file_that_cannot_be_opened_again_stays_in_use)
{
    char deeper[PATH_BYTES];

    begin();
    warnings = 0;
    log_set_sink(count_warnings);
    (void)snprintf(deeper, sizeof(deeper), "%.100s/gone", directory);
    ck_assert_int_eq(mkdir(deeper, 0700), 0);
    (void)snprintf(daemon_path, sizeof(daemon_path), "%.110s/daemon", deeper);
    struct log_writer_options options = options_of(daemon_path);

    start(&options);
    log_writer_attach(writer, 0);
    ck_assert_int_eq(rename(daemon_path, other_path), 0);
    ck_assert_int_eq(rmdir(deeper), 0);
    log_writer_reopen(writer);
    ck_assert(put(LOG_CHANNEL_DAEMON, "after"));
    log_writer_stop(&writer);
    log_set_sink(NULL);
    ck_assert_str_eq(read_file(other_path), "sallyport: info: after\n");
    ck_assert_uint_eq(warnings, 1);
    end();
}
END_TEST

static void *write_unattached(void *unused)
{
    (void)unused;
    for (unsigned i = 0; i < UNATTACHED_LINES; i++) {
        (void)put(LOG_CHANNEL_ACCESS, "line");
    }
    return NULL;
}

START_TEST(a_reopening_loses_no_line_of_a_thread_that_is_not_attached)
{
    pthread_t thread;

    begin();
    struct log_writer_options options = options_of(daemon_path);

    start(&options);
    ck_assert_int_eq(pthread_create(&thread, NULL, write_unattached, NULL), 0);
    for (unsigned i = 0; i < 300; i++) {
        log_writer_reopen(writer);
        (void)usleep(100);
    }
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    log_writer_stop(&writer);
    ck_assert_uint_eq(count_lines(access_path), UNATTACHED_LINES);
    end();
}
END_TEST

START_TEST(no_line_waits_for_the_next_one)
{
    char text[32];

    begin();
    int                       fd = open_fifo(daemon_path);
    struct log_writer_options options = options_of(daemon_path);

    start(&options);
    log_writer_attach(writer, 0);
    for (unsigned i = 0; i < WAKE_ROUNDS; i++) {
        (void)snprintf(text, sizeof(text), "line %u", i);
        ck_assert(put(LOG_CHANNEL_DAEMON, text));
        (void)snprintf(text, sizeof(text), "line %u\n", i);
        content_len = 0;
        await_from_fifo(fd, text);
    }
    end();
    (void)close(fd);
}
END_TEST

Suite *log_writer_suite(void)
{
    return suite_of(
        "log_writer",
        (const TTest *const[]){lines_reach_the_target_of_their_channel_in_order,
                               lines_for_the_journal_begin_with_their_priority,
                               a_thread_that_is_not_attached_writes_at_once,
                               a_file_that_does_not_open_is_an_error_that_names_it,
                               lines_still_in_the_rings_are_written_before_the_stop,
                               a_stuck_target_never_blocks_a_producer_and_a_line_says_what_was_lost,
                               a_stuck_target_does_not_hold_up_the_stop,
                               a_busy_ring_does_not_hold_up_the_others,
                               lines_a_target_does_not_take_are_counted,
                               after_a_rotation_the_next_line_goes_to_the_new_file,
                               a_file_that_cannot_be_opened_again_stays_in_use,
                               a_reopening_loses_no_line_of_a_thread_that_is_not_attached,
                               no_line_waits_for_the_next_one, NULL});
}
