/* The kernel's drivers. Meson picks which of them are built, and with them the list. */
#ifndef SALLYPORT_IO_DRIVERS_H
#define SALLYPORT_IO_DRIVERS_H

#include "io/io_internal.h"

extern const struct io_driver driver_uring;
extern const struct io_driver driver_epoll;
extern const struct io_driver driver_kqueue;

/* Those of this build, the preferred one first, NULL at the end. */
extern const struct io_driver *const drivers_built[];

#endif
