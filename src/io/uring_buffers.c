#include "io/uring_buffers.h"

#include "base/require.h"
#include "io/io.h"

#include <errno.h>
#include <sys/mman.h>

static void    *map(size_t bytes);
static size_t   ring_bytes(const struct uring_buffers *buffers);
static size_t   memory_bytes(const struct uring_buffers *buffers);
static unsigned power_of_two(unsigned at_least);
static void     post(struct uring_buffers *buffers, unsigned index);

bool uring_buffers_init(struct uring_buffers *buffers, struct io_uring *uring, unsigned max,
                        struct error *error)
{
    buffers->max = max == 0 ? URING_BUFFERS_DEFAULT : max;
    buffers->max = buffers->max > URING_BUFFERS_MAX ? URING_BUFFERS_MAX : buffers->max;
    buffers->entries = power_of_two(buffers->max);
    buffers->ring = map(ring_bytes(buffers));
    buffers->memory = map(memory_bytes(buffers));
    if (buffers->ring == NULL || buffers->memory == NULL) {
        *error = error_from_errno(errno, "receive buffers");
        return false;
    }
    struct io_uring_buf_reg registration = {.ring_addr = (uintptr_t)buffers->ring,
                                            .ring_entries = buffers->entries,
                                            .bgid = URING_BUFFERS_GROUP};
    int                     code = io_uring_register_buf_ring(uring, &registration, 0);

    if (code < 0) {
        *error = error_from_errno(-code, "receive buffers");
        return false;
    }
    io_uring_buf_ring_init(buffers->ring);
    while (buffers->posted < buffers->max && buffers->posted < URING_BUFFERS_FIRST) {
        post(buffers, buffers->posted);
        buffers->posted++;
    }
    return true;
}

void uring_buffers_fini(struct uring_buffers *buffers)
{
    if (buffers->ring != NULL) {
        (void)munmap(buffers->ring, ring_bytes(buffers));
    }
    if (buffers->memory != NULL) {
        (void)munmap(buffers->memory, memory_bytes(buffers));
    }
}

void uring_buffers_grow(struct uring_buffers *buffers)
{
    unsigned wanted = buffers->posted * 2 < buffers->max ? buffers->posted * 2 : buffers->max;

    while (buffers->posted < wanted) {
        post(buffers, buffers->posted);
        buffers->posted++;
    }
}

const uint8_t *uring_buffers_take(struct uring_buffers *buffers, unsigned index)
{
    require(index < buffers->posted);
    require(buffers->lent < buffers->posted);
    buffers->lent++;
    return buffers->memory + (size_t)index * IO_RECV_BYTES;
}

void uring_buffers_give(struct uring_buffers *buffers, unsigned index)
{
    require(index < buffers->posted);
    require(buffers->lent > 0);
    buffers->lent--;
    post(buffers, index);
}

/* NULL and errno on failure. */
static void *map(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

static size_t ring_bytes(const struct uring_buffers *buffers)
{
    return buffers->entries * sizeof(struct io_uring_buf);
}

static size_t memory_bytes(const struct uring_buffers *buffers)
{
    return (size_t)buffers->max * IO_RECV_BYTES;
}

static unsigned power_of_two(unsigned at_least)
{
    unsigned power = 1;

    while (power < at_least) {
        power *= 2;
    }
    return power;
}

static void post(struct uring_buffers *buffers, unsigned index)
{
    io_uring_buf_ring_add(buffers->ring, buffers->memory + (size_t)index * IO_RECV_BYTES,
                          IO_RECV_BYTES, (unsigned short)index,
                          io_uring_buf_ring_mask(buffers->entries), 0);
    io_uring_buf_ring_advance(buffers->ring, 1);
}
