/* The command line: flags of sallyport(8), read into a struct and laid over the configuration. */
#ifndef SALLYPORT_DAEMON_ARGUMENTS_H
#define SALLYPORT_DAEMON_ARGUMENTS_H

#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>

enum arguments_mode {
    ARGUMENTS_RUN,
    ARGUMENTS_TEST,    /* -t: check the configuration, start nothing */
    ARGUMENTS_DUMP,    /* -T: the same, then print it with defaults filled in */
    ARGUMENTS_EXPLAIN, /* --explain-tls: the same, then print what the policies come to */
    ARGUMENTS_VERSION, /* -V */
    ARGUMENTS_PROBE,   /* -VV: and what this host can do */
    ARGUMENTS_HELP,    /* -h */
};

enum { ARGUMENTS_CONFIGS_MAX = 16, ARGUMENTS_UNSET = -1 };

struct arguments {
    enum arguments_mode mode;
    const char         *configs[ARGUMENTS_CONFIGS_MAX];
    size_t              configs_count;
    int                 workers;   /* 0: auto; ARGUMENTS_UNSET: as configured */
    int                 log_level; /* enum config_log_level, or ARGUMENTS_UNSET */
    const char         *user;      /* NULL: as configured */
    const char         *group;
    const char         *pid_file;
    bool                is_strict; /* warnings are errors */
    bool                is_quiet;  /* -q: print nothing that is not wrong */
};

/* Reads the command line. False when it makes no sense; what is wrong went to stderr. The strings
 * are argv's. */
__attribute__((warn_unused_result)) bool arguments_read(int argc, char **argv,
                                                        struct arguments *arguments);

/* Flags win over the file: changes a configuration that nothing uses yet. */
void arguments_apply(const struct arguments *arguments, struct config *config);

void arguments_help(void);

#endif
