/*
 * The text of a configuration file with every @include in its place, and where each line of it was
 * written. The parser sees one text and opens nothing: an @include of its own would look beside the
 * first file instead of the including one, and would end the process over a directory.
 */
#ifndef SALLYPORT_CONFIG_SOURCE_H
#define SALLYPORT_CONFIG_SOURCE_H

#include "config/memory.h"
#include "config/report.h"
#include "config/text_check.h"

#include <stdbool.h>
#include <stddef.h>

enum { SOURCE_INCLUDE_DEPTH_MAX = 10, SOURCE_FILES_MAX = 1000 };

struct source_line {
    const char *file;
    unsigned    line;
    bool        ends_string; /* a string ends on it */
};

struct source {
    struct config_memory *memory; /* keeps the names of files */
    struct config_report *report;
    /* private */
    struct text_check   check;
    char               *text;
    size_t              len;
    size_t              text_room;
    struct source_line *lines;
    size_t              lines_count;
    size_t              lines_room;
    unsigned            files_count;
};

/* Each once, over a source with memory and report and the rest zero. False after reporting what is
 * wrong. @include is relative to the including file. */
__attribute__((warn_unused_result)) bool source_read_file(struct source *source, const char *path);
__attribute__((warn_unused_result)) bool source_read_text(struct source *source, const char *text,
                                                          const char *name);
void                                     source_fini(struct source *source);

/* NUL-terminated, valid until source_fini. */
const char *source_text(const struct source *source);

/* Where line 1, 2, ... of the text was written; 0 is the file as a whole. */
struct config_place source_place(const struct source *source, unsigned line);

/* The same for a string that the parser looked behind: it ended on this line or before. */
struct config_place source_string_place(const struct source *source, unsigned line);

#endif
