/* Tells the log until when the lists of revoked certificates are good. */
#ifndef SALLYPORT_DAEMON_REVOCATIONS_H
#define SALLYPORT_DAEMON_REVOCATIONS_H

#include "proxy/snapshot.h"

/* One line a list, of each frontend. */
void revocations_tell(const struct snapshot *snapshot);

#endif
