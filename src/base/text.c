#include "base/text.h"

#include "base/require.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void text_bytes(struct text *text, const char *bytes, size_t len);
static void text_hidden(struct text *text, struct bytes_const bytes, const char *hidden);

void text_init(struct text *text, char *memory, size_t memory_bytes)
{
    require(memory_bytes > 0);
    *text = (struct text){.memory = memory, .capacity = memory_bytes};
    memory[0] = '\0';
}

static void text_bytes(struct text *text, const char *bytes, size_t len)
{
    size_t room = text->capacity - 1 - text->len;

    if (len > room) {
        text->cut = true;
        len = room;
    }
    memcpy(text->memory + text->len, bytes, len);
    text->len += len;
    text->memory[text->len] = '\0';
}

void text_format(struct text *text, const char *format, ...)
{
    size_t  room = text->capacity - text->len;
    va_list arguments;

    va_start(arguments, format);
    int wanted = vsnprintf(text->memory + text->len, room, format, arguments);
    va_end(arguments);
    require(wanted >= 0);
    if ((size_t)wanted >= room) {
        text->cut = true;
        text->len = text->capacity - 1;
    } else {
        text->len += (size_t)wanted;
    }
}

void text_string(struct text *text, const char *string)
{
    text_bytes(text, string, strlen(string));
}

void text_unsigned(struct text *text, uint64_t number)
{
    char   digits[20];
    size_t first = sizeof(digits);

    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    text_bytes(text, digits + first, sizeof(digits) - first);
}

void text_escaped(struct text *text, struct bytes_const bytes)
{
    if (bytes.len == 0) {
        text_bytes(text, "-", 1);
    }
    text_hidden(text, bytes, " \"\\=,");
}

void text_quoted(struct text *text, struct bytes_const bytes)
{
    text_bytes(text, "\"", 1);
    text_hidden(text, bytes, "\"\\");
    text_bytes(text, "\"", 1);
}

/* What is not printable, or `hidden`, becomes \xNN. */
static void text_hidden(struct text *text, struct bytes_const bytes, const char *hidden)
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t byte = bytes.data[i];
        char    escape[4] = {'\\', 'x', hex[byte >> 4], hex[byte & 15]};
        bool    is_plain = byte >= 0x20 && byte < 0x7f && strchr(hidden, byte) == NULL;

        text_bytes(text, is_plain ? (const char *)&byte : escape, is_plain ? 1 : sizeof(escape));
    }
}

void text_json(struct text *text, struct bytes_const bytes)
{
    text_bytes(text, "\"", 1);
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t byte = bytes.data[i];

        if (byte == '"' || byte == '\\') {
            text_bytes(text, "\\", 1);
        }
        if (byte >= 0x20 && byte < 0x7f) {
            text_bytes(text, (const char *)&byte, 1);
        } else {
            text_format(text, "\\u%04x", byte);
        }
    }
    text_bytes(text, "\"", 1);
}
