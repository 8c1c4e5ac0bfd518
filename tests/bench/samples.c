#include "samples.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdlib.h>

enum { FIRST_CAPACITY = 4096 };

static int      compare(const void *left, const void *right);
static uint64_t at_share(const struct samples *samples, unsigned per_mille);
static void     grow(struct samples *samples);

void samples_init(struct samples *samples)
{
    *samples = (struct samples){0};
}

void samples_fini(struct samples *samples)
{
    free(samples->ns);
    *samples = (struct samples){0};
}

void samples_add(struct samples *samples, uint64_t ns)
{
    if (samples->count == samples->capacity) {
        grow(samples);
    }
    if (samples->count == samples->capacity) {
        samples->dropped++;
        return;
    }
    samples->ns[samples->count++] = ns;
}

void samples_print(struct samples *samples, FILE *into)
{
    if (samples->count > 0) {
        qsort(samples->ns, samples->count, sizeof(*samples->ns), compare);
    }
    fprintf(into,
            "{\"count\":%zu,\"dropped\":%" PRIu64
            ",\"p50\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}",
            samples->count, samples->dropped, (double)at_share(samples, 500) / (double)NS_PER_US,
            (double)at_share(samples, 990) / (double)NS_PER_US,
            (double)at_share(samples, 999) / (double)NS_PER_US,
            (double)at_share(samples, 1000) / (double)NS_PER_US);
}

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;

    return (a > b) - (a < b);
}

/* The smallest sample that at least this share of all samples does not exceed. */
static uint64_t at_share(const struct samples *samples, unsigned per_mille)
{
    size_t rank = (samples->count * per_mille + 999) / 1000;

    if (samples->count == 0) {
        return 0;
    }
    return samples->ns[rank == 0 ? 0 : rank - 1];
}

/* Out of memory is no reason to lose the run: the rest is counted as dropped. */
static void grow(struct samples *samples)
{
    size_t    capacity = samples->capacity == 0 ? FIRST_CAPACITY : samples->capacity * 2;
    uint64_t *ns;

    if (capacity > SAMPLES_MAX) {
        return;
    }
    ns = realloc(samples->ns, capacity * sizeof(*ns));
    if (ns != NULL) {
        samples->ns = ns;
        samples->capacity = capacity;
    }
}
