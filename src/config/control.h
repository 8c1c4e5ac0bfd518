/* The control socket, as configured. */
#ifndef SALLYPORT_CONFIG_CONTROL_H
#define SALLYPORT_CONFIG_CONTROL_H

#include "config/report.h"
#include "config/strings.h"

#include <stdbool.h>
#include <stdint.h>

enum config_control_level { CONFIG_CONTROL_USER, CONFIG_CONTROL_OPERATOR, CONFIG_CONTROL_ADMIN };

struct config_control {
    struct config_place  at;
    struct config_string socket; /* "": none */
    struct config_string mode;   /* octal digits */
    struct config_string group;  /* "": the daemon's */
    int                  level;  /* enum config_control_level */
    uint64_t             timeout_ns;
};

/* The permission bits of "0660"; false unless it is three or four octal digits without more bits.
 */
__attribute__((warn_unused_result)) bool config_parse_mode(const char *text, unsigned *mode);

#endif
