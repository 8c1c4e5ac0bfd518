#include "base/slab.h"

#include "base/require.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { OBJECT_ALIGNMENT = 64 };

struct free_object {
    struct free_object *next;
};

struct slab {
    uint8_t            *memory;
    size_t              memory_bytes;
    size_t              object_bytes;
    size_t              objects_max;
    size_t              fresh; /* objects from here on were never taken */
    size_t              taken;
    struct free_object *free_objects;
};

struct slab *slab_new(const struct slab_options *options, struct error *error)
{
    require(options->object_bytes > 0 && options->objects_max > 0);
    struct slab *slab = calloc(1, sizeof(*slab));

    if (slab == NULL) {
        *error = error_from_errno(ENOMEM, "slab");
        return NULL;
    }
    slab->object_bytes =
        (options->object_bytes + OBJECT_ALIGNMENT - 1) / OBJECT_ALIGNMENT * OBJECT_ALIGNMENT;
    slab->objects_max = options->objects_max;
    slab->memory_bytes = slab->object_bytes * slab->objects_max;
    slab->memory = mmap(NULL, slab->memory_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (slab->memory == MAP_FAILED) {
        *error = error_from_errno(errno, "slab");
        free(slab);
        return NULL;
    }
    return slab;
}

void slab_free(struct slab **slab)
{
    if (*slab == NULL) {
        return;
    }
    require((*slab)->taken == 0);
    (void)munmap((*slab)->memory, (*slab)->memory_bytes);
    free(*slab);
    *slab = NULL;
}

void *slab_take(struct slab *slab)
{
    void *object = slab->free_objects;

    if (object != NULL) {
        slab->free_objects = slab->free_objects->next;
    } else if (slab->fresh < slab->objects_max) {
        object = slab->memory + slab->fresh * slab->object_bytes;
        slab->fresh++;
    } else {
        return NULL;
    }
    slab->taken++;
    return object;
}

void slab_give(struct slab *slab, void *object)
{
    uintptr_t offset = (uintptr_t)object - (uintptr_t)slab->memory;

    require(slab->taken > 0);
    require(offset < slab->memory_bytes && offset % slab->object_bytes == 0);
    struct free_object *freed = object;

    freed->next = slab->free_objects;
    slab->free_objects = freed;
    slab->taken--;
}

size_t slab_taken(const struct slab *slab)
{
    return slab->taken;
}

size_t slab_object_bytes(const struct slab *slab)
{
    return slab->object_bytes;
}

void slab_trim(struct slab *slab)
{
    if (slab->taken > 0 || slab->fresh == 0) {
        return;
    }
    (void)madvise(slab->memory, slab->memory_bytes, MADV_DONTNEED);
    slab->fresh = 0;
    slab->free_objects = NULL;
}
