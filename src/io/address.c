#include "io/address.h"

#include "base/require.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PORT_MAX = 65535, PORT_DIGITS_MAX = 5 };

static size_t parse_path(const char *path, struct address *into, const char **problem);
static size_t parse_any(const char *port_text, struct address into[static ADDRESSES_PER_TEXT_MAX],
                        const char **problem);
static size_t parse_ip4(const char *text, const char *colon, struct address *into,
                        const char **problem);
static size_t parse_ip6(const char *text, struct address *into, const char **problem);
static bool   parse_port(const char *text, in_port_t *port, const char **problem);
static bool   parse_scope(const char *name, uint32_t *scope);
static bool   copy_part(const char *from, const char *end, char *into, size_t into_bytes);
static void   write_ip6(const struct sockaddr_in6 *ip6, char *into);
static void   write_path(const struct address *address, char *into);
static size_t path_bytes(const struct address *address);

size_t address_parse(const char *text, struct address into[static ADDRESSES_PER_TEXT_MAX],
                     const char **problem)
{
    const char *colon = strrchr(text, ':');

    require(problem != NULL);
    *problem = NULL;
    if (text[0] == '/') {
        return parse_path(text, &into[0], problem);
    }
    if (strncmp(text, "unix:", 5) == 0 || strncmp(text, "unix@", 5) == 0) {
        return parse_path(text + 5, &into[0], problem);
    }
    if (text[0] == '[') {
        return parse_ip6(text, &into[0], problem);
    }
    if (colon == NULL) {
        *problem = "the port is missing";
        return 0;
    }
    if (text[0] == '*' && colon == text + 1) {
        return parse_any(colon + 1, into, problem);
    }
    return parse_ip4(text, colon, &into[0], problem);
}

const char *address_text(const struct address *address, char into[static ADDRESS_TEXT_BYTES])
{
    char number[INET_ADDRSTRLEN];

    if (address->len == 0) {
        (void)snprintf(into, ADDRESS_TEXT_BYTES, "-");
    } else if (address->socket.any.sa_family == AF_INET) {
        (void)inet_ntop(AF_INET, &address->socket.ip4.sin_addr, number, sizeof(number));
        (void)snprintf(into, ADDRESS_TEXT_BYTES, "%s:%u", number,
                       (unsigned)ntohs(address->socket.ip4.sin_port));
    } else if (address->socket.any.sa_family == AF_INET6) {
        write_ip6(&address->socket.ip6, into);
    } else if (address_is_unix(address)) {
        write_path(address, into);
    } else {
        (void)snprintf(into, ADDRESS_TEXT_BYTES, "?");
    }
    return into;
}

bool address_is_unix(const struct address *address)
{
    return address->len > 0 && address->socket.any.sa_family == AF_UNIX;
}

bool address_is_equal(const struct address *one, const struct address *other)
{
    if (one->len == 0 || other->len == 0) {
        return one->len == other->len;
    }
    if (one->socket.any.sa_family != other->socket.any.sa_family) {
        return false;
    }
    if (one->socket.any.sa_family == AF_INET) {
        return one->socket.ip4.sin_port == other->socket.ip4.sin_port &&
               one->socket.ip4.sin_addr.s_addr == other->socket.ip4.sin_addr.s_addr;
    }
    if (one->socket.any.sa_family == AF_INET6) {
        return one->socket.ip6.sin6_port == other->socket.ip6.sin6_port &&
               one->socket.ip6.sin6_scope_id == other->socket.ip6.sin6_scope_id &&
               memcmp(&one->socket.ip6.sin6_addr, &other->socket.ip6.sin6_addr,
                      sizeof(one->socket.ip6.sin6_addr)) == 0;
    }
    return path_bytes(one) == path_bytes(other) &&
           memcmp(one->socket.unix_path.sun_path, other->socket.unix_path.sun_path,
                  path_bytes(one)) == 0;
}

static size_t parse_path(const char *path, struct address *into, const char **problem)
{
    struct sockaddr_un *socket = &into->socket.unix_path;
    size_t              len = strlen(path);

    if (path[0] != '/') {
        *problem = "the path of a UNIX socket begins with /";
        return 0;
    }
    if (len >= sizeof(socket->sun_path)) {
        *problem = "the path of a UNIX socket has at most 107 characters";
        return 0;
    }
    memset(into, 0, sizeof(*into));
    socket->sun_family = AF_UNIX;
    memcpy(socket->sun_path, path, len);
    into->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    return 1;
}

/* IPv6 first: both sockets are bound, each to its own family. */
static size_t parse_any(const char *port_text, struct address into[static ADDRESSES_PER_TEXT_MAX],
                        const char **problem)
{
    in_port_t port;

    if (!parse_port(port_text, &port, problem)) {
        return 0;
    }
    memset(into, 0, 2 * sizeof(*into));
    into[0].len = sizeof(struct sockaddr_in6);
    into[0].socket.ip6.sin6_family = AF_INET6;
    into[0].socket.ip6.sin6_port = port;
    into[1].len = sizeof(struct sockaddr_in);
    into[1].socket.ip4.sin_family = AF_INET;
    into[1].socket.ip4.sin_port = port;
    return 2;
}

static size_t parse_ip4(const char *text, const char *colon, struct address *into,
                        const char **problem)
{
    struct sockaddr_in *socket = &into->socket.ip4;
    char                number[INET_ADDRSTRLEN];

    memset(into, 0, sizeof(*into));
    if (memchr(text, ':', (size_t)(colon - text)) != NULL) {
        *problem = "an IPv6 address stands in brackets: [2001:db8::1]:443";
        return 0;
    }
    if (!copy_part(text, colon, number, sizeof(number)) ||
        inet_pton(AF_INET, number, &socket->sin_addr) != 1) {
        *problem = "not an IP address (names are not looked up)";
        return 0;
    }
    socket->sin_family = AF_INET;
    into->len = sizeof(*socket);
    return parse_port(colon + 1, &socket->sin_port, problem) ? 1 : 0;
}

static size_t parse_ip6(const char *text, struct address *into, const char **problem)
{
    struct sockaddr_in6 *socket = &into->socket.ip6;
    char                 number[INET6_ADDRSTRLEN + IF_NAMESIZE + 1];
    const char          *end = strchr(text, ']');

    memset(into, 0, sizeof(*into));
    if (end == NULL || end[1] != ':') {
        *problem = "an IPv6 address with a port looks like [2001:db8::1]:443";
        return 0;
    }
    if (!copy_part(text + 1, end, number, sizeof(number))) {
        *problem = "not an IPv6 address";
        return 0;
    }
    char *percent = strchr(number, '%');

    if (percent != NULL) {
        *percent = '\0';
        if (!parse_scope(percent + 1, &socket->sin6_scope_id)) {
            *problem = "no such network interface";
            return 0;
        }
    }
    if (inet_pton(AF_INET6, number, &socket->sin6_addr) != 1) {
        *problem = "not an IPv6 address";
        return 0;
    }
    socket->sin6_family = AF_INET6;
    into->len = sizeof(*socket);
    return parse_port(end + 2, &socket->sin6_port, problem) ? 1 : 0;
}

/* 0 is a port: the kernel chooses one. */
static bool parse_port(const char *text, in_port_t *port, const char **problem)
{
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > PORT_DIGITS_MAX || text[digits] != '\0') {
        *problem = "the port is not a number from 0 to 65535";
        return false;
    }
    unsigned long number = strtoul(text, NULL, 10);

    if (number > PORT_MAX) {
        *problem = "the port is not a number from 0 to 65535";
        return false;
    }
    *port = htons((uint16_t)number);
    return true;
}

/* The interface of a link-local address, by name or by number. */
static bool parse_scope(const char *name, uint32_t *scope)
{
    size_t digits = strspn(name, "0123456789");

    if (digits > 0 && digits < 10 && name[digits] == '\0') {
        *scope = (uint32_t)strtoul(name, NULL, 10);
    } else {
        *scope = if_nametoindex(name);
    }
    return *scope != 0;
}

static bool copy_part(const char *from, const char *end, char *into, size_t into_bytes)
{
    size_t len = (size_t)(end - from);

    if (len >= into_bytes) {
        return false;
    }
    memcpy(into, from, len);
    into[len] = '\0';
    return true;
}

static void write_ip6(const struct sockaddr_in6 *ip6, char *into)
{
    char     number[INET6_ADDRSTRLEN];
    char     scope[16] = "";
    unsigned port = ntohs(ip6->sin6_port);

    (void)inet_ntop(AF_INET6, &ip6->sin6_addr, number, sizeof(number));
    if (ip6->sin6_scope_id != 0) {
        (void)snprintf(scope, sizeof(scope), "%%%u", (unsigned)ip6->sin6_scope_id);
    }
    (void)snprintf(into, ADDRESS_TEXT_BYTES, "[%s%s]:%u", number, scope, port);
}

/* An abstract name begins with a NUL, which people write as @. A client is usually unnamed. */
static void write_path(const struct address *address, char *into)
{
    size_t      bytes = path_bytes(address);
    const char *path = address->socket.unix_path.sun_path;

    if (bytes > 0 && path[0] == '\0') {
        (void)snprintf(into, ADDRESS_TEXT_BYTES, "unix:@%.*s", (int)(bytes - 1), path + 1);
    } else {
        (void)snprintf(into, ADDRESS_TEXT_BYTES, "unix:%.*s", (int)bytes, path);
    }
}

/* Without the NUL that ends a path in the file system. */
static size_t path_bytes(const struct address *address)
{
    const char *path = address->socket.unix_path.sun_path;
    size_t      bytes = (size_t)address->len - offsetof(struct sockaddr_un, sun_path);

    return bytes > 0 && path[0] != '\0' ? strnlen(path, bytes) : bytes;
}
