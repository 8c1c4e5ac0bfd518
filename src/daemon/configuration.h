/* The configuration and the files it names as they are read: at the start, on a reload, and when
 * files have changed. Says what is wrong with them. */
#ifndef SALLYPORT_DAEMON_CONFIGURATION_H
#define SALLYPORT_DAEMON_CONFIGURATION_H

#include "daemon/arguments.h"
#include "daemon/privileges.h"
#include "proxy/snapshot.h"
#include "tls/challenges.h"

#include <stdbool.h>
#include <stdint.h>

struct configuration {
    struct privileges         privileges; /* of the last load */
    struct certificate_store *store;      /* lives as long as the process */
    /* private */
    const struct arguments *arguments;
    uint64_t                told; /* a hash of what was last said */
    uint64_t                told_challenges;
};

/* False when OpenSSL cannot be used, which is said. The arguments must outlive it. */
__attribute__((warn_unused_result)) bool configuration_init(struct configuration   *configuration,
                                                            const struct arguments *arguments);
/* No snapshot of it may be left. */
void configuration_fini(struct configuration *configuration);

/* Everything that may be wrong is found and told. NULL: it cannot be used. `severity`: of what is
 * wrong with whom to become. */
__attribute__((warn_unused_result)) struct snapshot *
configuration_load(struct configuration *configuration, enum config_severity severity);

/* The same configuration with the files it names as they are now. NULL: they are the same as those
 * of `present`, or cannot be used, which is told once. */
__attribute__((warn_unused_result)) struct snapshot *
configuration_renew(struct configuration *configuration, const struct snapshot *present);

/* The ACME challenges of this configuration as their files are now. What cannot be used is told
 * once. NULL when memory is short. */
__attribute__((warn_unused_result)) struct tls_challenges *
configuration_challenges(struct configuration *configuration, const struct config *config);

#endif
