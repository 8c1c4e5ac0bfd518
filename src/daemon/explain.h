/* --explain-tls: what each frontend's policy comes to with the OpenSSL that is here. */
#ifndef SALLYPORT_DAEMON_EXPLAIN_H
#define SALLYPORT_DAEMON_EXPLAIN_H

#include "proxy/snapshot.h"

#include <stdbool.h>

/* To stdout; false, and why is on stderr, when OpenSSL cannot be used. */
bool explain_tls(const struct snapshot *snapshot);

#endif
