/*
 * What the loop knows of each descriptor: which operations are pending on it, so that breaking a
 * law of io.h aborts at once whatever the driver, and whether its connection was reset.
 */
#ifndef SALLYPORT_IO_DESCRIPTORS_H
#define SALLYPORT_IO_DESCRIPTORS_H

#include "base/error.h"
#include "io/io.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct descriptor {
    uint8_t  pending; /* bit n set: an operation of enum io_kind n is pending */
    bool     was_reset;
    uint16_t accepts; /* pending accepts */
};

struct descriptors {
    struct descriptor *table; /* indexed by descriptor */
    size_t             count;
    size_t             used; /* no entry from here on has ever been */
};

/* More descriptors than this in one process are refused (see descriptors_reserve). */
enum { DESCRIPTORS_MAX = 1 << 24 };

/*
 * Zeroed memory for one entry of `entry_bytes` for each descriptor this process may ever have
 * (RLIMIT_NOFILE). Address space only: the kernel lends a page when an entry in it is first used.
 * NULL and error when it refuses. Give back with descriptors_release.
 */
__attribute__((warn_unused_result)) void *descriptors_reserve(size_t entry_bytes, size_t *count,
                                                              struct error *error);
void descriptors_release(void *table, size_t entry_bytes, size_t count);
/* Gives the kernel back each page of a table whose entries, up to `used`, are all zeroed. */
void descriptors_trim(void *table, size_t entry_bytes, size_t used);

__attribute__((warn_unused_result)) bool descriptors_init(struct descriptors *descriptors,
                                                          struct error       *error);
void                                     descriptors_fini(struct descriptors *descriptors);

/* A submit: checks that the laws allow it. */
void descriptors_begin(struct descriptors *descriptors, const struct io_op *op);
/* Just before `done`. */
void descriptors_end(struct descriptors *descriptors, const struct io_op *op);

/*
 * An outcome. The kernel tells of a reset once: when a send took the news, the recv after it would
 * read a clean end (0 bytes). A peer's abort must never look like that, so the end of a
 * connection that was reset becomes ERROR_RESET here.
 */
void descriptors_outcome(struct descriptors *descriptors, struct io_op *op);

/* The number belongs to a new socket: the one before it is closed, whether or not the close was
 * reported yet. */
void descriptors_forget(struct descriptors *descriptors, int fd);

#endif
