#include "yield.h"

#include <sched.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

void (*on_yield)(void);

int sched_yield(void)
{
    if (on_yield == NULL) {
        return (int)syscall(SYS_sched_yield);
    }
    on_yield();
    return 0;
}
