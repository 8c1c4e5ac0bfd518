/* The effective configuration, in a form that is read again the same. */
#include "base/text.h"
#include "config/config.h"
#include "config/schema.h"
#include "config/value.h"

enum { NUMBER_BYTES = 32 };

static void dump_group(const struct schema_group *group, const void *structure, unsigned indent,
                       FILE *into);
static void dump_option(const struct schema_option *option, const void *structure, unsigned indent,
                        FILE *into);
static void dump_number(const struct schema_option *option, const void *member, FILE *into);
static void dump_strings(const struct config_strings *strings, FILE *into);
static void dump_pairs(const struct config_pairs *pairs, FILE *into);
static void dump_list(const struct schema_option *option, const void *structure, unsigned indent,
                      FILE *into);
static void dump_string(const char *text, FILE *into);

void config_dump(const struct config *config, FILE *into)
{
    dump_group(&schema_top, config, 0, into);
}

static void dump_group(const struct schema_group *group, const void *structure, unsigned indent,
                       FILE *into)
{
    for (size_t i = 0; i < group->count; i++) {
        dump_option(&group->options[i], structure, indent, into);
    }
}

static void dump_option(const struct schema_option *option, const void *structure, unsigned indent,
                        FILE *into)
{
    const void *member = (const char *)structure + option->offset;
    size_t      len = 0;

    (void)fprintf(into, "%*s%s = ", (int)indent, "", option->key);
    switch (option->type) {
    case OPTION_BOOL:
        (void)fputs(*(const bool *)member ? "true" : "false", into);
        break;
    case OPTION_UNSIGNED:
    case OPTION_DURATION:
    case OPTION_SIZE:
        dump_number(option, member, into);
        break;
    case OPTION_ENUM: {
        const char *choice = schema_choice(option->choices, *(const unsigned *)member, &len);

        (void)fprintf(into, "\"%.*s\"", (int)len, choice != NULL ? choice : "");
        break;
    }
    case OPTION_STRING:
        dump_string(((const struct config_string *)member)->text, into);
        break;
    case OPTION_STRINGS:
        dump_strings(member, into);
        break;
    case OPTION_PAIRS:
        dump_pairs(member, into);
        break;
    case OPTION_GROUP:
        (void)fputs("{\n", into);
        dump_group(option->group, member, indent + 4, into);
        (void)fprintf(into, "%*s}", (int)indent, "");
        break;
    case OPTION_LIST:
        dump_list(option, structure, indent, into);
        break;
    }
    (void)fputs(";\n", into);
}

static void dump_number(const struct schema_option *option, const void *member, FILE *into)
{
    uint64_t number =
        option->type == OPTION_UNSIGNED ? *(const unsigned *)member : *(const uint64_t *)member;
    char        memory[NUMBER_BYTES];
    struct text text;

    text_init(&text, memory, sizeof(memory));
    if (number == 0 && option->choices[0] != '\0') {
        (void)fprintf(into, "\"%s\"", option->choices);
    } else if (option->type == OPTION_UNSIGNED) {
        (void)fprintf(into, "%llu", (unsigned long long)number);
    } else {
        if (option->type == OPTION_DURATION) {
            value_duration_text(number, &text);
        } else {
            value_size_text(number, &text);
        }
        (void)fprintf(into, "\"%s\"", text_chars(&text));
    }
}

static void dump_strings(const struct config_strings *strings, FILE *into)
{
    (void)fputs("( ", into);
    for (size_t i = 0; i < strings->count; i++) {
        (void)fputs(i > 0 ? ", " : "", into);
        dump_string(strings->items[i].text, into);
    }
    (void)fputs(strings->count > 0 ? " )" : ")", into);
}

static void dump_pairs(const struct config_pairs *pairs, FILE *into)
{
    (void)fputs("{ ", into);
    for (size_t i = 0; i < pairs->count; i++) {
        (void)fprintf(into, "%s = ", pairs->items[i].name);
        dump_string(pairs->items[i].value.text, into);
        (void)fputs("; ", into);
    }
    (void)fputs("}", into);
}

static void dump_list(const struct schema_option *option, const void *structure, unsigned indent,
                      FILE *into)
{
    const char *items =
        *(const char *const *)(const void *)((const char *)structure + option->offset);
    size_t count = *(const size_t *)(const void *)((const char *)structure + option->count_offset);

    (void)fputs("(", into);
    for (size_t i = 0; i < count; i++) {
        (void)fprintf(into, "%s\n%*s{\n", i > 0 ? "," : "", (int)indent + 4, "");
        dump_group(option->group, items + i * option->group->bytes, indent + 8, into);
        (void)fprintf(into, "%*s}", (int)indent + 4, "");
    }
    (void)fprintf(into, count > 0 ? "\n%*s)" : "%*s)", count > 0 ? (int)indent : 0, "");
}

static void dump_string(const char *text, FILE *into)
{
    (void)fputc('"', into);
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;

        if (byte == '"' || byte == '\\') {
            (void)fprintf(into, "\\%c", byte);
        } else if (byte < 0x20 || byte == 0x7f) {
            (void)fprintf(into, "\\x%02x", byte);
        } else {
            (void)fputc(byte, into);
        }
    }
    (void)fputc('"', into);
}
