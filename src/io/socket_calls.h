/*
 * Socket calls whose spelling differs between systems, and the "at once" functions that the
 * kernel's drivers share. Meson picks socket_calls_linux.c or socket_calls_bsd.c.
 */
#ifndef SALLYPORT_IO_SOCKET_CALLS_H
#define SALLYPORT_IO_SOCKET_CALLS_H

#include "io/address.h"

#include <stdbool.h>
#include <stddef.h>

/* A non-blocking, close-on-exec stream socket, or -1 and errno. */
int socket_new_stream(int family);

/* An accepted non-blocking, close-on-exec socket, or -1 and errno. */
int socket_accept(int listen_fd);

/* Linux hands out, through accept, what already went wrong with the connection it would have
 * returned. That one is gone; the next may be well. */
bool socket_is_lost_connection(int accept_errno);

/* After 60 s of silence ask every 10 s, and give up after 6 questions. */
void socket_keep_alive(int fd);

/* For send(2): a peer that is gone is an error and no signal; behind the last bytes FIN follows,
 * for which they may wait. */
int socket_send_flags(bool is_last);

/* Bytes the kernel holds that the peer has not acknowledged; 0 if unknown. */
size_t socket_unacknowledged(int fd);

/* True when an error waits for the next call on it. */
bool socket_is_broken(int fd);

/* The coming close, which must follow at once, sends RST. */
void socket_reset_on_close(int fd);

/* The other end's address; len 0 if unknown. */
void socket_peer(int fd, struct address *address);

/* Closes so that the peer sees RST. */
void socket_reset(int fd);

#endif
