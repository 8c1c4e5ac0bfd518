#include "io/drivers.h"

const struct io_driver *const drivers_built[] = {&driver_uring, &driver_epoll, NULL};
