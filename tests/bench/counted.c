#include "counted.h"

/* The barriers keep the calls, and what they call, from being merged or moved. */
#define KEEP __asm__ volatile("" ::: "memory")

__attribute__((noinline, noclone)) void counted_begin(void)
{
    KEEP;
}

__attribute__((noinline, noclone)) void counted_run(counted_work *work)
{
    work();
    KEEP;
}

__attribute__((noinline, noclone)) void counted_end(void)
{
    KEEP;
}
