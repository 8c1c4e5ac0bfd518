#include "config/parse.h"

#include <string.h>

static void parse_group(const struct assign *assign, const struct schema_group *group,
                        const config_setting_t *setting, void *structure);
static void parse_member(const struct assign *assign, const struct schema_group *group,
                         const config_setting_t *member, void *structure);
static bool is_second_name(const struct schema_option *option, const config_setting_t *member);
static void parse_list(const struct assign *assign, const struct schema_option *option,
                       const config_setting_t *setting, void *structure);
static void missing_in(const struct assign *assign, const struct schema_group *group,
                       const config_setting_t *setting);
static void wrong_kind(const struct assign *assign, const struct schema_option *option,
                       const config_setting_t *setting);
static void unknown_key(const struct assign *assign, const struct schema_group *group,
                        const config_setting_t *member);

void parse_defaults(const struct assign *assign, const struct schema_group *group, void *structure)
{
    for (size_t i = 0; i < group->count; i++) {
        const struct schema_option *option = &group->options[i];

        assign_default(assign, option, structure);
        if (option->type == OPTION_GROUP) {
            parse_defaults(assign, option->group, (char *)structure + option->offset);
        }
    }
}

void parse_file(const struct assign *assign, const config_setting_t *root, struct config *config,
                struct config_place *seen)
{
    unsigned count = (unsigned)config_setting_length(root);

    for (unsigned i = 0; i < count; i++) {
        const config_setting_t     *member = config_setting_get_elem(root, i);
        const struct schema_option *option = schema_find(&schema_top, config_setting_name(member));

        if (option != NULL && option->type != OPTION_LIST) {
            struct config_place *place = &seen[option - schema_top.options];

            if (place->file != NULL) {
                config_report_add(assign->report, CONFIG_ERROR, assign_place(assign, member),
                                  "%s was set already, at %s:%u", option->key, place->file,
                                  place->line);
                continue;
            }
            *place = assign_place(assign, member);
        } else if (option != NULL) {
            seen[option - schema_top.options] = assign_place(assign, member);
        }
        parse_member(assign, &schema_top, member, config);
    }
}

void parse_missing(const struct assign *assign, const struct config_place *seen)
{
    for (size_t i = 0; i < schema_top.count; i++) {
        const struct schema_option *option = &schema_top.options[i];

        if (option->default_text == NULL && seen[i].file == NULL) {
            config_report_add(assign->report, CONFIG_ERROR,
                              (struct config_place){.file = assign->file}, "%s is missing",
                              option->key);
        }
    }
}

static void parse_group(const struct assign *assign, const struct schema_group *group,
                        const config_setting_t *setting, void *structure)
{
    unsigned count = (unsigned)config_setting_length(setting);

    *(struct config_place *)structure = assign_place(assign, setting);
    for (unsigned i = 0; i < count; i++) {
        parse_member(assign, group, config_setting_get_elem(setting, i), structure);
    }
    missing_in(assign, group, setting);
}

static void parse_member(const struct assign *assign, const struct schema_group *group,
                         const config_setting_t *member, void *structure)
{
    const struct schema_option *option = schema_find(group, config_setting_name(member));

    if (option == NULL) {
        unknown_key(assign, group, member);
    } else if (is_second_name(option, member)) {
        config_report_add(assign->report, CONFIG_ERROR, assign_place(assign, member),
                          "%s is another name of %s, which is set as well",
                          config_setting_name(member), option->key);
    } else if (option->type == OPTION_GROUP) {
        if (config_setting_is_group(member)) {
            parse_group(assign, option->group, member, (char *)structure + option->offset);
        } else {
            wrong_kind(assign, option, member);
        }
    } else if (option->type == OPTION_LIST) {
        parse_list(assign, option, member, structure);
    } else {
        assign_setting(assign, option, member, structure);
    }
}

/* An option may have an alias, and the file both. */
static bool is_second_name(const struct schema_option *option, const config_setting_t *member)
{
    return strcmp(config_setting_name(member), option->key) != 0 &&
           config_setting_get_member(config_setting_parent(member), option->key) != NULL;
}

/* Entries are added behind those an earlier file gave. */
static void parse_list(const struct assign *assign, const struct schema_option *option,
                       const config_setting_t *setting, void *structure)
{
    const struct schema_group *group = option->group;
    void                     **items = (void **)(void *)((char *)structure + option->offset);
    size_t                    *count = (size_t *)(void *)((char *)structure + option->count_offset);

    if (!config_setting_is_list(setting)) {
        wrong_kind(assign, option, setting);
        return;
    }
    size_t added = (size_t)config_setting_length(setting);

    if (*count + added < option->min || *count + added > option->max) {
        config_report_add(assign->report, CONFIG_ERROR, assign_place(assign, setting),
                          "%s: a list of %llu to %llu groups is wanted, found %zu", option->key,
                          (unsigned long long)option->min, (unsigned long long)option->max,
                          *count + added);
        return;
    }
    char *grown = config_memory_take(assign->memory, (*count + added + 1) * group->bytes);

    if (grown == NULL) {
        config_report_no_memory(assign->report);
        return;
    }
    if (*count > 0) {
        memcpy(grown, *items, *count * group->bytes);
    }
    *items = grown;
    for (unsigned i = 0; i < added; i++) {
        const config_setting_t *item = config_setting_get_elem(setting, i);

        if (config_setting_is_group(item)) {
            void *entry = grown + (*count)++ * group->bytes;

            parse_defaults(assign, group, entry);
            parse_group(assign, group, item, entry);
        } else {
            wrong_kind(assign, option, item);
        }
    }
}

static void missing_in(const struct assign *assign, const struct schema_group *group,
                       const config_setting_t *setting)
{
    for (size_t i = 0; i < group->count; i++) {
        if (group->options[i].default_text == NULL &&
            config_setting_get_member(setting, group->options[i].key) == NULL) {
            config_report_add(assign->report, CONFIG_ERROR, assign_place(assign, setting),
                              "a %s needs %s", group->name, group->options[i].key);
        }
    }
}

static void wrong_kind(const struct assign *assign, const struct schema_option *option,
                       const config_setting_t *setting)
{
    config_report_add(assign->report, CONFIG_ERROR, assign_place(assign, setting),
                      "%s: %s is wanted", option->key,
                      option->type == OPTION_GROUP ? "a group { ... }"
                                                   : "a list of groups ( { ... }, { ... } )");
}

static void unknown_key(const struct assign *assign, const struct schema_group *group,
                        const config_setting_t *member)
{
    const char *near = schema_suggest(group, config_setting_name(member));

    if (near != NULL) {
        config_report_add(assign->report, CONFIG_ERROR, assign_place(assign, member),
                          "unknown option \"%s\" in %s, did you mean \"%s\"?",
                          config_setting_name(member), group->name, near);
    } else {
        config_report_add(assign->report, CONFIG_ERROR, assign_place(assign, member),
                          "unknown option \"%s\" in %s", config_setting_name(member), group->name);
    }
}
