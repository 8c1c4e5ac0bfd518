#include "daemon/control_socket.h"

#include "base/log.h"
#include "io/address.h"
#include "io/socket.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Clients that wait to be accepted; permissions until the right ones are set. */
enum { BACKLOG = 64, MODE_AT_FIRST = 0600, GROUPS_MAX = 65536 };

static bool find_group(const char *name, gid_t *group);
static bool open_file(struct control_socket *opened);
static bool set_access(const struct control_socket *opened, bool is_group_set);
static bool is_in_group(int fd, gid_t group);

void control_socket_check(const struct config_control *config, enum config_severity severity,
                          struct config_report *report)
{
    gid_t group = 0;

    if (config->group.text[0] != '\0' && !find_group(config->group.text, &group)) {
        config_report_add(report, severity, config->group.at, "group: there is no group \"%.80s\"",
                          config->group.text);
    }
}

bool control_socket_open(struct control_socket *opened, const struct config_control *config,
                         gid_t own_group, const struct control_socket *before)
{
    *opened = (struct control_socket){
        .fd = -1, .group = own_group, .timeout_ns = config->timeout_ns, .level = CONTROL_OPERATOR};
    if (config->socket.text[0] == '\0') {
        return true;
    }
    (void)snprintf(opened->path, sizeof(opened->path), "%s", config->socket.text);
    switch ((enum config_control_level)config->level) {
    case CONFIG_CONTROL_USER:
        opened->level = CONTROL_USER;
        break;
    case CONFIG_CONTROL_OPERATOR:
        break;
    case CONFIG_CONTROL_ADMIN:
        opened->level = CONTROL_ADMIN;
        break;
    }
    if (!config_parse_mode(config->mode.text, &opened->mode) ||
        (config->group.text[0] != '\0' && !find_group(config->group.text, &opened->group))) {
        log_error("control socket: no such group, or no such mode group=%s mode=%s",
                  config->group.text, config->mode.text);
        return false;
    }
    if (before != NULL && before->fd >= 0 && strcmp(before->path, opened->path) == 0) {
        opened->fd = before->fd;
        opened->device = before->device;
        opened->inode = before->inode;
        return true;
    }
    return open_file(opened);
}

static bool find_group(const char *name, gid_t *group)
{
    const struct group *found = getgrnam(name);

    if (found != NULL) {
        *group = found->gr_gid;
    }
    return found != NULL;
}

static bool open_file(struct control_socket *opened)
{
    struct listen_options options = {.backlog = BACKLOG, .file_mode = MODE_AT_FIRST};
    struct address        address = {.len = sizeof(address.socket.unix_path)};
    struct stat           file = {0};
    struct error          error;
    char                  why[CONFIG_PROBLEM_BYTES];

    address.socket.unix_path.sun_family = AF_UNIX;
    (void)snprintf(address.socket.unix_path.sun_path, sizeof(address.socket.unix_path.sun_path),
                   "%s", opened->path);
    opened->fd = socket_listen(&address, &options, &error);
    if (opened->fd < 0) {
        log_error("cannot open the control socket path=%s: %s", opened->path,
                  error_text(&error, why, sizeof(why)));
        return false;
    }
    if (lstat(opened->path, &file) == 0) {
        opened->device = file.st_dev;
        opened->inode = file.st_ino;
    }
    if (!set_access(opened, opened->group != file.st_gid)) {
        control_socket_close(opened, NULL);
        return false;
    }
    return true;
}

/* The group first: permissions that are meant for it are nobody else's then. */
static bool set_access(const struct control_socket *opened, bool is_group_set)
{
    bool is_done = (!is_group_set || lchown(opened->path, (uid_t)-1, opened->group) == 0) &&
                   chmod(opened->path, (mode_t)opened->mode) == 0;

    if (!is_done) {
        log_error("cannot set group or permissions of the control socket path=%s group=%lu "
                  "mode=%04o: %s",
                  opened->path, (unsigned long)opened->group, opened->mode, strerrordesc_np(errno));
    }
    return is_done;
}

void control_socket_settle(const struct control_socket *now, const struct control_socket *before)
{
    bool is_same = now->fd >= 0 && now->fd == before->fd;

    if (is_same && (now->group != before->group || now->mode != before->mode)) {
        (void)set_access(now, now->group != before->group);
    }
}

void control_socket_close(struct control_socket *closed, const struct control_socket *other)
{
    struct stat file;

    if (closed->fd < 0 || (other != NULL && other->fd == closed->fd)) {
        return;
    }
    if (lstat(closed->path, &file) == 0 && file.st_dev == closed->device &&
        file.st_ino == closed->inode) {
        (void)unlink(closed->path);
    }
    (void)close(closed->fd);
    closed->fd = -1;
}

/* --- who is there ------------------------------------------------------------------------- */

struct control_peer control_socket_peer(const struct control_socket *of, int connection_fd)
{
    struct control_peer peer = {.level = CONTROL_USER, .uid = (uid_t)-1};
    struct ucred        found;
    socklen_t           len = sizeof(found);

    if (getsockopt(connection_fd, SOL_SOCKET, SO_PEERCRED, &found, &len) != 0 ||
        len != sizeof(found)) {
        return peer;
    }
    peer.uid = found.uid;
    peer.pid = found.pid;
    if (found.uid == 0 || found.uid == geteuid()) {
        peer.level = CONTROL_ADMIN;
    } else if (found.gid == of->group || is_in_group(connection_fd, of->group)) {
        peer.level = of->level;
    }
    return peer;
}

/* Among the supplementary groups that it had when it connected. */
static bool is_in_group(int fd, gid_t group)
{
    static gid_t groups[GROUPS_MAX]; /* the control thread's */
    socklen_t    len = sizeof(groups);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) != 0) {
        return false;
    }
    for (size_t i = 0; i < len / sizeof(groups[0]); i++) {
        if (groups[i] == group) {
            return true;
        }
    }
    return false;
}
