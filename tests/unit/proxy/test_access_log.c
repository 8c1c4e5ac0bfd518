#include "proxy/access_log.h"

#include "base/clock.h"
#include "sample.h"
#include "suites.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A log into a file in memory, on a reactor whose clock we turn. */
static struct reactor    *reactor;
static struct log_writer *writer;
static struct access_log  access_log;
static int                file = -1;
static uint64_t           now_ns;
static char               news[256 * 1024];

static uint64_t hand_turned(void)
{
    return now_ns;
}

static void begin(enum config_log_format format, size_t ring_bytes)
{
    char         path[40];
    struct error error = ERROR_OK;

    now_ns = 5 * NS_PER_S;
    clock_set_source(hand_turned);
    file = memfd_create("access", MFD_CLOEXEC);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    reactor = reactor_new(&(struct reactor_options){.name = "test"}, &error);
    ck_assert_ptr_nonnull(reactor);
    ck_assert(reactor_open(reactor, &error));
    writer = log_writer_start(
        &(struct log_writer_options){
            .targets = {{.kind = LOG_TO_FILE, .path = path}, {.kind = LOG_TO_FILE, .path = path}},
            .producers = 1,
            .ring_bytes = ring_bytes},
        &error);
    ck_assert_ptr_nonnull(writer);
    access_log_init(&access_log, &(struct access_log_options){
                                     .reactor = reactor, .writer = writer, .format = format});
}

static void end(void)
{
    access_log_fini(&access_log);
    log_writer_stop(&writer);
    reactor_close(reactor);
    reactor_free(&reactor);
    (void)close(file);
    clock_set_source(NULL);
}

/* Takes what was written since the last call. */
static const char *take_news(void)
{
    ssize_t len = pread(file, news, sizeof(news) - 1, 0);

    ck_assert_int_ge(len, 0);
    news[len] = '\0';
    ck_assert_int_eq(ftruncate(file, 0), 0);
    return news;
}

static void pass(uint64_t ns)
{
    now_ns += ns;
    reactor_turn(reactor, 0);
}

static void fail_handshakes(unsigned count, enum end_reason reason)
{
    struct session_summary summary = sample_failure();

    summary.reason = reason;
    for (unsigned i = 0; i < count; i++) {
        access_log_report(&access_log, &summary);
    }
}

/* Lines that begin with these words. */
static unsigned count_lines(const char *lines, const char *words)
{
    unsigned count = 0;

    for (const char *at = lines; *at != '\0'; at = strchr(at, '\n') + 1) {
        count += strncmp(at, words, strlen(words)) == 0 ? 1 : 0;
    }
    return count;
}

START_TEST(a_session_is_one_line)
{
    struct session_summary summary = sample_session();

    begin(CONFIG_FORMAT_TEXT, 0);
    access_log_report(&access_log, &summary);
    ck_assert_ptr_eq(strstr(take_news(), "conn id=01K742SG3VE800000010000011 client="), news);
    ck_assert_ptr_eq(strchr(news, '\n') + 1, news + strlen(news));
    end();
}
END_TEST

START_TEST(json_tells_when_the_session_ended)
{
    struct session_summary summary = sample_session();
    char                   before[CLOCK_WALL_TEXT_BYTES], after[CLOCK_WALL_TEXT_BYTES];

    begin(CONFIG_FORMAT_JSON, 0);
    clock_wall_text(clock_wall_us(), before);
    access_log_report(&access_log, &summary);
    clock_wall_text(clock_wall_us(), after);
    const char *time = strstr(take_news(), "\"time\":\"") + strlen("\"time\":\"");

    ck_assert_int_ge(strncmp(time, before, strlen(before)), 0);
    ck_assert_int_le(strncmp(time, after, strlen(after)), 0);
    end();
}
END_TEST

START_TEST(off_writes_nothing)
{
    struct session_summary summary = sample_session();

    begin(CONFIG_FORMAT_OFF, 0);
    access_log_report(&access_log, &summary);
    fail_handshakes(100, END_HS_FAILED);
    pass(5 * NS_PER_S);
    ck_assert_str_eq(take_news(), "");
    end();
}
END_TEST

START_TEST(a_probe_writes_nothing)
{
    struct session_summary summary = sample_failure();

    begin(CONFIG_FORMAT_TEXT, 0);
    summary.has_tls_failure = false;
    summary.reason = END_CLIENT_CLOSE;
    summary.is_probe = true;
    access_log_report(&access_log, &summary);
    ck_assert_str_eq(take_news(), "");
    end();
}
END_TEST

START_TEST(a_failed_handshake_is_two_lines)
{
    static const enum end_reason reasons[] = {END_HS_TIMEOUT, END_HELLO_TIMEOUT, END_HELLO_INVALID,
                                              END_SNI_UNMATCHED};
    struct session_summary       summary = sample_failure();

    begin(CONFIG_FORMAT_TEXT, 0);
    access_log_report(&access_log, &summary);
    ck_assert_uint_eq(count_lines(take_news(), "conn "), 1);
    ck_assert_uint_eq(count_lines(news, "hs_fail "), 1);
    summary.has_tls_failure = false;
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        summary.reason = reasons[i];
        access_log_report(&access_log, &summary);
        ck_assert_uint_eq(count_lines(take_news(), "hs_fail "), 1);
    }
    end();
}
END_TEST

START_TEST(no_handshake_failed_after_it_was_complete_or_when_the_client_left)
{
    struct session_summary summary = sample_failure();

    begin(CONFIG_FORMAT_TEXT, 0);
    summary.handshake_ns = 1;
    summary.reason = END_TLS_ERROR;
    access_log_report(&access_log, &summary);
    summary.handshake_ns = SUMMARY_NEVER;
    summary.has_tls_failure = false;
    summary.reason = END_CLIENT_RESET;
    access_log_report(&access_log, &summary);
    ck_assert_uint_eq(count_lines(take_news(), "conn "), 2);
    ck_assert_uint_eq(count_lines(news, "hs_fail"), 0);
    end();
}
END_TEST

START_TEST(ten_failures_a_second_are_written_and_the_rest_counted)
{
    begin(CONFIG_FORMAT_TEXT, 0);
    fail_handshakes(25, END_HS_FAILED);
    ck_assert_uint_eq(count_lines(take_news(), "conn "), 25);
    ck_assert_uint_eq(count_lines(news, "hs_fail "), 10);
    ck_assert_ptr_null(strstr(news, "suppressed="));
    pass(NS_PER_S / 10);
    fail_handshakes(2, END_HS_FAILED);
    ck_assert_uint_eq(count_lines(take_news(), "hs_fail "), 1);
    ck_assert_ptr_nonnull(strstr(news, " end=hs_failed suppressed=15\n"));
    end();
}
END_TEST

START_TEST(one_reason_does_not_silence_another)
{
    begin(CONFIG_FORMAT_TEXT, 0);
    fail_handshakes(100, END_HS_FAILED);
    (void)take_news();
    fail_handshakes(10, END_SNI_UNMATCHED);
    ck_assert_uint_eq(count_lines(take_news(), "hs_fail "), 10);
    end();
}
END_TEST

START_TEST(a_flood_that_ended_is_summed_up_a_second_later)
{
    begin(CONFIG_FORMAT_TEXT, 0);
    fail_handshakes(25, END_HS_FAILED);
    fail_handshakes(11, END_SNI_UNMATCHED);
    (void)take_news();
    pass(NS_PER_S - 1);
    ck_assert_str_eq(take_news(), "");
    pass(1);
    ck_assert_str_eq(take_news(), "hs_fail_suppressed end=hs_failed suppressed=15\n"
                                  "hs_fail_suppressed end=sni_unmatched suppressed=1\n");
    pass(10 * NS_PER_S);
    ck_assert_str_eq(take_news(), "");
    end();
}
END_TEST

START_TEST(a_flood_that_goes_on_is_not_summed_up_meanwhile)
{
    begin(CONFIG_FORMAT_TEXT, 0);
    fail_handshakes(11, END_SNI_UNMATCHED);
    for (unsigned i = 0; i < 50; i++) {
        fail_handshakes(11, END_HS_FAILED);
        pass(NS_PER_S / 10);
    }
    ck_assert_uint_eq(count_lines(take_news(), "hs_fail_suppressed end=hs_failed"), 0);
    ck_assert_uint_eq(count_lines(news, "hs_fail_suppressed end=sni_unmatched suppressed=1\n"), 1);
    pass(NS_PER_S);
    ck_assert_str_eq(take_news(), "hs_fail_suppressed end=hs_failed suppressed=10\n");
    end();
}
END_TEST

START_TEST(what_is_held_back_at_the_end_is_told)
{
    begin(CONFIG_FORMAT_TEXT, 0);
    fail_handshakes(13, END_HS_TIMEOUT);
    (void)take_news();
    access_log_fini(&access_log);
    ck_assert_str_eq(take_news(), "hs_fail_suppressed end=hs_timeout suppressed=3\n");
    pass(5 * NS_PER_S);
    ck_assert_str_eq(take_news(), "");
    end();
}
END_TEST

START_TEST(a_line_that_finds_no_room_is_counted)
{
    struct session_summary summary = sample_session();

    begin(CONFIG_FORMAT_TEXT, 64);
    log_writer_attach(writer, 0);
    access_log_report(&access_log, &summary);
    access_log_report(&access_log, &summary);
    ck_assert_uint_eq(reactor_metric(reactor, METRIC_LOG_DROPPED), 2);
    end();
}
END_TEST

Suite *access_log_suite(void)
{
    return suite_of(
        "access_log",
        (const TTest *const[]){
            a_session_is_one_line, json_tells_when_the_session_ended, off_writes_nothing,
            a_probe_writes_nothing, a_failed_handshake_is_two_lines,
            no_handshake_failed_after_it_was_complete_or_when_the_client_left,
            ten_failures_a_second_are_written_and_the_rest_counted,
            one_reason_does_not_silence_another, a_flood_that_ended_is_summed_up_a_second_later,
            a_flood_that_goes_on_is_not_summed_up_meanwhile, what_is_held_back_at_the_end_is_told,
            a_line_that_finds_no_room_is_counted, NULL});
}
