/*
 * Fixed-capacity byte queue over memory lent by a slab: written at the tail, read at the head.
 * Only buffer_compact moves bytes, so a stretch handed to a send stays where it is.
 */
#ifndef SALLYPORT_BASE_BUFFER_H
#define SALLYPORT_BASE_BUFFER_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
    /* private */
    uint8_t *memory; /* NULL: no memory attached, capacity 0 */
    uint32_t capacity;
    uint32_t head;
    uint32_t tail;
};

/* Gives the buffer `capacity` bytes to work in; it must have none yet. */
void buffer_attach(struct buffer *buffer, void *memory, size_t capacity);

/* Takes the memory out again, whatever is inside; NULL when there was none. */
void *buffer_detach(struct buffer *buffer);

static inline bool buffer_has_memory(const struct buffer *buffer)
{
    return buffer->memory != NULL;
}

static inline size_t buffer_len(const struct buffer *buffer)
{
    return (size_t)buffer->tail - buffer->head;
}

static inline bool buffer_is_empty(const struct buffer *buffer)
{
    return buffer->tail == buffer->head;
}

/* Bytes that still fit at the tail. */
static inline size_t buffer_room(const struct buffer *buffer)
{
    return (size_t)buffer->capacity - buffer->tail;
}

/* What is inside, oldest first. */
struct bytes_const buffer_readable(const struct buffer *buffer);

/* The free stretch at the tail; follow what you write there with buffer_produced. */
struct bytes buffer_writable(struct buffer *buffer);
void         buffer_produced(struct buffer *buffer, size_t bytes);

/* Drops the oldest bytes. An emptied buffer starts again at the front. */
void buffer_consumed(struct buffer *buffer, size_t bytes);

/* Moves what is inside to the front, so that all free room is at the tail. Not while a send has
 * a stretch of it. */
void buffer_compact(struct buffer *buffer);

/* Copies as much as fits; returns how many bytes that was. */
size_t buffer_append(struct buffer *buffer, struct bytes_const from);

#endif
