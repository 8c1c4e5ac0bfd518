#include "sheet.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct writing {
    struct sheet *sheet;
    FILE         *into;
    unsigned      line;
};

static void write_group(struct writing *writing, const struct schema_group *group);

static bool is_nested(const struct schema_option *option)
{
    return option->type == OPTION_GROUP || option->type == OPTION_LIST;
}

static bool has(const struct schema_group *group, const struct schema_option *option)
{
    for (size_t i = 0; i < group->count; i++) {
        const struct schema_option *one = &group->options[i];

        if (one == option || (is_nested(one) && has(one->group, option))) {
            return true;
        }
    }
    return false;
}

static void put(struct writing *writing, const char *text)
{
    for (; *text != '\0'; text++) {
        writing->line += *text == '\n' ? 1 : 0;
        (void)fputc(*text, writing->into);
    }
}

/* Values that a check across options wants to be sensible. */
static const char *special_value(const struct schema_option *option)
{
    static const char *const values[][2] = {{"name", "\"b\""},
                                            {"backend", "\"b\""},
                                            {"min-version", "\"TLSv1.2\""},
                                            {"max-version", "\"TLSv1.3\""},
                                            {"key-passphrase-cmd", "( \"/one\", \"t\\\"w\\\\o\" )"},
                                            {"proxy-v2-options", "( \"alpn\", \"crc32c\" )"},
                                            {"mode", "\"0600\""},
                                            {"socket", "\"/x\""}};

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        if (strcmp(option->key, values[i][0]) == 0) {
            return values[i][1];
        }
    }
    return NULL;
}

/* A value that is not the default. */
static void put_value(struct writing *writing, const struct schema_option *option)
{
    const char *special = special_value(option);
    char        number[64];

    switch (option->type) {
    case OPTION_BOOL:
        put(writing, strcmp(option->default_text, "true") == 0 ? "false" : "true");
        break;
    case OPTION_UNSIGNED:
        (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)option->max);
        put(writing, number);
        break;
    case OPTION_DURATION:
        (void)snprintf(number, sizeof(number), "\"%llums\"",
                       (unsigned long long)option->max / 1000000);
        put(writing, number);
        break;
    case OPTION_SIZE:
        (void)snprintf(number, sizeof(number), "\"%llu\"", (unsigned long long)option->max);
        put(writing, number);
        break;
    case OPTION_ENUM:
        (void)snprintf(number, sizeof(number), "\"%s\"", strrchr(option->choices, '|') + 1);
        put(writing, number);
        break;
    case OPTION_STRING:
        put(writing, special != NULL ? special : "\"a \\\"b\\\" \\\\ \\n \\x7f \xc3\xa9\"");
        break;
    case OPTION_STRINGS:
        put(writing, special != NULL ? special : "( \"one\", \"t\\\"w\\\\o\" )");
        break;
    case OPTION_PAIRS:
        put(writing, "{ One = \"1\"; Two = \"t\\\"w\\\\o\"; }");
        break;
    case OPTION_GROUP:
        put(writing, "{\n");
        write_group(writing, option->group);
        put(writing, "}");
        break;
    case OPTION_LIST:
        put(writing, "( {\n");
        write_group(writing, option->group);
        put(writing, "} )");
        break;
    }
}

static void put_option(struct writing *writing, const struct schema_option *option)
{
    struct sheet *sheet = writing->sheet;
    bool          is_it = option == sheet->option;

    sheet->line = is_it ? writing->line : sheet->line;
    put(writing, is_it && sheet->key != NULL ? sheet->key : option->key);
    put(writing, " = ");
    if (is_it) {
        put(writing, sheet->value);
    } else {
        put_value(writing, option);
    }
    put(writing, ";\n");
}

/* A frontend is not complete without a certificate, which no row requires by itself. */
static bool is_certificate(const struct schema_option *option, const struct sheet *sheet)
{
    bool is_pem = sheet->option != NULL && strcmp(sheet->option->key, "pem-file") == 0;

    return is_pem ? strcmp(option->key, "cert") == 0 || strcmp(option->key, "key") == 0
                  : strcmp(option->key, "pem-file") == 0;
}

/* Who asks clients for certificates needs to know whose, who reads PROXY headers whose to believe.
 */
static bool is_needed(const struct schema_option *option, const struct sheet *sheet)
{
    static const char *const needs[][2] = {{"client-verify", "ca-file"},
                                           {"accept-proxy", "accept-proxy-from"}};

    for (size_t i = 0; sheet->value != NULL && i < sizeof(needs) / sizeof(needs[0]); i++) {
        if (strcmp(sheet->option->key, needs[i][0]) == 0 && strcmp(option->key, needs[i][1]) == 0) {
            return true;
        }
    }
    return false;
}

static void write_group(struct writing *writing, const struct schema_group *group)
{
    struct sheet *sheet = writing->sheet;

    for (size_t i = 0; i < group->count; i++) {
        const struct schema_option *option = &group->options[i];

        if (option == sheet->option) {
            for (int times = sheet->value == NULL ? 0
                             : sheet->is_twice    ? 2
                                                  : 1;
                 times > 0; times--) {
                put_option(writing, option);
            }
        } else if ((sheet->is_full && !sheet_leaves_out(option)) || option->default_text == NULL ||
                   is_certificate(option, sheet) || is_needed(option, sheet) ||
                   (is_nested(option) && sheet->option != NULL &&
                    has(option->group, sheet->option))) {
            put_option(writing, option);
        }
    }
}

bool sheet_leaves_out(const struct schema_option *option)
{
    return strcmp(option->key, "ticket-keys") == 0 ||
           strcmp(option->key, "key-passphrase-file") == 0;
}

void sheet_write(struct sheet *sheet)
{
    size_t         bytes = 0;
    struct writing writing = {
        .sheet = sheet, .into = open_memstream(&sheet->text, &bytes), .line = 1};

    ck_assert_ptr_nonnull(writing.into);
    write_group(&writing, &schema_top);
    ck_assert_int_eq(fclose(writing.into), 0);
}

void sheet_fini(struct sheet *sheet)
{
    free(sheet->text);
    sheet->text = NULL;
}

static const void *member_in(const struct schema_group *group, const void *structure,
                             const struct schema_option *option)
{
    for (size_t i = 0; i < group->count; i++) {
        const struct schema_option *one = &group->options[i];
        const void                 *member = (const char *)structure + one->offset;

        if (one == option) {
            return member;
        }
        if (is_nested(one) && has(one->group, option)) {
            return member_in(one->group,
                             one->type == OPTION_LIST ? *(const void *const *)member : member,
                             option);
        }
    }
    return NULL;
}

const void *sheet_member(const struct config *config, const struct schema_option *option)
{
    return member_in(&schema_top, config, option);
}

static void walk(const struct schema_group *group, sheet_visit *visit)
{
    for (size_t i = 0; i < group->count; i++) {
        visit(group, &group->options[i]);
        if (is_nested(&group->options[i])) {
            walk(group->options[i].group, visit);
        }
    }
}

void sheet_walk(sheet_visit *visit)
{
    walk(&schema_top, visit);
}
