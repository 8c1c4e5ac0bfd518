/* sallyport: reads its arguments and its configuration, takes what needs privileges, gives them up,
 * and hands over to the supervisor. */
#include "base/log.h"
#include "daemon/arguments.h"
#include "daemon/cpus.h"
#include "daemon/exit_code.h"
#include "daemon/limits.h"
#include "daemon/listening.h"
#include "daemon/logging.h"
#include "daemon/pid_file.h"
#include "daemon/privileges.h"
#include "daemon/signals.h"
#include "daemon/supervisor.h"
#include "daemon/version.h"
#include "proxy/snapshot.h"

#include <stdio.h>
#include <unistd.h>

/* What a start needs. */
struct launch {
    struct snapshot  *snapshot;
    struct privileges privileges;
    struct listening  listening;
    unsigned          descriptors;
    unsigned          workers;
};

static enum exit_code with_configuration(const struct arguments *arguments);
static bool           load(const struct arguments *arguments, struct launch *launch);
static enum exit_code show(const struct arguments *arguments, const struct config *config);
static enum exit_code run(struct launch *launch);
static bool           prepare(struct launch *launch);
static enum exit_code serve(struct launch *launch);

int main(int argc, char **argv)
{
    struct arguments arguments;

    if (!arguments_read(argc, argv, &arguments)) {
        return EXIT_USAGE;
    }
    switch (arguments.mode) {
    case ARGUMENTS_HELP:
        arguments_help();
        return EXIT_OK;
    case ARGUMENTS_VERSION:
        version_print();
        return EXIT_OK;
    case ARGUMENTS_PROBE:
        version_print_probed();
        return EXIT_OK;
    case ARGUMENTS_TEST:
    case ARGUMENTS_DUMP:
    case ARGUMENTS_RUN:
        break;
    }
    return (int)with_configuration(&arguments);
}

static enum exit_code with_configuration(const struct arguments *arguments)
{
    struct launch  launch = {0};
    enum exit_code code = EXIT_CONFIG;

    if (load(arguments, &launch)) {
        code = arguments->mode == ARGUMENTS_RUN ? run(&launch)
                                                : show(arguments, launch.snapshot->config);
    }
    snapshot_free(&launch.snapshot);
    return code;
}

/* Everything that may be wrong with the configuration is found here, and said on stderr. */
static bool load(const struct arguments *arguments, struct launch *launch)
{
    struct config_report report = {0};
    enum config_severity severity =
        arguments->mode == ARGUMENTS_RUN ? CONFIG_ERROR : CONFIG_WARNING;
    struct config *config = config_load(arguments->configs, arguments->configs_count, &report);

    if (config != NULL) {
        arguments_apply(arguments, config);
        privileges_find(config, severity, &report, &launch->privileges);
        launch->snapshot = snapshot_build(&config, &report);
    }
    bool is_sound = launch->snapshot != NULL && !config_report_has_errors(&report) &&
                    (!arguments->is_strict || config_report_warnings(&report) == 0);

    config_report_print(&report, stderr);
    config_report_fini(&report);
    return is_sound;
}

static enum exit_code show(const struct arguments *arguments, const struct config *config)
{
    if (arguments->mode == ARGUMENTS_DUMP) {
        config_dump(config, stdout);
    } else if (!arguments->is_quiet) {
        (void)puts("The configuration is valid.");
    }
    return fflush(stdout) == 0 ? EXIT_OK : EXIT_RUNTIME;
}

static enum exit_code run(struct launch *launch)
{
    const struct config *config = launch->snapshot->config;
    enum exit_code       code = EXIT_RUNTIME;

    signals_block();
    launch->descriptors = limits_raise_descriptors();
    launch->workers = config->workers != 0 ? config->workers : cpus_allowed();
    if (listening_open(&launch->listening, launch->snapshot, launch->workers)) {
        if (prepare(launch)) {
            code = serve(launch);
            logging_stop();
        }
        pid_file_remove(config->pid_file.text);
        listening_unlink(launch->snapshot);
    }
    listening_close(&launch->listening);
    return code;
}

/* In this order: what needs privileges, giving them up, and only then threads, which inherit. */
static bool prepare(struct launch *launch)
{
    const struct config     *config = launch->snapshot->config;
    const struct privileges *privileges = &launch->privileges;

    return (!privileges->is_change || logging_prepare(config, privileges->uid, privileges->gid)) &&
           pid_file_write(config->pid_file.text) && privileges_drop(privileges) &&
           logging_start(config, launch->workers + 1);
}

static enum exit_code serve(struct launch *launch)
{
    struct limits_options     limits = {.descriptors = launch->descriptors,
                                        .workers = launch->workers,
                                        .listeners = (unsigned)launch->listening.count,
                                        .has_builtin = snapshot_has_builtin(launch->snapshot),
                                        .configured = launch->snapshot->config->max_connections};
    struct supervisor_options options = {.snapshot = launch->snapshot,
                                         .listening = &launch->listening,
                                         .workers = launch->workers,
                                         .connections_max = limits_connections(&limits)};

    return supervisor_run(&options);
}
