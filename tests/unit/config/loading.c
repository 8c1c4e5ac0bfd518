#include "loading.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

struct loaded load_text(const char *text)
{
    struct loaded loaded = {0};

    loaded.config = config_load_text(text, "test", &loaded.report);
    ck_assert_int_eq(loaded.config == NULL, config_report_has_errors(&loaded.report));
    return loaded;
}

struct loaded load_paths(const char *const *paths, size_t paths_count)
{
    struct loaded loaded = {0};

    loaded.config = config_load(paths, paths_count, &loaded.report);
    ck_assert_int_eq(loaded.config == NULL, config_report_has_errors(&loaded.report));
    return loaded;
}

void loaded_fini(struct loaded *loaded)
{
    config_free(&loaded->config);
    ck_assert_ptr_null(loaded->config);
    config_report_fini(&loaded->report);
}

const char *loaded_problem(const struct loaded *loaded, size_t index)
{
    return index < loaded->report.count ? loaded->report.problems[index].text : "";
}

void check_refused(const char *text, const char *problem)
{
    struct loaded loaded = load_text(text);

    ck_assert_str_eq(loaded_problem(&loaded, 0), problem);
    ck_assert_str_eq(loaded_problem(&loaded, 1), "");
    ck_assert_ptr_null(loaded.config);
    loaded_fini(&loaded);
}

void check_warned(const char *text, const char *problem)
{
    struct loaded loaded = load_text(text);

    ck_assert_str_eq(loaded_problem(&loaded, 0), problem);
    ck_assert_str_eq(loaded_problem(&loaded, 1), "");
    ck_assert_ptr_nonnull(loaded.config);
    ck_assert_uint_eq(config_report_warnings(&loaded.report), 1);
    loaded_fini(&loaded);
}

struct config *check_accepted(const char *text)
{
    struct loaded  loaded = load_text(text);
    struct config *config = loaded.config;

    ck_assert_str_eq(loaded_problem(&loaded, 0), "");
    ck_assert_ptr_nonnull(config);
    config_report_fini(&loaded.report);
    return config;
}

char *dump_of(const struct config *config)
{
    char  *text = NULL;
    size_t bytes = 0;
    FILE  *into = open_memstream(&text, &bytes);

    ck_assert_ptr_nonnull(into);
    config_dump(config, into);
    ck_assert_int_eq(fclose(into), 0);
    return text;
}
