/* Texts of a configuration, each with the place it was written at. */
#ifndef SALLYPORT_CONFIG_STRINGS_H
#define SALLYPORT_CONFIG_STRINGS_H

#include "config/report.h"

#include <stddef.h>

/* A text and where it was written. Never NULL after loading: an absent one is "" (line 0). */
struct config_string {
    const char         *text;
    struct config_place at;
};

struct config_strings {
    struct config_string *items;
    size_t                count;
};

/* { Name = "text"; } with names of somebody else's. */
struct config_pairs {
    struct config_pair {
        const char          *name;
        struct config_string value; /* with the place of the pair */
    } * items;
    size_t count;
};

#endif
