/* Rules about the PROXY protocol, and what its lists of words come to. */
#ifndef SALLYPORT_CONFIG_CHECK_PROXY_H
#define SALLYPORT_CONFIG_CHECK_PROXY_H

#include "config/config.h"
#include "config/memory.h"

void check_accept_proxy(const struct config_frontend *frontend, struct config_report *report);
void check_send_proxy(struct config_backend *backend, struct config_memory *memory,
                      struct config_report *report);

#endif
