/* What the allocator keeps for later. */
#ifndef SALLYPORT_BASE_HEAP_H
#define SALLYPORT_BASE_HEAP_H

/* Hands free pages of the heap back to the kernel, where the C library can. Takes milliseconds for
 * a hundred megabytes, in which other threads may wait for memory: for the quiet after a burst. */
void heap_trim(void);

#endif
