#include "reactor/log_ring.h"

#include "base/require.h"

#include <stdlib.h>
#include <string.h>

static void copy_in(struct log_ring *ring, size_t at, const void *from, size_t len);
static void copy_out(const struct log_ring *ring, size_t at, void *into, size_t len);

bool log_ring_init(struct log_ring *ring, size_t bytes)
{
    require(bytes > 0 && (bytes & (bytes - 1)) == 0);
    *ring = (struct log_ring){.bytes = bytes};
    ring->memory = malloc(bytes);
    return ring->memory != NULL;
}

void log_ring_fini(struct log_ring *ring)
{
    free(ring->memory);
    ring->memory = NULL;
}

bool log_ring_put(struct log_ring *ring, struct log_ring_line line, const char *text)
{
    size_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);
    size_t read = atomic_load_explicit(&ring->read, memory_order_acquire);

    if (ring->bytes - (written - read) < sizeof(line) + line.len) {
        atomic_fetch_add_explicit(&ring->dropped, 1, memory_order_relaxed);
        return false;
    }
    copy_in(ring, written, &line, sizeof(line));
    copy_in(ring, written + sizeof(line), text, line.len);
    /* Sequentially consistent, as is the consumer's load: the producer goes on to ask whether the
     * consumer sleeps, and one of the two must see what the other did. */
    atomic_store(&ring->written, written + sizeof(line) + line.len);
    return true;
}

bool log_ring_take(struct log_ring *ring, struct log_ring_line *line, char *text)
{
    size_t read = atomic_load_explicit(&ring->read, memory_order_relaxed);
    size_t written = atomic_load(&ring->written);

    if (read == written) {
        return false;
    }
    copy_out(ring, read, line, sizeof(*line));
    copy_out(ring, read + sizeof(*line), text, line->len);
    atomic_store_explicit(&ring->read, read + sizeof(*line) + line->len, memory_order_release);
    return true;
}

static void copy_in(struct log_ring *ring, size_t at, const void *from, size_t len)
{
    size_t start = at & (ring->bytes - 1);
    size_t first = len < ring->bytes - start ? len : ring->bytes - start;

    memcpy(ring->memory + start, from, first);
    memcpy(ring->memory, (const uint8_t *)from + first, len - first);
}

static void copy_out(const struct log_ring *ring, size_t at, void *into, size_t len)
{
    size_t start = at & (ring->bytes - 1);
    size_t first = len < ring->bytes - start ? len : ring->bytes - start;

    memcpy(into, ring->memory + start, first);
    memcpy((uint8_t *)into + first, ring->memory, len - first);
}
