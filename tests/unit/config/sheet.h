/*
 * A configuration written out of the table of options, one option a line: what is required, and
 * one option more with a value of the test's choice. New rows are covered by themselves.
 */
#ifndef SALLYPORT_TESTS_SHEET_H
#define SALLYPORT_TESTS_SHEET_H

#include "config/config.h"
#include "config/schema.h"

#include <stdbool.h>

struct sheet {
    const struct schema_option *option; /* the one in question */
    const char                 *value;  /* as the file has it; NULL: the option is left out */
    const char                 *key;    /* written instead of the option's own; NULL: its own */
    bool                        is_twice;
    bool                        is_full; /* every other option as well, none at its default */
    /* out */
    char    *text;
    unsigned line; /* where the option stands */
};

/* Of two options that exclude each other, the one that a full sheet lacks. */
bool sheet_leaves_out(const struct schema_option *option);

/* Writes text and line. */
void sheet_write(struct sheet *sheet);
void sheet_fini(struct sheet *sheet);

/* The member of `config` that an option of the table is about, in the first entry of each list. */
const void *sheet_member(const struct config *config, const struct schema_option *option);

/* Runs `visit` on each row of the table. */
typedef void sheet_visit(const struct schema_group *group, const struct schema_option *option);
void         sheet_walk(sheet_visit *visit);

#endif
