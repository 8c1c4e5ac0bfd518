/* sallyport: reads its arguments and its configuration, takes what needs privileges, gives them up,
 * and hands over to the supervisor. */
#include "base/log.h"
#include "daemon/arguments.h"
#include "daemon/cpus.h"
#include "daemon/exit_code.h"
#include "daemon/explain.h"
#include "daemon/limits.h"
#include "daemon/listening.h"
#include "daemon/logging.h"
#include "daemon/pid_file.h"
#include "daemon/privileges.h"
#include "daemon/signals.h"
#include "daemon/supervisor.h"
#include "daemon/version.h"
#include "proxy/snapshot.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a start needs. The supervisor takes snapshot and sockets over. */
struct launch {
    const struct arguments   *arguments;
    struct certificate_store *store; /* lives as long as the process */
    struct snapshot          *snapshot;
    struct privileges         privileges;
    struct listening          listening;
    unsigned                  descriptors;
    unsigned                  workers;
    char                      pid_file[PATH_MAX];
    uint64_t                  told; /* a hash of what was last said of certificates */
};

static enum exit_code   with_configuration(const struct arguments *arguments);
static enum exit_code   with_store(struct launch *launch);
static bool             load(struct launch *launch, enum config_severity severity);
static void             tell(const struct config_report *report);
static enum exit_code   show(const struct arguments *arguments, const struct snapshot *snapshot);
static enum exit_code   run(struct launch *launch);
static bool             prepare(struct launch *launch);
static enum exit_code   serve(struct launch *launch);
static struct snapshot *on_reload(void *owner);
static struct snapshot *on_renew(void *owner, const struct snapshot *present);
static void             tell_news(struct launch *launch, const struct config_report *report);

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
    struct launch launch = {.arguments = arguments};
    struct error  error;
    char          why[CONFIG_PROBLEM_BYTES];

    launch.store = certificate_store_new(&error);
    if (launch.store == NULL) {
        (void)fprintf(stderr, "sallyport: OpenSSL cannot be used: %s\n",
                      error_text(&error, why, sizeof(why)));
        return EXIT_RUNTIME;
    }
    enum exit_code code = with_store(&launch);

    certificate_store_free(&launch.store);
    return code;
}

static enum exit_code with_store(struct launch *launch)
{
    enum arguments_mode mode = launch->arguments->mode;
    bool is_sound = load(launch, mode == ARGUMENTS_RUN ? CONFIG_ERROR : CONFIG_WARNING);

    if (is_sound && mode == ARGUMENTS_RUN) {
        return run(launch);
    }
    enum exit_code code = is_sound ? show(launch->arguments, launch->snapshot) : EXIT_CONFIG;

    snapshot_free(&launch->snapshot);
    return code;
}

/* Everything that may be wrong with the configuration is found and told here. `severity`: of what
 * is wrong with whom to become. */
static bool load(struct launch *launch, enum config_severity severity)
{
    const struct arguments *arguments = launch->arguments;
    struct config_report    report = {0};
    struct config *config = config_load(arguments->configs, arguments->configs_count, &report);

    if (config != NULL) {
        arguments_apply(arguments, config);
        privileges_find(config, severity, &report, &launch->privileges);
        launch->snapshot = snapshot_build(&config, launch->store, &report);
    }
    bool is_sound = launch->snapshot != NULL && !config_report_has_errors(&report) &&
                    (!arguments->is_strict || config_report_warnings(&report) == 0);

    tell(&report);
    launch->told = config_report_hash(&report);
    config_report_fini(&report);
    return is_sound;
}

/* On stderr as it is, for whoever tests a configuration; once the log runs, line by line there. */
static void tell(const struct config_report *report)
{
    char  *text = NULL;
    size_t text_len = 0;
    FILE  *memory = logging_writer() != NULL ? open_memstream(&text, &text_len) : NULL;

    if (memory == NULL) {
        config_report_print(report, stderr);
        return;
    }
    config_report_print(report, memory);
    (void)fclose(memory);
    for (char *rest = text, *line = NULL; (line = strsep(&rest, "\n")) != NULL;) {
        if (line[0] != '\0') {
            log_warn("%s", line);
        }
    }
    free(text);
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
    pid_file_remove(launch->pid_file);
    return code;
}

/* In this order: what needs privileges, giving them up, and only then threads, which inherit. */
static bool prepare(struct launch *launch)
{
    const struct config     *config = launch->snapshot->config;
    const struct privileges *privileges = &launch->privileges;

    if (privileges->is_change) {
        listening_give(&launch->listening, privileges->uid, privileges->gid);
    }
    return (!privileges->is_change || logging_prepare(config, privileges->uid, privileges->gid)) &&
           pid_file_write(launch->pid_file) && privileges_drop(privileges) && logging_start(config);
}

static enum exit_code serve(struct launch *launch)
{
    struct supervisor_options options = {.snapshot = launch->snapshot,
                                         .listening = &launch->listening,
                                         .workers = launch->workers,
                                         .descriptors = launch->descriptors,
                                         .reload = on_reload,
                                         .renew = on_renew,
                                         .owner = launch};

    return supervisor_run(&options);
}

static struct snapshot *on_reload(void *owner)
{
    struct launch *launch = owner;
    struct launch  anew = {.arguments = launch->arguments, .store = launch->store};

    if (!load(&anew, CONFIG_WARNING)) {
        snapshot_free(&anew.snapshot);
    }
    launch->told = anew.told;
    return anew.snapshot;
}

static struct snapshot *on_renew(void *owner, const struct snapshot *present)
{
    struct launch       *launch = owner;
    struct config_report report = {0};
    struct snapshot     *snapshot = snapshot_renew(present, launch->store, &report);

    tell_news(launch, &report);
    config_report_fini(&report);
    if (snapshot != NULL && snapshot_has_same_certificates(present, snapshot)) {
        snapshot_free(&snapshot);
    }
    return snapshot;
}

/* A file that is still as bad as it was is no news. */
static void tell_news(struct launch *launch, const struct config_report *report)
{
    uint64_t told = config_report_hash(report);

    if (told != launch->told) {
        launch->told = told;
        tell(report);
    }
}
