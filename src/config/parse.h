/* The table applied to a tree that libconfig read. */
#ifndef SALLYPORT_CONFIG_PARSE_H
#define SALLYPORT_CONFIG_PARSE_H

#include "config/assign.h"
#include "config/config.h"

/* Fills in every default. */
void parse_defaults(const struct assign *assign, const struct schema_group *group, void *structure);

/* Adds what a file says. `seen` holds a place for each option of the top group: where an earlier
 * file set it. */
void parse_file(const struct assign *assign, const config_setting_t *root, struct config *config,
                struct config_place *seen);

/* Options that must be there and are not. */
void parse_missing(const struct assign *assign, const struct config_place *seen);

#endif
