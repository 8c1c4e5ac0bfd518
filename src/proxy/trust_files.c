#include "proxy/trust_files.h"

#include "base/require.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* Where files are read for, and where complaints go. */
struct reading {
    const struct trust_files_options *options;
    struct trust_files               *files;
    const struct config_string       *place;
    enum config_severity              severity; /* of a file that cannot be used */
    bool                              has_memory;
};

static void read_directory(struct reading *reading);
static void read_entries(struct reading *reading, struct dirent **entries, size_t count);
static void keep_directory(struct reading *reading, const char *problem);
static void read_file(struct reading *reading, const char *path);
static struct trust_file *find_previous(const struct reading *reading, const char *path);
static bool               is_unchanged(const struct trust_file *file);
static struct trust_file *file_read(struct reading *reading, const char *path,
                                    struct text *problem);
static void               file_give(struct trust_file *file);
static bool is_usable(const struct reading *reading, struct trust_file *file, struct text *problem);
static void warn_of_end(const struct reading *reading, const struct trust_file *file);
static void take(struct reading *reading, struct trust_file *file);
static bool make_room(struct trust_files *files);
static const char *noun_of(const struct reading *reading);
static int         is_visible(const struct dirent *entry);
static int         in_byte_order(const struct dirent **one, const struct dirent **other);

bool trust_files_read(struct trust_files *files, const struct trust_files_options *options)
{
    struct reading reading = {
        .options = options, .files = files, .severity = CONFIG_ERROR, .has_memory = true};

    for (size_t i = 0; i < options->paths->count; i++) {
        reading.place = &options->paths->items[i];
        read_file(&reading, reading.place->text);
    }
    reading.severity = CONFIG_WARNING;
    for (size_t i = 0; i < options->directories->count; i++) {
        reading.place = &options->directories->items[i];
        read_directory(&reading);
    }
    return reading.has_memory;
}

void trust_files_fini(struct trust_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        file_give(files->files[i]);
    }
    free(files->files);
    free(files->bytes);
    *files = (struct trust_files){0};
}

bool trust_files_is_equal(const struct trust_files *one, const struct trust_files *other)
{
    bool is_equal = one->count == other->count;

    for (size_t i = 0; is_equal && i < one->count; i++) {
        is_equal = one->files[i] == other->files[i] ||
                   (one->bytes[i].len == other->bytes[i].len &&
                    memcmp(one->bytes[i].data, other->bytes[i].data, one->bytes[i].len) == 0);
    }
    return is_equal;
}

/* --- directories -------------------------------------------------------------------------- */

/* A directory that cannot be read, or has no authority in it, is a mistake; one without lists may
 * get some later. */
static void read_directory(struct reading *reading)
{
    const char     *path = reading->place->text;
    size_t          before = reading->files->count;
    struct dirent **entries = NULL;
    int             count = scandir(path, &entries, is_visible, in_byte_order);
    char            problem[CONFIG_PROBLEM_BYTES];
    struct text     text;

    text_init(&text, problem, sizeof(problem));
    if (count < 0) {
        reading->has_memory = reading->has_memory && errno != ENOMEM;
        text_format(&text, "cannot read \"%s\": %s", path, strerrordesc_np(errno));
        keep_directory(reading, problem);
        return;
    }
    read_entries(reading, entries, (size_t)count);
    free(entries);
    if (reading->files->count == before) {
        text_format(&text, "no %s in \"%s\"", noun_of(reading), path);
        if (reading->options->kind == TLS_AUTHORITIES) {
            keep_directory(reading, problem);
        } else {
            config_report_add(reading->options->report, CONFIG_WARNING, reading->place->at, "%s",
                              problem);
        }
    }
}

/* Frees each entry. */
static void read_entries(struct reading *reading, struct dirent **entries, size_t count)
{
    char        memory[PATH_MAX];
    struct text path;

    for (size_t i = 0; i < count; i++) {
        struct stat status;

        text_init(&path, memory, sizeof(memory));
        text_string(&path, reading->place->text);
        text_string(&path, "/");
        text_string(&path, entries[i]->d_name);
        if (!(stat(memory, &status) == 0 && S_ISDIR(status.st_mode))) {
            read_file(reading, memory);
        }
        free(entries[i]);
    }
}

/* Takes what was in it when it was read last. */
static void keep_directory(struct reading *reading, const char *problem)
{
    const struct trust_files *previous = reading->options->previous;
    const char               *directory = reading->place->text;
    size_t                    len = strlen(directory);
    size_t                    before = reading->files->count;

    for (size_t i = 0; previous != NULL && i < previous->count; i++) {
        const char *path = previous->files[i]->path;

        if (strncmp(path, directory, len) == 0 && path[len] == '/' &&
            strchr(path + len + 1, '/') == NULL) {
            take(reading, previous->files[i]);
        }
    }
    bool is_kept = reading->files->count > before;

    config_report_add(reading->options->report, is_kept ? CONFIG_WARNING : CONFIG_ERROR,
                      reading->place->at, "%s%s", problem,
                      is_kept ? "; what was in it stays in use" : "");
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int in_byte_order(const struct dirent **one, const struct dirent **other)
{
    return strcmp((*one)->d_name, (*other)->d_name);
}

/* --- files -------------------------------------------------------------------------------- */

static void read_file(struct reading *reading, const char *path)
{
    struct trust_file *previous = find_previous(reading, path);
    struct trust_file *file = NULL;
    char               problem[CONFIG_PROBLEM_BYTES];
    struct text        text;

    text_init(&text, problem, sizeof(problem));
    if (previous != NULL && is_unchanged(previous)) {
        take(reading, previous);
    } else if ((file = file_read(reading, path, &text)) != NULL) {
        take(reading, file);
        file_give(file);
    } else if (previous != NULL) {
        config_report_add(reading->options->report, CONFIG_WARNING, reading->place->at,
                          "%s; its last good version stays in use", problem);
        take(reading, previous);
    } else {
        config_report_add(reading->options->report, reading->severity, reading->place->at, "%s",
                          problem);
    }
}

static struct trust_file *find_previous(const struct reading *reading, const char *path)
{
    const struct trust_files *previous = reading->options->previous;

    for (size_t i = 0; previous != NULL && i < previous->count; i++) {
        if (strcmp(previous->files[i]->path, path) == 0) {
            return previous->files[i];
        }
    }
    return NULL;
}

static bool is_unchanged(const struct trust_file *file)
{
    struct pem_identity identity;

    return pem_file_is_settled(&file->file) && pem_file_identify(file->path, &identity) &&
           pem_identity_is_equal(&identity, pem_file_identity(&file->file));
}

/* NULL, and `problem` says why. */
static struct trust_file *file_read(struct reading *reading, const char *path, struct text *problem)
{
    struct trust_file *file = calloc(1, sizeof(*file));
    char               why[CONFIG_PROBLEM_BYTES];
    struct error       error;

    if (file != NULL) {
        file->holds = 1;
        file->path = strdup(path);
    }
    if (file == NULL || file->path == NULL) {
        text_string(problem, "out of memory");
        reading->has_memory = false;
        file_give(file);
        return NULL;
    }
    if (!pem_file_read_long(&file->file, path, TRUST_FILE_BYTES_MAX, &error)) {
        text_format(problem, "cannot read \"%s\": %s", path, error_text(&error, why, sizeof(why)));
    } else if (is_usable(reading, file, problem)) {
        return file;
    }
    file_give(file);
    return NULL;
}

static void file_give(struct trust_file *file)
{
    if (file == NULL) {
        return;
    }
    require(file->holds > 0);
    if (--file->holds == 0) {
        pem_file_fini(&file->file);
        free(file->path);
        free(file);
    }
}

static bool is_usable(const struct reading *reading, struct trust_file *file, struct text *problem)
{
    struct tls_trust_facts facts;

    tls_trust_look(pem_file_bytes(&file->file), reading->options->kind, &facts);
    file->good_until_s = facts.good_until_s;
    if (facts.reason != NULL) {
        text_format(problem, "\"%s\": a broken %s (%s)", file->path, noun_of(reading),
                    facts.reason);
        return false;
    }
    if (facts.count == 0) {
        text_format(problem, "\"%s\": no %s in it", file->path, noun_of(reading));
        return false;
    }
    return true;
}

static void warn_of_end(const struct reading *reading, const struct trust_file *file)
{
    time_t    end = (time_t)file->good_until_s;
    struct tm parts;
    char      date[sizeof("2026-01-01T00:00:00Z")];

    if (end == 0 || end > time(NULL) || gmtime_r(&end, &parts) == NULL ||
        strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        return;
    }
    config_report_add(reading->options->report, CONFIG_WARNING, reading->place->at,
                      "\"%s\": a %s in it has expired, on %s", file->path, noun_of(reading), date);
}

/* One hold more. */
static void take(struct reading *reading, struct trust_file *file)
{
    struct trust_files *files = reading->files;

    warn_of_end(reading, file);
    if (!make_room(files)) {
        reading->has_memory = false;
        return;
    }
    file->holds++;
    files->files[files->count] = file;
    files->bytes[files->count] = pem_file_bytes(&file->file);
    files->count++;
}

static bool make_room(struct trust_files *files)
{
    if (files->count < files->room) {
        return true;
    }
    size_t              room = files->room == 0 ? 4 : files->room * 2;
    struct trust_file **grown = realloc(files->files, room * sizeof(struct trust_file *));
    struct bytes_const *grown_bytes = NULL;

    if (grown == NULL) {
        return false;
    }
    files->files = grown;
    grown_bytes = realloc(files->bytes, room * sizeof(*grown_bytes));
    if (grown_bytes == NULL) {
        return false;
    }
    files->bytes = grown_bytes;
    files->room = room;
    return true;
}

static const char *noun_of(const struct reading *reading)
{
    return reading->options->kind == TLS_AUTHORITIES ? "certificate" : "CRL";
}
