/* What a session has of its worker's memory: how it gets more, and how others get it back. */
#ifndef SALLYPORT_PROXY_SESSION_MEMORY_H
#define SALLYPORT_PROXY_SESSION_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

struct session;

/* True when `count` outputs can be taken now. Else the session is called again when they can. */
bool session_may_take(struct session *session, unsigned count);

/* The most that was kept of what came from one of its peers, in a large buffer; 0: none is. */
size_t session_kept_bytes(const struct session *session);

/* Ends it for others to have its memory: what was kept is given back before this returns. */
void session_evict(struct session *session);

/* True when a buffer of it is held up by a peer that does not read. */
bool session_is_stuck(const struct session *session);

#endif
