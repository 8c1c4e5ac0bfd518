/*
 * From root to the user we serve as. Done once, after sockets are bound and keys are read and
 * before there is any thread: capabilities and the like belong to threads, which inherit them.
 */
#ifndef SALLYPORT_DAEMON_PRIVILEGES_H
#define SALLYPORT_DAEMON_PRIVILEGES_H

#include "config/config.h"

#include <stdbool.h>
#include <sys/types.h>

struct privileges {
    const char *user; /* NULL: none was named */
    uid_t       uid;
    gid_t       gid;
    bool        is_change; /* false: we stay who we are */
};

/* Finds out whom to become. Mistakes (no such user, root without a user to become and without
 * allow-root) go to `report`, as grave as `severity` says: who only checks a configuration may not
 * be who will run it. */
void privileges_find(const struct config *config, enum config_severity severity,
                     struct config_report *report, struct privileges *privileges);

/*
 * Becomes that user for good, without supplementary groups but the user's own; keeps
 * CAP_NET_BIND_SERVICE if it is held and gives up every other capability; no core dumps, not
 * traceable by others of the same user, no new privileges. False when anything of it fails, which
 * must end the process; why was logged.
 */
__attribute__((warn_unused_result)) bool privileges_drop(const struct privileges *privileges);

#endif
