/*
 * What is wrong with a configuration, and where: collected rather than printed, so that one run
 * shows every mistake, and so that a test can read it.
 */
#ifndef SALLYPORT_CONFIG_REPORT_H
#define SALLYPORT_CONFIG_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* `file` lives as long as the configuration or the report. Line 0: the file as a whole. */
struct config_place {
    const char *file;
    unsigned    line;
};

enum config_severity { CONFIG_WARNING, CONFIG_ERROR };

enum { CONFIG_PROBLEM_BYTES = 640, CONFIG_PROBLEMS_MAX = 100 };

struct config_problem {
    enum config_severity severity;
    char                 text[CONFIG_PROBLEM_BYTES]; /* "FILE:LINE: error: what" */
};

struct config_report {
    /* private */
    struct config_problem *problems;
    size_t                 count;
    size_t                 room;
    size_t                 errors;
    size_t                 warnings;
    bool                   is_short_of_memory;
};

/* Zeroed memory is an empty report. */
void config_report_fini(struct config_report *report);

__attribute__((format(printf, 4, 5))) void config_report_add(struct config_report *report,
                                                             enum config_severity  severity,
                                                             struct config_place   at,
                                                             const char           *format, ...);

/* "out of memory", an error that itself needs none, once however often it is said. */
void config_report_no_memory(struct config_report *report);

bool   config_report_has_no_memory(const struct config_report *report);
bool   config_report_has_errors(const struct config_report *report);
size_t config_report_warnings(const struct config_report *report);

/* A number for all it says: two that say the same have the same. */
uint64_t config_report_hash(const struct config_report *report);

/* One line a problem, in the order they were found. */
void config_report_print(const struct config_report *report, FILE *into);

#endif
