#include "daemon/path_links.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Linux follows 40 links at most. */
enum { LINKS_MAX = 40 };

struct walk {
    char done[PATH_MAX]; /* the directory it has come to */
    char rest[PATH_MAX]; /* the way from there */
    char name[NAME_MAX + 1];
    char path[PATH_MAX];
};

static bool   walk_name(struct walk *walk);
static bool   walk_enter(struct walk *walk);
static bool   walk_follow(struct walk *walk);
static size_t names_left(const char *rest);

void path_links(const char *path, path_link *each, void *owner)
{
    struct walk walk;
    int         links = 0;
    bool        goes_on = strlen(path) < sizeof(walk.rest);

    (void)snprintf(walk.done, sizeof(walk.done), "%s", path[0] == '/' ? "/" : ".");
    (void)snprintf(walk.rest, sizeof(walk.rest), "%s", path);
    while (goes_on && walk_name(&walk)) {
        struct stat status;
        bool        is_there = lstat(walk.path, &status) == 0;
        bool        is_link = is_there && S_ISLNK(status.st_mode);

        if (!is_there || is_link || names_left(walk.rest) <= 1) {
            each(owner, walk.done, walk.name);
        }
        if (is_link) {
            goes_on = ++links <= LINKS_MAX && walk_follow(&walk);
        } else {
            goes_on = is_there && walk_enter(&walk);
        }
    }
}

/* The next name of the way, and its path. */
static bool walk_name(struct walk *walk)
{
    const char *from = walk->rest + strspn(walk->rest, "/");
    size_t      len = strcspn(from, "/");
    const char *slash = walk->done[strlen(walk->done) - 1] == '/' ? "" : "/";

    if (len == 0 || len > NAME_MAX) {
        return false;
    }
    memcpy(walk->name, from, len);
    walk->name[len] = '\0';
    memmove(walk->rest, from + len, strlen(from + len) + 1);
    return (size_t)snprintf(walk->path, sizeof(walk->path), "%s%s%s", walk->done, slash,
                            walk->name) < sizeof(walk->path);
}

static bool walk_enter(struct walk *walk)
{
    memcpy(walk->done, walk->path, strlen(walk->path) + 1);
    return true;
}

/* What the link says takes its place on the way. */
static bool walk_follow(struct walk *walk)
{
    char    target[PATH_MAX];
    char    rest[PATH_MAX];
    ssize_t len = readlink(walk->path, target, sizeof(target) - 1);

    if (len <= 0) {
        return false;
    }
    target[len] = '\0';
    memcpy(rest, walk->rest, strlen(walk->rest) + 1);
    if (target[0] == '/') {
        (void)snprintf(walk->done, sizeof(walk->done), "/");
    }
    return (size_t)snprintf(walk->rest, sizeof(walk->rest), "%s/%s", target, rest) <
           sizeof(walk->rest);
}

static size_t names_left(const char *rest)
{
    size_t count = 0;

    for (rest += strspn(rest, "/"); *rest != '\0'; rest += strspn(rest, "/")) {
        count++;
        rest += strcspn(rest, "/");
    }
    return count;
}
