#include "config/text_check.h"

#include <stddef.h>
#include <string.h>

enum { NUMBER_MAX = INT32_MAX, NUL_ESCAPE_LEN = 4 };

static const char *check_plain(struct text_check *check, char byte);
static const char *check_token(struct text_check *check, char byte);
static const char *check_bracket(struct text_check *check, char byte);
static const char *check_string(struct text_check *check, char byte);

const char *text_check_byte(struct text_check *check, char byte)
{
    if (byte == '\0') {
        return "a NUL byte";
    }
    switch (check->part) {
    case TEXT_SLASH:
        check->part = byte == '/' ? TEXT_LINE_COMMENT : TEXT_PLAIN;
        if (byte == '*') {
            check->part = TEXT_BLOCK_COMMENT;
            return NULL;
        }
        return check->part == TEXT_PLAIN ? check_plain(check, byte) : NULL;
    case TEXT_PLAIN:
        return check_plain(check, byte);
    case TEXT_STRING:
    case TEXT_ESCAPE:
        return check_string(check, byte);
    case TEXT_LINE_COMMENT:
        check->part = byte == '\n' ? TEXT_PLAIN : TEXT_LINE_COMMENT;
        return NULL;
    case TEXT_BLOCK_STAR:
        if (byte == '/') {
            check->part = TEXT_PLAIN;
            return NULL;
        }
        __attribute__((fallthrough));
    case TEXT_BLOCK_COMMENT:
        check->part = byte == '*' ? TEXT_BLOCK_STAR : TEXT_BLOCK_COMMENT;
        return NULL;
    }
    return NULL;
}

bool text_check_is_plain(const struct text_check *check)
{
    return check->part == TEXT_PLAIN || check->part == TEXT_SLASH;
}

/* The parser would take an open comment for a complete one, and what it hides for absent. */
const char *text_check_end(const struct text_check *check)
{
    if (check->part == TEXT_STRING || check->part == TEXT_ESCAPE) {
        return "the file ends inside a string";
    }
    if (check->part == TEXT_BLOCK_COMMENT || check->part == TEXT_BLOCK_STAR) {
        return "the file ends inside a comment";
    }
    return NULL;
}

static const char *check_plain(struct text_check *check, char byte)
{
    const char *complaint = check_token(check, byte);

    switch (byte) {
    case '"':
        check->part = TEXT_STRING;
        check->zeros = 0;
        break;
    case '#':
        check->part = TEXT_LINE_COMMENT;
        break;
    case '/':
        check->part = TEXT_SLASH;
        break;
    case '@':
        return "@include \"FILE\" is wanted, at the start of a line";
    case '=':
    case ':':
        if (++check->options[check->depth] > TEXT_OPTIONS_MAX) {
            return "more than 1000 options in one group";
        }
        break;
    default:
        return complaint != NULL ? complaint : check_bracket(check, byte);
    }
    return complaint;
}

/* The parser keeps the low 32 bits of a number, whatever was written. */
static const char *check_token(struct text_check *check, char byte)
{
    bool is_digit = byte >= '0' && byte <= '9';
    bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
    bool is_sign = byte == '-' || byte == '+';

    if (is_digit && check->token != TEXT_TOKEN_WORD) {
        check->token = TEXT_TOKEN_NUMBER;
        if (check->number <= NUMBER_MAX) {
            check->number = check->number * 10 + (uint64_t)(byte - '0');
        }
    } else if (is_digit || is_letter || byte == '.' || byte == '_' || byte == '*' ||
               (is_sign && check->token != TEXT_TOKEN_NONE)) {
        check->token = TEXT_TOKEN_WORD;
    } else {
        bool is_too_large = check->token == TEXT_TOKEN_NUMBER && check->number > NUMBER_MAX;

        check->token = TEXT_TOKEN_NONE;
        check->number = 0;
        return is_too_large ? "a number over 2147483647 is written in quotes" : NULL;
    }
    return NULL;
}

static const char *check_bracket(struct text_check *check, char byte)
{
    if (strchr("({[", byte) != NULL) {
        if (check->depth == TEXT_NESTING_MAX) {
            return "nested deeper than 32";
        }
        check->options[++check->depth] = 0;
    } else if (strchr(")}]", byte) != NULL && check->depth > 0) {
        check->depth--;
    }
    return NULL;
}

/* The parser would end the value at "\x00" and drop the rest of it. */
static const char *check_string(struct text_check *check, char byte)
{
    static const char nul_escape[] = "\\x00";
    bool              is_x = check->zeros == 1 && byte == 'X';

    if (check->part == TEXT_STRING && byte == '"') {
        check->part = TEXT_PLAIN;
        return NULL;
    }
    bool begins = check->part == TEXT_STRING && byte == '\\';

    if (begins) {
        check->zeros = 1;
    } else {
        check->zeros =
            is_x || (check->zeros > 0 && byte == nul_escape[check->zeros]) ? check->zeros + 1 : 0;
    }
    check->part = begins ? TEXT_ESCAPE : TEXT_STRING;
    return check->zeros == NUL_ESCAPE_LEN ? "\\x00 cannot stand in a string" : NULL;
}
