/* Files become text, text becomes a configuration. */
#include "config/check.h"
#include "config/config.h"
#include "config/memory.h"
#include "config/parse.h"
#include "config/text_check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct loading {
    struct assign        assign;
    struct config       *config;
    struct config_place *seen;
};

static void           loading_begin(struct loading *loading, struct config_report *report);
static struct config *loading_end(struct loading *loading);
static void           load_path(struct loading *loading, const char *path);
static void           load_directory(struct loading *loading, const char *path);
static int            is_config_name(const struct dirent *entry);
static int            in_byte_order(const struct dirent **one, const struct dirent **other);
static void           load_file(struct loading *loading, const char *path);
static char          *read_file(struct loading *loading, const char *path, size_t *len);
static void           load_text(struct loading *loading, const char *text, const char *directory);
static void           cannot(struct loading *loading, const char *path, const char *why);

struct config *config_load(const char *const *paths, size_t paths_count,
                           struct config_report *report)
{
    struct loading loading;

    loading_begin(&loading, report);
    for (size_t i = 0; i < paths_count; i++) {
        load_path(&loading, paths[i]);
    }
    return loading_end(&loading);
}

struct config *config_load_text(const char *text, const char *name, struct config_report *report)
{
    struct loading loading;

    loading_begin(&loading, report);
    loading.assign.file = config_memory_copy(loading.assign.memory, name);
    if (text_is_safe(text, strlen(text), loading.assign.file, report)) {
        load_text(&loading, text, ".");
    }
    return loading_end(&loading);
}

void config_free(struct config **config)
{
    if (*config == NULL) {
        return;
    }
    struct config_memory *memory = (*config)->memory;

    *config = NULL;
    config_memory_free(&memory);
}

static void loading_begin(struct loading *loading, struct config_report *report)
{
    struct config_memory *memory = config_memory_new();

    *loading = (struct loading){.assign = {.memory = memory, .report = report}};
    loading->config = config_memory_take(memory, sizeof(*loading->config));
    loading->config->memory = memory;
    loading->seen = config_memory_take(memory, schema_top.count * sizeof(*loading->seen));
    parse_defaults(&loading->assign, &schema_top, loading->config);
}

static struct config *loading_end(struct loading *loading)
{
    if (!config_report_has_errors(loading->assign.report)) {
        parse_missing(&loading->assign, loading->config, loading->seen);
    }
    check_config(loading->config, loading->assign.memory, loading->assign.report);
    if (config_report_has_errors(loading->assign.report)) {
        config_free(&loading->config);
    }
    return loading->config;
}

static void load_path(struct loading *loading, const char *path)
{
    struct stat status;

    if (stat(path, &status) != 0) {
        cannot(loading, path, strerrordesc_np(errno));
    } else if (S_ISDIR(status.st_mode)) {
        load_directory(loading, path);
    } else {
        load_file(loading, path);
    }
}

static void load_directory(struct loading *loading, const char *path)
{
    struct dirent **entries = NULL;
    int             count = scandir(path, &entries, is_config_name, in_byte_order);

    if (count < 0) {
        cannot(loading, path, strerrordesc_np(errno));
        return;
    }
    if (count == 0) {
        cannot(loading, path, "no *.conf in it");
    }
    for (int i = 0; i < count; i++) {
        size_t bytes = strlen(path) + strlen(entries[i]->d_name) + 2;
        char  *file = config_memory_take(loading->assign.memory, bytes);

        (void)snprintf(file, bytes, "%s/%s", path, entries[i]->d_name);
        load_file(loading, file);
        free(entries[i]);
    }
    free(entries);
}

static int is_config_name(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    size_t ending = strlen(".conf");

    return entry->d_name[0] != '.' && len > ending &&
           strcmp(entry->d_name + len - ending, ".conf") == 0;
}

static int in_byte_order(const struct dirent **one, const struct dirent **other)
{
    return strcmp((*one)->d_name, (*other)->d_name);
}

static void load_file(struct loading *loading, const char *path)
{
    size_t len = 0;
    char  *text = read_file(loading, path, &len);

    loading->assign.file = config_memory_copy(loading->assign.memory, path);
    if (text != NULL && text_is_safe(text, len, loading->assign.file, loading->assign.report)) {
        char *directory = config_memory_copy(loading->assign.memory, path);

        load_text(loading, text, dirname(directory));
    }
}

static char *read_file(struct loading *loading, const char *path, size_t *len)
{
    struct stat status;
    int         fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0 || fstat(fd, &status) != 0) {
        cannot(loading, path, strerrordesc_np(errno));
    } else if (!S_ISREG(status.st_mode) || status.st_size > TEXT_BYTES_MAX) {
        cannot(loading, path, "not a regular file, or over 4 MiB");
    } else {
        char *text = config_memory_take(loading->assign.memory, (size_t)status.st_size + 1);

        for (ssize_t got = 1; got > 0 && *len < (size_t)status.st_size; *len += (size_t)got) {
            got = read(fd, text + *len, (size_t)status.st_size - *len);
            got = got < 0 ? 0 : got;
        }
        (void)close(fd);
        return text;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return NULL;
}

static void load_text(struct loading *loading, const char *text, const char *directory)
{
    config_t tree;

    config_init(&tree);
    config_set_include_dir(&tree, directory);
    if (config_read_string(&tree, text) == CONFIG_TRUE) {
        parse_file(&loading->assign, config_root_setting(&tree), loading->config, loading->seen);
    } else {
        const char         *file = config_error_file(&tree);
        struct config_place at = {
            .file = file != NULL ? config_memory_copy(loading->assign.memory, file)
                                 : loading->assign.file,
            .line = config_error_line(&tree) > 0 ? (unsigned)config_error_line(&tree) : 0};

        config_report_add(loading->assign.report, CONFIG_ERROR, at, "%s", config_error_text(&tree));
    }
    config_destroy(&tree);
}

static void cannot(struct loading *loading, const char *path, const char *why)
{
    struct config_place at = {.file = config_memory_copy(loading->assign.memory, path)};

    config_report_add(loading->assign.report, CONFIG_ERROR, at, "cannot read it: %s", why);
}
