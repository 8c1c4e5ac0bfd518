/* What the service manager is told, sd_notify(3): nothing when there is none. */
#ifndef SALLYPORT_DAEMON_SERVICE_H
#define SALLYPORT_DAEMON_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

/* Whether this build can speak to one. */
bool service_is_built(void);

/* At the start, and after each reload. */
void service_ready(void);
void service_reloading(void);
void service_stopping(void);
/* One line, as `systemctl status` shows it. */
void service_status(const char *status);
/* We are alive. */
void service_feed_watchdog(void);
/* How often the watchdog wants to be fed at the least, in nanoseconds; 0: there is none. */
uint64_t service_watchdog_ns(void);

#endif
