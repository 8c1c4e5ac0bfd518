/* Which counters there are: rows of metrics.def. */
#ifndef SALLYPORT_REACTOR_METRICS_H
#define SALLYPORT_REACTOR_METRICS_H

enum metric {
#define METRIC(name, help) METRIC_##name,
#include "reactor/metrics.def"
#undef METRIC
    METRICS_COUNT
};

#endif
