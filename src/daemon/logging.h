/* The log of this process: from the configuration to a writer thread, and log.h's sink into it. */
#ifndef SALLYPORT_DAEMON_LOGGING_H
#define SALLYPORT_DAEMON_LOGGING_H

#include "config/config.h"
#include "reactor/log_writer.h"

#include <stdbool.h>
#include <sys/types.h>

/* Threads that may log without waiting: the control thread and as many workers at a time, those
 * that are going included. */
enum { LOGGING_CONTROL, LOGGING_PRODUCERS = 1100 };

/* While privileged: makes log files that do not exist yet and gives them to the user we become, who
 * must be able to open them again after a rotation. False: why was logged. */
__attribute__((warn_unused_result)) bool logging_prepare(const struct config *config, uid_t uid,
                                                         gid_t gid);

/* Starts the writer; threads that do not attach write at once. False: why was logged. */
__attribute__((warn_unused_result)) bool logging_start(const struct config *config);

/* Other levels count from now on. Where lines go does not change. */
void logging_set_level(const struct config *config);

/* The writer, for threads to attach to and the access log to put lines into. */
struct log_writer *logging_writer(void);

/* Writes what is left; later lines go to stderr at once. Every attached thread has ended. */
void logging_stop(void);

#endif
