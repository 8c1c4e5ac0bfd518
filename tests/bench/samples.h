/*
 * Latencies of one run: kept one by one, so that a percentile is a real sample and not a bucket's
 * edge. Bounded: what comes after SAMPLES_MAX is counted and dropped.
 */
#ifndef SALLYPORT_TESTS_BENCH_SAMPLES_H
#define SALLYPORT_TESTS_BENCH_SAMPLES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { SAMPLES_MAX = 4 * 1024 * 1024 };

struct samples {
    /* private */
    uint64_t *ns;
    size_t    count;
    size_t    capacity;
    uint64_t  dropped;
};

void samples_init(struct samples *samples);
void samples_fini(struct samples *samples);
void samples_add(struct samples *samples, uint64_t ns);

/* Sorts, then prints {"count":..,"p50":..,"p99":..,"p999":..,"max":..} in microseconds. */
void samples_print(struct samples *samples, FILE *into);

#endif
