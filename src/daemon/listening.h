/* The sockets clients connect to: opened once, while still privileged, then handed to workers. */
#ifndef SALLYPORT_DAEMON_LISTENING_H
#define SALLYPORT_DAEMON_LISTENING_H

#include "proxy/snapshot.h"

#include <stdbool.h>
#include <stddef.h>

struct listening_socket {
    size_t   frontend;
    unsigned worker;
    int      fd; /* -1: handed over */
};

struct listening {
    struct listening_socket *sockets;
    size_t                   count;
};

/*
 * Opens one socket an address and worker, sharing the port (SO_REUSEPORT); workers share one UNIX
 * socket. False when an address cannot be had, say because another process has it; then none is
 * open, and why was logged.
 */
__attribute__((warn_unused_result)) bool
listening_open(struct listening *listening, const struct snapshot *snapshot, unsigned workers);

/* Logs each address, with the port that a port of 0 became; before any is handed over. */
void listening_tell(const struct listening *listening, const struct snapshot *snapshot);

/* Closes what was not handed over. */
void listening_close(struct listening *listening);

/* Removes the UNIX sockets' files. */
void listening_unlink(const struct snapshot *snapshot);

#endif
