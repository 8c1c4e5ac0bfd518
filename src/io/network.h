/* A set of addresses that begin with the same bits. */
#ifndef SALLYPORT_IO_NETWORK_H
#define SALLYPORT_IO_NETWORK_H

#include "io/address.h"

#include <stdbool.h>
#include <stdint.h>

enum { NETWORK_BYTES = 16 };

struct network {
    /* private */
    sa_family_t family;
    uint8_t     bits;
    uint8_t     start[NETWORK_BYTES];
};

/* Reads "192.0.2.0/24", "2001:db8::/32", one address without a length, or "unix:", which is every
 * peer on a UNIX socket. False, and *problem is static text that says what is wrong. */
__attribute__((warn_unused_result)) bool network_parse(const char *text, struct network *network,
                                                       const char **problem);

/* An IPv4 address in the clothes of IPv6 (::ffff:192.0.2.1) is an IPv4 address. */
bool network_has(const struct network *network, const struct address *address);

#endif
