#include "io/socket_calls.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <unistd.h>

static int without_signal(int fd);

/* macOS has neither accept4 nor the socket flags, so that the long way serves every BSD. */
int socket_new_stream(int family)
{
    return without_signal(socket(family, SOCK_STREAM, 0));
}

int socket_accept(int listen_fd)
{
    return without_signal(accept(listen_fd, NULL, NULL));
}

/* How long to wait is the system's own setting here: its options are named differently on each. */
void socket_keep_alive(int fd)
{
    int on = 1;

    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

/* There is no flag for bytes that may wait. */
int socket_send_flags(bool is_last)
{
    (void)is_last;
    return MSG_NOSIGNAL;
}

size_t socket_unacknowledged(int fd)
{
    int       bytes = 0;
    socklen_t len = sizeof(bytes);

    return getsockopt(fd, SOL_SOCKET, SO_NWRITE, &bytes, &len) == 0 && bytes > 0 ? (size_t)bytes
                                                                                 : 0;
}

static int without_signal(int fd)
{
    int on = 1;

    if (fd >= 0) {
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
        (void)setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof(on));
    }
    return fd;
}
