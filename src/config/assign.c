#include "config/assign.h"

#include "base/require.h"
#include "base/text.h"
#include "config/config.h"
#include "config/value.h"

#include <string.h>

enum { WANTED_BYTES = 256, CHOICES_MAX = 16, CHOICE_BYTES = 32 };

#define SECOND_NS        UINT64_C(1000000000)
#define BARE_SECONDS_MAX UINT64_C(1000) /* from here on a bare number may be meant otherwise */

static bool assign_text(const struct assign *assign, const struct schema_option *option,
                        const char *text, struct config_place at, void *structure);
static bool assign_number(const struct schema_option *option, uint64_t number, void *member);
static void store_number(const struct schema_option *option, uint64_t number, void *member);
static bool setting_number(const config_setting_t *setting, uint64_t *number);
static void warn_of_milliseconds(const struct assign *assign, const struct schema_option *option,
                                 const config_setting_t *setting, uint64_t ns);
static bool read_number(const struct schema_option *option, const char *text, uint64_t *number);
static bool assign_choice(const struct schema_option *option, const char *text, int *member);
static void assign_strings(const struct assign *assign, const struct schema_option *option,
                           const config_setting_t *setting, struct config_strings *strings);
static void assign_pairs(const struct assign *assign, const struct schema_option *option,
                         const config_setting_t *setting, struct config_pairs *pairs);
static bool assign_choice_number(const struct schema_option *option, uint64_t number, void *member);
static const char *copy_of(const struct assign *assign, const char *text);
static void        complain(const struct assign *assign, const struct schema_option *option,
                            const config_setting_t *setting);
static void        suggest_choice(const struct schema_option *option, const char *word, char *into,
                                  size_t bytes);
static const char *describe_found(const config_setting_t *setting);

/* The parser looks one token behind a string before it notes the line. */
struct config_place assign_place(const struct assign *assign, const config_setting_t *setting)
{
    unsigned line = config_setting_source_line(setting);
    bool     is_element = config_setting_name(setting) == NULL;

    return is_element && config_setting_type(setting) == CONFIG_TYPE_STRING
               ? source_string_place(assign->source, line)
               : source_place(assign->source, line);
}

void assign_setting(const struct assign *assign, const struct schema_option *option,
                    const config_setting_t *setting, void *structure)
{
    struct config_place at = assign_place(assign, setting);
    int                 type = config_setting_type(setting);
    void               *member = (char *)structure + option->offset;
    uint64_t            number = 0;
    bool                is_done = false;

    if (option->type == OPTION_STRINGS) {
        assign_strings(assign, option, setting, member);
        return;
    }
    if (option->type == OPTION_PAIRS) {
        assign_pairs(assign, option, setting, member);
        return;
    }
    if (type == CONFIG_TYPE_BOOL && option->type == OPTION_BOOL) {
        *(bool *)member = config_setting_get_bool(setting) != 0;
        is_done = true;
    } else if (type == CONFIG_TYPE_BOOL && option->type == OPTION_ENUM) {
        is_done =
            assign_choice(option, config_setting_get_bool(setting) != 0 ? "true" : "false", member);
    } else if (type == CONFIG_TYPE_STRING) {
        is_done = assign_text(assign, option, config_setting_get_string(setting), at, structure);
    } else if (setting_number(setting, &number)) {
        uint64_t factor = option->type == OPTION_DURATION ? SECOND_NS : 1;

        is_done = !__builtin_mul_overflow(number, factor, &number) &&
                  assign_number(option, number, member);
    }
    if (!is_done) {
        complain(assign, option, setting);
    } else if (option->type == OPTION_DURATION) {
        warn_of_milliseconds(assign, option, setting, *(const uint64_t *)member);
    }
}

/* A whole number, 0 or more. Not in hexadecimal: the parser cuts that to 32 bits without a word. */
static bool setting_number(const config_setting_t *setting, uint64_t *number)
{
    int       type = config_setting_type(setting);
    long long value = type == CONFIG_TYPE_INT     ? config_setting_get_int(setting)
                      : type == CONFIG_TYPE_INT64 ? config_setting_get_int64(setting)
                                                  : -1;

    *number = (uint64_t)value;
    return value >= 0 && config_setting_get_format(setting) != CONFIG_FORMAT_HEX;
}

/* Other proxies count in milliseconds. */
static void warn_of_milliseconds(const struct assign *assign, const struct schema_option *option,
                                 const config_setting_t *setting, uint64_t ns)
{
    const char *text = config_setting_get_string(setting);
    bool        is_bare = text == NULL || text[strspn(text, "0123456789")] == '\0';

    if (is_bare && ns >= BARE_SECONDS_MAX * SECOND_NS) {
        unsigned long long number = ns / SECOND_NS;

        config_report_add(assign->report, CONFIG_WARNING, assign_place(assign, setting),
                          "%s: %llu without a unit is seconds, write \"%llus\" or \"%llums\"",
                          option->key, number, number, number);
    }
}

void assign_default(const struct assign *assign, const struct schema_option *option,
                    void *structure)
{
    const char         *text = option->default_text != NULL ? option->default_text : "";
    struct config_place nowhere = {0};

    if (option->type == OPTION_STRINGS || option->type == OPTION_PAIRS ||
        option->type == OPTION_GROUP || option->type == OPTION_LIST) {
        return;
    }
    if (option->type == OPTION_STRING) {
        *(struct config_string *)(void *)((char *)structure + option->offset) =
            (struct config_string){.text = text};
        return;
    }
    require(assign_text(assign, option, text, nowhere, structure));
}

static bool assign_text(const struct assign *assign, const struct schema_option *option,
                        const char *text, struct config_place at, void *structure)
{
    void    *member = (char *)structure + option->offset;
    uint64_t number = 0;

    switch (option->type) {
    case OPTION_BOOL:
        *(bool *)member = strcmp(text, "true") == 0;
        return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
    case OPTION_UNSIGNED:
    case OPTION_DURATION:
    case OPTION_SIZE:
        if (option->choices[0] != '\0' && strcmp(text, option->choices) == 0) {
            store_number(option, 0, member);
            return true;
        }
        return read_number(option, text, &number) && assign_number(option, number, member);
    case OPTION_ENUM:
        return assign_choice(option, text, member);
    case OPTION_STRING:
        if (strlen(text) < option->min) {
            return false;
        }
        *(struct config_string *)member =
            (struct config_string){.text = copy_of(assign, text), .at = at};
        return true;
    case OPTION_STRINGS:
    case OPTION_PAIRS:
    case OPTION_GROUP:
    case OPTION_LIST:
        break;
    }
    return false;
}

static bool read_number(const struct schema_option *option, const char *text, uint64_t *number)
{
    if (option->type == OPTION_DURATION) {
        return config_parse_duration(text, number);
    }
    if (option->type == OPTION_SIZE) {
        return config_parse_size(text, number);
    }
    return strspn(text, "0123456789") == strlen(text) && config_parse_size(text, number);
}

static bool assign_number(const struct schema_option *option, uint64_t number, void *member)
{
    bool is_number = option->type == OPTION_UNSIGNED || option->type == OPTION_DURATION ||
                     option->type == OPTION_SIZE;

    if (option->type == OPTION_ENUM) {
        return assign_choice_number(option, number, member);
    }
    if (!is_number || number < option->min || number > option->max) {
        return false;
    }
    store_number(option, number, member);
    return true;
}

static void store_number(const struct schema_option *option, uint64_t number, void *member)
{
    if (option->type == OPTION_UNSIGNED) {
        *(unsigned *)member = (unsigned)number;
    } else {
        *(uint64_t *)member = number;
    }
}

static bool assign_choice(const struct schema_option *option, const char *text, int *member)
{
    size_t      len = 0;
    const char *choice = NULL;

    for (unsigned i = 0; (choice = schema_choice(option->choices, i, &len)) != NULL; i++) {
        if (strlen(text) == len && memcmp(text, choice, len) == 0) {
            *member = (int)i;
            return true;
        }
    }
    return false;
}

/* A choice that is a number may stand without quotes. */
static bool assign_choice_number(const struct schema_option *option, uint64_t number, void *member)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
    return assign_choice(option, text, member);
}

/* One string stands for a list of one. */
static void assign_strings(const struct assign *assign, const struct schema_option *option,
                           const config_setting_t *setting, struct config_strings *strings)
{
    bool   is_one = config_setting_type(setting) == CONFIG_TYPE_STRING;
    bool   is_many = config_setting_is_array(setting) || config_setting_is_list(setting);
    size_t count = is_one ? 1 : is_many ? (size_t)config_setting_length(setting) : 0;

    if ((!is_one && !is_many) || count < option->min || count > option->max) {
        complain(assign, option, setting);
        return;
    }
    strings->items = config_memory_take(assign->memory, (count + 1) * sizeof(*strings->items));
    if (strings->items == NULL) {
        config_report_no_memory(assign->report);
        return;
    }
    strings->count = count;
    for (unsigned i = 0; i < count; i++) {
        const config_setting_t *item = is_one ? setting : config_setting_get_elem(setting, i);
        const char             *text = config_setting_get_string(item);

        strings->items[i] = (struct config_string){
            .text = text != NULL ? copy_of(assign, text) : "", .at = assign_place(assign, item)};
        if (text == NULL || text[0] == '\0') {
            config_report_add(assign->report, CONFIG_ERROR, strings->items[i].at,
                              "%s: a list of strings is wanted, found %s in it", option->key,
                              text == NULL ? describe_found(item) : "an empty one");
        }
    }
}

static void assign_pairs(const struct assign *assign, const struct schema_option *option,
                         const config_setting_t *setting, struct config_pairs *pairs)
{
    size_t count =
        config_setting_is_group(setting) ? (size_t)config_setting_length(setting) : SIZE_MAX;

    if (count < option->min || count > option->max) {
        complain(assign, option, setting);
        return;
    }
    pairs->items = config_memory_take(assign->memory, (count + 1) * sizeof(*pairs->items));
    pairs->count = count;
    for (unsigned i = 0; i < count; i++) {
        const config_setting_t *item = config_setting_get_elem(setting, i);
        const char             *text = config_setting_get_string(item);

        pairs->items[i] = (struct config_pair){
            .name = config_memory_copy(assign->memory, config_setting_name(item)),
            .value = {.text = text != NULL ? config_memory_copy(assign->memory, text) : "",
                      .at = assign_place(assign, item)}};
        if (text == NULL) {
            config_report_add(assign->report, CONFIG_ERROR, pairs->items[i].value.at,
                              "%s: a string is wanted for %s, found %s", option->key,
                              pairs->items[i].name, describe_found(item));
        }
    }
}

/* Never NULL: what was read without memory is thrown away as a whole, later. */
static const char *copy_of(const struct assign *assign, const char *text)
{
    const char *copy = config_memory_copy(assign->memory, text);

    if (copy == NULL) {
        config_report_no_memory(assign->report);
    }
    return copy != NULL ? copy : "";
}

/* --- messages ----------------------------------------------------------------------------- */

static void complain(const struct assign *assign, const struct schema_option *option,
                     const config_setting_t *setting)
{
    char        memory[WANTED_BYTES];
    struct text wanted;

    char meant[CHOICE_BYTES + 20] = "";

    text_init(&wanted, memory, sizeof(memory));
    value_wanted_text(option, &wanted);
    if (option->type == OPTION_ENUM && config_setting_type(setting) == CONFIG_TYPE_STRING) {
        suggest_choice(option, config_setting_get_string(setting), meant, sizeof(meant));
    }
    config_report_add(assign->report, CONFIG_ERROR, assign_place(assign, setting),
                      "%s: %s is wanted, found %s%s", option->key, text_chars(&wanted),
                      describe_found(setting), meant);
}

/* Leaves `into` as it is when nothing is near. */
static void suggest_choice(const struct schema_option *option, const char *word, char *into,
                           size_t bytes)
{
    char        copies[CHOICES_MAX][CHOICE_BYTES];
    const char *choices[CHOICES_MAX];
    size_t      count = 0;
    size_t      len = 0;
    const char *choice = NULL;

    while (count < CHOICES_MAX &&
           (choice = schema_choice(option->choices, (unsigned)count, &len)) != NULL) {
        (void)snprintf(copies[count], CHOICE_BYTES, "%.*s", (int)len, choice);
        choices[count] = copies[count];
        count++;
    }
    const char *near = suggest(word, choices, count);

    if (near != NULL) {
        (void)snprintf(into, bytes, ", did you mean \"%s\"?", near);
    }
}

static const char *describe_found(const config_setting_t *setting)
{
    static _Thread_local char found[WANTED_BYTES / 2];

    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        if (config_setting_get_format(setting) == CONFIG_FORMAT_HEX) {
            return "a hexadecimal number";
        }
        (void)snprintf(found, sizeof(found), "the number %lld",
                       config_setting_type(setting) == CONFIG_TYPE_INT
                           ? (long long)config_setting_get_int(setting)
                           : config_setting_get_int64(setting));
        return found;
    case CONFIG_TYPE_STRING:
        (void)snprintf(found, sizeof(found), "\"%.80s\"", config_setting_get_string(setting));
        return found;
    case CONFIG_TYPE_FLOAT:
        return "a number with a fraction";
    case CONFIG_TYPE_BOOL:
        return config_setting_get_bool(setting) != 0 ? "true" : "false";
    case CONFIG_TYPE_GROUP:
        return "a group";
    case CONFIG_TYPE_ARRAY:
    case CONFIG_TYPE_LIST:
        return "a list";
    default:
        return "nothing";
    }
}
