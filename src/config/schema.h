/* The table of options in a form that code can walk: rows of options.def by group. */
#ifndef SALLYPORT_CONFIG_SCHEMA_H
#define SALLYPORT_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_type {
    OPTION_BOOL,
    OPTION_UNSIGNED,
    OPTION_DURATION,
    OPTION_SIZE,
    OPTION_ENUM,
    OPTION_STRING,
    OPTION_STRINGS,
    OPTION_PAIRS, /* names that the group does not know, each with a string */
    OPTION_GROUP,
    OPTION_LIST,
};

struct schema_group;

struct schema_option {
    const char                *key;
    enum option_type           type;
    size_t                     offset;       /* of the member in the group's struct */
    size_t                     count_offset; /* LIST: of the member's count */
    const char                *default_text; /* NULL: required */
    uint64_t                   min, max;
    const char                *choices;
    const char                *help;
    const struct schema_group *group; /* GROUP, LIST: what is inside */
};

/* A group of options and its struct; only that of the whole configuration has no place. */
struct schema_group {
    const char                 *name;
    const struct schema_option *options;
    size_t                      count;
    size_t                      bytes; /* of its struct, whose first member is its place */
};

extern const struct schema_group schema_top;

/* The option of that name, an alias included; NULL when there is none. */
const struct schema_option *schema_find(const struct schema_group *group, const char *key);

/* The key most like a misspelt one, or NULL when none is near. */
const char *schema_suggest(const struct schema_group *group, const char *key);

/* The name most like a misspelt one among `count` names; NULL when none is near. */
const char *suggest(const char *word, const char *const *names, size_t count);

/* Choice `index` of "a|b|c": its length in *len; NULL beyond the last. */
const char *schema_choice(const char *choices, unsigned index, size_t *len);

#endif
