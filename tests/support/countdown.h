/*
 * The k-th allocation fails. For binaries linked with --wrap=malloc,--wrap=calloc,--wrap=realloc:
 * what our own code asks for is counted, what shared libraries ask for among themselves is not.
 */
#ifndef SALLYPORT_SUPPORT_COUNTDOWN_H
#define SALLYPORT_SUPPORT_COUNTDOWN_H

#include <stdbool.h>

/* Allocations until one fails; 0: none does. */
void countdown_set(long allocations);

/* False once the allocation that countdown_set named has failed. */
bool countdown_is_running(void);

#endif
