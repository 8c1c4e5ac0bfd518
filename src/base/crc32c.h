/* CRC-32C (Castagnoli), as iSCSI (RFC 3720) and the PROXY protocol use it. */
#ifndef SALLYPORT_BASE_CRC32C_H
#define SALLYPORT_BASE_CRC32C_H

#include "base/bytes.h"

#include <stdint.h>

/* The sum of all bytes so far: `sum` is 0 before the first, or what an earlier call returned. */
uint32_t crc32c(uint32_t sum, struct bytes_const bytes);

#endif
