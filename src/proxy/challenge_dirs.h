/*
 * The directories of ACME challenges a configuration names (acme-dir), read. A challenge is a file
 * with a certificate and its key, or a pair as dehydrated writes it: "NAME.crt.pem" and
 * "NAME.key.pem".
 */
#ifndef SALLYPORT_PROXY_CHALLENGE_DIRS_H
#define SALLYPORT_PROXY_CHALLENGE_DIRS_H

#include "config/config.h"
#include "tls/challenges.h"

struct tls_library;

/* True when some frontend answers challenges. */
bool challenge_dirs_are_named(const struct config *config);

/* All that can be used, on the thread of the library. What cannot is in the report, as a warning
 * with path and reason. NULL when memory is short. */
__attribute__((warn_unused_result)) struct tls_challenges *
challenge_dirs_read(const struct config *config, struct tls_library *library,
                    struct config_report *report);

#endif
