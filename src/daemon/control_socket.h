/*
 * The socket that operators connect to, and who may do what there: made before privileges are given
 * up, moved by a reload, removed at the end. Its file is closed to all but its owner until its
 * group and permissions are set.
 */
#ifndef SALLYPORT_DAEMON_CONTROL_SOCKET_H
#define SALLYPORT_DAEMON_CONTROL_SOCKET_H

#include "config/config.h"
#include "daemon/control_command.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

struct control_socket {
    int                fd; /* -1: none */
    char               path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    dev_t              device; /* of its file */
    ino_t              inode;
    unsigned           mode;
    gid_t              group;
    enum control_level level; /* of that group */
    uint64_t           timeout_ns;
};

/* A group that does not exist goes to the report, as grave as `severity` says. */
void control_socket_check(const struct config_control *config, enum config_severity severity,
                          struct config_report *report);

/* Opens what the configuration names; a socket without descriptor when it names none. Takes over
 * that of `before` (may be NULL), which then stands in both, when the path is the same.
 * `own_group`: the daemon's. False when it cannot be had, and why was logged. */
__attribute__((warn_unused_result)) bool control_socket_open(struct control_socket       *opened,
                                                             const struct config_control *config,
                                                             gid_t                        own_group,
                                                             const struct control_socket *before);

/* Sets group and permissions of one that was taken over, where they are others; what is not
 * permitted is logged. */
void control_socket_settle(const struct control_socket *now, const struct control_socket *before);

/* Closes it and removes its file, unless `other` (may be NULL) has it as well, or the file is no
 * longer this socket's. */
void control_socket_close(struct control_socket *closed, const struct control_socket *other);

/* The other end of a connection, by the kernel's word. */
struct control_peer {
    enum control_level level;
    uid_t              uid;
    pid_t              pid;
};
struct control_peer control_socket_peer(const struct control_socket *of, int connection_fd);

#endif
