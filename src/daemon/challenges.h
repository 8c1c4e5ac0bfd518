/* The ACME challenges of the configuration in use: read, watched, and brought to every worker.
 * Beside all reloads, since somebody waits for the answer and no other certificate is concerned. */
#ifndef SALLYPORT_DAEMON_CHALLENGES_H
#define SALLYPORT_DAEMON_CHALLENGES_H

#include "daemon/crew.h"
#include "daemon/renewal.h"

struct challenges {
    /* private */
    struct renewal renewal;
    struct crew   *crew; /* NULL: not yet */
    struct tls_challenges *(*read)(void *owner, const struct config *config);
    void *owner;
};

/* Watches from now on. `read` gives the challenges as their files are, or NULL without memory. */
void challenges_start(struct challenges *challenges, struct reactor *control,
                      const struct config *config,
                      struct tls_challenges *(*read)(void *owner, const struct config *config),
                      void *owner);

/* Reads those of this configuration, for all workers of the crew and those to come. */
void challenges_bring(struct challenges *challenges, struct crew *crew,
                      const struct config *config);

/* Asks for the end; then turn the reactor until challenges_is_over. Zeroed memory is over. */
void challenges_stop(struct challenges *challenges);
bool challenges_is_over(const struct challenges *challenges);

#endif
