#include "proxy/challenge_dirs.h"

#include "proxy/pem_dir.h"
#include "proxy/pem_file.h"
#include "tls/context.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CERTIFICATE_ENDING ".crt.pem"
#define KEY_ENDING         ".key.pem"

/* One directory while it is read. */
struct reading {
    struct tls_challenges      *challenges;
    struct tls_library         *library;
    struct config_report       *report;
    const struct config_string *directory;
};

/* The files of one challenge. */
struct challenge_files {
    const char     *path;
    char            key_path[PATH_MAX]; /* "": the key stands in the same file */
    struct pem_file certificate;
    struct pem_file key;
};

static bool is_read_already(const struct config *config, size_t frontend);
static void read_directory(struct reading *reading);
static void read_challenge(struct reading *reading, const char *path);
static bool has_gone(const char *path);
static void find_key(struct challenge_files *files);
static bool open_files(struct challenge_files *files, struct text *problem);
static bool open_file(struct pem_file *file, const char *path, struct text *problem);
static struct tls_certificate *make(const struct reading *reading, struct challenge_files *files,
                                    struct text *problem);
static bool                    ends_with(const char *path, const char *ending);

bool challenge_dirs_are_named(const struct config *config)
{
    for (size_t i = 0; i < config->frontends_count; i++) {
        if (config->frontends[i].acme_dir.text[0] != '\0') {
            return true;
        }
    }
    return false;
}

struct tls_challenges *challenge_dirs_read(const struct config *config, struct tls_library *library,
                                           struct config_report *report)
{
    struct reading reading = {
        .challenges = tls_challenges_new(), .library = library, .report = report};

    for (size_t i = 0; reading.challenges != NULL && i < config->frontends_count; i++) {
        reading.directory = &config->frontends[i].acme_dir;
        if (reading.directory->text[0] != '\0' && !is_read_already(config, i)) {
            read_directory(&reading);
        }
    }
    return reading.challenges;
}

/* By another frontend: several ports may well have the same one. */
static bool is_read_already(const struct config *config, size_t frontend)
{
    for (size_t i = 0; i < frontend; i++) {
        if (strcmp(config->frontends[i].acme_dir.text, config->frontends[frontend].acme_dir.text) ==
            0) {
            return true;
        }
    }
    return false;
}

static void read_directory(struct reading *reading)
{
    struct pem_dir list;
    struct error   error;
    char           why[CONFIG_PROBLEM_BYTES];

    if (!pem_dir_list(&list, reading->directory->text, "", &error)) {
        config_report_add(reading->report, CONFIG_WARNING, reading->directory->at,
                          "cannot read directory \"%s\": %s", reading->directory->text,
                          error_text(&error, why, sizeof(why)));
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        if (!ends_with(list.paths[i], KEY_ENDING)) {
            read_challenge(reading, list.paths[i]);
        }
    }
    pem_dir_fini(&list);
}

static void read_challenge(struct reading *reading, const char *path)
{
    struct challenge_files  files = {.path = path};
    char                    memory[TLS_PROBLEM_BYTES];
    struct text             problem;
    struct tls_certificate *certificate = NULL;

    text_init(&problem, memory, sizeof(memory));
    find_key(&files);
    if (open_files(&files, &problem)) {
        certificate = make(reading, &files, &problem);
    }
    if (certificate == NULL && !has_gone(path)) {
        config_report_add(reading->report, CONFIG_WARNING, reading->directory->at,
                          "%s; it is skipped", memory);
    }
    tls_certificate_free(&certificate);
    pem_file_fini(&files.certificate);
    pem_file_fini(&files.key);
}

/* ACME clients take their files away again, between our listing and opening them, too. */
static bool has_gone(const char *path)
{
    struct stat status;

    return lstat(path, &status) != 0 && errno == ENOENT;
}

/* Where there is no such file the key must stand beside the certificate. */
static void find_key(struct challenge_files *files)
{
    size_t len = strlen(files->path);
    size_t stem = ends_with(files->path, CERTIFICATE_ENDING) ? len - strlen(CERTIFICATE_ENDING) : 0;

    if (stem == 0 || len >= sizeof(files->key_path)) {
        return;
    }
    (void)snprintf(files->key_path, sizeof(files->key_path), "%.*s%s", (int)stem, files->path,
                   KEY_ENDING);
    if (access(files->key_path, F_OK) != 0) {
        files->key_path[0] = '\0';
    }
}

static bool open_files(struct challenge_files *files, struct text *problem)
{
    return open_file(&files->certificate, files->path, problem) &&
           (files->key_path[0] == '\0' || open_file(&files->key, files->key_path, problem));
}

static bool open_file(struct pem_file *file, const char *path, struct text *problem)
{
    struct error error;
    char         why[CONFIG_PROBLEM_BYTES];
    bool         is_read = pem_file_read(file, path, &error);

    if (!is_read) {
        text_format(problem, "cannot read \"%s\": %s", path, error_text(&error, why, sizeof(why)));
    }
    return is_read;
}

/* Makes the certificate and puts it among the challenges, which hold it then. */
static struct tls_certificate *make(const struct reading *reading, struct challenge_files *files,
                                    struct text *problem)
{
    struct tls_pem          pem = {.certificate_path = files->path,
                                   .certificate = pem_file_bytes(&files->certificate),
                                   .key_path = files->key_path[0] != '\0' ? files->key_path : NULL,
                                   .key = pem_file_bytes(&files->key)};
    char                    memory[TLS_PROBLEM_BYTES];
    struct text             why;
    struct tls_certificate *certificate = tls_certificate_new(reading->library, &pem, problem);

    text_init(&why, memory, sizeof(memory));
    if (certificate != NULL &&
        !tls_challenges_add(reading->challenges, reading->directory->text, certificate, &why)) {
        text_format(problem, "%s: %s", files->path, memory);
        tls_certificate_free(&certificate);
    }
    return certificate;
}

static bool ends_with(const char *path, const char *ending)
{
    size_t len = strlen(path);
    size_t ending_len = strlen(ending);

    return len >= ending_len && strcmp(path + len - ending_len, ending) == 0;
}
