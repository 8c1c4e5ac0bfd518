/*
 * Takes log lines off the reactors' hands: each producer thread has a ring, one thread writes them
 * out. A reactor never waits for a disk, a pipe or a journal; what does not fit is dropped and
 * counted, and a line says how many were.
 */
#ifndef SALLYPORT_REACTOR_LOG_WRITER_H
#define SALLYPORT_REACTOR_LOG_WRITER_H

#include "base/error.h"
#include "base/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_channel { LOG_CHANNEL_DAEMON, LOG_CHANNEL_ACCESS, LOG_CHANNELS };

struct log_target {
    enum { LOG_TO_STDERR, LOG_TO_STDOUT, LOG_TO_SYSLOG, LOG_TO_FILE } kind;
    const char *path; /* LOG_TO_FILE: opened for appending, made with mode 0640 */
};

struct log_writer;

struct log_writer_options {
    struct log_target targets[LOG_CHANNELS];
    unsigned          producers;    /* threads that will attach */
    size_t            ring_bytes;   /* a power of two; 0: 256 KiB */
    bool              has_priority; /* "<6>" in front of each line, for the journal */
};

/* Opens the targets, whose paths are lent until the stop, and starts the thread; NULL and error,
 * whose step is the path of a file that does not open. */
__attribute__((warn_unused_result)) struct log_writer *
log_writer_start(const struct log_writer_options *options, struct error *error);

/* Lines of the calling thread go to ring `producer` from now on; each ring has one thread. */
void log_writer_attach(struct log_writer *writer, unsigned producer);

/* False when the line was dropped. A thread that is not attached writes at once, and waits for the
 * target: not for reactors. */
bool log_writer_put(struct log_writer *writer, enum log_channel channel, enum log_level level,
                    const char *line, size_t line_len);

/* Lines lost so far: dropped for want of room, or not taken by their target. */
uint64_t log_writer_dropped(const struct log_writer *writer);

/* Any thread: files are opened anew before the next line, after a rotation. */
void log_writer_reopen(struct log_writer *writer);

/* Writes what is left, for at most two seconds, and ends the thread. No thread may put lines any
 * more. A thread whose target is stuck is left behind, to the end of the process. */
void log_writer_stop(struct log_writer **writer);

#endif
