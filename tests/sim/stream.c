#include "stream.h"

#include <string.h>

/* All streams read from one run of arbitrary bytes, each from a place of its own, so that filling
 * and checking cost no more than copying. A prime length shares no factor with the steps between
 * streams, nor with any buffer's size. */
enum { PATTERN_BYTES = 65521, STREAM_STEP = 12347 };

static uint8_t pattern[PATTERN_BYTES];

static struct bytes_const pattern_from(uint64_t id, uint64_t at, size_t len);
static void               make_pattern(void);

void stream_fill(const struct stream *stream, struct bytes into)
{
    for (size_t done = 0; done < into.len;) {
        struct bytes_const run = pattern_from(stream->id, stream->sent + done, into.len - done);

        memcpy(into.data + done, run.data, run.len);
        done += run.len;
    }
}

bool stream_check(struct stream *stream, struct bytes_const bytes)
{
    if (stream->received + bytes.len > stream->sent) {
        return false;
    }
    for (size_t done = 0; done < bytes.len;) {
        struct bytes_const run =
            pattern_from(stream->id, stream->received + done, bytes.len - done);

        if (memcmp(bytes.data + done, run.data, run.len) != 0) {
            return false;
        }
        done += run.len;
    }
    stream->received += bytes.len;
    return true;
}

/* The bytes of a stream from `at` on: `len` of them, or as many as come before the pattern ends. */
static struct bytes_const pattern_from(uint64_t id, uint64_t at, size_t len)
{
    size_t place = (size_t)((id * STREAM_STEP + at) % PATTERN_BYTES);
    size_t rest = PATTERN_BYTES - place;

    if (pattern[0] == 0) {
        make_pattern();
    }
    return (struct bytes_const){pattern + place, len < rest ? len : rest};
}

/* George Marsaglia's xorshift, 32 bits with shifts 13, 17 and 5. The first byte is not 0: it says
 * that the pattern is made. */
static void make_pattern(void)
{
    uint32_t number = 2463534242;

    for (size_t i = 0; i < PATTERN_BYTES; i++) {
        number ^= number << 13;
        number ^= number >> 17;
        number ^= number << 5;
        pattern[i] = (uint8_t)(number >> 24 | (i == 0));
    }
}
