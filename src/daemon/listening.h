/*
 * The sockets clients connect to, as the control thread keeps account of them: opened once, lent to
 * workers, and never closed while their address is configured, since the kernel resets what waits
 * in the queue of a socket that closes. A new configuration makes a new account, which takes over
 * the sockets of the addresses that stay.
 */
#ifndef SALLYPORT_DAEMON_LISTENING_H
#define SALLYPORT_DAEMON_LISTENING_H

#include "proxy/snapshot.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct hand;

struct listening_socket {
    struct address configured; /* as the snapshot has it: port 0 stays 0 */
    size_t         frontend;
    unsigned       ordinal; /* among the sockets of its address */
    int            fd;
    bool           is_new; /* opened for this account, not taken over */
    struct hand   *holder; /* who serves it; NULL: nobody yet */
};

struct listening {
    struct listening_socket *sockets;
    size_t                   count;
};

/*
 * Makes the account for a snapshot: at least one socket an address and worker, sharing the port
 * (SO_REUSEPORT); UNIX sockets are shared by duplicates. Takes over what `before` (may be NULL) has
 * of the same addresses; they stand in both accounts until one is given up. False when an address
 * cannot be had, say because another process has it; then nothing was opened, and why was logged.
 */
__attribute__((warn_unused_result)) bool listening_open(struct listening       *listening,
                                                        const struct snapshot  *snapshot,
                                                        unsigned                workers,
                                                        const struct listening *before);

/* Logs each address that is new, with the port that a port of 0 became. */
void listening_tell(const struct listening *listening, const struct snapshot *snapshot);

/* Before privileges are dropped: sockets of another user's could not join theirs later. */
void listening_give(const struct listening *listening, uid_t uid, gid_t gid);

struct listening_socket *listening_find(const struct listening *listening, int fd);

/* Closes what was opened for this account alone: it is not to be used after all. */
void listening_abandon(struct listening *listening);

/* Closes what nobody holds, and frees the account. */
void listening_close(struct listening *listening);

/* Removes the files of UNIX sockets that `before` has, or that are in it and not in `now` (may be
 * NULL). */
void listening_unlink(const struct listening *before, const struct listening *now);

#endif
