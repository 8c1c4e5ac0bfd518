/*
 * Which entry serves a host name: exact match, else the longest matching wildcard ("*.example.org"
 * stands for exactly one label, RFC 6125 section 6.4.3), else none. Names are ASCII and compared
 * without case. Built once, then read only, so that threads may share it.
 */
#ifndef SALLYPORT_BASE_NAME_TABLE_H
#define SALLYPORT_BASE_NAME_TABLE_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>

enum { NAME_LEN_MAX = 255, NAME_TABLE_NONE = -1 };

struct name_table;

/* NULL when memory is short. */
struct name_table *name_table_new(void);
void               name_table_free(struct name_table **table);

/*
 * Adds a name or a wildcard for entry `value` (0 or more). The first value given for a name stays.
 * False when the name is not a valid host name or memory is short.
 */
bool name_table_add(struct name_table *table, struct bytes_const name, int value);

/* The entry for a name a client asked for, or NAME_TABLE_NONE. Any bytes may be asked for. */
int name_table_find(const struct name_table *table, struct bytes_const name);

/* The same, but a name is found only as it was added: "*.example.org" by that text alone. */
int name_table_find_exact(const struct name_table *table, struct bytes_const name);

size_t name_table_count(const struct name_table *table);

/* Letters, digits, hyphen, underscore and dots (RFC 5890 LDH, and the underscore people use),
 * at most 255 bytes, no empty label; may begin with "*.". */
bool name_is_valid(struct bytes_const name);

#endif
