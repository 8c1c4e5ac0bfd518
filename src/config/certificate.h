/* A certificate as a configuration names it, with all that belongs to it. */
#ifndef SALLYPORT_CONFIG_CERTIFICATE_H
#define SALLYPORT_CONFIG_CERTIFICATE_H

#include "config/strings.h"

#include <stdbool.h>

struct config_certificate {
    struct config_place   at;
    struct config_string  cert;
    struct config_string  key;       /* "": in cert, or beside it */
    struct config_string  chain;     /* "": in cert */
    struct config_string  ocsp_file; /* "": beside cert, if it is there */
    struct config_string  key_passphrase_file;
    struct config_strings key_passphrase_cmd;
    bool                  is_default;
};

#endif
