/*
 * The daemon's own log: one line an event, "key=value" after a short message. Where lines go is
 * the sink's business; the default sink writes to stderr. Never log keys; escape peer bytes with
 * text_escaped before they come here.
 */
#ifndef SALLYPORT_BASE_LOG_H
#define SALLYPORT_BASE_LOG_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

enum { LOG_LINE_BYTES = 2048 };

/* Called with one finished line, no newline. May be called from any thread. */
typedef void log_sink(enum log_level level, const char *line, size_t line_len);

/* Both are set at start, before there are threads; NULL brings the stderr sink back. */
void log_set_level(enum log_level level);
void log_set_sink(log_sink *sink);

/* What the calling thread has to say of errors and warnings goes into this text as well, a line
 * each, whatever the level; NULL: no longer. For who has to answer for what it asked for. */
void log_copy_to(struct text *text);

bool        log_is_on(enum log_level level);
const char *log_level_name(enum log_level level);

__attribute__((format(printf, 2, 3))) void log_write(enum log_level level, const char *format, ...);

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
