/* A C library that gives memory back by itself, or not at all. */
#include "base/heap.h"

void heap_trim(void)
{
}
