/* Everything a configuration owns, freed at once. NULL: there is no memory, and the caller reports
 * it (config_report_no_memory). */
#ifndef SALLYPORT_CONFIG_MEMORY_H
#define SALLYPORT_CONFIG_MEMORY_H

#include <stddef.h>

struct config_memory;

struct config_memory *config_memory_new(void);
void                  config_memory_free(struct config_memory **memory);

/* Zeroed bytes. */
void *config_memory_take(struct config_memory *memory, size_t bytes);
char *config_memory_copy(struct config_memory *memory, const char *text);

#endif
