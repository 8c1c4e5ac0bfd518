#include "daemon/service.h"

#include "base/clock.h"

#include <systemd/sd-daemon.h>
#include <time.h>

bool service_is_built(void)
{
    return true;
}

void service_ready(void)
{
    (void)sd_notify(0, "READY=1");
}

void service_reloading(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
                     (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void service_stopping(void)
{
    (void)sd_notify(0, "STOPPING=1");
}

void service_status(const char *status)
{
    (void)sd_notifyf(0, "STATUS=%s", status);
}

void service_feed_watchdog(void)
{
    (void)sd_notify(0, "WATCHDOG=1");
}

uint64_t service_watchdog_ns(void)
{
    uint64_t us = 0;

    return sd_watchdog_enabled(0, &us) > 0 ? us * NS_PER_US : 0;
}
