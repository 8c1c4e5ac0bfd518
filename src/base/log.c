#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static void stderr_sink(enum log_level level, const char *line, size_t line_len);

static enum log_level level_max = LOG_LEVEL_INFO;
static log_sink      *sink_now = stderr_sink;

static _Thread_local struct text *copy;

void log_set_level(enum log_level level)
{
    level_max = level;
}

void log_set_sink(log_sink *sink)
{
    sink_now = sink != NULL ? sink : stderr_sink;
}

void log_copy_to(struct text *text)
{
    copy = text;
}

bool log_is_on(enum log_level level)
{
    return level <= level_max;
}

const char *log_level_name(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_ERROR:
        return "error";
    case LOG_LEVEL_WARN:
        return "warn";
    case LOG_LEVEL_INFO:
        return "info";
    case LOG_LEVEL_DEBUG:
        return "debug";
    }
    return "unknown";
}

void log_write(enum log_level level, const char *format, ...)
{
    bool    is_copied = copy != NULL && level <= LOG_LEVEL_WARN;
    char    line[LOG_LINE_BYTES];
    va_list arguments;

    if (!log_is_on(level) && !is_copied) {
        return;
    }
    va_start(arguments, format);
    int wanted = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    if (wanted < 0) {
        return;
    }
    if (is_copied) {
        text_string(copy, line);
        text_string(copy, "\n");
    }
    if (log_is_on(level)) {
        sink_now(level, line, (size_t)wanted < sizeof(line) ? (size_t)wanted : sizeof(line) - 1);
    }
}

static void stderr_sink(enum log_level level, const char *line, size_t line_len)
{
    (void)fprintf(stderr, "sallyport: %s: %.*s\n", log_level_name(level), (int)line_len, line);
}
