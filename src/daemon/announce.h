/* What the log says of a configuration when it comes into use. */
#ifndef SALLYPORT_DAEMON_ANNOUNCE_H
#define SALLYPORT_DAEMON_ANNOUNCE_H

#include "proxy/snapshot.h"

/* How many certificates there are, and which expires next. */
void announce_certificates(const struct snapshot *snapshot);

/* What is new in a snapshot that was renewed from another. */
void announce_changes(const struct snapshot *was, const struct snapshot *is);
/* How many staples there are, and which expires next; nothing where there could be none. */
void announce_staples(const struct snapshot *snapshot);

/* A warning when a reload changed what only a restart changes. */
void announce_what_stays(const struct config *was, const struct config *is);

#endif
