#include "proxy/trust_files.h"

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
    struct trust_files         *files;
    struct config_report       *report;
    const struct config_string *place;
    enum tls_trust_kind         kind;
    enum config_severity        severity; /* of a file that cannot be used */
};

static bool read_directory(struct reading *reading);
static bool read_entries(struct reading *reading, struct dirent **entries, size_t count);
static bool read_file(struct reading *reading, const char *path);
static void file_fini(struct trust_file *file);
static bool is_usable(struct reading *reading, const char *path, struct trust_file *file);
static void warn_of_end(struct reading *reading, const char *path, int64_t good_until_s);
static bool keep(struct trust_files *files, const struct trust_file *file);
static int  is_visible(const struct dirent *entry);
static int  in_byte_order(const struct dirent **one, const struct dirent **other);

bool trust_files_read(struct trust_files *files, enum tls_trust_kind kind,
                      const struct config_strings *paths, const struct config_strings *directories,
                      struct config_report *report)
{
    struct reading reading = {
        .files = files, .report = report, .kind = kind, .severity = CONFIG_ERROR};

    for (size_t i = 0; i < paths->count; i++) {
        reading.place = &paths->items[i];
        if (!read_file(&reading, reading.place->text)) {
            return false;
        }
    }
    reading.severity = CONFIG_WARNING;
    for (size_t i = 0; i < directories->count; i++) {
        reading.place = &directories->items[i];
        if (!read_directory(&reading)) {
            return false;
        }
    }
    return true;
}

void trust_files_fini(struct trust_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        file_fini(&files->files[i]);
    }
    free(files->files);
    free(files->bytes);
    *files = (struct trust_files){0};
}

/* A directory that cannot be read, or has no authority in it, is a mistake; one without lists may
 * get some later. */
static bool read_directory(struct reading *reading)
{
    const char     *path = reading->place->text;
    size_t          before = reading->files->count;
    struct dirent **entries = NULL;
    int             count = scandir(path, &entries, is_visible, in_byte_order);

    if (count < 0) {
        config_report_add(reading->report, CONFIG_ERROR, reading->place->at,
                          "cannot read \"%s\": %s", path, strerrordesc_np(errno));
        return errno != ENOMEM;
    }
    bool has_memory = read_entries(reading, entries, (size_t)count);

    free(entries);
    if (reading->files->count == before) {
        config_report_add(reading->report,
                          reading->kind == TLS_AUTHORITIES ? CONFIG_ERROR : CONFIG_WARNING,
                          reading->place->at, "no %s in \"%s\"",
                          reading->kind == TLS_AUTHORITIES ? "certificate" : "CRL", path);
    }
    return has_memory;
}

/* Frees each entry. */
static bool read_entries(struct reading *reading, struct dirent **entries, size_t count)
{
    char        memory[PATH_MAX];
    struct text path;
    bool        has_memory = true;

    for (size_t i = 0; i < count; i++) {
        struct stat status;

        text_init(&path, memory, sizeof(memory));
        text_string(&path, reading->place->text);
        text_string(&path, "/");
        text_string(&path, entries[i]->d_name);
        if (has_memory && !(stat(memory, &status) == 0 && S_ISDIR(status.st_mode))) {
            has_memory = read_file(reading, memory);
        }
        free(entries[i]);
    }
    return has_memory;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int in_byte_order(const struct dirent **one, const struct dirent **other)
{
    return strcmp((*one)->d_name, (*other)->d_name);
}

/* False only when memory is short. */
static bool read_file(struct reading *reading, const char *path)
{
    char              text[CONFIG_PROBLEM_BYTES];
    struct trust_file file = {0};
    struct error      error;

    if (!pem_file_read_long(&file.file, path, TRUST_FILE_BYTES_MAX, &error)) {
        config_report_add(reading->report, reading->severity, reading->place->at,
                          "cannot read \"%s\": %s", path, error_text(&error, text, sizeof(text)));
        return true;
    }
    if (!is_usable(reading, path, &file)) {
        file_fini(&file);
        return true;
    }
    file.path = strdup(path);
    if (file.path == NULL || !keep(reading->files, &file)) {
        file_fini(&file);
        return false;
    }
    return true;
}

static void file_fini(struct trust_file *file)
{
    pem_file_fini(&file->file);
    free(file->path);
}

static bool is_usable(struct reading *reading, const char *path, struct trust_file *file)
{
    const char            *what = reading->kind == TLS_AUTHORITIES ? "certificate" : "CRL";
    struct tls_trust_facts facts;

    tls_trust_look(pem_file_bytes(&file->file), reading->kind, &facts);
    file->good_until_s = facts.good_until_s;
    if (facts.reason != NULL) {
        config_report_add(reading->report, reading->severity, reading->place->at,
                          "\"%s\": a broken %s (%s)", path, what, facts.reason);
        return false;
    }
    if (facts.count == 0) {
        config_report_add(reading->report, reading->severity, reading->place->at,
                          "\"%s\": no %s in it", path, what);
        return false;
    }
    warn_of_end(reading, path, facts.good_until_s);
    return true;
}

static void warn_of_end(struct reading *reading, const char *path, int64_t good_until_s)
{
    time_t    end = (time_t)good_until_s;
    struct tm parts;
    char      date[sizeof("2026-01-01T00:00:00Z")];

    if (good_until_s == 0 || end > time(NULL) || gmtime_r(&end, &parts) == NULL ||
        strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        return;
    }
    config_report_add(reading->report, CONFIG_WARNING, reading->place->at,
                      "\"%s\": a %s in it has expired, on %s", path,
                      reading->kind == TLS_AUTHORITIES ? "certificate" : "CRL", date);
}

static bool keep(struct trust_files *files, const struct trust_file *file)
{
    if (files->count == files->room) {
        size_t              room = files->room == 0 ? 4 : files->room * 2;
        struct trust_file  *grown = realloc(files->files, room * sizeof(*grown));
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
    }
    files->files[files->count] = *file;
    files->bytes[files->count] = pem_file_bytes(&file->file);
    files->count++;
    return true;
}
