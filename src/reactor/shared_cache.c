#include "reactor/shared_cache.h"

#include "base/require.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { SHARDS = 16 };

struct slot {
    uint8_t  key[SHARED_CACHE_KEY_BYTES];
    uint64_t until_ns;
    uint32_t next; /* in its bucket */
    uint16_t len;
    bool     is_used;
    uint8_t  value[SHARED_CACHE_VALUE_BYTES];
};

/* Keys are random, so their bytes choose shard and bucket. Slots are filled round and round. */
struct shard {
    pthread_mutex_t lock;
    struct slot    *slots;
    uint32_t       *buckets; /* as many as slots */
    uint32_t        slots_count;
    uint32_t        oldest;
    uint32_t        touched; /* slots that were ever filled */
};

struct shared_cache {
    struct shard shards[SHARDS];
    void        *memory;
    size_t       memory_bytes;
};

static void          shard_init(struct shard *shard, uint8_t *memory, uint32_t slots_count);
static struct shard *shard_lock(struct shared_cache *cache, const uint8_t *key);
static uint32_t     *bucket_of(struct shard *shard, const uint8_t *key);
static struct slot  *find(struct shard *shard, const uint8_t *key);
static void          clear(struct shard *shard, struct slot *slot);

/* Buckets hold a slot's number and one, so that fresh memory is an empty table. */
struct shared_cache *shared_cache_new(size_t entries, struct error *error)
{
    struct shared_cache *cache = calloc(1, sizeof(*cache));
    uint32_t             slots = (uint32_t)((entries + SHARDS - 1) / SHARDS);
    size_t               shard_bytes = (sizeof(struct slot) + sizeof(uint32_t)) * (size_t)slots;

    require(entries > 0 && entries < UINT32_MAX);
    *error = error_from_errno(ENOMEM, "shared cache");
    if (cache == NULL) {
        return NULL;
    }
    shard_bytes = (shard_bytes + sizeof(uint64_t) - 1) / sizeof(uint64_t) * sizeof(uint64_t);
    cache->memory_bytes = shard_bytes * SHARDS;
    cache->memory = mmap(NULL, cache->memory_bytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (cache->memory == MAP_FAILED) {
        *error = error_from_errno(errno, "shared cache");
        free(cache);
        return NULL;
    }
    for (size_t i = 0; i < SHARDS; i++) {
        shard_init(&cache->shards[i], (uint8_t *)cache->memory + i * shard_bytes, slots);
    }
    *error = ERROR_OK;
    return cache;
}

static void shard_init(struct shard *shard, uint8_t *memory, uint32_t slots_count)
{
    (void)pthread_mutex_init(&shard->lock, NULL);
    shard->slots = (struct slot *)(void *)memory;
    shard->buckets = (uint32_t *)(void *)(memory + sizeof(struct slot) * slots_count);
    shard->slots_count = slots_count;
}

void shared_cache_free(struct shared_cache **cache)
{
    struct shared_cache *freed = *cache;

    if (freed == NULL) {
        return;
    }
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &freed->shards[i];

        for (uint32_t j = 0; j < shard->touched; j++) {
            explicit_bzero(&shard->slots[j], sizeof(shard->slots[j]));
        }
        (void)pthread_mutex_destroy(&shard->lock);
    }
    (void)munmap(freed->memory, freed->memory_bytes);
    free(freed);
    *cache = NULL;
}

bool shared_cache_put(struct shared_cache *cache, const uint8_t key[SHARED_CACHE_KEY_BYTES],
                      struct bytes_const value, uint64_t until_ns)
{
    if (value.len == 0 || value.len > SHARED_CACHE_VALUE_BYTES) {
        return false;
    }
    struct shard *shard = shard_lock(cache, key);
    struct slot  *before = find(shard, key);

    if (before != NULL) {
        clear(shard, before);
    }
    struct slot *slot = &shard->slots[shard->oldest];

    if (slot->is_used) {
        clear(shard, slot);
    }
    uint32_t *bucket = bucket_of(shard, key);

    *slot = (struct slot){
        .until_ns = until_ns, .next = *bucket, .len = (uint16_t)value.len, .is_used = true};
    memcpy(slot->key, key, sizeof(slot->key));
    memcpy(slot->value, value.data, value.len);
    *bucket = shard->oldest + 1;
    shard->touched = shard->touched > shard->oldest ? shard->touched : shard->oldest + 1;
    shard->oldest = (shard->oldest + 1) % shard->slots_count;
    (void)pthread_mutex_unlock(&shard->lock);
    return true;
}

size_t shared_cache_get(struct shared_cache *cache, const uint8_t key[SHARED_CACHE_KEY_BYTES],
                        uint64_t now_ns, uint8_t value[SHARED_CACHE_VALUE_BYTES])
{
    struct shard *shard = shard_lock(cache, key);
    struct slot  *slot = find(shard, key);
    size_t        len = 0;

    if (slot != NULL && slot->until_ns > now_ns) {
        len = slot->len;
        memcpy(value, slot->value, len);
    } else if (slot != NULL) {
        clear(shard, slot);
    }
    (void)pthread_mutex_unlock(&shard->lock);
    return len;
}

void shared_cache_drop(struct shared_cache *cache, const uint8_t key[SHARED_CACHE_KEY_BYTES])
{
    struct shard *shard = shard_lock(cache, key);
    struct slot  *slot = find(shard, key);

    if (slot != NULL) {
        clear(shard, slot);
    }
    (void)pthread_mutex_unlock(&shard->lock);
}

static struct shard *shard_lock(struct shared_cache *cache, const uint8_t *key)
{
    struct shard *shard = &cache->shards[key[0] % SHARDS];

    (void)pthread_mutex_lock(&shard->lock);
    return shard;
}

static uint32_t *bucket_of(struct shard *shard, const uint8_t *key)
{
    uint32_t number = 0;

    memcpy(&number, key + 1, sizeof(number));
    return &shard->buckets[number % shard->slots_count];
}

static struct slot *find(struct shard *shard, const uint8_t *key)
{
    for (uint32_t at = *bucket_of(shard, key); at != 0; at = shard->slots[at - 1].next) {
        if (memcmp(shard->slots[at - 1].key, key, SHARED_CACHE_KEY_BYTES) == 0) {
            return &shard->slots[at - 1];
        }
    }
    return NULL;
}

static void clear(struct shard *shard, struct slot *slot)
{
    uint32_t *at = bucket_of(shard, slot->key);

    while (*at != (uint32_t)(slot - shard->slots) + 1) {
        at = &shard->slots[*at - 1].next;
    }
    *at = slot->next;
    explicit_bzero(slot, sizeof(*slot));
}
