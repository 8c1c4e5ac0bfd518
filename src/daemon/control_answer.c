#include "daemon/control_answer.h"

#include "base/require.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The longest that a byte becomes, as \u00NN; and room for quotes and a NUL. */
enum { GROWTH_MAX = 6, BESIDES = 3, ROOM_MIN = 4096, LINE_BYTES_MAX = 4096, TIME_BYTES = 32 };

static const char cut_end[] = "\nerror: the answer is cut, it is too long or memory is short\n\n";

typedef void put_value(struct text *text, struct bytes_const bytes);

static void put(struct control_answer *answer, const char *bytes, size_t len);
static void put_string(struct control_answer *answer, const char *string);
static bool reserve(struct control_answer *answer, size_t len);
static void end_line(struct control_answer *answer);
static bool is_in_line(const struct control_answer *answer);
static void put_key(struct control_answer *answer, const char *key);
static void put_as(struct control_answer *answer, struct bytes_const bytes, put_value *put_bytes);
static void put_name(struct control_answer *answer, struct bytes_const bytes);

void control_answer_fini(struct control_answer *answer)
{
    free(answer->memory);
    *answer = (struct control_answer){0};
}

struct bytes_const control_answer_bytes(const struct control_answer *answer)
{
    return (struct bytes_const){(const uint8_t *)answer->memory, answer->len};
}

void control_answer_sent(struct control_answer *answer)
{
    answer->len = 0;
}

/* --- lines -------------------------------------------------------------------------------- */

void control_answer_line(struct control_answer *answer, const char *format, ...)
{
    char    line[LINE_BYTES_MAX];
    va_list arguments;

    va_start(arguments, format);
    int wanted = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    require(wanted >= 0);
    put(answer, line, (size_t)wanted < sizeof(line) ? (size_t)wanted : sizeof(line) - 1);
    put_string(answer, "\n");
}

void control_answer_lines(struct control_answer *answer, const char *text)
{
    while (*text != '\0') {
        const char *end = strchrnul(text, '\n');

        if (end > text) {
            put(answer, text, (size_t)(end - text));
            put_string(answer, "\n");
        }
        text = *end == '\n' ? end + 1 : end;
    }
}

void control_answer_end(struct control_answer *answer)
{
    const char *end = is_in_line(answer) ? cut_end : cut_end + 1;

    if (!answer->is_cut) {
        put_string(answer, "\n");
    } else if (answer->memory != NULL) {
        memcpy(answer->memory + answer->len, end, strlen(end));
        answer->len += strlen(end);
        answer->is_cut = false;
    }
}

/* --- rows --------------------------------------------------------------------------------- */

void control_answer_list_begin(struct control_answer *answer, const char *key)
{
    answer->is_nested = key != NULL;
    if (answer->is_json) {
        if (answer->is_nested) {
            put_key(answer, key);
        }
        put_string(answer, "[");
    } else {
        end_line(answer);
    }
    answer->is_in_list = true;
    answer->has_rows = false;
}

void control_answer_list_end(struct control_answer *answer)
{
    answer->is_in_list = false;
    answer->has_words = true;
    if (answer->is_json) {
        put_string(answer, answer->is_nested ? "]" : "]\n");
    }
}

void control_answer_row_begin(struct control_answer *answer)
{
    if (answer->is_json) {
        put_string(answer, answer->is_in_list && answer->has_rows ? ",{" : "{");
    }
    answer->has_rows = true;
    answer->has_words = false;
}

void control_answer_row_end(struct control_answer *answer)
{
    if (answer->is_json) {
        put_string(answer, answer->is_in_list ? "}" : "}\n");
    } else {
        end_line(answer);
    }
}

/* An empty line would be the end of the answer. */
static void end_line(struct control_answer *answer)
{
    if (is_in_line(answer)) {
        put_string(answer, "\n");
    }
}

static bool is_in_line(const struct control_answer *answer)
{
    return answer->len > 0 && answer->memory[answer->len - 1] != '\n';
}

static void put_key(struct control_answer *answer, const char *key)
{
    if (answer->has_words) {
        put_string(answer, answer->is_json ? "," : answer->is_in_list ? " " : "\n");
    }
    answer->has_words = true;
    put_string(answer, answer->is_json ? "\"" : "");
    put_string(answer, key);
    put_string(answer, answer->is_json ? "\":" : "=");
}

void control_answer_string(struct control_answer *answer, const char *key, const char *value)
{
    bool is_known = value != NULL;

    control_answer_bytes_value(answer, key,
                               (struct bytes_const){(const uint8_t *)(is_known ? value : ""),
                                                    is_known ? strlen(value) : 0});
}

void control_answer_bytes_value(struct control_answer *answer, const char *key,
                                struct bytes_const value)
{
    put_key(answer, key);
    if (answer->is_json && value.len == 0) {
        put_string(answer, "null");
    } else {
        put_name(answer, value);
    }
}

void control_answer_number(struct control_answer *answer, const char *key, uint64_t value)
{
    char        memory[24];
    struct text text;

    text_init(&text, memory, sizeof(memory));
    text_unsigned(&text, value);
    put_key(answer, key);
    put_string(answer, memory);
}

void control_answer_bool(struct control_answer *answer, const char *key, bool value)
{
    put_key(answer, key);
    if (answer->is_json) {
        put_string(answer, value ? "true" : "false");
    } else {
        put_string(answer, value ? "1" : "0");
    }
}

void control_answer_time(struct control_answer *answer, const char *key, int64_t unix_s)
{
    char      date[TIME_BYTES] = "";
    time_t    seconds = (time_t)unix_s;
    struct tm parts;

    if (unix_s != 0 && gmtime_r(&seconds, &parts) != NULL) {
        (void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &parts);
    }
    control_answer_string(answer, key, date);
}

void control_answer_names_begin(struct control_answer *answer, const char *key)
{
    put_key(answer, key);
    put_string(answer, answer->is_json ? "[" : "");
    answer->has_words = false;
}

void control_answer_name(struct control_answer *answer, struct bytes_const name)
{
    put_string(answer, answer->has_words ? "," : "");
    answer->has_words = true;
    put_name(answer, name);
}

void control_answer_names_end(struct control_answer *answer)
{
    if (answer->is_json) {
        put_string(answer, "]");
    } else if (!answer->has_words) {
        put_string(answer, "-");
    }
    answer->has_words = true;
}

/* --- pieces ------------------------------------------------------------------------------- */

static void put_name(struct control_answer *answer, struct bytes_const bytes)
{
    bool has_space = bytes.len > 0 && memchr(bytes.data, ' ', bytes.len) != NULL;

    put_as(answer, bytes, answer->is_json ? text_json : has_space ? text_quoted : text_escaped);
}

static void put_as(struct control_answer *answer, struct bytes_const bytes, put_value *put_bytes)
{
    struct text text;

    if (bytes.len > CONTROL_ANSWER_BYTES_MAX ||
        !reserve(answer, GROWTH_MAX * bytes.len + BESIDES)) {
        answer->is_cut = true;
        return;
    }
    text_init(&text, answer->memory + answer->len, answer->room - answer->len);
    put_bytes(&text, bytes);
    answer->len += text_len(&text);
}

static void put_string(struct control_answer *answer, const char *string)
{
    put(answer, string, strlen(string));
}

static void put(struct control_answer *answer, const char *bytes, size_t len)
{
    if (reserve(answer, len)) {
        memcpy(answer->memory + answer->len, bytes, len);
        answer->len += len;
    } else {
        answer->is_cut = true;
    }
}

/* What was cut once stays as it is, so that nothing stands behind a hole. Room to say so is left.
 */
static bool reserve(struct control_answer *answer, size_t len)
{
    size_t wanted = answer->len + len + sizeof(cut_end) + 1;
    size_t room = answer->room > 0 ? answer->room : ROOM_MIN;

    if (answer->is_cut || wanted > CONTROL_ANSWER_BYTES_MAX) {
        return false;
    }
    while (room < wanted) {
        room *= 2;
    }
    if (room > answer->room) {
        char *memory = realloc(answer->memory, room);

        if (memory == NULL) {
            return false;
        }
        answer->memory = memory;
        answer->room = room;
    }
    return true;
}
