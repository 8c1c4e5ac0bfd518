#include "reactor/slice.h"

#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/syscall.h>
#include <unistd.h>

/* sched_setattr(2), of which glibc knows since 2.41. 0: the calling thread. */
void slice_shorten(void)
{
    struct sched_attr attributes = {.size = sizeof(attributes)};

    if (syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0) != 0 ||
        attributes.sched_policy != SCHED_NORMAL) {
        return;
    }
    attributes.sched_runtime = SLICE_NS;
    (void)syscall(SYS_sched_setattr, 0, &attributes, 0);
}
