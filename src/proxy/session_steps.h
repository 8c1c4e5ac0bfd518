/* What each state of a session does: one step function a state. */
#ifndef SALLYPORT_PROXY_SESSION_STEPS_H
#define SALLYPORT_PROXY_SESSION_STEPS_H

#include "proxy/proxy_decoder.h"

#include <stdbool.h>

struct generation_frontend;
struct session;

enum step {
    STEP_AGAIN, /* the state moved, or more can be done at once */
    STEP_WAIT,  /* an operation, a turn or a deadline comes next */
};

/* One step of the present state. */
enum step session_step(struct session *session);

/* PROXY_HEADER, in session_proxy_header.c. */
enum step step_proxy_header(struct session *session);
/* ... whether this peer's word counts. */
bool proxy_header_is_believed(const struct generation_frontend *frontend,
                              const struct address             *peer);
void proxy_header_fails(struct session *session, enum proxy_fault fault);

/* CONNECTING, in session_connect.c. */
enum step step_connecting(struct session *session);
/* ... once retry_ns has come. */
void connecting_retry(struct session *session);

#endif
