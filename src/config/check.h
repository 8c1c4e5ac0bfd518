/* Rules that one option alone cannot break. */
#ifndef SALLYPORT_CONFIG_CHECK_H
#define SALLYPORT_CONFIG_CHECK_H

#include "config/config.h"

void check_config(struct config *config, struct config_memory *memory,
                  struct config_report *report);

#endif
