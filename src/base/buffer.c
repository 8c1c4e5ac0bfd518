#include "base/buffer.h"

#include "base/require.h"

#include <string.h>

void buffer_attach(struct buffer *buffer, void *memory, size_t capacity)
{
    require(buffer->memory == NULL);
    require(memory != NULL);
    require(capacity > 0 && capacity <= UINT32_MAX);
    *buffer = (struct buffer){.memory = memory, .capacity = (uint32_t)capacity};
}

void *buffer_detach(struct buffer *buffer)
{
    void *memory = buffer->memory;

    *buffer = (struct buffer){0};
    return memory;
}

struct bytes_const buffer_readable(const struct buffer *buffer)
{
    if (buffer_is_empty(buffer)) {
        return (struct bytes_const){0};
    }
    return (struct bytes_const){.data = buffer->memory + buffer->head, .len = buffer_len(buffer)};
}

struct bytes buffer_writable(struct buffer *buffer)
{
    if (buffer_room(buffer) == 0) {
        return (struct bytes){0};
    }
    return (struct bytes){.data = buffer->memory + buffer->tail, .len = buffer_room(buffer)};
}

void buffer_produced(struct buffer *buffer, size_t bytes)
{
    require(bytes <= buffer_room(buffer));
    buffer->tail += (uint32_t)bytes;
}

void buffer_consumed(struct buffer *buffer, size_t bytes)
{
    require(bytes <= buffer_len(buffer));
    buffer->head += (uint32_t)bytes;
    if (buffer->head == buffer->tail) {
        buffer->head = 0;
        buffer->tail = 0;
    }
}

void buffer_compact(struct buffer *buffer)
{
    size_t len = buffer_len(buffer);

    if (buffer->head > 0) {
        memmove(buffer->memory, buffer->memory + buffer->head, len);
        buffer->head = 0;
        buffer->tail = (uint32_t)len;
    }
}

size_t buffer_append(struct buffer *buffer, struct bytes_const from)
{
    size_t bytes = from.len < buffer_room(buffer) ? from.len : buffer_room(buffer);

    if (bytes > 0) {
        memcpy(buffer->memory + buffer->tail, from.data, bytes);
        buffer->tail += (uint32_t)bytes;
    }
    return bytes;
}
