/*
 * One worker's access log: a line for each session that ended, and one more for a handshake that
 * failed. Never waits: what the writer has no room for is dropped and counted. Failed handshakes
 * cost their peers little, so their lines are limited for each end reason, and how many were held
 * back is told: on the next line of that reason, or in a line of its own once the flood is over.
 */
#ifndef SALLYPORT_PROXY_ACCESS_LOG_H
#define SALLYPORT_PROXY_ACCESS_LOG_H

#include "base/rate.h"
#include "config/config.h"
#include "proxy/end_reason.h"
#include "proxy/summary.h"
#include "reactor/log_writer.h"
#include "reactor/reactor.h"

#include <stdint.h>

enum { ACCESS_FAILURES_PER_SECOND_MAX = 10 }; /* lines, for each end reason */

struct access_log_options {
    struct reactor        *reactor; /* whose thread reports; counts METRIC_LOG_DROPPED */
    struct log_writer     *writer;
    enum config_log_format format;
};

/* Embedded in its owner, who must not move it. */
struct access_log {
    /* private */
    struct access_log_options options;
    struct timer              timer;
    struct access_failures {
        struct rate rate;
        uint64_t    tell_ns; /* what is held back is told then; CLOCK_NEVER: nothing is */
    } failures[END_REASONS_COUNT];
};

/* The reactor and the writer must outlive it. */
void access_log_init(struct access_log *log, const struct access_log_options *options);

/* One session is over: one `conn` line (none for a probe), and for a failed handshake an `hs_fail`
 * line, rate limited. */
void access_log_report(struct access_log *log, const struct session_summary *summary);

/* Clears its timer; tells of what was held back. */
void access_log_fini(struct access_log *log);

#endif
