/* The option list of sallyport.conf(5), in man(7) roff. */
#include "config/config.h"
#include "config/schema.h"

#include <string.h>

static void manual_group(const struct schema_group *group, const char *title, FILE *into);
static void manual_option(const struct schema_option *option, FILE *into);
static void manual_type(const struct schema_option *option, FILE *into);
static void roff(const char *text, FILE *into);

void config_manual(FILE *into)
{
    manual_group(&schema_top, "TOP LEVEL", into);
}

/* The group, then the groups inside it. */
static void manual_group(const struct schema_group *group, const char *title, FILE *into)
{
    (void)fprintf(into, ".SH \"%s\"\n", title);
    for (size_t i = 0; i < group->count; i++) {
        manual_option(&group->options[i], into);
    }
    for (size_t i = 0; i < group->count; i++) {
        const struct schema_option *option = &group->options[i];

        if (option->type == OPTION_GROUP || option->type == OPTION_LIST) {
            char upper[64];

            (void)snprintf(upper, sizeof(upper), "%s%s",
                           option->type == OPTION_LIST ? "each of " : "", option->key);
            for (char *at = upper; *at != '\0'; at++) {
                *at = *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at;
            }
            manual_group(option->group, upper, into);
        }
    }
}

static void manual_option(const struct schema_option *option, FILE *into)
{
    (void)fputs(".TP\n.B ", into);
    roff(option->key, into);
    (void)fputc('\n', into);
    manual_type(option, into);
    if (option->default_text == NULL) {
        (void)fputs(" Required.\n", into);
    } else if (option->default_text[0] != '\0') {
        (void)fputs(" Default: ", into);
        roff(option->default_text, into);
        (void)fputs(".\n", into);
    } else {
        (void)fputc('\n', into);
    }
    roff(option->help, into);
    (void)fputc('\n', into);
}

static void manual_type(const struct schema_option *option, FILE *into)
{
    static const char *const types[] = {[OPTION_BOOL] = "true or false.",
                                        [OPTION_UNSIGNED] = "Whole number.",
                                        [OPTION_DURATION] = "Duration.",
                                        [OPTION_SIZE] = "Size.",
                                        [OPTION_ENUM] = "One of ",
                                        [OPTION_STRING] = "String.",
                                        [OPTION_STRINGS] = "String, or list of strings.",
                                        [OPTION_GROUP] = "Group, see below.",
                                        [OPTION_LIST] = "List of groups, see below."};

    (void)fputs(types[option->type], into);
    if (option->type == OPTION_ENUM) {
        roff(option->choices, into);
        (void)fputc('.', into);
    }
}

/* Hyphens must stay hyphens and no line may begin with a command. */
static void roff(const char *text, FILE *into)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '-' || *at == '\\') {
            (void)fprintf(into, "\\%c", *at == '-' ? '-' : 'e');
        } else {
            (void)fputc(*at, into);
        }
    }
}
