#include "base/id_table.h"

#include "base/require.h"

#include <stdlib.h>

enum { FIRST_BUCKETS = 16 };

static bool              table_grow(struct id_table *table);
static struct id_entry  *first_from(const struct id_table *table, size_t index);
static struct id_entry **bucket_of(const struct id_table *table, uint64_t id);
static size_t            bucket_index(const struct id_table *table, uint64_t id);

bool id_table_add(struct id_table *table, struct id_entry *entry, uint64_t id)
{
    if (table->count >= table->buckets_count && !table_grow(table)) {
        return false;
    }
    struct id_entry **bucket = bucket_of(table, id);

    *entry = (struct id_entry){.next = *bucket, .id = id};
    *bucket = entry;
    table->count++;
    return true;
}

void id_table_remove(struct id_table *table, struct id_entry *entry)
{
    require(table->count > 0);
    struct id_entry **at = bucket_of(table, entry->id);

    while (*at != entry) {
        require(*at != NULL);
        at = &(*at)->next;
    }
    *at = entry->next;
    entry->next = NULL;
    table->count--;
}

void id_table_fini(struct id_table *table)
{
    free(table->buckets);
    *table = (struct id_table){0};
}

struct id_entry *id_table_find(const struct id_table *table, uint64_t id)
{
    struct id_entry *entry = table->count > 0 ? *bucket_of(table, id) : NULL;

    while (entry != NULL && entry->id != id) {
        entry = entry->next;
    }
    return entry;
}

struct id_entry *id_table_find_next(const struct id_entry *entry)
{
    uint64_t         id = entry->id;
    struct id_entry *next = entry->next;

    while (next != NULL && next->id != id) {
        next = next->next;
    }
    return next;
}

struct id_entry *id_table_first(const struct id_table *table)
{
    return first_from(table, 0);
}

struct id_entry *id_table_after(const struct id_table *table, const struct id_entry *entry)
{
    return entry->next != NULL ? entry->next
                               : first_from(table, bucket_index(table, entry->id) + 1);
}

uint64_t id_of_bytes(struct bytes_const bytes)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < bytes.len; i++) {
        hash = (hash ^ bytes.data[i]) * UINT64_C(1099511628211);
    }
    return hash ^ (hash >> 32);
}

static struct id_entry *first_from(const struct id_table *table, size_t index)
{
    while (index < table->buckets_count && table->buckets[index] == NULL) {
        index++;
    }
    return index < table->buckets_count ? table->buckets[index] : NULL;
}

static struct id_entry **bucket_of(const struct id_table *table, uint64_t id)
{
    return &table->buckets[bucket_index(table, id)];
}

static size_t bucket_index(const struct id_table *table, uint64_t id)
{
    /* Numbers that count up must not fill neighbouring buckets alone: Knuth's multiplier. */
    uint64_t spread = id * UINT64_C(0x9e3779b97f4a7c15);

    return (size_t)(spread >> 32) & (table->buckets_count - 1);
}

static bool table_grow(struct id_table *table)
{
    struct id_table grown = {.count = table->count};

    grown.buckets_count = table->buckets_count == 0 ? FIRST_BUCKETS : table->buckets_count * 2;
    grown.buckets = calloc(grown.buckets_count, sizeof(struct id_entry *));
    if (grown.buckets == NULL) {
        return false;
    }
    for (size_t i = 0; i < table->buckets_count; i++) {
        struct id_entry *entry = table->buckets[i];

        while (entry != NULL) {
            struct id_entry  *next = entry->next;
            struct id_entry **bucket = bucket_of(&grown, entry->id);

            entry->next = *bucket;
            *bucket = entry;
            entry = next;
        }
    }
    free(table->buckets);
    *table = grown;
    return true;
}
