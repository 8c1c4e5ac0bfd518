/*
 * What the fuzzers share: libFuzzer's door, and decisions read out of its bytes. The bytes are a
 * tape; when it has run out every decision is 0, so that each input means something and a shorter
 * one means less.
 */
#ifndef SALLYPORT_TESTS_FUZZ_H
#define SALLYPORT_TESTS_FUZZ_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each fuzzer defines the first; the second where something is to be made once. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static inline bool fuzz_has_more(const struct bytes_const *tape)
{
    return tape->len > 0;
}

static inline uint8_t fuzz_byte(struct bytes_const *tape)
{
    if (tape->len == 0) {
        return 0;
    }
    tape->len--;
    return *tape->data++;
}

static inline uint64_t fuzz_number(struct bytes_const *tape, unsigned bytes)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < bytes; i++) {
        number = number << 8 | fuzz_byte(tape);
    }
    return number;
}

/* 0 to below - 1, from as few bytes as that needs; below at least 1. */
static inline uint64_t fuzz_below(struct bytes_const *tape, uint64_t below)
{
    unsigned bytes = below <= 0x100 ? 1 : below <= 0x10000 ? 2 : below <= 0x1000000 ? 3 : 8;

    return fuzz_number(tape, bytes) % below;
}

/* Up to `len` bytes of the tape itself. */
static inline struct bytes_const fuzz_bytes(struct bytes_const *tape, size_t len)
{
    struct bytes_const bytes = {tape->data, len < tape->len ? len : tape->len};

    tape->data += bytes.len;
    tape->len -= bytes.len;
    return bytes;
}

#endif
