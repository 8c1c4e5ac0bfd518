#include "base/log.h"

#include "suites.h"

#include <string.h>

static char           line[LOG_LINE_BYTES];
static size_t         line_len;
static enum log_level line_level;
static unsigned       lines;

static void sink(enum log_level level, const char *text, size_t text_len)
{
    ck_assert_uint_lt(text_len, sizeof(line));
    memcpy(line, text, text_len);
    line[text_len] = '\0';
    line_len = text_len;
    line_level = level;
    lines++;
}

static void begin(enum log_level level)
{
    lines = 0;
    log_set_sink(sink);
    log_set_level(level);
}

static void end(void)
{
    log_set_level(LOG_LEVEL_INFO);
    log_set_sink(NULL);
}

START_TEST(a_line_reaches_the_sink_when_its_level_is_on)
{
    begin(LOG_LEVEL_WARN);
    log_error("one=%d", 1);
    ck_assert_str_eq(line, "one=1");
    ck_assert_int_eq(line_level, LOG_LEVEL_ERROR);
    log_warn("two");
    log_info("three");
    log_debug("four");
    ck_assert_uint_eq(lines, 2);
    ck_assert(log_is_on(LOG_LEVEL_WARN) && !log_is_on(LOG_LEVEL_INFO));
    end();
}
END_TEST

START_TEST(a_line_that_is_too_long_is_cut)
{
    char text[LOG_LINE_BYTES + 100];

    begin(LOG_LEVEL_DEBUG);
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    log_debug("%s", text);
    ck_assert_uint_eq(line_len, LOG_LINE_BYTES - 1);
    end();
}
END_TEST

START_TEST(every_level_has_its_name)
{
    ck_assert_str_eq(log_level_name(LOG_LEVEL_ERROR), "error");
    ck_assert_str_eq(log_level_name(LOG_LEVEL_WARN), "warn");
    ck_assert_str_eq(log_level_name(LOG_LEVEL_INFO), "info");
    ck_assert_str_eq(log_level_name(LOG_LEVEL_DEBUG), "debug");
}
END_TEST

START_TEST(errors_and_warnings_are_copied_whatever_the_level)
{
    char        memory[64];
    struct text text;

    begin(LOG_LEVEL_ERROR);
    text_init(&text, memory, sizeof(memory));
    log_copy_to(&text);
    log_error("one");
    log_warn("two");
    log_info("three");
    log_copy_to(NULL);
    log_error("four");
    ck_assert_str_eq(memory, "one\ntwo\n");
    ck_assert_uint_eq(lines, 2);
    end();
}
END_TEST

Suite *log_suite(void)
{
    return suite_of("log", (const TTest *const[]){a_line_reaches_the_sink_when_its_level_is_on,
                                                  a_line_that_is_too_long_is_cut,
                                                  errors_and_warnings_are_copied_whatever_the_level,
                                                  every_level_has_its_name, NULL});
}
