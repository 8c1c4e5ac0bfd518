/* A stretch of memory that someone else owns: where it begins and how long it is. */
#ifndef SALLYPORT_BASE_BYTES_H
#define SALLYPORT_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>

struct bytes {
    uint8_t *data;
    size_t   len;
};

struct bytes_const {
    const uint8_t *data;
    size_t         len;
};

#endif
