/* The option list of sallyport.conf(5), in man(7) roff: one subsection a group. */
#include "config/config.h"
#include "config/schema.h"
#include "config/value.h"

#include <string.h>

enum { WANTED_BYTES = 256 };

static void manual_group(const struct schema_group *group, FILE *into);
static void manual_option(const struct schema_option *option, FILE *into);
static void manual_value(const struct schema_option *option, FILE *into);
static void roff(const char *text, FILE *into);

void config_manual(FILE *into)
{
    (void)fputs(".SS Top level\n", into);
    manual_group(&schema_top, into);
}

/* The group, then the groups inside it. */
static void manual_group(const struct schema_group *group, FILE *into)
{
    for (size_t i = 0; i < group->count; i++) {
        manual_option(&group->options[i], into);
    }
    for (size_t i = 0; i < group->count; i++) {
        const struct schema_option *option = &group->options[i];

        if (option->group != NULL) {
            (void)fputs(option->type == OPTION_LIST ? ".SS In each of " : ".SS In ", into);
            roff(option->key, into);
            (void)fputc('\n', into);
            manual_group(option->group, into);
        }
    }
}

static void manual_option(const struct schema_option *option, FILE *into)
{
    (void)fputs(".TP\n.B ", into);
    roff(option->key, into);
    (void)fputc('\n', into);
    roff(option->help, into);
    (void)fputs("\n.br\n", into);
    manual_value(option, into);
}

/* A sentence of what it takes, in the words an error would use, and one of what it is else. */
static void manual_value(const struct schema_option *option, FILE *into)
{
    char        memory[WANTED_BYTES];
    struct text wanted;

    text_init(&wanted, memory, sizeof(memory));
    value_wanted_text(option, &wanted);
    memory[0] = memory[0] >= 'a' && memory[0] <= 'z' ? (char)(memory[0] - 'a' + 'A') : memory[0];
    roff(text_chars(&wanted), into);
    (void)fputc('.', into);
    if (option->default_text == NULL) {
        (void)fputs(" Required.", into);
    } else if (option->default_text[0] != '\0') {
        (void)fputs(" Default: ", into);
        roff(option->default_text, into);
        (void)fputc('.', into);
    }
    (void)fputc('\n', into);
}

/* A hyphen of the configuration is a minus to roff, and no line may begin with a command. */
static void roff(const char *text, FILE *into)
{
    if (text[0] == '.' || text[0] == '\'') {
        (void)fputs("\\&", into);
    }
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '-' || *at == '\\') {
            (void)fprintf(into, "\\%c", *at == '-' ? '-' : 'e');
        } else {
            (void)fputc(*at, into);
        }
    }
}
