/*
 * The content of every benchmark stream: byte n of a stream depends on n alone, so either end can
 * produce it and check it without having seen the other end.
 */
#ifndef SALLYPORT_TESTS_BENCH_PATTERN_H
#define SALLYPORT_TESTS_BENCH_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As many bytes as pattern_at promises behind its pointer. */
enum { PATTERN_SLICE_BYTES = 128 * 1024 };

/* Once a process, before the other calls. */
void pattern_init(void);

/* The bytes of the stream from this offset on. */
const uint8_t *pattern_at(uint64_t offset);

/* True when these bytes are what a stream has at this offset; at most PATTERN_SLICE_BYTES. */
bool pattern_matches(const uint8_t *bytes, size_t len, uint64_t offset);

#endif
