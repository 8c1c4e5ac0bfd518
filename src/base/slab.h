/*
 * Fixed-size objects out of one mapping reserved at start. The kernel lends a page only when an
 * object in it is first used, so a generous limit costs address space and nothing else.
 * Not for sharing between threads.
 */
#ifndef SALLYPORT_BASE_SLAB_H
#define SALLYPORT_BASE_SLAB_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct slab;

struct slab_options {
    size_t object_bytes;
    size_t objects_max; /* at least 1 */
};

/* Reserves the mapping; NULL and `error` when the kernel refuses. */
__attribute__((warn_unused_result)) struct slab *slab_new(const struct slab_options *options,
                                                          struct error              *error);

/* Every object must be home. */
void slab_free(struct slab **slab);

/* An object whose content is unspecified, or NULL when all are out. The most recently returned
 * object comes first, since its memory is warm. */
void *slab_take(struct slab *slab);
void  slab_give(struct slab *slab, void *object);

size_t slab_taken(const struct slab *slab);
size_t slab_object_bytes(const struct slab *slab);

/* Hands the pages of free objects back to the kernel, when no object is out. */
void slab_trim(struct slab *slab);

#endif
