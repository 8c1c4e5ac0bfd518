/* A file that holds our process number, for scripts that want it. */
#ifndef SALLYPORT_DAEMON_PID_FILE_H
#define SALLYPORT_DAEMON_PID_FILE_H

#include <stdbool.h>

/* Replaces the file as a whole; an empty path: none is wanted. False: why was logged. */
__attribute__((warn_unused_result)) bool pid_file_write(const char *path);

/* Removes it if it still names this process. */
void pid_file_remove(const char *path);

#endif
