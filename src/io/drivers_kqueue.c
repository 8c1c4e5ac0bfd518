#include "io/drivers.h"

const struct io_driver *const drivers_built[] = {&driver_kqueue, NULL};
