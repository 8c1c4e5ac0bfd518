/* sallyport: reads its arguments and its configuration, takes what needs privileges, gives them up,
 * and hands over to the supervisor. */
#include "daemon/arguments.h"
#include "daemon/configuration.h"
#include "daemon/control_socket.h"
#include "daemon/cpus.h"
#include "daemon/exit_code.h"
#include "daemon/explain.h"
#include "daemon/limits.h"
#include "daemon/listening.h"
#include "daemon/logging.h"
#include "daemon/pid_file.h"
#include "daemon/signals.h"
#include "daemon/supervisor.h"
#include "daemon/version.h"
#include "proxy/snapshot.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

/* What a start needs. The supervisor takes snapshot and sockets over. */
struct launch {
    const struct arguments *arguments;
    struct configuration    configuration;
    struct snapshot        *snapshot;
    struct listening        listening;
    struct control_socket   control_socket;
    unsigned                descriptors;
    unsigned                workers;
    char                    pid_file[PATH_MAX];
};

static enum exit_code   with_configuration(const struct arguments *arguments);
static enum exit_code   with_snapshot(struct launch *launch);
static enum exit_code   show(const struct arguments *arguments, const struct snapshot *snapshot);
static enum exit_code   run(struct launch *launch);
static bool             prepare(struct launch *launch);
static enum exit_code   serve(struct launch *launch);
static struct snapshot *on_reload(void *owner);
static struct snapshot *on_renew(void *owner, const struct snapshot *present);
static struct tls_challenges *on_challenges(void *owner, const struct config *config);

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
    case ARGUMENTS_EXPLAIN:
    case ARGUMENTS_RUN:
        break;
    }
    return (int)with_configuration(&arguments);
}

static enum exit_code with_configuration(const struct arguments *arguments)
{
    struct launch  launch = {.arguments = arguments};
    enum exit_code code = EXIT_RUNTIME;

    if (configuration_init(&launch.configuration, arguments)) {
        code = with_snapshot(&launch);
        configuration_fini(&launch.configuration);
    }
    return code;
}

static enum exit_code with_snapshot(struct launch *launch)
{
    bool is_run = launch->arguments->mode == ARGUMENTS_RUN;

    launch->snapshot =
        configuration_load(&launch->configuration, is_run ? CONFIG_ERROR : CONFIG_WARNING);
    if (launch->snapshot == NULL) {
        return EXIT_CONFIG;
    }
    if (is_run) {
        return run(launch);
    }
    enum exit_code code = show(launch->arguments, launch->snapshot);

    snapshot_free(&launch->snapshot);
    return code;
}

static enum exit_code show(const struct arguments *arguments, const struct snapshot *snapshot)
{
    if (arguments->mode == ARGUMENTS_DUMP) {
        config_dump(snapshot->config, stdout);
    } else if (arguments->mode == ARGUMENTS_EXPLAIN) {
        return explain_tls(snapshot) && fflush(stdout) == 0 ? EXIT_OK : EXIT_RUNTIME;
    } else if (!arguments->is_quiet) {
        (void)puts("The configuration is valid.");
    }
    return fflush(stdout) == 0 ? EXIT_OK : EXIT_RUNTIME;
}

static enum exit_code run(struct launch *launch)
{
    const struct config *config = launch->snapshot->config;
    enum exit_code       code = EXIT_RUNTIME;

    (void)snprintf(launch->pid_file, sizeof(launch->pid_file), "%s", config->pid_file.text);
    signals_block();
    launch->descriptors = limits_raise_descriptors();
    launch->control_socket.fd = -1;
    launch->workers = config->workers != 0 ? config->workers : cpus_allowed();
    if (!listening_open(&launch->listening, launch->snapshot, launch->workers, NULL)) {
        snapshot_free(&launch->snapshot);
        return EXIT_RUNTIME;
    }
    if (prepare(launch)) {
        code = serve(launch);
        logging_stop();
    } else {
        listening_unlink(&launch->listening, NULL);
        listening_close(&launch->listening);
        snapshot_free(&launch->snapshot);
    }
    control_socket_close(&launch->control_socket, NULL);
    pid_file_remove(launch->pid_file);
    return code;
}

/* In this order: what needs privileges, giving them up, and only then threads, which inherit. */
static bool prepare(struct launch *launch)
{
    const struct config     *config = launch->snapshot->config;
    const struct privileges *privileges = &launch->configuration.privileges;

    if (privileges->is_change) {
        listening_give(&launch->listening, privileges->uid, privileges->gid);
    }
    gid_t group = privileges->is_change ? privileges->gid : getegid();

    return control_socket_open(&launch->control_socket, &config->control, group, NULL) &&
           (!privileges->is_change || logging_prepare(config, privileges->uid, privileges->gid)) &&
           pid_file_write(launch->pid_file) && privileges_drop(privileges) && logging_start(config);
}

static enum exit_code serve(struct launch *launch)
{
    struct supervisor_options options = {.snapshot = launch->snapshot,
                                         .listening = &launch->listening,
                                         .control_socket = &launch->control_socket,
                                         .store = launch->configuration.store,
                                         .workers = launch->workers,
                                         .descriptors = launch->descriptors,
                                         .reload = on_reload,
                                         .renew = on_renew,
                                         .challenges = on_challenges,
                                         .owner = launch};

    return supervisor_run(&options);
}

static struct snapshot *on_reload(void *owner)
{
    struct launch *launch = owner;

    return configuration_load(&launch->configuration, CONFIG_WARNING);
}

static struct snapshot *on_renew(void *owner, const struct snapshot *present)
{
    struct launch *launch = owner;

    return configuration_renew(&launch->configuration, present);
}

static struct tls_challenges *on_challenges(void *owner, const struct config *config)
{
    struct launch *launch = owner;

    return configuration_challenges(&launch->configuration, config);
}
