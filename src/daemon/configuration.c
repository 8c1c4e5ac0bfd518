#include "daemon/configuration.h"

#include "base/log.h"
#include "daemon/control_socket.h"
#include "daemon/logging.h"
#include "proxy/challenge_dirs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void look_at_challenges(const struct configuration *configuration,
                               const struct snapshot *snapshot, struct config_report *report);
static void tell(const struct config_report *report);

bool configuration_init(struct configuration *configuration, const struct arguments *arguments)
{
    struct error error;
    char         why[CONFIG_PROBLEM_BYTES];

    *configuration = (struct configuration){.arguments = arguments};
    configuration->store = certificate_store_new(&error);
    if (configuration->store == NULL) {
        (void)fprintf(stderr, "sallyport: error: OpenSSL cannot be used: %s\n",
                      error_text(&error, why, sizeof(why)));
    }
    return configuration->store != NULL;
}

void configuration_fini(struct configuration *configuration)
{
    certificate_store_free(&configuration->store);
}

struct snapshot *configuration_load(struct configuration *configuration,
                                    enum config_severity  severity)
{
    const struct arguments *arguments = configuration->arguments;
    struct config_report    report = {0};
    struct snapshot        *snapshot = NULL;
    struct config *config = config_load(arguments->configs, arguments->configs_count, &report);

    if (config != NULL) {
        arguments_apply(arguments, config);
        privileges_find(config, severity, &report, &configuration->privileges);
        control_socket_check(&config->control, severity, &report);
        snapshot = snapshot_build(&config, configuration->store, &report);
    }
    look_at_challenges(configuration, snapshot, &report);
    bool is_sound = !config_report_has_errors(&report) &&
                    (!arguments->is_strict || config_report_warnings(&report) == 0);

    if (!is_sound) {
        snapshot_free(&snapshot);
    }
    tell(&report);
    configuration->told = config_report_hash(&report);
    config_report_fini(&report);
    return snapshot;
}

/* Whoever tests a configuration is told of them with the rest. A daemon that runs reads them beside
 * its configuration, and they never stand in its way. */
static void look_at_challenges(const struct configuration *configuration,
                               const struct snapshot *snapshot, struct config_report *report)
{
    if (snapshot != NULL && configuration->arguments->mode == ARGUMENTS_TEST) {
        struct tls_challenges *challenges = challenge_dirs_read(
            snapshot->config, certificate_store_library(configuration->store), report);

        tls_challenges_free(&challenges);
    }
}

struct snapshot *configuration_renew(struct configuration  *configuration,
                                     const struct snapshot *present)
{
    struct config_report report = {0};
    struct snapshot     *snapshot = snapshot_renew(present, configuration->store, &report);
    uint64_t             told = config_report_hash(&report);

    /* A file that is still as bad as it was is no news. */
    if (told != configuration->told) {
        configuration->told = told;
        tell(&report);
    }
    config_report_fini(&report);
    if (snapshot != NULL && snapshot_changes(present, snapshot) == SNAPSHOT_SAME) {
        snapshot_free(&snapshot);
    }
    return snapshot;
}

struct tls_challenges *configuration_challenges(struct configuration *configuration,
                                                const struct config  *config)
{
    struct config_report   report = {0};
    struct tls_challenges *challenges =
        challenge_dirs_read(config, certificate_store_library(configuration->store), &report);
    uint64_t told = config_report_hash(&report);

    if (told != configuration->told_challenges) {
        configuration->told_challenges = told;
        tell(&report);
    }
    config_report_fini(&report);
    return challenges;
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
