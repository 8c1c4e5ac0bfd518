/*
 * Small secrets that all reactors share for a while, under random keys: the one thing besides
 * counters that threads share by a lock, and only on handshakes of clients that know no tickets.
 * When it is full the oldest goes. What goes is wiped.
 */
#ifndef SALLYPORT_REACTOR_SHARED_CACHE_H
#define SALLYPORT_REACTOR_SHARED_CACHE_H

#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHARED_CACHE_KEY_BYTES = 32, SHARED_CACHE_VALUE_BYTES = 440 };

struct shared_cache;

/* For `entries` at a time, at least 1, rounded up a little. Memory is touched as it fills. NULL and
 * error. */
__attribute__((warn_unused_result)) struct shared_cache *shared_cache_new(size_t        entries,
                                                                          struct error *error);
void shared_cache_free(struct shared_cache **cache);

/* Keeps a copy until `until_ns`, in place of what is there under that key. A value longer than
 * SHARED_CACHE_VALUE_BYTES is not kept: false. */
bool shared_cache_put(struct shared_cache *cache, const uint8_t key[SHARED_CACHE_KEY_BYTES],
                      struct bytes_const value, uint64_t until_ns);

/* Copies it out; 0 when there is none, or none any more. */
size_t shared_cache_get(struct shared_cache *cache, const uint8_t key[SHARED_CACHE_KEY_BYTES],
                        uint64_t now_ns, uint8_t value[SHARED_CACHE_VALUE_BYTES]);

void shared_cache_drop(struct shared_cache *cache, const uint8_t key[SHARED_CACHE_KEY_BYTES]);

#endif
