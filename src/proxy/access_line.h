/*
 * The words of the access log: what a session's summary looks like as one line, in key=value text
 * or as JSON with the same keys. Pure: neither clock nor output. A value that is not known is `-`
 * in text and null in JSON; whatever a peer sent, a line stays one line.
 */
#ifndef SALLYPORT_PROXY_ACCESS_LINE_H
#define SALLYPORT_PROXY_ACCESS_LINE_H

#include "base/text.h"
#include "proxy/session_id.h"
#include "proxy/summary.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    ACCESS_LINE_BYTES = 16 * 1024, /* room for any line, NUL included */
    ACCESS_VALUE_BYTES_MAX = 256,  /* longer values are cut */
    ACCESS_ID_BYTES = SESSION_ID_BYTES,
};

/* How lines are written, and when what they tell of happened (shown in JSON only). */
struct access_style {
    bool     is_json;
    uint64_t wall_us;
};

/* See session_id.h. */
void access_line_id(const struct session_summary *summary, char into[static ACCESS_ID_BYTES]);

/* Each appends one line, without a newline, to a text with ACCESS_LINE_BYTES of memory. */
void access_line_conn(struct text *into, const struct access_style *style,
                      const struct session_summary *summary);
/* `suppressed`: how many of its kind were held back before it; shown unless 0. */
void access_line_failure(struct text *into, const struct access_style *style,
                         const struct session_summary *summary, uint32_t suppressed);
void access_line_suppressed(struct text *into, const struct access_style *style,
                            enum end_reason reason, uint32_t suppressed);

#endif
