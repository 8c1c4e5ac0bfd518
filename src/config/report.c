#include "config/report.h"

#include "base/id_table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static struct config_problem *report_append(struct config_report *report);
static void                   flatten(char *text);

void config_report_fini(struct config_report *report)
{
    free(report->problems);
    *report = (struct config_report){0};
}

void config_report_add(struct config_report *report, enum config_severity severity,
                       struct config_place at, const char *format, ...)
{
    struct config_problem *problem = report_append(report);
    const char            *word = severity == CONFIG_ERROR ? "error" : "warning";
    va_list                arguments;

    report->errors += severity == CONFIG_ERROR ? 1 : 0;
    report->warnings += severity == CONFIG_WARNING ? 1 : 0;
    if (problem == NULL) {
        return;
    }
    problem->severity = severity;
    int head =
        at.file == NULL ? snprintf(problem->text, sizeof(problem->text), "%s: ", word)
        : at.line == 0
            ? snprintf(problem->text, sizeof(problem->text), "%s: %s: ", at.file, word)
            : snprintf(problem->text, sizeof(problem->text), "%s:%u: %s: ", at.file, at.line, word);

    if (head >= 0 && (size_t)head < sizeof(problem->text)) {
        va_start(arguments, format);
        (void)vsnprintf(problem->text + head, sizeof(problem->text) - (size_t)head, format,
                        arguments);
        va_end(arguments);
    }
    flatten(problem->text);
}

/* One line a problem, whatever a file has in its strings. */
static void flatten(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            *text = '?';
        }
    }
}

/* NULL: there are enough of them, or no memory; they are still counted. */
static struct config_problem *report_append(struct config_report *report)
{
    if (report->count == CONFIG_PROBLEMS_MAX) {
        return NULL;
    }
    if (report->count == report->room) {
        size_t                 room = report->room == 0 ? 4 : report->room * 2;
        struct config_problem *grown = realloc(report->problems, room * sizeof(*grown));

        if (grown == NULL) {
            config_report_no_memory(report);
            return NULL;
        }
        report->problems = grown;
        report->room = room;
    }
    return &report->problems[report->count++];
}

void config_report_no_memory(struct config_report *report)
{
    report->is_short_of_memory = true;
}

bool config_report_has_no_memory(const struct config_report *report)
{
    return report->is_short_of_memory;
}

bool config_report_has_errors(const struct config_report *report)
{
    return report->errors > 0 || report->is_short_of_memory;
}

size_t config_report_warnings(const struct config_report *report)
{
    return report->warnings;
}

uint64_t config_report_hash(const struct config_report *report)
{
    uint64_t hash = report->errors + report->warnings;

    for (size_t i = 0; i < report->count; i++) {
        const char *text = report->problems[i].text;

        hash = hash * 31 + id_of_bytes((struct bytes_const){(const uint8_t *)text, strlen(text)});
    }
    return hash;
}

void config_report_print(const struct config_report *report, FILE *into)
{
    size_t unsaid = report->errors + report->warnings - report->count;

    for (size_t i = 0; i < report->count; i++) {
        (void)fprintf(into, "%s\n", report->problems[i].text);
    }
    if (unsaid > 0) {
        (void)fprintf(into, "and %zu more problems\n", unsaid);
    }
    if (report->is_short_of_memory) {
        (void)fputs("error: out of memory\n", into);
    }
}
