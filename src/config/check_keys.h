/* Rules across the options of certificates, keys and what opens them. */
#ifndef SALLYPORT_CONFIG_CHECK_KEYS_H
#define SALLYPORT_CONFIG_CHECK_KEYS_H

#include "config/config.h"

void check_keys(const struct config_frontend *frontend, struct config_report *report);

#endif
