/* Every row of options.def, walked. */
#include "loading.h"
#include "sheet.h"
#include "suites.h"

#include <stdlib.h>
#include <string.h>

static unsigned rows_seen;

static uint64_t number_in(const struct schema_option *option, const void *member)
{
    return option->type == OPTION_UNSIGNED ? *(const unsigned *)member : *(const uint64_t *)member;
}

static uint64_t number_of(const struct schema_option *option, const char *text)
{
    uint64_t number = 0;

    if (option->choices[0] != '\0' && strcmp(text, option->choices) == 0) {
        return 0;
    }
    ck_assert(option->type == OPTION_DURATION ? config_parse_duration(text, &number)
                                              : config_parse_size(text, &number));
    return number;
}

static int choice_of(const struct schema_option *option, const char *text)
{
    size_t      len = 0;
    const char *choice = NULL;

    for (unsigned i = 0; (choice = schema_choice(option->choices, i, &len)) != NULL; i++) {
        if (strlen(text) == len && strncmp(text, choice, len) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* Whether `member` holds what the row has as default. */
static bool is_default(const struct schema_option *option, const void *member)
{
    switch (option->type) {
    case OPTION_BOOL:
        return *(const bool *)member == (strcmp(option->default_text, "true") == 0);
    case OPTION_UNSIGNED:
    case OPTION_DURATION:
    case OPTION_SIZE:
        return number_in(option, member) == number_of(option, option->default_text);
    case OPTION_ENUM:
        return *(const int *)member == choice_of(option, option->default_text);
    case OPTION_STRING:
        return strcmp(((const struct config_string *)member)->text, option->default_text) == 0;
    case OPTION_STRINGS:
        return option->default_text[0] == '\0' &&
               ((const struct config_strings *)member)->count == 0;
    case OPTION_PAIRS:
        return ((const struct config_pairs *)member)->count == 0;
    case OPTION_GROUP:
    case OPTION_LIST:
        break;
    }
    return option->default_text[0] == '\0';
}

/* Frontends get a name when they have none. */
static bool is_named_later(const struct schema_group *group, const struct schema_option *option)
{
    return strcmp(group->name, "frontend") == 0 && strcmp(option->key, "name") == 0;
}

static void visit_default(const struct schema_group *group, const struct schema_option *option)
{
    struct sheet sheet = {.option = option};

    if (option->default_text == NULL || is_named_later(group, option)) {
        return;
    }
    sheet_write(&sheet);
    struct config *config = check_accepted(sheet.text);

    ck_assert_msg(is_default(option, sheet_member(config, option)), "%s.%s", group->name,
                  option->key);
    config_free(&config);
    sheet_fini(&sheet);
    rows_seen++;
}

START_TEST(each_option_left_out_has_the_default_of_its_row)
{
    rows_seen = 0;
    sheet_walk(visit_default);
    ck_assert_uint_gt(rows_seen, 40);
}
END_TEST

/* The first problem must be an error at the option's line that begins with `start`. */
static void check_refused_at(struct sheet *sheet, const char *start)
{
    char expected[200];

    sheet_write(sheet);
    struct loaded loaded = load_text(sheet->text);

    (void)snprintf(expected, sizeof(expected), "test:%u: error: %s", sheet->line, start);
    ck_assert_msg(strncmp(loaded_problem(&loaded, 0), expected, strlen(expected)) == 0,
                  "%s = %.40s: wanted \"%s\", found \"%s\"", sheet->option->key, sheet->value,
                  expected, loaded_problem(&loaded, 0));
    ck_assert_ptr_null(loaded.config);
    loaded_fini(&loaded);
    sheet_fini(sheet);
}

static void check_value_refused(const struct schema_option *option, const char *value)
{
    char start[100];

    (void)snprintf(start, sizeof(start), "%s: ", option->key);
    check_refused_at(&(struct sheet){.option = option, .value = value}, start);
}

static void check_value_accepted(const struct schema_option *option, const char *value,
                                 uint64_t number)
{
    struct sheet sheet = {.option = option, .value = value};

    sheet_write(&sheet);
    struct loaded loaded = load_text(sheet.text);

    ck_assert_msg(loaded.config != NULL, "%s = %s: %s", option->key, value,
                  loaded_problem(&loaded, 0));
    if (option->type == OPTION_ENUM) {
        ck_assert_int_eq(*(const int *)sheet_member(loaded.config, option), (int)number);
    } else {
        ck_assert_uint_eq(number_in(option, sheet_member(loaded.config, option)), number);
    }
    loaded_fini(&loaded);
    sheet_fini(&sheet);
}

static unsigned choice_number(const struct schema_option *option, const char *wanted)
{
    unsigned    index = 0;
    size_t      len = 0;
    const char *choice = NULL;

    while ((choice = schema_choice(option->choices, index, &len)) != NULL &&
           !(strlen(wanted) == len && memcmp(choice, wanted, len) == 0)) {
        index++;
    }
    ck_assert_ptr_nonnull(choice);
    return index;
}

static void visit_wrong_type(const struct schema_group *group, const struct schema_option *option)
{
    static const char *const wrong[][9] = {
        [OPTION_BOOL] = {"1", "0", "\"yes\"", "\"\"", "1.5", "{ }", "( )", "[ true ]", NULL},
        [OPTION_UNSIGNED] = {"true", "\"\"", "\"x\"", "\"1k\"", "1.5", "-1", "{ }", "( 1 )", NULL},
        [OPTION_DURATION] = {"true", "\"\"", "\"1x\"", "\"-1s\"", "1.5", "-1", "{ }", "( 1 )",
                             NULL},
        [OPTION_SIZE] = {"true", "\"\"", "\"1x\"", "\"-1k\"", "1.5", "-1", "{ }", "( 1 )", NULL},
        [OPTION_ENUM] = {"true", "\"\"", "\"nonsense\"", "7", "1.5", "{ }", "( )", "[ ]", NULL},
        [OPTION_STRING] = {"true", "1", "1.5", "{ }", "( )", "( \"x\" )", "[ \"x\" ]", NULL},
        [OPTION_STRINGS] = {"true", "1", "1.5", "{ }", "( 1 )", "( \"\" )", "( \"x\", true )",
                            "( { } )", NULL},
        [OPTION_PAIRS] = {"true", "1", "\"x\"", "( )", "[ \"x\" ]", "{ One = 1; }",
                          "{ One = { }; }", NULL},
        [OPTION_GROUP] = {"true", "1", "\"x\"", "( )", "( { } )", "[ ]", NULL},
        [OPTION_LIST] = {"true", "1", "\"x\"", "{ }", "[ 1 ]", "( 1 )", "( \"x\" )", "( ( ) )",
                         NULL},
    };

    (void)group;
    for (const char *const *value = wrong[option->type]; *value != NULL; value++) {
        if (strcmp(*value, "true") == 0 && strstr(option->choices, "true") != NULL) {
            check_value_accepted(option, *value, choice_number(option, "true"));
        } else {
            check_value_refused(option, *value);
        }
    }
    rows_seen++;
}

START_TEST(each_option_refuses_values_of_another_type_at_their_line)
{
    rows_seen = 0;
    sheet_walk(visit_wrong_type);
    ck_assert_uint_gt(rows_seen, 50);
}
END_TEST

static void visit_bounds(const struct schema_group *group, const struct schema_option *option)
{
    bool     is_number = option->type == OPTION_UNSIGNED || option->type == OPTION_SIZE;
    bool     is_duration = option->type == OPTION_DURATION;
    uint64_t unit = is_duration ? 1000000 : 1;
    char     value[64];

    (void)group;
    if (!is_number && !is_duration) {
        return;
    }
    const struct {
        uint64_t number;
        bool     is_fine;
    } cases[] = {{option->min, true},
                 {option->max, true},
                 {option->min - unit, option->min == 0},
                 {option->max + unit, false}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)snprintf(value, sizeof(value), "\"%llu%s\"",
                       (unsigned long long)(cases[i].number / unit), is_duration ? "ms" : "");
        if (!cases[i].is_fine) {
            check_value_refused(option, value);
        } else if (cases[i].number >= option->min && cases[i].number <= option->max) {
            check_value_accepted(option, value, cases[i].number);
        }
    }
    rows_seen++;
}

START_TEST(each_number_is_accepted_at_its_bounds_and_refused_one_beyond)
{
    rows_seen = 0;
    sheet_walk(visit_bounds);
    ck_assert_uint_gt(rows_seen, 10);
}
END_TEST

/* ( item, item, ... ), `count` times; to be freed. */
static char *list_of(const char *item, uint64_t count)
{
    char  *text = NULL;
    size_t bytes = 0;
    FILE  *into = open_memstream(&text, &bytes);

    ck_assert_ptr_nonnull(into);
    (void)fputs("(", into);
    for (uint64_t i = 0; i < count; i++) {
        (void)fprintf(into, "%s%s", i > 0 ? "," : "", item);
    }
    (void)fputs(")", into);
    ck_assert_int_eq(fclose(into), 0);
    return text;
}

static void visit_counts(const struct schema_group *group, const struct schema_option *option)
{
    (void)group;
    if (option->type == OPTION_STRING && option->min > 0) {
        check_value_refused(option, "\"\"");
    }
    if (option->type == OPTION_STRINGS || option->type == OPTION_LIST) {
        char *many = list_of(option->type == OPTION_LIST ? "{}" : "\"x\"", option->max + 1);

        check_value_refused(option, many);
        free(many);
        if (option->min > 0) {
            check_value_refused(option, "( )");
        }
        rows_seen++;
    }
}

START_TEST(each_list_refuses_one_entry_more_than_its_maximum)
{
    rows_seen = 0;
    sheet_walk(visit_counts);
    ck_assert_uint_gt(rows_seen, 8);
}
END_TEST

static void visit_choices(const struct schema_group *group, const struct schema_option *option)
{
    char        value[64];
    char        wanted[200];
    const char *choice = NULL;
    size_t      len = 0;

    (void)group;
    if (option->type != OPTION_ENUM) {
        return;
    }
    for (unsigned i = 0; (choice = schema_choice(option->choices, i, &len)) != NULL; i++) {
        if (strncmp(choice, "file", len) != 0) { /* it wants a file as well */
            (void)snprintf(value, sizeof(value), "\"%.*s\"", (int)len, choice);
            check_value_accepted(option, value, i);
        }
        (void)snprintf(value, sizeof(value), "\"%.*sx\"", (int)len, choice);
        (void)snprintf(wanted, sizeof(wanted), "%s: one of %s is wanted, found %s", option->key,
                       option->choices, value);
        check_refused_at(&(struct sheet){.option = option, .value = value}, wanted);
    }
    rows_seen++;
}

START_TEST(each_choice_is_accepted_and_others_are_refused)
{
    rows_seen = 0;
    sheet_walk(visit_choices);
    ck_assert_uint_ge(rows_seen, 9);
}
END_TEST

static void visit_misspelt(const struct schema_group *group, const struct schema_option *option)
{
    char misspelt[64];
    char start[200];

    (void)snprintf(misspelt, sizeof(misspelt), "%s%c", option->key,
                   option->key[strlen(option->key) - 1]);
    (void)snprintf(start, sizeof(start), "unknown option \"%s\" in %s, did you mean \"%s\"?",
                   misspelt, group->name, option->key);
    check_refused_at(&(struct sheet){.option = option, .value = "1", .key = misspelt}, start);
    (void)snprintf(start, sizeof(start), "unknown option \"zzzzzzzzzz\" in %s", group->name);
    check_refused_at(&(struct sheet){.option = option, .value = "1", .key = "zzzzzzzzzz"}, start);
}

START_TEST(each_misspelt_key_is_an_error_that_names_the_right_one)
{
    sheet_walk(visit_misspelt);
}
END_TEST

static void visit_twice(const struct schema_group *group, const struct schema_option *option)
{
    (void)group;
    check_refused_at(&(struct sheet){.option = option, .value = "1", .is_twice = true},
                     "duplicate setting name");
}

START_TEST(each_key_set_twice_is_an_error_at_the_second)
{
    sheet_walk(visit_twice);
}
END_TEST

static void visit_missing(const struct schema_group *group, const struct schema_option *option)
{
    struct sheet sheet = {.option = option};
    char         end[100];

    if (option->default_text != NULL) {
        return;
    }
    sheet_write(&sheet);
    struct loaded loaded = load_text(sheet.text);
    const char   *problem = loaded_problem(&loaded, 0);

    if (group == &schema_top) {
        (void)snprintf(end, sizeof(end), "error: %s is missing", option->key);
    } else {
        (void)snprintf(end, sizeof(end), "error: a %s needs %s", group->name, option->key);
        ck_assert_int_ne(strtol(problem + strlen("test:"), NULL, 10), 0);
    }
    ck_assert_msg(strlen(problem) > strlen(end) &&
                      strcmp(problem + strlen(problem) - strlen(end), end) == 0,
                  "wanted \"%s\", found \"%s\"", end, problem);
    ck_assert_ptr_null(loaded.config);
    loaded_fini(&loaded);
    sheet_fini(&sheet);
    rows_seen++;
}

START_TEST(each_required_option_left_out_is_an_error)
{
    rows_seen = 0;
    sheet_walk(visit_missing);
    ck_assert_uint_ge(rows_seen, 9);
}
END_TEST

static const struct config *full_config;

static void visit_full(const struct schema_group *group, const struct schema_option *option)
{
    if (option->default_text != NULL && option->type != OPTION_GROUP &&
        option->type != OPTION_LIST && !sheet_leaves_out(option)) {
        ck_assert_msg(!is_default(option, sheet_member(full_config, option)), "%s.%s", group->name,
                      option->key);
    }
}

START_TEST(a_configuration_that_sets_every_option_is_dumped_and_read_again_the_same)
{
    struct sheet sheet = {.is_full = true};

    sheet_write(&sheet);
    struct loaded loaded = load_text(sheet.text);

    ck_assert_msg(loaded.config != NULL, "%s", loaded_problem(&loaded, 0));
    full_config = loaded.config;
    sheet_walk(visit_full);
    char         *dump = dump_of(loaded.config);
    struct loaded again = load_text(dump);

    ck_assert_msg(again.config != NULL, "%s", loaded_problem(&again, 0));
    char *dump_again = dump_of(again.config);

    ck_assert_str_eq(dump, dump_again);
    ck_assert_str_eq(again.config->frontends[0].policy.groups.text, "a \"b\" \\ \n \x7f \xc3\xa9");
    free(dump);
    free(dump_again);
    loaded_fini(&loaded);
    loaded_fini(&again);
    sheet_fini(&sheet);
}
END_TEST

Suite *options_suite(void)
{
    return suite_of(
        "options",
        (const TTest *const[]){
            each_option_left_out_has_the_default_of_its_row,
            each_option_refuses_values_of_another_type_at_their_line,
            each_number_is_accepted_at_its_bounds_and_refused_one_beyond,
            each_list_refuses_one_entry_more_than_its_maximum,
            each_choice_is_accepted_and_others_are_refused,
            each_misspelt_key_is_an_error_that_names_the_right_one,
            each_key_set_twice_is_an_error_at_the_second, each_required_option_left_out_is_an_error,
            a_configuration_that_sets_every_option_is_dumped_and_read_again_the_same, NULL});
}
