/* Rules across the options about client certificates. */
#ifndef SALLYPORT_CONFIG_CHECK_CLIENTS_H
#define SALLYPORT_CONFIG_CHECK_CLIENTS_H

#include "config/config.h"

void check_clients(const struct config_frontend *frontend, struct config_report *report);

#endif
