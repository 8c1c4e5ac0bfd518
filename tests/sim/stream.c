#include "stream.h"

static uint8_t stream_byte(uint64_t id, uint64_t at);

void stream_fill(const struct stream *stream, struct bytes into)
{
    for (size_t i = 0; i < into.len; i++) {
        into.data[i] = stream_byte(stream->id, stream->sent + i);
    }
}

bool stream_check(struct stream *stream, struct bytes_const bytes)
{
    if (stream->received + bytes.len > stream->sent) {
        return false;
    }
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.data[i] != stream_byte(stream->id, stream->received + i)) {
            return false;
        }
    }
    stream->received += bytes.len;
    return true;
}

static uint8_t stream_byte(uint64_t id, uint64_t at)
{
    return (uint8_t)((id * 31 + at * 167 + (at >> 8) * 13) >> 1);
}
