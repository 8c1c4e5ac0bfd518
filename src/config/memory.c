#include "config/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct block {
    struct block *older;
    max_align_t   bytes[];
};

struct config_memory {
    struct block *newest;
};

struct config_memory *config_memory_new(void)
{
    return calloc(1, sizeof(struct config_memory));
}

void config_memory_free(struct config_memory **memory)
{
    if (*memory == NULL) {
        return;
    }
    for (struct block *block = (*memory)->newest; block != NULL;) {
        struct block *older = block->older;

        free(block);
        block = older;
    }
    free(*memory);
    *memory = NULL;
}

void *config_memory_take(struct config_memory *memory, size_t bytes)
{
    struct block *block =
        bytes <= SIZE_MAX - sizeof(*block) ? calloc(1, sizeof(*block) + bytes) : NULL;

    if (block == NULL) {
        return NULL;
    }
    block->older = memory->newest;
    memory->newest = block;
    return block->bytes;
}

char *config_memory_copy(struct config_memory *memory, const char *text)
{
    size_t bytes = strlen(text) + 1;
    char  *copy = config_memory_take(memory, bytes);

    return copy != NULL ? memcpy(copy, text, bytes) : NULL;
}
