/*
 * Follows a text byte by byte before it is parsed: where strings and comments begin and end, and
 * what would hurt the parser or be taken for something else by it.
 */
#ifndef SALLYPORT_CONFIG_TEXT_CHECK_H
#define SALLYPORT_CONFIG_TEXT_CHECK_H

#include <stdbool.h>
#include <stdint.h>

enum {
    TEXT_BYTES_MAX = 4 * 1024 * 1024,
    TEXT_NESTING_MAX = 32,
    TEXT_OPTIONS_MAX = 1000, /* in one group: the parser compares each with every other */
};

enum text_part {
    TEXT_PLAIN,
    TEXT_SLASH, /* plain, and the last byte may begin a comment */
    TEXT_STRING,
    TEXT_ESCAPE, /* in a string, behind a backslash */
    TEXT_LINE_COMMENT,
    TEXT_BLOCK_COMMENT,
    TEXT_BLOCK_STAR, /* in a comment, and the last byte may end it */
};

enum text_token { TEXT_TOKEN_NONE, TEXT_TOKEN_NUMBER, TEXT_TOKEN_WORD };

/* Zeroed memory stands before the first byte. */
struct text_check {
    /* private */
    enum text_part  part;
    enum text_token token;
    uint64_t        number;
    unsigned        zeros; /* bytes of "\x00" seen */
    unsigned        depth;
    unsigned        options[TEXT_NESTING_MAX + 1]; /* at each depth, since its bracket */
};

/* NULL, or what is wrong with this byte: static text. Nothing may follow a complaint. */
const char *text_check_byte(struct text_check *check, char byte);

/* Neither in a string nor in a comment. */
bool text_check_is_plain(const struct text_check *check);

/* NULL, or what is wrong with a file that ends here. */
const char *text_check_end(const struct text_check *check);

#endif
