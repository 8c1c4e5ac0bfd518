/* A build without libsystemd has nobody to tell. */
#include "daemon/service.h"

bool service_is_built(void)
{
    return false;
}

void service_ready(void)
{
}

void service_reloading(void)
{
}

void service_stopping(void)
{
}

void service_status(const char *status)
{
    (void)status;
}

void service_feed_watchdog(void)
{
}

uint64_t service_watchdog_ns(void)
{
    return 0;
}
