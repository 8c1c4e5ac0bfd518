/* What a hand tells its crew, on the control thread. */
#ifndef SALLYPORT_DAEMON_CREW_INTERNAL_H
#define SALLYPORT_DAEMON_CREW_INTERNAL_H

#include "daemon/hand.h"

#include <stdbool.h>

/* The newer edition is ready, or cannot be had, and why was logged. */
void crew_hand_prepared(struct crew *crew, bool is_prepared);

/* What was pushed last has arrived, or what was ready is forgotten. False: a socket could not be
 * served. */
void crew_hand_changed(struct crew *crew, struct hand *hand, bool has_served);

/* A socket that was to be closed or released; `fd` is its number, even when it was closed. */
void crew_socket_back(struct crew *crew, struct hand *hand, int fd, bool is_open);

/* A draining hand has no session left. */
void crew_hand_empty(struct crew *crew, struct hand *hand);

/* One hand less needs the edition. */
void crew_edition_over(struct crew *crew, struct edition *edition);

#endif
