#include "daemon/arguments.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORKERS_MAX = 1024 };

static const char short_flags[] = "c:tTn:u:g:p:vqVh";
/* S, E and L are no short flags: they stand for long ones that have none. */
static const struct option long_flags[] = {
    {"config", required_argument, NULL, 'c'},
    {"test", no_argument, NULL, 't'},
    {"strict", no_argument, NULL, 'S'},
    {"dump", no_argument, NULL, 'T'},
    {"explain-tls", no_argument, NULL, 'E'},
    {"workers", required_argument, NULL, 'n'},
    {"user", required_argument, NULL, 'u'},
    {"group", required_argument, NULL, 'g'},
    {"pidfile", required_argument, NULL, 'p'},
    {"verbose", no_argument, NULL, 'v'},
    {"quiet", no_argument, NULL, 'q'},
    {"log-level", required_argument, NULL, 'L'},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static bool take_flag(struct arguments *arguments, int flag);
static bool take_config(struct arguments *arguments, const char *path);
static bool take_workers(struct arguments *arguments, const char *text);
static bool take_level(struct arguments *arguments, const char *text);
static bool complain(const char *what, const char *found);

bool arguments_read(int argc, char **argv, struct arguments *arguments)
{
    int flag = 0;

    *arguments = (struct arguments){.workers = ARGUMENTS_UNSET, .log_level = ARGUMENTS_UNSET};
    optind = 0; /* getopt begins anew: tests call this more than once */
    while ((flag = getopt_long(argc, argv, short_flags, long_flags, NULL)) != -1) {
        if (!take_flag(arguments, flag)) {
            return false;
        }
    }
    if (optind < argc) {
        return complain("no argument is wanted", argv[optind]);
    }
    if (arguments->configs_count == 0) {
        arguments->configs[arguments->configs_count++] = SALLYPORT_CONFIG_PATH;
    }
    return true;
}

static bool take_flag(struct arguments *arguments, int flag)
{
    switch (flag) {
    case 'c':
        return take_config(arguments, optarg);
    case 't':
        if (arguments->mode != ARGUMENTS_DUMP && arguments->mode != ARGUMENTS_EXPLAIN) {
            arguments->mode = ARGUMENTS_TEST;
        }
        return true;
    case 'T':
        arguments->mode = ARGUMENTS_DUMP;
        return true;
    case 'E':
        arguments->mode = ARGUMENTS_EXPLAIN;
        return true;
    case 'n':
        return take_workers(arguments, optarg);
    case 'u':
        arguments->user = optarg;
        return true;
    case 'g':
        arguments->group = optarg;
        return true;
    case 'p':
        arguments->pid_file = optarg;
        return true;
    case 'v':
        arguments->log_level = CONFIG_LEVEL_DEBUG;
        return true;
    case 'q':
        arguments->is_quiet = true;
        arguments->log_level = CONFIG_LEVEL_WARN;
        return true;
    case 'V':
        arguments->mode =
            arguments->mode == ARGUMENTS_VERSION ? ARGUMENTS_PROBE : ARGUMENTS_VERSION;
        return true;
    case 'h':
        arguments->mode = ARGUMENTS_HELP;
        return true;
    case 'S':
        arguments->is_strict = true;
        return true;
    case 'L':
        return take_level(arguments, optarg);
    default:
        (void)fputs("Try: sallyport --help\n", stderr);
        return false;
    }
}

static bool take_config(struct arguments *arguments, const char *path)
{
    if (arguments->configs_count == ARGUMENTS_CONFIGS_MAX) {
        return complain("too many --config, at most 16", path);
    }
    arguments->configs[arguments->configs_count++] = path;
    return true;
}

static bool take_workers(struct arguments *arguments, const char *text)
{
    char *end = NULL;
    long  number = strtol(text, &end, 10);

    if (strcmp(text, "auto") == 0) {
        arguments->workers = 0;
        return true;
    }
    if (end == text || *end != '\0' || number < 1 || number > WORKERS_MAX) {
        return complain("--workers: a number from 1 to 1024 or \"auto\" is wanted", text);
    }
    arguments->workers = (int)number;
    return true;
}

static bool take_level(struct arguments *arguments, const char *text)
{
    static const char *const names[] = {[CONFIG_LEVEL_ERROR] = "error",
                                        [CONFIG_LEVEL_WARN] = "warn",
                                        [CONFIG_LEVEL_INFO] = "info",
                                        [CONFIG_LEVEL_DEBUG] = "debug"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i]) == 0) {
            arguments->log_level = (int)i;
            return true;
        }
    }
    return complain("--log-level: one of error|warn|info|debug is wanted", text);
}

static bool complain(const char *what, const char *found)
{
    (void)fprintf(stderr, "sallyport: %s, found \"%s\"\nTry: sallyport --help\n", what, found);
    return false;
}

void arguments_apply(const struct arguments *arguments, struct config *config)
{
    if (arguments->workers != ARGUMENTS_UNSET) {
        config->workers = (unsigned)arguments->workers;
    }
    if (arguments->log_level != ARGUMENTS_UNSET) {
        config->log.level = arguments->log_level;
    }
    if (arguments->user != NULL) {
        config->user = (struct config_string){.text = arguments->user};
    }
    if (arguments->group != NULL) {
        config->group = (struct config_string){.text = arguments->group};
    }
    if (arguments->pid_file != NULL) {
        config->pid_file = (struct config_string){.text = arguments->pid_file};
    }
}

void arguments_help(void)
{
    (void)fputs("usage: sallyport [-c FILE]... [flags]\n"
                "\n"
                "  -c, --config FILE      configuration; a directory means its *.conf; may be\n"
                "                         given several times (" SALLYPORT_CONFIG_PATH ")\n"
                "  -t, --test             check the configuration and start nothing\n"
                "      --strict           warnings are errors\n"
                "  -T, --dump             check it, then print it with defaults filled in\n"
                "      --explain-tls      check it, then print what its TLS policies come to\n"
                "  -n, --workers N|auto   reactor threads\n"
                "  -u, --user NAME        user to become\n"
                "  -g, --group NAME       group to become\n"
                "  -p, --pidfile FILE     file to write the process number to\n"
                "  -v, --verbose          log more\n"
                "  -q, --quiet            log and print only what is wrong\n"
                "      --log-level LEVEL  error, warn, info or debug\n"
                "  -V, --version          -VV: and what this host can do\n"
                "  -h, --help\n"
                "\n"
                "Stays in front. TERM drains, INT stops at once. See sallyport(8).\n",
                stdout);
}
