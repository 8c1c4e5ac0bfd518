#include "daemon/watch.h"

#include "base/log.h"
#include "daemon/path_links.h"
#include "proxy/certificate_files.h"
#include "proxy/credential.h"
#include "proxy/pem_dir.h"
#include "proxy/staple_files.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define MASK                                                                                       \
    (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB |            \
     IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

/* READS_MAX: a turn's share, so that a directory that never rests starves nobody. */
enum { EVENTS_BYTES = 8192, READS_MAX = 16 };

/* Names are searched one by one: with more than this every name may as well matter. */
enum { NAMES_BYTES_MAX = 16 * 1024 };

/* A directory, and the names in it that matter. */
struct directory {
    struct id_entry entry; /* by inotify's number */
    int             number;
    uint64_t        round;    /* of the watch, when it was last aimed at */
    bool            is_whole; /* every name matters */
    char           *names;    /* that do, each with its NUL */
    size_t          names_bytes;
};

static void aim_at_frontend(struct watch *watch, const struct config_frontend *frontend);
static void aim_at_clients(struct watch *watch, const struct config_clients *clients);
static void aim_at(struct watch *watch, const struct config_strings *paths);
static void aim_at_certificates(struct watch *watch, const struct config_strings *paths);
static void aim_at_certificate(struct watch *watch, const char *written);
static void aim_at_file(struct watch *watch, const char *written);
static void aim_at_directories(struct watch *watch, const struct config_strings *directories);
static void aim_at_directory(struct watch *watch, const char *path);
static void aim_at_links(struct watch *watch, char *const *paths, size_t count);
static void on_link(void *owner, const char *path, const char *name);
static void aim_at_name(struct watch *watch, const char *path, const char *name);
static struct directory *directory_take(struct watch *watch, const char *path);
static struct directory *directory_find(const struct watch *watch, int number);
static bool              directory_add_name(struct directory *directory, const char *name);
static bool              directory_has_name(const struct directory *directory, const char *name);
static void              directory_drop(struct watch *watch, struct directory *directory);
static void              drop_all_but(struct watch *watch, uint64_t round);
static void              complain(struct watch *watch, const char *path, int code);
static void              on_readable(struct io_op *op);
static bool              read_events(struct watch *watch);
static bool              is_relevant(struct watch *watch, const struct inotify_event *event);

bool watch_start(struct watch *watch, struct io_loop *loop, watch_stirred *stirred, void *owner,
                 struct error *error)
{
    *watch = (struct watch){.loop = loop, .stirred = stirred, .owner = owner};
    watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch->fd < 0) {
        *error = error_from_errno(errno, "inotify");
        return false;
    }
    io_poll(loop, &watch->op, watch->fd, on_readable);
    return true;
}

void watch_stop(struct watch *watch)
{
    if (watch->fd >= 0) {
        watch->is_stopping = true;
        io_cancel(watch->loop, &watch->op);
    }
}

bool watch_is_over(const struct watch *watch)
{
    return watch->fd < 0;
}

/* --- aiming ------------------------------------------------------------------------------- */

void watch_aim(struct watch *watch, const struct config *config)
{
    if (watch->fd < 0) {
        return;
    }
    watch->round++;
    if (config->auto_reload) {
        aim_at(watch, &config->ticket_keys);
        aim_at(watch, &config->ticket_secret);
    }
    for (size_t i = 0; config->auto_reload && i < config->frontends_count; i++) {
        aim_at_frontend(watch, &config->frontends[i]);
    }
    drop_all_but(watch, watch->round);
}

void watch_aim_challenges(struct watch *watch, const struct config *config)
{
    if (watch->fd < 0) {
        return;
    }
    watch->round++;
    for (size_t i = 0; i < config->frontends_count; i++) {
        const char *directory = config->frontends[i].acme_dir.text;

        if (directory[0] != '\0') {
            aim_at_directory(watch, directory);
        }
    }
    drop_all_but(watch, watch->round);
}

static void aim_at_frontend(struct watch *watch, const struct config_frontend *frontend)
{
    aim_at_certificates(watch, &frontend->pem_file);
    aim_at_certificates(watch, &frontend->cert);
    aim_at(watch, &frontend->key);
    aim_at(watch, &frontend->chain);
    aim_at(watch, &frontend->ocsp_file);
    aim_at_file(watch, frontend->key_passphrase_file.text);
    for (size_t i = 0; i < frontend->certificates_count; i++) {
        const struct config_certificate *certificate = &frontend->certificates[i];

        aim_at_certificate(watch, certificate->cert.text);
        aim_at_file(watch, certificate->key.text);
        aim_at_file(watch, certificate->chain.text);
        aim_at_file(watch, certificate->ocsp_file.text);
        aim_at_file(watch, certificate->key_passphrase_file.text);
    }
    aim_at_directories(watch, &frontend->pem_dir);
    aim_at_clients(watch, &frontend->clients);
    for (size_t i = 0; i < frontend->routes_count; i++) {
        aim_at_clients(watch, &frontend->routes[i].clients);
    }
}

static void aim_at_clients(struct watch *watch, const struct config_clients *clients)
{
    aim_at(watch, &clients->ca_file);
    aim_at(watch, &clients->crl_file);
    aim_at_directories(watch, &clients->ca_dir);
    aim_at_directories(watch, &clients->crl_dir);
}

static void aim_at_certificates(struct watch *watch, const struct config_strings *paths)
{
    for (size_t i = 0; i < paths->count; i++) {
        aim_at_certificate(watch, paths->items[i].text);
    }
}

/* With the files its key and its staple may be in, also those that are not there yet. */
static void aim_at_certificate(struct watch *watch, const char *written)
{
    char sibling[SIBLING_BYTES];

    aim_at_file(watch, written);
    for (size_t i = 0; certificate_sibling(written, i, sibling); i++) {
        aim_at_file(watch, sibling);
    }
    if ((size_t)snprintf(sibling, sizeof(sibling), "%s" STAPLE_SUFFIX, written) < sizeof(sibling)) {
        aim_at_file(watch, sibling);
    }
}

static void aim_at(struct watch *watch, const struct config_strings *paths)
{
    for (size_t i = 0; i < paths->count; i++) {
        aim_at_file(watch, paths->items[i].text);
    }
}

/* A credential that nobody handed over is told of when it is read. */
static void aim_at_file(struct watch *watch, const char *written)
{
    char         path[CREDENTIAL_PATH_BYTES];
    struct error error;

    if (credential_path(written, path, sizeof(path), &error)) {
        path_links(path, on_link, watch);
    }
}

static void aim_at_directories(struct watch *watch, const struct config_strings *directories)
{
    for (size_t i = 0; i < directories->count; i++) {
        aim_at_directory(watch, directories->items[i].text);
    }
}

/* The directory, what it is reached by, and what links in it lead to. */
static void aim_at_directory(struct watch *watch, const char *path)
{
    struct pem_dir list;
    struct error   error;

    path_links(path, on_link, watch);
    aim_at_name(watch, path, NULL);
    if (!pem_dir_list(&list, path, "", &error)) {
        return;
    }
    aim_at_links(watch, list.paths, list.count);
    aim_at_links(watch, list.staples, list.staples_count);
    pem_dir_fini(&list);
}

static void aim_at_links(struct watch *watch, char *const *paths, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct stat status;

        if (lstat(paths[i], &status) == 0 && S_ISLNK(status.st_mode)) {
            path_links(paths[i], on_link, watch);
        }
    }
}

static void on_link(void *owner, const char *path, const char *name)
{
    aim_at_name(owner, path, name);
}

/* `name` NULL: every name in the directory. A directory that is not there has nothing to watch; who
 * leads to it is watched instead. */
static void aim_at_name(struct watch *watch, const char *path, const char *name)
{
    struct directory *directory = directory_take(watch, path);

    if (directory == NULL) {
        if (errno != ENOENT && errno != ENOTDIR) {
            complain(watch, path, errno);
        }
        return;
    }
    if (name == NULL || directory->names_bytes > NAMES_BYTES_MAX) {
        directory->is_whole = true;
    } else if (!directory_has_name(directory, name) && !directory_add_name(directory, name)) {
        complain(watch, path, ENOMEM);
    }
}

/* NULL and errno. Inotify has one number for a directory, whatever it is called. */
static struct directory *directory_take(struct watch *watch, const char *path)
{
    int               number = inotify_add_watch(watch->fd, path, MASK);
    struct directory *directory = number < 0 ? NULL : directory_find(watch, number);

    if (number < 0) {
        return NULL;
    }
    if (directory == NULL) {
        directory = calloc(1, sizeof(*directory));
        if (directory == NULL ||
            !id_table_add(&watch->directories, &directory->entry, (uint64_t)number)) {
            free(directory);
            (void)inotify_rm_watch(watch->fd, number);
            errno = ENOMEM;
            return NULL;
        }
        directory->number = number;
    }
    if (directory->round != watch->round) {
        directory->round = watch->round;
        directory->is_whole = false;
        directory->names_bytes = 0;
    }
    return directory;
}

static struct directory *directory_find(const struct watch *watch, int number)
{
    struct id_entry *entry = id_table_find(&watch->directories, (uint64_t)number);

    return entry == NULL ? NULL : container_of(entry, struct directory, entry);
}

static bool directory_add_name(struct directory *directory, const char *name)
{
    size_t bytes = strlen(name) + 1;
    char  *grown = realloc(directory->names, directory->names_bytes + bytes);

    if (grown == NULL) {
        return false;
    }
    memcpy(grown + directory->names_bytes, name, bytes);
    directory->names = grown;
    directory->names_bytes += bytes;
    return true;
}

static bool directory_has_name(const struct directory *directory, const char *name)
{
    if (directory->is_whole) {
        return true;
    }
    for (size_t at = 0; at < directory->names_bytes; at += strlen(directory->names + at) + 1) {
        if (strcmp(directory->names + at, name) == 0) {
            return true;
        }
    }
    return false;
}

static void directory_drop(struct watch *watch, struct directory *directory)
{
    id_table_remove(&watch->directories, &directory->entry);
    free(directory->names);
    free(directory);
}

static void drop_all_but(struct watch *watch, uint64_t round)
{
    struct id_entry *after = NULL;

    for (struct id_entry *at = id_table_first(&watch->directories); at != NULL; at = after) {
        struct directory *directory = container_of(at, struct directory, entry);

        after = id_table_after(&watch->directories, at);
        if (directory->round != round) {
            (void)inotify_rm_watch(watch->fd, directory->number);
            directory_drop(watch, directory);
        }
    }
}

static void complain(struct watch *watch, const char *path, int code)
{
    struct error error = error_from_errno(code, "inotify");
    char         why[LOG_LINE_BYTES / 2];

    if (!watch->has_complained) {
        watch->has_complained = true;
        log_warn("not every file is watched, HUP reads them all directory=\"%s\" why=\"%s\"", path,
                 error_text(&error, why, sizeof(why)));
    }
}

/* --- events ------------------------------------------------------------------------------- */

static void on_readable(struct io_op *op)
{
    struct watch *watch = container_of(op, struct watch, op);

    /* A cancel is a request: a change may have come first. */
    if (watch->is_stopping || error_kind(&op->error) == ERROR_CANCELLED) {
        (void)close(watch->fd);
        watch->fd = -1;
        drop_all_but(watch, watch->round + 1);
        id_table_fini(&watch->directories);
        return;
    }
    bool has_stirred = read_events(watch);

    io_poll(watch->loop, &watch->op, watch->fd, on_readable);
    if (has_stirred) {
        watch->stirred(watch->owner);
    }
}

static bool read_events(struct watch *watch)
{
    _Alignas(struct inotify_event) char bytes[EVENTS_BYTES];
    bool                                has_stirred = false;
    ssize_t                             len = 0;

    for (int i = 0; i < READS_MAX && (len = read(watch->fd, bytes, sizeof(bytes))) > 0; i++) {
        for (ssize_t at = 0; at < len;) {
            const struct inotify_event *event = (const void *)(bytes + at);

            has_stirred = is_relevant(watch, event) || has_stirred;
            at += (ssize_t)(sizeof(*event) + event->len);
        }
    }
    return has_stirred;
}

static bool is_relevant(struct watch *watch, const struct inotify_event *event)
{
    struct directory *directory = directory_find(watch, event->wd);

    if ((event->mask & IN_Q_OVERFLOW) != 0) {
        return true;
    }
    if (directory == NULL) {
        return false;
    }
    if ((event->mask & IN_IGNORED) != 0) {
        directory_drop(watch, directory); /* the kernel has forgotten it */
        return true;
    }
    return event->len == 0 || directory_has_name(directory, event->name);
}
