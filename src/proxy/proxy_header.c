#include "proxy/proxy_header.h"

#include "base/crc32c.h"
#include "base/require.h"
#include "proxy/proxy_wire.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

/* All that can be told at its longest. */
static_assert(PROXY_HEAD_BYTES + PROXY_PATH_PAIR_BYTES +
                      5 * (PROXY_TLV_HEAD_BYTES + PROXY_TEXT_BYTES_MAX)  /* alpn, authority, ssl */
                      + PROXY_TLV_HEAD_BYTES + PROXY_SSL_HEAD_BYTES      /* ssl itself */
                      + PROXY_TLV_HEAD_BYTES + PROXY_UNIQUE_ID_BYTES_MAX /* unique id */
                      + PROXY_TLV_HEAD_BYTES + PROXY_CRC32C_BYTES <=
                  PROXY_HEADER_BYTES_MAX,
              "a header always fits");

struct writing {
    uint8_t *into;
    size_t   len;
};

static sa_family_t family_of(const struct proxy_header *header);
static size_t      write_addresses(const struct proxy_header *header, const char *word, char *line);
static void        write_ip6_text(const struct in6_addr *ip6, char into[static INET6_ADDRSTRLEN]);
static void        put_pair(struct writing *writing, const struct proxy_header *header);
static void        put_path(struct writing *writing, const struct address *address);
static void        put_facts(struct writing *writing, const struct proxy_facts *facts);
static void        put_ssl(struct writing *writing, const struct proxy_ssl *ssl);
static void        put_tlv(struct writing *writing, enum proxy_tlv type, struct bytes_const value,
                           size_t bytes_max);
static void        put_crc32c(struct writing *writing);
static void        put(struct writing *writing, const void *bytes, size_t len);
static void        put_8(struct writing *writing, unsigned number);
static void        put_16(struct writing *writing, size_t number);
static void        set_16(uint8_t *at, size_t number);

size_t proxy_header_write_line(const struct proxy_header *header,
                               uint8_t                    into[static PROXY_LINE_BYTES_MAX])
{
    static const char unknown[] = "UNKNOWN\r\n";
    char              line[PROXY_LINE_BYTES_MAX + 1] = PROXY_LINE_START;
    char             *rest = line + PROXY_LINE_START_BYTES;
    size_t            len = PROXY_LINE_START_BYTES;

    if (family_of(header) == AF_INET) {
        len += write_addresses(header, "TCP4", rest);
    } else if (family_of(header) == AF_INET6) {
        len += write_addresses(header, "TCP6", rest);
    } else {
        memcpy(rest, unknown, sizeof(unknown));
        len += sizeof(unknown) - 1;
    }
    require(len <= PROXY_LINE_BYTES_MAX);
    memcpy(into, line, len);
    return len;
}

size_t proxy_header_write(const struct proxy_header *header, const struct proxy_facts *facts,
                          uint8_t into[static PROXY_HEADER_BYTES_MAX])
{
    struct writing writing = {.into = into};

    put(&writing, PROXY_SIGNATURE, PROXY_SIGNATURE_BYTES);
    put_8(&writing,
          PROXY_VERSION_2 | (header->is_local ? PROXY_COMMAND_LOCAL : PROXY_COMMAND_PROXY));
    put_pair(&writing, header);
    put_facts(&writing, facts);
    set_16(into + PROXY_HEAD_BYTES - 2, writing.len - PROXY_HEAD_BYTES);
    if (facts->has_crc32c) {
        put_crc32c(&writing);
    }
    return writing.len;
}

/* AF_UNSPEC: the addresses do not go together, or are not to be told. */
static sa_family_t family_of(const struct proxy_header *header)
{
    if (header->is_local || header->source.len == 0 || header->destination.len == 0 ||
        header->source.socket.any.sa_family != header->destination.socket.any.sa_family) {
        return AF_UNSPEC;
    }
    return header->source.socket.any.sa_family;
}

/* --- version 1 ------------------------------------------------------------------------------ */

static size_t write_addresses(const struct proxy_header *header, const char *word, char *line)
{
    const struct address *source = &header->source;
    const struct address *destination = &header->destination;
    char                  from[INET6_ADDRSTRLEN];
    char                  to[INET6_ADDRSTRLEN];
    in_port_t             from_port = source->socket.ip4.sin_port;
    in_port_t             to_port = destination->socket.ip4.sin_port;

    if (source->socket.any.sa_family == AF_INET) {
        (void)inet_ntop(AF_INET, &source->socket.ip4.sin_addr, from, sizeof(from));
        (void)inet_ntop(AF_INET, &destination->socket.ip4.sin_addr, to, sizeof(to));
    } else {
        write_ip6_text(&source->socket.ip6.sin6_addr, from);
        write_ip6_text(&destination->socket.ip6.sin6_addr, to);
        from_port = source->socket.ip6.sin6_port;
        to_port = destination->socket.ip6.sin6_port;
    }
    return (size_t)snprintf(line, PROXY_LINE_BYTES_MAX + 1 - PROXY_LINE_START_BYTES,
                            "%s %s %s %u %u\r\n", word, from, to, (unsigned)ntohs(from_port),
                            (unsigned)ntohs(to_port));
}

/* The C library writes the last half of some addresses with dots; the protocol knows groups of
 * hexadecimal digits only. */
static void write_ip6_text(const struct in6_addr *ip6, char into[static INET6_ADDRSTRLEN])
{
    const uint8_t *last = ip6->s6_addr + PROXY_IP6_BYTES - PROXY_IP4_BYTES;

    (void)inet_ntop(AF_INET6, ip6, into, INET6_ADDRSTRLEN);
    if (strchr(into, '.') != NULL) {
        char *tail = strrchr(into, ':') + 1;

        (void)snprintf(tail, INET6_ADDRSTRLEN - (size_t)(tail - into), "%x:%x",
                       (unsigned)proxy_wire_16(last), (unsigned)proxy_wire_16(last + 2));
    }
}

/* --- version 2 ------------------------------------------------------------------------------ */

/* The family, room for the length of all that follows, and the addresses. */
static void put_pair(struct writing *writing, const struct proxy_header *header)
{
    const struct address *source = &header->source;
    const struct address *destination = &header->destination;

    switch (family_of(header)) {
    case AF_INET:
        put_8(writing, PROXY_FAMILY_TCP4);
        put_16(writing, 0);
        put(writing, &source->socket.ip4.sin_addr, PROXY_IP4_BYTES);
        put(writing, &destination->socket.ip4.sin_addr, PROXY_IP4_BYTES);
        put(writing, &source->socket.ip4.sin_port, PROXY_PORT_BYTES);
        put(writing, &destination->socket.ip4.sin_port, PROXY_PORT_BYTES);
        break;
    case AF_INET6:
        put_8(writing, PROXY_FAMILY_TCP6);
        put_16(writing, 0);
        put(writing, &source->socket.ip6.sin6_addr, PROXY_IP6_BYTES);
        put(writing, &destination->socket.ip6.sin6_addr, PROXY_IP6_BYTES);
        put(writing, &source->socket.ip6.sin6_port, PROXY_PORT_BYTES);
        put(writing, &destination->socket.ip6.sin6_port, PROXY_PORT_BYTES);
        break;
    case AF_UNIX:
        put_8(writing, PROXY_FAMILY_UNIX);
        put_16(writing, 0);
        put_path(writing, source);
        put_path(writing, destination);
        break;
    default:
        put_8(writing, PROXY_FAMILY_NONE);
        put_16(writing, 0);
    }
}

/* Zeros behind it; nothing but zeros for a socket without a name, as clients usually are. */
static void put_path(struct writing *writing, const struct address *address)
{
    size_t  len = (size_t)address->len - offsetof(struct sockaddr_un, sun_path);
    uint8_t path[PROXY_PATH_BYTES] = {0};

    memcpy(path, address->socket.unix_path.sun_path, len < sizeof(path) ? len : sizeof(path));
    put(writing, path, sizeof(path));
}

static void put_facts(struct writing *writing, const struct proxy_facts *facts)
{
    put_tlv(writing, PROXY_TLV_ALPN, facts->alpn, PROXY_TEXT_BYTES_MAX);
    put_tlv(writing, PROXY_TLV_AUTHORITY, facts->authority, PROXY_TEXT_BYTES_MAX);
    if (facts->ssl != NULL) {
        put_ssl(writing, facts->ssl);
    }
    put_tlv(writing, PROXY_TLV_UNIQUE_ID, facts->unique_id, PROXY_UNIQUE_ID_BYTES_MAX);
}

/* `verify` is zero for a client whose certificate is good, and for nobody else. */
static void put_ssl(struct writing *writing, const struct proxy_ssl *ssl)
{
    size_t length_at = writing->len + 1;

    put_8(writing, PROXY_TLV_SSL);
    put_16(writing, 0);
    put_8(writing, ssl->client);
    put_16(writing, 0);
    put_16(writing, ssl->is_verified ? 0 : 1);
    put_tlv(writing, PROXY_TLV_SSL_VERSION, ssl->version, PROXY_TEXT_BYTES_MAX);
    put_tlv(writing, PROXY_TLV_SSL_CN, ssl->common_name, PROXY_TEXT_BYTES_MAX);
    put_tlv(writing, PROXY_TLV_SSL_CIPHER, ssl->cipher, PROXY_TEXT_BYTES_MAX);
    set_16(writing->into + length_at, writing->len - length_at - 2);
}

static void put_tlv(struct writing *writing, enum proxy_tlv type, struct bytes_const value,
                    size_t bytes_max)
{
    if (value.len > 0 && value.len <= bytes_max) {
        put_8(writing, type);
        put_16(writing, value.len);
        put(writing, value.data, value.len);
    }
}

/* Over the whole header, while its own four bytes are zero. */
static void put_crc32c(struct writing *writing)
{
    static const uint8_t none[PROXY_CRC32C_BYTES] = {0};

    put_tlv(writing, PROXY_TLV_CRC32C, (struct bytes_const){none, sizeof(none)}, sizeof(none));
    set_16(writing->into + PROXY_HEAD_BYTES - 2, writing->len - PROXY_HEAD_BYTES);
    uint32_t sum = crc32c(0, (struct bytes_const){writing->into, writing->len});
    uint8_t *at = writing->into + writing->len - PROXY_CRC32C_BYTES;

    set_16(at, sum >> 16);
    set_16(at + 2, sum & UINT16_MAX);
}

static void put(struct writing *writing, const void *bytes, size_t len)
{
    require(writing->len + len <= PROXY_HEADER_BYTES_MAX);
    memcpy(writing->into + writing->len, bytes, len);
    writing->len += len;
}

static void put_8(struct writing *writing, unsigned number)
{
    put(writing, &(uint8_t){(uint8_t)number}, 1);
}

static void put_16(struct writing *writing, size_t number)
{
    uint8_t bytes[2];

    set_16(bytes, number);
    put(writing, bytes, sizeof(bytes));
}

static void set_16(uint8_t *at, size_t number)
{
    at[0] = (uint8_t)(number >> 8);
    at[1] = (uint8_t)number;
}
