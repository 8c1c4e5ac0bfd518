#include "config/check.h"

#include "config/check_clients.h"
#include "config/check_keys.h"
#include "config/check_policy.h"
#include "config/check_proxy.h"
#include "config/memory.h"
#include "config/schema.h"

#include <string.h>

enum { NAME_BYTES = 32 };

static void check_timeouts(const struct config *config, struct config_report *report);
static void check_tickets(const struct config *config, struct config_report *report);
static void check_log_file(int target, const struct config_string *file, struct config_place at,
                           struct config_report *report);
static void check_control(const struct config_control *control, struct config_report *report);
static void check_frontend(const struct config *config, const struct config_frontend *frontend,
                           struct config_report *report);
static void check_certificates(const struct config_frontend *frontend,
                               struct config_report         *report);
static void check_backend_name(const struct config *config, const struct config_string *name,
                               struct config_report *report);
static void check_unique(const struct config *config, struct config_report *report);
static void name_frontends(struct config *config, struct config_memory *memory,
                           struct config_report *report);

void check_config(struct config *config, struct config_memory *memory, struct config_report *report)
{
    name_frontends(config, memory, report);
    check_timeouts(config, report);
    check_tickets(config, report);
    check_log_file(config->log.target, &config->log.file, config->log.at, report);
    check_log_file(config->access_log.target, &config->access_log.file, config->access_log.at,
                   report);
    check_control(&config->control, report);
    check_unique(config, report);
    for (size_t i = 0; i < config->frontends_count; i++) {
        check_frontend(config, &config->frontends[i], report);
    }
    for (size_t i = 0; i < config->backends_count; i++) {
        check_send_proxy(&config->backends[i], memory, report);
    }
}

const struct config_backend *config_find_backend(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->backends_count; i++) {
        if (strcmp(config->backends[i].name.text, name) == 0) {
            return &config->backends[i];
        }
    }
    return NULL;
}

static void name_frontends(struct config *config, struct config_memory *memory,
                           struct config_report *report)
{
    for (size_t i = 0; i < config->frontends_count; i++) {
        if (config->frontends[i].name.text[0] == '\0') {
            char *name = config_memory_take(memory, NAME_BYTES);

            if (name == NULL) {
                config_report_no_memory(report);
                return;
            }
            (void)snprintf(name, NAME_BYTES, "frontend%zu", i + 1);
            config->frontends[i].name.text = name;
        }
    }
}

static void check_timeouts(const struct config *config, struct config_report *report)
{
    if (config->timeouts.hello_ns > config->timeouts.handshake_ns) {
        config_report_add(report, CONFIG_WARNING, config->timeouts.at,
                          "timeouts: hello is longer than handshake, which ends it first");
    }
}

static void check_tickets(const struct config *config, struct config_report *report)
{
    enum { FLEET_BYTES_MAX = 255 };

    if (config->ticket_keys.count > 0 && config->ticket_secret.count > 0) {
        config_report_add(report, CONFIG_ERROR, config->ticket_secret.items[0].at,
                          "ticket-keys and ticket-secret exclude each other");
    }
    if (config->ticket_fleet.text[0] != '\0' && config->ticket_secret.count == 0) {
        config_report_add(report, CONFIG_WARNING, config->ticket_fleet.at,
                          "ticket-fleet is not used without ticket-secret");
    }
    if (strlen(config->ticket_fleet.text) > FLEET_BYTES_MAX) {
        config_report_add(report, CONFIG_ERROR, config->ticket_fleet.at,
                          "ticket-fleet has at most %d bytes", FLEET_BYTES_MAX);
    }
}

static void check_log_file(int target, const struct config_string *file, struct config_place at,
                           struct config_report *report)
{
    if (target == CONFIG_LOG_FILE && file->text[0] == '\0') {
        config_report_add(report, CONFIG_ERROR, at, "target \"file\" needs file");
    } else if (target != CONFIG_LOG_FILE && file->text[0] != '\0') {
        config_report_add(report, CONFIG_WARNING, file->at,
                          "file is not used, the target is another");
    }
}

static void check_control(const struct config_control *control, struct config_report *report)
{
    enum {
        PATH_BYTES_MAX = 107,
        WRITABLE_TO_OTHERS = 0002
    }; /* of a UNIX address, without its NUL */
    unsigned mode = 0;

    if (!config_parse_mode(control->mode.text, &mode)) {
        config_report_add(report, CONFIG_ERROR, control->mode.at,
                          "mode: octal digits such as \"0660\" are wanted, found \"%.80s\"",
                          control->mode.text);
    } else if ((mode & WRITABLE_TO_OTHERS) != 0 && control->socket.text[0] != '\0') {
        config_report_add(report, CONFIG_WARNING, control->mode.at,
                          "mode: with \"%s\" everyone on this machine may use the socket",
                          control->mode.text);
    }
    if (control->socket.text[0] != '\0' && control->socket.text[0] != '/') {
        config_report_add(report, CONFIG_ERROR, control->socket.at,
                          "socket: a path that begins with \"/\" is wanted, found \"%.80s\"",
                          control->socket.text);
    } else if (strlen(control->socket.text) > PATH_BYTES_MAX) {
        config_report_add(report, CONFIG_ERROR, control->socket.at,
                          "socket: a path of at most %d bytes is wanted", PATH_BYTES_MAX);
    }
}

static void check_frontend(const struct config *config, const struct config_frontend *frontend,
                           struct config_report *report)
{
    check_certificates(frontend, report);
    check_policies(frontend, report);
    check_clients(frontend, report);
    check_accept_proxy(frontend, report);
    check_backend_name(config, &frontend->backend, report);
    for (size_t i = 0; i < frontend->routes_count; i++) {
        check_backend_name(config, &frontend->routes[i].backend, report);
    }
}

static void check_certificates(const struct config_frontend *frontend, struct config_report *report)
{
    check_keys(frontend, report);
    if (frontend->pem_file.count + frontend->cert.count + frontend->certificates_count +
            frontend->pem_dir.count + frontend->key.count ==
        0) {
        config_report_add(report, CONFIG_ERROR, frontend->at,
                          "a frontend needs pem-file, cert and key, certificates, or pem-dir");
    }
    if (frontend->ocsp_file.count > frontend->pem_file.count + frontend->cert.count) {
        config_report_add(
            report, CONFIG_ERROR, frontend->ocsp_file.items[frontend->ocsp_file.count - 1].at,
            "ocsp-file has %zu files, and pem-file and cert only %zu", frontend->ocsp_file.count,
            frontend->pem_file.count + frontend->cert.count);
    }
}

static void check_backend_name(const struct config *config, const struct config_string *name,
                               struct config_report *report)
{
    enum { NAMES_MAX = 64 };
    const char *names[NAMES_MAX];
    size_t      count = config->backends_count < NAMES_MAX ? config->backends_count : NAMES_MAX;

    if (name->text[0] == '\0' || config_find_backend(config, name->text) != NULL) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        names[i] = config->backends[i].name.text;
    }
    const char *near = suggest(name->text, names, count);

    config_report_add(report, CONFIG_ERROR, name->at, "there is no backend \"%s\"%s%s%s",
                      name->text, near != NULL ? ", did you mean \"" : "", near != NULL ? near : "",
                      near != NULL ? "\"?" : "");
}

static void check_unique(const struct config *config, struct config_report *report)
{
    for (size_t i = 0; i < config->backends_count; i++) {
        const struct config_backend *backend = &config->backends[i];
        const struct config_backend *first = config_find_backend(config, backend->name.text);

        if (backend->name.text[0] != '\0' && first != backend) {
            config_report_add(report, CONFIG_ERROR, backend->at,
                              "backend \"%s\" was defined already, at %s:%u", backend->name.text,
                              first->at.file, first->at.line);
        }
    }
    for (size_t i = 0; i < config->frontends_count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(config->frontends[i].name.text, config->frontends[j].name.text) == 0) {
                config_report_add(report, CONFIG_ERROR, config->frontends[i].at,
                                  "frontend \"%s\" was defined already, at %s:%u",
                                  config->frontends[i].name.text, config->frontends[j].at.file,
                                  config->frontends[j].at.line);
            }
        }
    }
}
