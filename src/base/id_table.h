/*
 * Objects found by a number: each embeds an entry, the table keeps only the chains. Several may
 * have one number, which makes it fit for hashes as well. Grows as it fills and never shrinks.
 */
#ifndef SALLYPORT_BASE_ID_TABLE_H
#define SALLYPORT_BASE_ID_TABLE_H

#include "base/bytes.h"
#include "base/list.h" /* container_of */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct id_entry {
    /* private */
    struct id_entry *next;
    uint64_t         id;
};

/* Zeroed memory is an empty table. */
struct id_table {
    /* private */
    struct id_entry **buckets;
    size_t            buckets_count; /* a power of two, or 0 */
    size_t            count;
};

/* False when memory is short. */
__attribute__((warn_unused_result)) bool id_table_add(struct id_table *table,
                                                      struct id_entry *entry, uint64_t id);
/* The entry must be in it. */
void id_table_remove(struct id_table *table, struct id_entry *entry);
/* Frees the table, which must be empty, or whose objects are freed otherwise. */
void id_table_fini(struct id_table *table);

/* The newest entry with that number, then those before it; NULL: none. */
struct id_entry *id_table_find(const struct id_table *table, uint64_t id);
struct id_entry *id_table_find_next(const struct id_entry *entry);

/* All entries, in no order. An entry may be removed once the one after it is known. */
struct id_entry *id_table_first(const struct id_table *table);
struct id_entry *id_table_after(const struct id_table *table, const struct id_entry *entry);

static inline size_t id_table_count(const struct id_table *table)
{
    return table->count;
}

/* FNV-1a: a number for bytes. Not for bytes a peer chooses. */
uint64_t id_of_bytes(struct bytes_const bytes);

#endif
