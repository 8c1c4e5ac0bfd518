/* Summaries of sessions to write lines of. */
#ifndef SALLYPORT_TESTS_SAMPLE_H
#define SALLYPORT_TESTS_SAMPLE_H

#include "proxy/summary.h"

/* A session that went well: the example of the documentation. */
struct session_summary sample_session(void);
/* A handshake that ended with the alert handshake_failure(40). */
struct session_summary sample_failure(void);

struct bytes_const sample_bytes(const char *string);

#endif
