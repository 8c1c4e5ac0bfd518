#include "base/crc32c.h"

enum { NIBBLE_BITS = 4, NIBBLE_MASK = 15 };

/* Half a byte at a time: a sum is made of some hundred bytes now and then, and 64 bytes of table
 * push nothing else out of the cache. Entry n is n after four steps of 0x82f63b78. */
static const uint32_t steps[] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

uint32_t crc32c(uint32_t sum, struct bytes_const bytes)
{
    sum = ~sum;
    for (size_t i = 0; i < bytes.len; i++) {
        sum ^= bytes.data[i];
        sum = sum >> NIBBLE_BITS ^ steps[sum & NIBBLE_MASK];
        sum = sum >> NIBBLE_BITS ^ steps[sum & NIBBLE_MASK];
    }
    return ~sum;
}
