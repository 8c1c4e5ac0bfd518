/* The log of this process: from the configuration to a writer thread, and log.h's sink into it. */
#ifndef SALLYPORT_DAEMON_LOGGING_H
#define SALLYPORT_DAEMON_LOGGING_H

#include "config/config.h"
#include "reactor/log_writer.h"

#include <stdbool.h>
#include <sys/types.h>

/* While privileged: makes log files that do not exist yet and gives them to the user we become, who
 * must be able to open them again after a rotation. False: why was logged. */
__attribute__((warn_unused_result)) bool logging_prepare(const struct config *config, uid_t uid,
                                                         gid_t gid);

/* Starts the writer for `producers` threads; until they attach they write at once. False: why was
 * logged. */
__attribute__((warn_unused_result)) bool logging_start(const struct config *config,
                                                       unsigned             producers);

/* The writer, for threads to attach to and the access log to put lines into. */
struct log_writer *logging_writer(void);

/* Writes what is left; later lines go to stderr at once. Every attached thread has ended. */
void logging_stop(void);

#endif
