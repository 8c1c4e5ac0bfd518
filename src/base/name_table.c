#include "base/name_table.h"

#include "base/id_table.h"
#include "base/require.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Open addressing with linear probing, at most half full, names stored behind one another. */
struct slot {
    uint32_t name_at; /* offset into names */
    uint16_t name_len;
    int32_t  value; /* NAME_TABLE_NONE: the slot is free */
};

struct name_table {
    struct slot *slots;
    size_t       slots_count; /* a power of two */
    size_t       used;
    uint8_t     *names;
    size_t       names_bytes;
    size_t       names_room;
};

enum { FIRST_SLOTS = 16, FIRST_NAMES_BYTES = 256 };

static bool         table_grow_slots(struct name_table *table);
static bool         table_grow_names(struct name_table *table, size_t bytes);
static struct slot *table_slot(const struct name_table *table, struct bytes_const lower);
static int          table_value(const struct name_table *table, struct bytes_const lower);
static void         name_lower(struct bytes_const name, uint8_t into[static NAME_LEN_MAX]);

struct name_table *name_table_new(void)
{
    struct name_table *table = calloc(1, sizeof(*table));

    if (table != NULL && (!table_grow_slots(table) || !table_grow_names(table, 1))) {
        name_table_free(&table);
    }
    return table;
}

void name_table_free(struct name_table **table)
{
    if (*table == NULL) {
        return;
    }
    free((*table)->slots);
    free((*table)->names);
    free(*table);
    *table = NULL;
}

bool name_table_add(struct name_table *table, struct bytes_const name, int value)
{
    uint8_t lower[NAME_LEN_MAX];

    require(value >= 0);
    if (!name_is_valid(name)) {
        return false;
    }
    if ((table->used + 1) * 2 > table->slots_count && !table_grow_slots(table)) {
        return false;
    }
    name_lower(name, lower);
    struct slot *slot = table_slot(table, (struct bytes_const){lower, name.len});

    if (slot->value != NAME_TABLE_NONE) {
        return true;
    }
    if (!table_grow_names(table, name.len)) {
        return false;
    }
    memcpy(table->names + table->names_bytes, lower, name.len);
    *slot = (struct slot){
        .name_at = (uint32_t)table->names_bytes, .name_len = (uint16_t)name.len, .value = value};
    table->names_bytes += name.len;
    table->used++;
    return true;
}

int name_table_find(const struct name_table *table, struct bytes_const name)
{
    uint8_t lower[NAME_LEN_MAX];

    if (name.len == 0 || name.len > NAME_LEN_MAX) {
        return NAME_TABLE_NONE;
    }
    name_lower(name, lower);
    int            value = table_value(table, (struct bytes_const){lower, name.len});
    const uint8_t *dot = memchr(lower, '.', name.len);

    if (value != NAME_TABLE_NONE || dot == NULL || dot == lower) {
        return value;
    }
    /* "*" in place of the first label: the byte before the dot is free to hold it. */
    size_t star_at = (size_t)(dot - lower) - 1;

    lower[star_at] = '*';
    return table_value(table, (struct bytes_const){lower + star_at, name.len - star_at});
}

int name_table_find_exact(const struct name_table *table, struct bytes_const name)
{
    uint8_t lower[NAME_LEN_MAX];

    if (name.len == 0 || name.len > NAME_LEN_MAX) {
        return NAME_TABLE_NONE;
    }
    name_lower(name, lower);
    return table_value(table, (struct bytes_const){lower, name.len});
}

size_t name_table_count(const struct name_table *table)
{
    return table->used;
}

bool name_is_valid(struct bytes_const name)
{
    size_t label_len = 0;
    size_t first = name.len > 2 && memcmp(name.data, "*.", 2) == 0 ? 2 : 0;

    if (name.len == 0 || name.len > NAME_LEN_MAX) {
        return false;
    }
    for (size_t i = first; i < name.len; i++) {
        uint8_t byte = name.data[i];
        bool    is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');

        if (byte == '.') {
            if (label_len == 0) {
                return false;
            }
            label_len = 0;
        } else if (is_letter || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_') {
            label_len++;
        } else {
            return false;
        }
    }
    return label_len > 0;
}

static int table_value(const struct name_table *table, struct bytes_const lower)
{
    return table_slot(table, lower)->value;
}

/* The slot that holds the name, or the free one where it would go. */
static struct slot *table_slot(const struct name_table *table, struct bytes_const lower)
{
    /* Names come from certificates and the configuration; a client only looks them up, so it cannot
     * lengthen the chains. */
    size_t at = (size_t)id_of_bytes(lower) & (table->slots_count - 1);

    for (;; at = (at + 1) & (table->slots_count - 1)) {
        struct slot *slot = &table->slots[at];

        if (slot->value == NAME_TABLE_NONE ||
            (slot->name_len == lower.len &&
             memcmp(table->names + slot->name_at, lower.data, lower.len) == 0)) {
            return slot;
        }
    }
}

static bool table_grow_slots(struct name_table *table)
{
    struct name_table grown = *table;

    grown.slots_count = table->slots_count == 0 ? FIRST_SLOTS : table->slots_count * 2;
    grown.slots = malloc(grown.slots_count * sizeof(*grown.slots));
    if (grown.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < grown.slots_count; i++) {
        grown.slots[i] = (struct slot){.value = NAME_TABLE_NONE};
    }
    for (size_t i = 0; i < table->slots_count; i++) {
        struct slot *old = &table->slots[i];

        if (old->value != NAME_TABLE_NONE) {
            *table_slot(&grown, (struct bytes_const){table->names + old->name_at, old->name_len}) =
                *old;
        }
    }
    free(table->slots);
    *table = grown;
    return true;
}

static bool table_grow_names(struct name_table *table, size_t bytes)
{
    size_t room = table->names_room == 0 ? FIRST_NAMES_BYTES : table->names_room;

    while (room < table->names_bytes + bytes) {
        room *= 2;
    }
    if (room == table->names_room) {
        return true;
    }
    uint8_t *names = realloc(table->names, room);

    if (names == NULL) {
        return false;
    }
    table->names = names;
    table->names_room = room;
    return true;
}

static void name_lower(struct bytes_const name, uint8_t into[static NAME_LEN_MAX])
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t byte = name.data[i];

        into[i] = byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 'a' - 'A') : byte;
    }
}
