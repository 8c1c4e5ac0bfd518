#include "io/descriptors.h"

#include "base/require.h"
#include "io/io_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static bool               is_zeroed(const uint8_t *bytes, size_t len);
static struct descriptor *descriptor_of(struct descriptors *descriptors, int fd);
static bool               is_pending(const struct descriptor *descriptor, enum io_kind kind);
static uint8_t            bit_of(uint8_t kind);

void *descriptors_reserve(size_t entry_bytes, size_t *count, struct error *error)
{
    struct rlimit limit;

    *count = DESCRIPTORS_MAX;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max < DESCRIPTORS_MAX) {
        *count = (size_t)limit.rlim_max;
    }
    void *table = mmap(NULL, *count * entry_bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (table == MAP_FAILED) {
        *error = error_from_errno(errno, "mmap");
        return NULL;
    }
    return table;
}

void descriptors_release(void *table, size_t entry_bytes, size_t count)
{
    if (table != NULL) {
        (void)munmap(table, count * entry_bytes);
    }
}

void descriptors_trim(void *table, size_t entry_bytes, size_t used)
{
    size_t   page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *bytes = table;

    for (size_t at = 0; at < used * entry_bytes; at += page_bytes) {
        if (is_zeroed(bytes + at, page_bytes)) {
            (void)madvise(bytes + at, page_bytes, MADV_DONTNEED);
        }
    }
}

static bool is_zeroed(const uint8_t *bytes, size_t len)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0;
}

bool descriptors_init(struct descriptors *descriptors, struct error *error)
{
    descriptors->table =
        descriptors_reserve(sizeof(*descriptors->table), &descriptors->count, error);
    return descriptors->table != NULL;
}

void descriptors_fini(struct descriptors *descriptors)
{
    descriptors_release(descriptors->table, sizeof(*descriptors->table), descriptors->count);
    descriptors->table = NULL;
}

void descriptors_begin(struct descriptors *descriptors, const struct io_op *op)
{
    struct descriptor *descriptor = descriptor_of(descriptors, op->fd);

    require(!is_pending(descriptor, IO_CLOSE));
    switch ((enum io_kind)op->kind) {
    case IO_ACCEPT:
        require((descriptor->pending & ~bit_of(IO_ACCEPT)) == 0);
        require(descriptor->accepts < UINT16_MAX);
        descriptor->accepts++;
        break;
    case IO_CONNECT:
    case IO_CLOSE:
        require(descriptor->pending == 0);
        break;
    case IO_RECV:
    case IO_SEND:
    case IO_POLL:
        require(!is_pending(descriptor, (enum io_kind)op->kind));
        require(!is_pending(descriptor, IO_CONNECT));
        require(!is_pending(descriptor, IO_ACCEPT));
        break;
    }
    descriptor->pending |= bit_of(op->kind);
}

void descriptors_end(struct descriptors *descriptors, const struct io_op *op)
{
    struct descriptor *descriptor = descriptor_of(descriptors, op->fd);

    require(op->kind == IO_CLOSE || (descriptor->pending & bit_of(op->kind)) != 0);
    if (op->kind == IO_ACCEPT) {
        descriptor->accepts--;
    }
    if (op->kind != IO_ACCEPT || descriptor->accepts == 0) {
        descriptor->pending &= (uint8_t)~bit_of(op->kind);
    }
}

void descriptors_outcome(struct descriptors *descriptors, struct io_op *op)
{
    struct descriptor *descriptor = descriptor_of(descriptors, op->fd);
    enum error_kind    kind = error_kind(&op->error);

    if (op->kind == IO_ACCEPT && kind == ERROR_NONE) {
        descriptors_forget(descriptors, (int)op->result);
    } else if (op->kind == IO_CLOSE) {
        descriptor->was_reset = descriptor->was_reset && !is_pending(descriptor, IO_CLOSE);
    } else if (op->kind == IO_RECV && kind == ERROR_NONE && op->result == 0) {
        op->error = descriptor->was_reset ? error_make(ERROR_RESET, "recv") : ERROR_OK;
    } else if (kind == ERROR_RESET || kind == ERROR_TIMEOUT) {
        descriptor->was_reset = true;
    }
}

void descriptors_forget(struct descriptors *descriptors, int fd)
{
    struct descriptor *descriptor = descriptor_of(descriptors, fd);

    descriptor->was_reset = false;
    descriptor->pending &= (uint8_t)~bit_of(IO_CLOSE);
}

static struct descriptor *descriptor_of(struct descriptors *descriptors, int fd)
{
    require(fd >= 0);
    require((size_t)fd < descriptors->count);
    if (descriptors->used <= (size_t)fd) {
        descriptors->used = (size_t)fd + 1;
    }
    return &descriptors->table[fd];
}

static bool is_pending(const struct descriptor *descriptor, enum io_kind kind)
{
    return (descriptor->pending & bit_of((uint8_t)kind)) != 0;
}

static uint8_t bit_of(uint8_t kind)
{
    return (uint8_t)(1U << kind);
}
