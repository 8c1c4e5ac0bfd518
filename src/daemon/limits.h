/* How many connections the descriptor limit allows, and the limits a daemon sets for itself. */
#ifndef SALLYPORT_DAEMON_LIMITS_H
#define SALLYPORT_DAEMON_LIMITS_H

#include <stdbool.h>

/* Raises the soft limit of open files to the hard one; returns what it is then. */
unsigned limits_raise_descriptors(void);

/* Connections that so many descriptors could ever serve. */
unsigned limits_possible(unsigned descriptors);

struct limits_options {
    unsigned descriptors; /* the process may have open */
    unsigned workers;
    unsigned listeners;   /* sockets, all workers together */
    bool     has_builtin; /* some session may take a third descriptor */
    unsigned configured;  /* max-connections; 0: as many as fit */
};

/* Connections at a time, at least 1. Logs the number, and warns when more are configured than
 * descriptors allow: then accepting will pause for want of them. */
unsigned limits_connections(const struct limits_options *options);

#endif
