/* Socket addresses: IPv4, IPv6 and UNIX, from text and back. */
#ifndef SALLYPORT_IO_ADDRESS_H
#define SALLYPORT_IO_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

struct address {
    socklen_t len; /* 0: no address */
    union {
        struct sockaddr     any;
        struct sockaddr_in  ip4;
        struct sockaddr_in6 ip6;
        struct sockaddr_un  unix_path;
    } socket;
};

/* Long enough for every address as text, NUL included. */
enum { ADDRESS_TEXT_BYTES = 160, ADDRESSES_PER_TEXT_MAX = 2 };

/*
 * Reads "192.0.2.1:443", "[2001:db8::1]:443", "*:443" (IPv6 and IPv4: two addresses),
 * "unix:/path", "unix@/path" or "/path". Numbers only, no names: nothing here waits for DNS.
 * Returns how many addresses were written to `into`, or 0 when the text is not an address; then
 * *problem is static text that says what is wrong with it.
 */
size_t address_parse(const char *text, struct address into[static ADDRESSES_PER_TEXT_MAX],
                     const char **problem);

/* "192.0.2.1:443", "[2001:db8::1]:443", "unix:/path", "-" for none; returns `into`. */
const char *address_text(const struct address *address, char into[static ADDRESS_TEXT_BYTES]);

bool address_is_unix(const struct address *address);
bool address_is_equal(const struct address *one, const struct address *other);

#endif
