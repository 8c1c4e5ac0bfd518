#include "proxy/proxy_line.h"

#include "base/require.h"

#include <arpa/inet.h>
#include <string.h>

enum { PORT_MAX = 65535, PORT_DIGITS_MAX = 5 };

static bool skip(struct bytes_const *rest, const char *word);
static bool read_addresses(struct bytes_const *rest, int family, struct proxy_header *header);
static bool read_address(struct bytes_const *rest, int family, struct address *into);
static bool read_ports(struct bytes_const rest, struct proxy_header *header);
static bool read_port(struct bytes_const text, struct address *into);
static struct bytes_const take_field(struct bytes_const *rest);

/* Whatever UNKNOWN says besides is to be ignored. */
enum proxy_fault proxy_line_read(struct bytes_const line, struct proxy_header *header)
{
    struct bytes_const rest = line;
    int                family = AF_INET;

    *header = (struct proxy_header){0};
    require(skip(&rest, PROXY_LINE_START));
    if (skip(&rest, "UNKNOWN")) {
        return rest.len == 0 || rest.data[0] == ' ' ? PROXY_FAULT_NONE : PROXY_FAULT_LINE_PROTOCOL;
    }
    if (skip(&rest, "TCP6 ")) {
        family = AF_INET6;
    } else if (!skip(&rest, "TCP4 ")) {
        return PROXY_FAULT_LINE_PROTOCOL;
    }
    if (!read_addresses(&rest, family, header)) {
        return PROXY_FAULT_LINE_ADDRESS;
    }
    return read_ports(rest, header) ? PROXY_FAULT_NONE : PROXY_FAULT_LINE_PORT;
}

static bool skip(struct bytes_const *rest, const char *word)
{
    size_t len = strlen(word);

    if (rest->len < len || memcmp(rest->data, word, len) != 0) {
        return false;
    }
    *rest = (struct bytes_const){rest->data + len, rest->len - len};
    return true;
}

static bool read_addresses(struct bytes_const *rest, int family, struct proxy_header *header)
{
    return read_address(rest, family, &header->source) &&
           read_address(rest, family, &header->destination);
}

/* The C library's reader takes no zero in front of a number, and nothing before or behind. */
static bool read_address(struct bytes_const *rest, int family, struct address *into)
{
    struct bytes_const field = take_field(rest);
    char               text[INET6_ADDRSTRLEN] = "";
    void              *number = family == AF_INET ? (void *)&into->socket.ip4.sin_addr
                                                  : (void *)&into->socket.ip6.sin6_addr;

    if (field.len >= sizeof(text) || memchr(field.data, '\0', field.len) != NULL) {
        return false;
    }
    memcpy(text, field.data, field.len);
    into->len = family == AF_INET ? sizeof(into->socket.ip4) : sizeof(into->socket.ip6);
    into->socket.any.sa_family = (sa_family_t)family;
    return inet_pton(family, text, number) == 1;
}

static bool read_ports(struct bytes_const rest, struct proxy_header *header)
{
    struct bytes_const source = take_field(&rest);

    return read_port(source, &header->source) && read_port(rest, &header->destination);
}

/* No zero in front, no sign, no space. */
static bool read_port(struct bytes_const text, struct address *into)
{
    unsigned number = 0;

    if (text.len == 0 || text.len > PORT_DIGITS_MAX || (text.data[0] == '0' && text.len > 1)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        number = number * 10 + (unsigned)(text.data[i] - '0');
    }
    if (into->socket.any.sa_family == AF_INET) {
        into->socket.ip4.sin_port = htons((uint16_t)number);
    } else {
        into->socket.ip6.sin6_port = htons((uint16_t)number);
    }
    return number <= PORT_MAX;
}

/* Up to the next space, which is dropped. */
static struct bytes_const take_field(struct bytes_const *rest)
{
    const uint8_t     *space = rest->len > 0 ? memchr(rest->data, ' ', rest->len) : NULL;
    size_t             len = space != NULL ? (size_t)(space - rest->data) : rest->len;
    struct bytes_const field = {rest->data, len};
    size_t             used = space != NULL ? len + 1 : len;

    *rest = (struct bytes_const){rest->data + used, rest->len - used};
    return field;
}
