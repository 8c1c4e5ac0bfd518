/* Durations, sizes and whole numbers as people write them. */
#include "config/value.h"

#include "config/config.h"

#include <string.h>

enum { MODE_DIGITS = 4, MODE_MAX = 0777 };

struct unit {
    const char *name;
    uint64_t    factor;
};

static const struct unit durations[] = {{"ms", 1000000},      {"s", 1000000000},
                                        {"", 1000000000},     {"m", 60000000000},
                                        {"h", 3600000000000}, {"d", 86400000000000}};
static const struct unit sizes[] = {{"", 1},        {"k", 1 << 10}, {"K", 1 << 10}, {"m", 1 << 20},
                                    {"M", 1 << 20}, {"g", 1 << 30}, {"G", 1 << 30}};

static bool parse(const char *text, const struct unit *units, size_t count, uint64_t *number);

bool config_parse_duration(const char *text, uint64_t *ns)
{
    return parse(text, durations, sizeof(durations) / sizeof(durations[0]), ns);
}

bool config_parse_size(const char *text, uint64_t *bytes)
{
    return parse(text, sizes, sizeof(sizes) / sizeof(sizes[0]), bytes);
}

bool config_parse_mode(const char *text, unsigned *mode)
{
    size_t digits = strspn(text, "01234567");

    *mode = 0;
    for (size_t i = 0; i < digits && i < MODE_DIGITS; i++) {
        *mode = *mode * 8 + (unsigned)(text[i] - '0');
    }
    return (digits == MODE_DIGITS || digits == MODE_DIGITS - 1) && text[digits] == '\0' &&
           *mode <= MODE_MAX;
}

static bool parse(const char *text, const struct unit *units, size_t count, uint64_t *number)
{
    uint64_t    whole = 0;
    const char *at = text;

    for (; *at >= '0' && *at <= '9'; at++) {
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, (uint64_t)(*at - '0'), &whole)) {
            return false;
        }
    }
    for (size_t i = 0; at != text && i < count; i++) {
        if (strcmp(at, units[i].name) == 0) {
            return !__builtin_mul_overflow(whole, units[i].factor, number);
        }
    }
    return false;
}

void value_duration_text(uint64_t ns, struct text *into)
{
    static const struct unit shown[] = {
        {"d", 86400000000000}, {"h", 3600000000000}, {"m", 60000000000}, {"s", 1000000000}};

    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        if (ns > 0 && ns % shown[i].factor == 0) {
            text_format(into, "%llu%s", (unsigned long long)(ns / shown[i].factor), shown[i].name);
            return;
        }
    }
    text_format(into, "%llums", (unsigned long long)(ns / 1000000));
}

void value_size_text(uint64_t bytes, struct text *into)
{
    static const struct unit shown[] = {{"g", 1 << 30}, {"m", 1 << 20}, {"k", 1 << 10}};

    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        if (bytes > 0 && bytes % shown[i].factor == 0) {
            text_format(into, "%llu%s", (unsigned long long)(bytes / shown[i].factor),
                        shown[i].name);
            return;
        }
    }
    text_format(into, "%llu", (unsigned long long)bytes);
}

void value_wanted_text(const struct schema_option *option, struct text *into)
{
    switch (option->type) {
    case OPTION_BOOL:
        text_string(into, "true or false");
        return;
    case OPTION_UNSIGNED:
        text_format(into, "a whole number from %llu to %llu", (unsigned long long)option->min,
                    (unsigned long long)option->max);
        break;
    case OPTION_DURATION:
        text_string(into, "a duration from ");
        value_duration_text(option->min, into);
        text_string(into, " to ");
        value_duration_text(option->max, into);
        break;
    case OPTION_SIZE:
        text_string(into, "a size from ");
        value_size_text(option->min, into);
        text_string(into, " to ");
        value_size_text(option->max, into);
        break;
    case OPTION_ENUM:
        text_format(into, "one of %s", option->choices);
        return;
    case OPTION_STRING:
        text_string(into, option->min > 0 ? "a string that is not empty" : "a string");
        return;
    case OPTION_STRINGS:
        text_format(into, "a string or a list of %llu to %llu strings",
                    (unsigned long long)option->min, (unsigned long long)option->max);
        return;
    case OPTION_PAIRS:
        text_format(into, "a group { } of up to %llu strings", (unsigned long long)option->max);
        return;
    case OPTION_GROUP:
        text_string(into, "a group { }");
        return;
    case OPTION_LIST:
        text_string(into, "a list of groups ( { } )");
        return;
    }
    if (option->choices[0] != '\0') {
        text_format(into, " or \"%s\"", option->choices);
    }
}
