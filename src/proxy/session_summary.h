/* What is known of a session, at its end or before. */
#ifndef SALLYPORT_PROXY_SESSION_SUMMARY_H
#define SALLYPORT_PROXY_SESSION_SUMMARY_H

#include "proxy/summary.h"

struct reactor;
struct session;

/* Points into the session, which is of that reactor. */
void session_summarize(struct session *session, struct reactor *reactor,
                       struct session_summary *summary);

#endif
