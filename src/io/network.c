#include "io/network.h"

#include "base/require.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum { IP4_BITS = 32, IP6_BITS = 128, MAPPED_BYTES = 12, LENGTH_DIGITS_MAX = 3 };

static bool parse_length(const char *text, unsigned max, uint8_t *bits);
static bool begins_alike(const uint8_t *one, const uint8_t *other, unsigned bits);

bool network_parse(const char *text, struct network *network, const char **problem)
{
    char        number[INET6_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    size_t      len = slash != NULL ? (size_t)(slash - text) : strlen(text);
    unsigned    max = IP6_BITS;

    *network = (struct network){0};
    *problem = "not an IP address, a network as 192.0.2.0/24, or unix:";
    if (strcmp(text, "unix:") == 0) {
        network->family = AF_UNIX;
        return true;
    }
    if (len >= sizeof(number)) {
        return false;
    }
    memcpy(number, text, len);
    number[len] = '\0';
    if (inet_pton(AF_INET, number, network->start) == 1) {
        network->family = AF_INET;
        max = IP4_BITS;
    } else if (inet_pton(AF_INET6, number, network->start) == 1) {
        network->family = AF_INET6;
    } else {
        return false;
    }
    network->bits = (uint8_t)max;
    *problem = "the length behind the / is not a number of bits";
    return slash == NULL || parse_length(slash + 1, max, &network->bits);
}

static bool parse_length(const char *text, unsigned max, uint8_t *bits)
{
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > LENGTH_DIGITS_MAX || text[digits] != '\0' ||
        strtoul(text, NULL, 10) > max) {
        return false;
    }
    *bits = (uint8_t)strtoul(text, NULL, 10);
    return true;
}

bool network_has(const struct network *network, const struct address *address)
{
    static const uint8_t mapped[MAPPED_BYTES] = {[10] = 0xff, [11] = 0xff};
    sa_family_t          family = address->len > 0 ? address->socket.any.sa_family : AF_UNSPEC;
    const uint8_t       *bytes = (const uint8_t *)&address->socket.ip4.sin_addr;

    if (family == AF_UNIX) {
        return network->family == AF_UNIX;
    }
    if (family == AF_INET6) {
        bytes = address->socket.ip6.sin6_addr.s6_addr;
        if (network->family == AF_INET && memcmp(bytes, mapped, MAPPED_BYTES) == 0) {
            family = AF_INET;
            bytes += MAPPED_BYTES;
        }
    }
    return family != AF_UNSPEC && family == network->family &&
           begins_alike(network->start, bytes, network->bits);
}

static bool begins_alike(const uint8_t *one, const uint8_t *other, unsigned bits)
{
    unsigned bytes = bits / 8;
    unsigned rest = bits % 8;

    require(bits <= IP6_BITS);
    return memcmp(one, other, bytes) == 0 &&
           (rest == 0 || (one[bytes] ^ other[bytes]) >> (8 - rest) == 0);
}
