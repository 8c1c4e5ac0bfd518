/* What sessions and listeners need of their worker. */
#ifndef SALLYPORT_PROXY_WORKER_INTERNAL_H
#define SALLYPORT_PROXY_WORKER_INTERNAL_H

#include "backend/builtin.h"
#include "proxy/worker.h"

struct buffers;
struct session;
struct listener;
struct turnstile;

struct reactor *worker_reactor(const struct worker *worker);
struct io_loop *worker_loop(const struct worker *worker);
struct buffers *worker_buffers(const struct worker *worker);
struct builtin *worker_builtin(const struct worker *worker);

/* What connections pass before they begin: eight a turn, all listeners together. */
struct turnstile *worker_turnstile(struct worker *worker);

/* Sessions that are not over, in the order of accepting; the number that the next one gets; and the
 * lists that are being gone through. */
struct list *worker_sessions_active(struct worker *worker);
uint32_t     worker_next_number(const struct worker *worker);
struct list *worker_session_lists(struct worker *worker);

/* Begins a session on a socket just accepted. False: a limit is reached, or buffers or descriptors
 * are short; the socket stays the caller's, who tries again when listener_resume is called or some
 * time has passed. */
bool worker_accepted(struct worker *worker, struct generation_frontend *frontend, int fd);

/* How much this worker has to do; the worker is its owner. */
struct seat *worker_seat(struct worker *worker);

/* What another worker sent is here: begins a session on a socket that it accepted for `theirs`, a
 * frontend of its own generation. False: this worker drains, is not of that configuration, or has
 * no place. */
bool worker_take_over(struct worker *worker, const struct generation_frontend *theirs, int fd);

/* A session could not reach its server for want of a descriptor: whatever is freed soon is for
 * those who are here already. */
void worker_lacks_descriptors(struct worker *worker);

/* So many bytes came and cannot be kept: ends the session that has more than that kept, the one
 * with most, and has its memory back. False: there is none but `asking`. */
bool worker_make_room(struct worker *worker, const struct session *asking, size_t bytes);

/* A session is CLOSED: it is reported, and its memory returned at the end of the turn. */
void worker_session_over(struct worker *worker, struct session *session);

/* One of HANDSHAKES_MAX places. False: the session is parked and will get session_advance. */
bool worker_handshake_begin(struct worker *worker, struct session *session);
void worker_handshake_end(struct worker *worker, struct session *session);

/* A listener is done with its socket, which is closed or `is_open`, and is gone. */
void worker_listener_over(struct worker *worker, struct listener *listener, int fd, bool is_open);

/* A session or a listener no longer uses it; an old generation goes with its last user. */
void worker_leave_generation(struct worker *worker, struct generation *generation);

#endif
