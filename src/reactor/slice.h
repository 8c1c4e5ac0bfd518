/*
 * How long a thread may run before others that want its processor are asked. A reactor's is short:
 * with sched_yield(2) a thread gives away what is left of its slice (Linux 6.18), and with the
 * kernel's own slice, ten handshake steps long, a worker beside a busy process would be left with a
 * tenth of the processor.
 */
#ifndef SALLYPORT_REACTOR_SLICE_H
#define SALLYPORT_REACTOR_SLICE_H

#include <stdint.h>

/* About one handshake step. Kernels take 0.1 to 100 ms. */
#define SLICE_NS (UINT64_C(200) * 1000)

/*
 * Of the calling thread; its niceness stays, and so does everything of a thread that does not run
 * under the ordinary policy (sched(7)). Does nothing where the kernel has no such thing (before
 * Linux 6.12) or a filter of system calls forbids it: then others get more.
 */
void slice_shorten(void);

#endif
