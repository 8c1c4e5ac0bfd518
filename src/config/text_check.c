#include "config/text_check.h"

#include <string.h>

enum part { PART_PLAIN, PART_STRING, PART_LINE_COMMENT, PART_BLOCK_COMMENT };

struct reading {
    const char *text;
    size_t      len;
    size_t      at;
    unsigned    line;
    unsigned    depth;
    enum part   part;
};

static void step(struct reading *reading);
static void step_plain(struct reading *reading, char byte, char next);

bool text_is_safe(const char *text, size_t len, const char *file, struct config_report *report)
{
    struct reading reading = {.text = text, .len = len, .line = 1};

    if (len > TEXT_BYTES_MAX) {
        config_report_add(report, CONFIG_ERROR, (struct config_place){.file = file},
                          "over 4 MiB is no configuration");
        return false;
    }
    while (reading.at < len) {
        struct config_place at = {.file = file, .line = reading.line};

        if (text[reading.at] == '\0') {
            config_report_add(report, CONFIG_ERROR, at, "a NUL byte");
            return false;
        }
        step(&reading);
        if (reading.depth > TEXT_NESTING_MAX) {
            config_report_add(report, CONFIG_ERROR, at, "nested deeper than %d", TEXT_NESTING_MAX);
            return false;
        }
    }
    return true;
}

/* Follows strings and comments, so that only real brackets count. */
static void step(struct reading *reading)
{
    char byte = reading->text[reading->at];
    char next = reading->at + 1 < reading->len ? reading->text[reading->at + 1] : '\0';

    reading->at++;
    reading->line += byte == '\n' ? 1 : 0;
    switch (reading->part) {
    case PART_PLAIN:
        step_plain(reading, byte, next);
        break;
    case PART_STRING:
        reading->at += byte == '\\' && next != '\0' ? 1 : 0;
        reading->part = byte == '"' ? PART_PLAIN : PART_STRING;
        break;
    case PART_LINE_COMMENT:
        reading->part = byte == '\n' ? PART_PLAIN : PART_LINE_COMMENT;
        break;
    case PART_BLOCK_COMMENT:
        if (byte == '*' && next == '/') {
            reading->at++;
            reading->part = PART_PLAIN;
        }
        break;
    }
}

static void step_plain(struct reading *reading, char byte, char next)
{
    if (byte == '"') {
        reading->part = PART_STRING;
    } else if (byte == '#' || (byte == '/' && next == '/')) {
        reading->part = PART_LINE_COMMENT;
    } else if (byte == '/' && next == '*') {
        reading->at++;
        reading->part = PART_BLOCK_COMMENT;
    } else if (strchr("({[", byte) != NULL) {
        reading->depth++;
    } else if (strchr(")}]", byte) != NULL && reading->depth > 0) {
        reading->depth--;
    }
}
