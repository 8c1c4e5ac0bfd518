#include "daemon/limits.h"

#include "base/log.h"

#include <limits.h>
#include <sys/resource.h>

/* Standard streams, log files, signals, the control loop; and for each worker its loop's own
 * (a ring or an epoll set, an eventfd) with one to spare. */
enum { RESERVE = 16, RESERVE_PER_WORKER = 4 };

unsigned limits_raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 0;
    }
    if (limit.rlim_cur < limit.rlim_max) {
        rlim_t soft = limit.rlim_cur;

        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
            limit.rlim_cur = soft;
        }
    }
    return limit.rlim_cur > UINT_MAX ? UINT_MAX : (unsigned)limit.rlim_cur;
}

unsigned limits_possible(unsigned descriptors)
{
    return descriptors / 2;
}

unsigned limits_connections(const struct limits_options *options)
{
    unsigned reserved = RESERVE + RESERVE_PER_WORKER * options->workers + options->listeners;
    unsigned each = options->has_builtin ? 3 : 2;
    unsigned left = options->descriptors > reserved ? options->descriptors - reserved : 0;
    unsigned possible = left / each > 0 ? left / each : 1;
    unsigned connections = options->configured != 0 ? options->configured : possible;

    if (connections > possible) {
        log_warn("max-connections is more than the descriptor limit allows configured=%u "
                 "possible=%u descriptors=%u",
                 connections, possible, options->descriptors);
    } else {
        log_info("connections max=%u descriptors=%u each=%u", connections, options->descriptors,
                 each);
    }
    return connections;
}
