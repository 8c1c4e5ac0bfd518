/* What each state of a session does: one step function a state. */
#ifndef SALLYPORT_PROXY_SESSION_STEPS_H
#define SALLYPORT_PROXY_SESSION_STEPS_H

struct session;

enum step {
    STEP_AGAIN, /* the state moved, or more can be done at once */
    STEP_WAIT,  /* an operation, a turn or a deadline comes next */
};

/* One step of the present state. */
enum step session_step(struct session *session);

/* CONNECTING, in session_connect.c. */
enum step step_connecting(struct session *session);
/* ... once retry_ns has come. */
void connecting_retry(struct session *session);

#endif
