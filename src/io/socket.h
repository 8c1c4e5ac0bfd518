/* Listening sockets, and what every socket of ours has set. */
#ifndef SALLYPORT_IO_SOCKET_H
#define SALLYPORT_IO_SOCKET_H

#include "base/error.h"
#include "io/address.h"

#include <stdbool.h>

struct listen_options {
    int  backlog;    /* the kernel clamps it to net.core.somaxconn */
    bool reuse_port; /* several sockets share the port: one a reactor */
    /* Of a UNIX path: its permissions from the beginning, as far as the umask lets; 0: all that the
     * umask lets. */
    unsigned file_mode;
};

/*
 * A bound, listening, non-blocking, close-on-exec socket, or -1 and error. Sets SO_REUSEADDR,
 * IPV6_V6ONLY, and on TCP what accepted sockets inherit: TCP_NODELAY, keepalive 60 s / 10 s / 6.
 * A UNIX path is unlinked first only if it is a socket that nobody listens on.
 */
__attribute__((warn_unused_result)) int socket_listen(const struct address        *address,
                                                      const struct listen_options *options,
                                                      struct error                *error);

/* A non-blocking, close-on-exec stream socket for connecting to `address`, or -1 and error.
 * Sets TCP_NODELAY and keepalive 60 s / 10 s / 6 on TCP. */
__attribute__((warn_unused_result)) int socket_for(const struct address *address,
                                                   struct error         *error);

/* The local address of a bound socket; len 0 if unknown. */
void socket_local(int fd, struct address *address);

#endif
