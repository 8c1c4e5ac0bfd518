/* Files become text, text becomes a configuration. */
#include "config/check.h"
#include "config/config.h"
#include "config/memory.h"
#include "config/parse.h"
#include "config/source.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* Of libconfig's memory: its scanner's, and per byte of the text: "1," is a setting of 80 bytes
 * with its place in a list that doubles. */
enum { PARSER_BYTES = 256 * 1024, PARSER_BYTES_PER_BYTE = 64 };

struct loading {
    struct assign        assign;
    struct config       *config;
    struct config_place *seen;
    bool                 is_whole; /* everything could be read and parsed */
};

static bool           loading_begin(struct loading *loading, struct config_report *report);
static struct config *loading_end(struct loading *loading);
static void           load_path(struct loading *loading, const char *path);
static void           load_directory(struct loading *loading, const char *path);
static int            is_config_name(const struct dirent *entry);
static int            in_byte_order(const struct dirent **one, const struct dirent **other);
static void           load_file(struct loading *loading, const char *path);
static bool           parse_source(struct loading *loading, const struct source *source);
static bool           has_room_to_parse(const char *text);
static void           cannot(struct loading *loading, const char *path, const char *why);

struct config *config_load(const char *const *paths, size_t paths_count,
                           struct config_report *report)
{
    struct loading loading;

    if (!loading_begin(&loading, report)) {
        return NULL;
    }
    for (size_t i = 0; i < paths_count; i++) {
        load_path(&loading, paths[i]);
    }
    return loading_end(&loading);
}

struct config *config_load_text(const char *text, const char *name, struct config_report *report)
{
    struct loading loading;

    if (!loading_begin(&loading, report)) {
        return NULL;
    }
    struct source source = {.memory = loading.assign.memory, .report = report};

    loading.assign.file = config_memory_copy(loading.assign.memory, name);
    loading.is_whole = loading.assign.file != NULL && source_read_text(&source, text, name) &&
                       parse_source(&loading, &source);
    source_fini(&source);
    return loading_end(&loading);
}

struct config *config_hold(struct config *config)
{
    config->holds++;
    return config;
}

void config_free(struct config **config)
{
    struct config *freed = *config;

    *config = NULL;
    if (freed == NULL) {
        return;
    }
    if (freed->holds > 0) {
        freed->holds--;
        return;
    }
    struct config_memory *memory = freed->memory;

    config_memory_free(&memory);
}

static bool loading_begin(struct loading *loading, struct config_report *report)
{
    struct config_memory *memory = config_memory_new();

    *loading = (struct loading){.assign = {.memory = memory, .report = report}, .is_whole = true};
    if (memory != NULL) {
        loading->config = config_memory_take(memory, sizeof(*loading->config));
        loading->seen = config_memory_take(memory, schema_top.count * sizeof(*loading->seen));
    }
    if (loading->config == NULL || loading->seen == NULL) {
        config_report_no_memory(report);
        config_memory_free(&memory);
        return false;
    }
    loading->config->memory = memory;
    parse_defaults(&loading->assign, &schema_top, loading->config);
    return true;
}

/* Of what is only known in part, nothing can be said to be missing or unknown. */
static struct config *loading_end(struct loading *loading)
{
    if (loading->is_whole && !config_report_has_no_memory(loading->assign.report)) {
        parse_missing(&loading->assign, loading->seen);
        check_config(loading->config, loading->assign.memory, loading->assign.report);
    }
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

        if (file != NULL) {
            (void)snprintf(file, bytes, "%s/%s", path, entries[i]->d_name);
            load_file(loading, file);
        } else {
            config_report_no_memory(loading->assign.report);
        }
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
    struct source source = {.memory = loading->assign.memory, .report = loading->assign.report};

    loading->assign.file = config_memory_copy(loading->assign.memory, path);
    if (loading->assign.file == NULL) {
        config_report_no_memory(loading->assign.report);
    } else if (!source_read_file(&source, path) || !parse_source(loading, &source)) {
        loading->is_whole = false;
    }
    source_fini(&source);
}

static bool parse_source(struct loading *loading, const struct source *source)
{
    config_t tree;

    if (!has_room_to_parse(source_text(source))) {
        config_report_no_memory(loading->assign.report);
        return false;
    }
    config_init(&tree);
    bool is_parsed = config_read_string(&tree, source_text(source)) == CONFIG_TRUE;

    if (is_parsed) {
        loading->assign.source = source;
        parse_file(&loading->assign, config_root_setting(&tree), loading->config, loading->seen);
        loading->assign.source = NULL;
    } else {
        int line = config_error_line(&tree);

        config_report_add(loading->assign.report, CONFIG_ERROR,
                          source_place(source, line > 0 ? (unsigned)line : 0), "%s",
                          config_error_text(&tree));
    }
    config_destroy(&tree);
    return is_parsed;
}

/* The parser looks at none of its allocations and dies of one that fails. So as much as it could
 * take is taken before, and given back: the pages are not touched. */
static bool has_room_to_parse(const char *text)
{
    size_t bytes = PARSER_BYTES + strlen(text) * PARSER_BYTES_PER_BYTE;
    void  *room = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (room == MAP_FAILED) {
        return false;
    }
    (void)munmap(room, bytes);
    return true;
}

static void cannot(struct loading *loading, const char *path, const char *why)
{
    config_report_add(loading->assign.report, CONFIG_ERROR, (struct config_place){.file = path},
                      "cannot read it: %s", why);
    loading->is_whole = false;
}
