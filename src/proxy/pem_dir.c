#include "proxy/pem_dir.h"

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
static bool is_directory(const char *path);
static int  in_byte_order(const void *one, const void *other);

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
    if (list->count == list->room) {
        size_t room = list->room == 0 ? 16 : list->room * 2;
        char **grown = realloc(list->paths, room * sizeof(char *));

        if (grown == NULL) {
            return false;
        }
        list->paths = grown;
        list->room = room;
    }
    list->paths[list->count] = strdup(path);
    if (list->paths[list->count] == NULL) {
        return false;
    }
    list->count++;
    return true;
}

void pem_dir_sort(struct pem_dir *list)
{
    if (list->count > 1) {
        qsort(list->paths, list->count, sizeof(char *), in_byte_order);
    }
}

void pem_dir_fini(struct pem_dir *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->paths[i]);
    }
    free(list->paths);
    *list = (struct pem_dir){0};
}

bool pem_dir_is_wanted(const char *name, const char *glob)
{
    static const char *const leftovers[] = {"*~",      "#*#",    "*.sw[opx]", "*.bak",    "*.orig",
                                            "*.tmp",   "*.old",  "*.save",    "*.dpkg-*", "*.rpm*",
                                            "*.ucf-*", "*.part", "*,v"};

    if (name[0] == '.' || (glob[0] != '\0' && fnmatch(glob, name, 0) != 0)) {
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
        if (!pem_dir_is_wanted(entry->d_name, glob) || entry->d_type == DT_DIR) {
            continue;
        }
        if (list->count == PEM_DIR_FILES_MAX) {
            *error = error_from_errno(E2BIG, "too many files");
            return false;
        }
        if (!list_entry(list, path, entry->d_name)) {
            *error = error_from_errno(ENOMEM, "list");
            return false;
        }
        bool may_be_directory = entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN;

        if (may_be_directory && is_directory(list->paths[list->count - 1])) {
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
        is_listed = pem_dir_add(list, joined);
    }
    free(joined);
    return is_listed;
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
