#include "config/memory.h"

#include "base/require.h"

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
    struct config_memory *memory = calloc(1, sizeof(*memory));

    require(memory != NULL);
    return memory;
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
    require(bytes <= SIZE_MAX - sizeof(struct block));
    struct block *block = calloc(1, sizeof(*block) + bytes);

    require(block != NULL);
    block->older = memory->newest;
    memory->newest = block;
    return block->bytes;
}

char *config_memory_copy(struct config_memory *memory, const char *text)
{
    size_t bytes = strlen(text) + 1;

    return memcpy(config_memory_take(memory, bytes), text, bytes);
}
