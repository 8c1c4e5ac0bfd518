/*
 * Patterns for the names in client certificates: `*` stands for one byte or more of one part, `**`
 * for one byte or more of anything, every other byte for itself. Parts end at the separator: "/" in
 * URIs (SPIFFE ids), "." in host names.
 */
#ifndef SALLYPORT_TLS_GLOB_H
#define SALLYPORT_TLS_GLOB_H

#include "base/bytes.h"

#include <stdbool.h>

enum { GLOB_NAME_BYTES_MAX = 2048, GLOB_PATTERN_BYTES_MAX = 2048 };

struct glob_options {
    char separator;    /* '\0': the name is one part */
    bool ignores_case; /* of ASCII letters */
};

/* Names longer than GLOB_NAME_BYTES_MAX match nothing. */
bool glob_matches(const char *pattern, struct bytes_const name, const struct glob_options *options);

#endif
