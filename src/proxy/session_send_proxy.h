/* The PROXY header that goes to a server in front of the client's first byte. */
#ifndef SALLYPORT_PROXY_SESSION_SEND_PROXY_H
#define SALLYPORT_PROXY_SESSION_SEND_PROXY_H

#include <stdbool.h>
#include <stdint.h>

struct session;

/* Writes it into the server's output, where the backend asks for one. False: there is no buffer for
 * it yet, and the session has asked for one. */
__attribute__((warn_unused_result)) bool send_proxy_write(struct session *session);

/* Bytes of the client's that the server's socket took: the header is none of them. */
uint64_t send_proxy_bytes_up(const struct session *session);

#endif
