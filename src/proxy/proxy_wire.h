/* The numbers of the PROXY protocol, for who writes headers and who reads them. */
#ifndef SALLYPORT_PROXY_PROXY_WIRE_H
#define SALLYPORT_PROXY_PROXY_WIRE_H

#include <stdint.h>

#define PROXY_LINE_START "PROXY "
#define PROXY_SIGNATURE  "\r\n\r\n\0\r\nQUIT\n"

enum proxy_wire_bytes {
    PROXY_LINE_START_BYTES = 6,
    PROXY_SIGNATURE_BYTES = 12,
    PROXY_HEAD_BYTES = 16, /* signature, version and command, family, length of the rest */
    PROXY_IP4_BYTES = 4,
    PROXY_IP6_BYTES = 16,
    PROXY_PORT_BYTES = 2,
    PROXY_PATH_BYTES = 108,
    PROXY_IP4_PAIR_BYTES = 2 * (PROXY_IP4_BYTES + PROXY_PORT_BYTES),
    PROXY_IP6_PAIR_BYTES = 2 * (PROXY_IP6_BYTES + PROXY_PORT_BYTES),
    PROXY_PATH_PAIR_BYTES = 2 * PROXY_PATH_BYTES,
    PROXY_TLV_HEAD_BYTES = 3,
    PROXY_CRC32C_BYTES = 4,
    PROXY_SSL_HEAD_BYTES = 5, /* client and verify */
};

enum proxy_command { PROXY_VERSION_2 = 0x20, PROXY_COMMAND_LOCAL = 0, PROXY_COMMAND_PROXY = 1 };

enum proxy_family {
    PROXY_FAMILY_NONE = 0x00,
    PROXY_FAMILY_TCP4 = 0x11,
    PROXY_FAMILY_UDP4 = 0x12,
    PROXY_FAMILY_TCP6 = 0x21,
    PROXY_FAMILY_UDP6 = 0x22,
    PROXY_FAMILY_UNIX = 0x31,
    PROXY_FAMILY_UNIX_DATAGRAM = 0x32,
};

enum proxy_tlv {
    PROXY_TLV_ALPN = 0x01,
    PROXY_TLV_AUTHORITY = 0x02,
    PROXY_TLV_CRC32C = 0x03,
    PROXY_TLV_UNIQUE_ID = 0x05,
    PROXY_TLV_SSL = 0x20,
    PROXY_TLV_SSL_VERSION = 0x21,
    PROXY_TLV_SSL_CN = 0x22,
    PROXY_TLV_SSL_CIPHER = 0x23,
};

static inline uint16_t proxy_wire_16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

#endif
