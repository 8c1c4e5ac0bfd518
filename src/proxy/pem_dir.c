#include "proxy/pem_dir.h"

#include "proxy/staple_files.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool list_entries(struct pem_dir *list, DIR *directory, const char *path, const char *glob,
                         struct error *error);
static bool list_entry(struct pem_dir *list, const char *path, const char *name);
static bool is_staple(const char *name);
static bool append(char ***paths, size_t *count, size_t *room, const char *path);
static bool is_directory(const char *path);
static int  in_byte_order(const void *one, const void *other);
static int  in_order_of_staples(const void *path, const void *staple);

bool pem_dir_list(struct pem_dir *list, const char *path, const char *glob, struct error *error)
{
    DIR *directory = opendir(path);

    *list = (struct pem_dir){0};
    if (directory == NULL) {
        *error = error_from_errno(errno, "open");
        return false;
    }
    bool is_listed = list_entries(list, directory, path, glob, error);

    (void)closedir(directory);
    if (!is_listed) {
        pem_dir_fini(list);
    }
    pem_dir_sort(list);
    return is_listed;
}

bool pem_dir_add(struct pem_dir *list, const char *path)
{
    return append(&list->paths, &list->count, &list->room, path);
}

void pem_dir_sort(struct pem_dir *list)
{
    if (list->count > 1) {
        qsort(list->paths, list->count, sizeof(char *), in_byte_order);
    }
    if (list->staples_count > 1) {
        qsort(list->staples, list->staples_count, sizeof(char *), in_byte_order);
    }
}

void pem_dir_fini(struct pem_dir *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->paths[i]);
    }
    for (size_t i = 0; i < list->staples_count; i++) {
        free(list->staples[i]);
    }
    free(list->paths);
    free(list->staples);
    *list = (struct pem_dir){0};
}

const char *pem_dir_staple_of(const struct pem_dir *list, const char *path)
{
    char **staple = list->staples_count == 0 ? NULL
                                             : bsearch(path, list->staples, list->staples_count,
                                                       sizeof(char *), in_order_of_staples);

    return staple != NULL ? *staple : NULL;
}

bool pem_dir_is_wanted(const char *name, const char *glob)
{
    static const char *const leftovers[] = {"*~",      "#*#",    "*.sw[opx]", "*.bak",    "*.orig",
                                            "*.tmp",   "*.old",  "*.save",    "*.dpkg-*", "*.rpm*",
                                            "*.ucf-*", "*.part", "*,v"};

    if (name[0] == '.' || is_staple(name) || (glob[0] != '\0' && fnmatch(glob, name, 0) != 0)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(leftovers) / sizeof(leftovers[0]); i++) {
        if (fnmatch(leftovers[i], name, 0) == 0) {
            return false;
        }
    }
    return true;
}

static bool list_entries(struct pem_dir *list, DIR *directory, const char *path, const char *glob,
                         struct error *error)
{
    struct dirent *entry = NULL;

    while ((errno = 0, entry = readdir(directory)) != NULL) {
        bool may_be_directory = entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN;

        if ((!is_staple(entry->d_name) && !pem_dir_is_wanted(entry->d_name, glob)) ||
            entry->d_type == DT_DIR) {
            continue;
        }
        if (list->count + list->staples_count == PEM_DIR_FILES_MAX) {
            *error = error_from_errno(E2BIG, "too many files");
            return false;
        }
        if (!list_entry(list, path, entry->d_name)) {
            *error = error_from_errno(ENOMEM, "list");
            return false;
        }
        if (may_be_directory && !is_staple(entry->d_name) &&
            is_directory(list->paths[list->count - 1])) {
            free(list->paths[--list->count]);
        }
    }
    if (errno != 0) {
        *error = error_from_errno(errno, "read");
        return false;
    }
    return true;
}

static bool list_entry(struct pem_dir *list, const char *path, const char *name)
{
    size_t bytes = strlen(path) + strlen(name) + sizeof("/");
    char  *joined = malloc(bytes);
    bool   is_listed = false;

    if (joined != NULL) {
        (void)snprintf(joined, bytes, "%s/%s", path, name);
        is_listed = is_staple(name)
                        ? append(&list->staples, &list->staples_count, &list->staples_room, joined)
                        : pem_dir_add(list, joined);
    }
    free(joined);
    return is_listed;
}

static bool is_staple(const char *name)
{
    size_t len = strlen(name);

    return name[0] != '.' && len > strlen(STAPLE_SUFFIX) &&
           strcmp(name + len - strlen(STAPLE_SUFFIX), STAPLE_SUFFIX) == 0;
}

static bool append(char ***paths, size_t *count, size_t *room, const char *path)
{
    if (*count == *room) {
        size_t more = *room == 0 ? 16 : *room * 2;
        char **grown = realloc(*paths, more * sizeof(char *));

        if (grown == NULL) {
            return false;
        }
        *paths = grown;
        *room = more;
    }
    (*paths)[*count] = strdup(path);
    if ((*paths)[*count] == NULL) {
        return false;
    }
    ++*count;
    return true;
}

static bool is_directory(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static int in_byte_order(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

/* As if the path had the suffix. */
static int in_order_of_staples(const void *path, const void *staple)
{
    const char *name = *(char *const *)staple;
    size_t      len = strlen(path);
    int         order = strncmp(path, name, len);

    return order != 0 ? order : strcmp(STAPLE_SUFFIX, name + len);
}
