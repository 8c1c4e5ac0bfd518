/*
 * A program of the operator's, run to its end: no shell, an environment of its own, none of our
 * descriptors, and not for ever. The calling thread waits.
 */
#ifndef SALLYPORT_PROXY_COMMAND_H
#define SALLYPORT_PROXY_COMMAND_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What goes beyond is read and dropped. */
enum { COMMAND_OUTPUT_BYTES = 4096, COMMAND_ARGUMENTS_MAX = 64 };

struct command_output {
    char   bytes[COMMAND_OUTPUT_BYTES];
    size_t len;
};

struct command {
    const char *const *arguments; /* the program's full path first; ends with NULL */
    uint64_t           within_ns;
    /* What it wrote, also when it failed. */
    struct command_output output;
    struct command_output complaints; /* its standard error */
};

/* False, and `problem` says why: it cannot be started, takes too long, or did not end with 0. */
__attribute__((warn_unused_result)) bool command_run(struct command *command, struct text *problem);

/* What it wrote may be secret. */
void command_wipe(struct command *command);

#endif
