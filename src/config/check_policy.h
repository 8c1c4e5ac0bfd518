/* Rules across the options about TLS policies. */
#ifndef SALLYPORT_CONFIG_CHECK_POLICY_H
#define SALLYPORT_CONFIG_CHECK_POLICY_H

#include "config/config.h"

/* Of the frontend and of its routes. */
void check_policies(const struct config_frontend *frontend, struct config_report *report);

#endif
