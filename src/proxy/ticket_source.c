#include "proxy/ticket_source.h"

#include "base/clock.h"
#include "proxy/pem_file.h"

#include <stdio.h>
#include <string.h>

enum { PROBLEM_BYTES = 256 };

typedef bool taker(struct ticket_source *source, struct bytes_const file, struct text *problem);

static void read_file(struct ticket_source *source, const struct config_string *path, taker *take,
                      struct config_report *report);
static bool take_keys(struct ticket_source *source, struct bytes_const file, struct text *problem);
static bool take_secret(struct ticket_source *source, struct bytes_const file,
                        struct text *problem);

void ticket_source_read(struct ticket_source *source, const struct config *config,
                        struct config_report *report)
{
    *source = (struct ticket_source){.period_s = config->ticket_rotation_ns / NS_PER_S};
    for (size_t i = 0; i < config->ticket_keys.count; i++) {
        source->kind = TICKETS_FILED;
        read_file(source, &config->ticket_keys.items[i], take_keys, report);
    }
    for (size_t i = 0; i < config->ticket_secret.count; i++) {
        source->kind = TICKETS_DERIVED;
        read_file(source, &config->ticket_secret.items[i], take_secret, report);
    }
    (void)snprintf(source->secrets.fleet, sizeof(source->secrets.fleet), "%s",
                   config->ticket_fleet.text);
}

void ticket_source_wipe(struct ticket_source *source)
{
    explicit_bzero(source, sizeof(*source));
}

bool ticket_source_keys(const struct ticket_source *source, uint64_t unix_s,
                        struct tls_ticket_keys *keys)
{
    switch (source->kind) {
    case TICKETS_RANDOM:
        break;
    case TICKETS_FILED:
        *keys = source->filed;
        break;
    case TICKETS_DERIVED:
        return tls_ticket_keys_derive(keys, &source->secrets, unix_s / source->period_s);
    }
    return true;
}

static void read_file(struct ticket_source *source, const struct config_string *path, taker *take,
                      struct config_report *report)
{
    char            memory[PROBLEM_BYTES];
    struct text     problem;
    struct pem_file file = {0};
    struct error    error;

    text_init(&problem, memory, sizeof(memory));
    if (!pem_file_read(&file, path->text, &error)) {
        config_report_add(report, CONFIG_ERROR, path->at, "cannot read \"%s\": %s", path->text,
                          error_text(&error, memory, sizeof(memory)));
        return;
    }
    if (pem_file_is_public(&file)) {
        config_report_add(report, CONFIG_WARNING, path->at,
                          "\"%s\" holds secrets, and everyone may read it", path->text);
    }
    if (!take(source, pem_file_bytes(&file), &problem)) {
        config_report_add(report, CONFIG_ERROR, path->at, "\"%s\": %s", path->text,
                          text_chars(&problem));
    }
    pem_file_fini(&file);
}

static bool take_keys(struct ticket_source *source, struct bytes_const file, struct text *problem)
{
    return tls_ticket_keys_read(&source->filed, file, problem);
}

static bool take_secret(struct ticket_source *source, struct bytes_const file, struct text *problem)
{
    return tls_ticket_secrets_add(&source->secrets, file, problem);
}
