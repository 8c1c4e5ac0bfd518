#include "base/heap.h"

#include <malloc.h>

/* glibc sets its malloc up in the first call, which cannot be two threads' at once: both would hold
 * the main arena, which counts one, and the second of them to end aborts the process. Where
 * something has replaced malloc (a sanitizer, LD_PRELOAD) there is no earlier call than ours. */
__attribute__((constructor)) static void set_up(void)
{
    heap_trim();
}

void heap_trim(void)
{
    (void)malloc_trim(0);
}
