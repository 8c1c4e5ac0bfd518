/*
 * A line of text being built in memory the caller lends. It never overruns: what does not fit is
 * cut off, and text_is_cut says so. Always NUL-terminated.
 */
#ifndef SALLYPORT_BASE_TEXT_H
#define SALLYPORT_BASE_TEXT_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>

struct text {
    /* private */
    char  *memory;
    size_t capacity; /* with the NUL */
    size_t len;
    bool   cut;
};

void text_init(struct text *text, char *memory, size_t memory_bytes);

static inline size_t text_len(const struct text *text)
{
    return text->len;
}

static inline bool text_is_cut(const struct text *text)
{
    return text->cut;
}

static inline const char *text_chars(const struct text *text)
{
    return text->memory;
}

__attribute__((format(printf, 2, 3))) void text_format(struct text *text, const char *format, ...);

/* Appends a NUL-terminated string as it is. Faster than text_format. */
void text_string(struct text *text, const char *string);
void text_unsigned(struct text *text, uint64_t number);

/*
 * Appends bytes a peer may have chosen so that they stay one word on one line: bytes outside
 * 0x21 to 0x7e, and  "  \  =  , become \xNN. No bytes at all become "-".
 */
void text_escaped(struct text *text, struct bytes_const bytes);

/* The same in quotes, where spaces, "=" and "," may stand as they are. No quote is inside. */
void text_quoted(struct text *text, struct bytes_const bytes);

/* Appends a quoted JSON string (RFC 8259 section 7). Bytes outside 0x20 to 0x7e become \u00NN,
 * so that the line is valid whatever a peer sent. */
void text_json(struct text *text, struct bytes_const bytes);

#endif
