#include "config/schema.h"

#include "config/config.h"

#include <string.h>

/* One table a group: OPTION picks its own rows of options.def and lets the others vanish. */
#define NO_ROW(...)
#define ROW(structure, key_, type_, member, default_, min_, max_, choices_, help_)                 \
    {.key = key_,                                                                                  \
     .type = OPTION_##type_,                                                                       \
     .offset = offsetof(struct structure, member),                                                 \
     .count_offset = COUNT_##type_(structure, member),                                             \
     .default_text = default_,                                                                     \
     .min = min_,                                                                                  \
     .max = max_,                                                                                  \
     .choices = choices_,                                                                          \
     .help = help_,                                                                                \
     .group = GROUP_##type_(member)},
#define COUNT_BOOL(structure, member)     0
#define COUNT_UNSIGNED(structure, member) 0
#define COUNT_DURATION(structure, member) 0
#define COUNT_SIZE(structure, member)     0
#define COUNT_ENUM(structure, member)     0
#define COUNT_STRING(structure, member)   0
#define COUNT_STRINGS(structure, member)  0
#define COUNT_PAIRS(structure, member)    0
#define COUNT_GROUP(structure, member)    0
#define COUNT_LIST(structure, member)     offsetof(struct structure, member##_count)
#define GROUP_BOOL(member)                NULL
#define GROUP_UNSIGNED(member)            NULL
#define GROUP_DURATION(member)            NULL
#define GROUP_SIZE(member)                NULL
#define GROUP_ENUM(member)                NULL
#define GROUP_STRING(member)              NULL
#define GROUP_STRINGS(member)             NULL
#define GROUP_PAIRS(member)               NULL
#define GROUP_GROUP(member)               &group_##member
#define GROUP_LIST(member)                &group_##member
#define OPTION(group, ...)                OPTION_IN_##group(__VA_ARGS__)

#define OPTION_IN_top         NO_ROW
#define OPTION_IN_timeouts    NO_ROW
#define OPTION_IN_log         NO_ROW
#define OPTION_IN_access_log  NO_ROW
#define OPTION_IN_control     NO_ROW
#define OPTION_IN_frontend    NO_ROW
#define OPTION_IN_certificate NO_ROW
#define OPTION_IN_route       NO_ROW
#define OPTION_IN_backend     NO_ROW
#define OPTION_IN_server      NO_ROW

#define TABLE_GROUP(variable, group_name, structure)                                               \
    static const struct schema_group group_##variable = {.name = group_name,                       \
                                                         .options = options_##variable,            \
                                                         .count = sizeof(options_##variable) /     \
                                                                  sizeof(options_##variable[0]),   \
                                                         .bytes = sizeof(struct structure)}

#undef OPTION_IN_timeouts
#define OPTION_IN_timeouts(...) ROW(config_timeouts, __VA_ARGS__)
static const struct schema_option options_timeouts[] = {
#include "config/options.def"
};
TABLE_GROUP(timeouts, "timeouts", config_timeouts);
#undef OPTION_IN_timeouts
#define OPTION_IN_timeouts NO_ROW

#undef OPTION_IN_log
#define OPTION_IN_log(...) ROW(config_log, __VA_ARGS__)
static const struct schema_option options_log[] = {
#include "config/options.def"
};
TABLE_GROUP(log, "log", config_log);
#undef OPTION_IN_log
#define OPTION_IN_log NO_ROW

#undef OPTION_IN_access_log
#define OPTION_IN_access_log(...) ROW(config_access_log, __VA_ARGS__)
static const struct schema_option options_access_log[] = {
#include "config/options.def"
};
TABLE_GROUP(access_log, "access-log", config_access_log);
#undef OPTION_IN_access_log
#define OPTION_IN_access_log NO_ROW

#undef OPTION_IN_control
#define OPTION_IN_control(...) ROW(config_control, __VA_ARGS__)
static const struct schema_option options_control[] = {
#include "config/options.def"
};
TABLE_GROUP(control, "control", config_control);
#undef OPTION_IN_control
#define OPTION_IN_control NO_ROW

#undef OPTION_IN_certificate
#define OPTION_IN_certificate(...) ROW(config_certificate, __VA_ARGS__)
static const struct schema_option options_certificates[] = {
#include "config/options.def"
};
TABLE_GROUP(certificates, "certificate", config_certificate);
#undef OPTION_IN_certificate
#define OPTION_IN_certificate NO_ROW

#undef OPTION_IN_route
#define OPTION_IN_route(...) ROW(config_route, __VA_ARGS__)
static const struct schema_option options_routes[] = {
#include "config/options.def"
};
TABLE_GROUP(routes, "route", config_route);
#undef OPTION_IN_route
#define OPTION_IN_route NO_ROW

#undef OPTION_IN_server
#define OPTION_IN_server(...) ROW(config_server, __VA_ARGS__)
static const struct schema_option options_servers[] = {
#include "config/options.def"
};
TABLE_GROUP(servers, "server", config_server);
#undef OPTION_IN_server
#define OPTION_IN_server NO_ROW

#undef OPTION_IN_frontend
#define OPTION_IN_frontend(...) ROW(config_frontend, __VA_ARGS__)
static const struct schema_option options_frontends[] = {
#include "config/options.def"
};
TABLE_GROUP(frontends, "frontend", config_frontend);
#undef OPTION_IN_frontend
#define OPTION_IN_frontend NO_ROW

#undef OPTION_IN_backend
#define OPTION_IN_backend(...) ROW(config_backend, __VA_ARGS__)
static const struct schema_option options_backends[] = {
#include "config/options.def"
};
TABLE_GROUP(backends, "backend", config_backend);
#undef OPTION_IN_backend
#define OPTION_IN_backend NO_ROW

#undef OPTION_IN_top
#define OPTION_IN_top(...) ROW(config, __VA_ARGS__)
static const struct schema_option options_top[] = {
#include "config/options.def"
};
const struct schema_group schema_top = {.name = "the configuration",
                                        .options = options_top,
                                        .count = sizeof(options_top) / sizeof(options_top[0]),
                                        .bytes = sizeof(struct config)};

const struct schema_option *schema_find(const struct schema_group *group, const char *key)
{
    const char *name = strcmp(key, "curves") == 0 ? "groups" : key;

    for (size_t i = 0; i < group->count; i++) {
        if (strcmp(group->options[i].key, name) == 0) {
            return &group->options[i];
        }
    }
    return NULL;
}

const char *schema_suggest(const struct schema_group *group, const char *key)
{
    enum { KEYS_MAX = 64 };
    const char *keys[KEYS_MAX];
    size_t      count = group->count < KEYS_MAX ? group->count : KEYS_MAX;

    for (size_t i = 0; i < count; i++) {
        keys[i] = group->options[i].key;
    }
    return suggest(key, keys, count);
}

const char *schema_choice(const char *choices, unsigned index, size_t *len)
{
    for (unsigned i = 0; choices != NULL && *choices != '\0'; i++) {
        const char *end = strchrnul(choices, '|');

        if (i == index) {
            *len = (size_t)(end - choices);
            return choices;
        }
        choices = *end == '|' ? end + 1 : end;
    }
    return NULL;
}
