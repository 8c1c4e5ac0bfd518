/* What is wrong with a text before it is parsed: things that would hurt the parser. */
#ifndef SALLYPORT_CONFIG_TEXT_CHECK_H
#define SALLYPORT_CONFIG_TEXT_CHECK_H

#include "config/report.h"

#include <stdbool.h>
#include <stddef.h>

enum { TEXT_BYTES_MAX = 4 * 1024 * 1024, TEXT_NESTING_MAX = 32 };

/* No NUL byte, not too long, not nested too deeply; else reports with file:line. */
bool text_is_safe(const char *text, size_t len, const char *file, struct config_report *report);

#endif
