#include "proxy/ticket_source.h"

#include "base/clock.h"
#include "proxy/pem_file.h"

#include <stdio.h>
#include <string.h>

enum { PROBLEM_BYTES = 256 };

typedef bool taker(struct ticket_source *source, struct bytes_const file, struct text *problem);

/* Where files are read for, and what becomes of one that cannot be used. */
struct reading {
    struct ticket_source *source;
    struct config_report *report;
    enum config_severity  severity;
    const char           *consequence;
    bool                  is_good; /* so far */
};

static void read_file(struct reading *reading, const struct config_string *path, taker *take);
static void complain(struct reading *reading, const struct config_string *path, const char *what,
                     const char *problem);
static bool take_keys(struct ticket_source *source, struct bytes_const file, struct text *problem);
static bool take_secret(struct ticket_source *source, struct bytes_const file,
                        struct text *problem);

void ticket_source_read(struct ticket_source *source, const struct config *config,
                        const struct ticket_source *previous, struct config_report *report)
{
    struct reading reading = {.source = source,
                              .report = report,
                              .severity = previous != NULL ? CONFIG_WARNING : CONFIG_ERROR,
                              .consequence =
                                  previous != NULL ? "; the ticket keys in use stay" : "",
                              .is_good = true};

    *source = (struct ticket_source){.period_s = config->ticket_rotation_ns / NS_PER_S};
    for (size_t i = 0; i < config->ticket_keys.count; i++) {
        source->kind = TICKETS_FILED;
        read_file(&reading, &config->ticket_keys.items[i], take_keys);
    }
    for (size_t i = 0; i < config->ticket_secret.count; i++) {
        source->kind = TICKETS_DERIVED;
        read_file(&reading, &config->ticket_secret.items[i], take_secret);
    }
    (void)snprintf(source->secrets.fleet, sizeof(source->secrets.fleet), "%s",
                   config->ticket_fleet.text);
    if (!reading.is_good && previous != NULL) {
        *source = *previous;
    }
}

void ticket_source_wipe(struct ticket_source *source)
{
    explicit_bzero(source, sizeof(*source));
}

bool ticket_source_is_equal(const struct ticket_source *one, const struct ticket_source *other)
{
    return one->kind == other->kind && one->period_s == other->period_s &&
           memcmp(&one->filed, &other->filed, sizeof(one->filed)) == 0 &&
           memcmp(&one->secrets, &other->secrets, sizeof(one->secrets)) == 0;
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

static void read_file(struct reading *reading, const struct config_string *path, taker *take)
{
    char            memory[PROBLEM_BYTES];
    struct text     problem;
    struct pem_file file = {0};
    struct error    error;

    text_init(&problem, memory, sizeof(memory));
    if (!pem_file_read(&file, path->text, &error)) {
        complain(reading, path, "cannot read ", error_text(&error, memory, sizeof(memory)));
        return;
    }
    if (pem_file_is_public(&file)) {
        config_report_add(reading->report, CONFIG_WARNING, path->at,
                          "\"%s\" holds secrets, and everyone may read it", path->text);
    }
    if (!take(reading->source, pem_file_bytes(&file), &problem)) {
        complain(reading, path, "", text_chars(&problem));
    }
    pem_file_fini(&file);
}

static void complain(struct reading *reading, const struct config_string *path, const char *what,
                     const char *problem)
{
    reading->is_good = false;
    config_report_add(reading->report, reading->severity, path->at, "%s\"%s\": %s%s", what,
                      path->text, problem, reading->consequence);
}

static bool take_keys(struct ticket_source *source, struct bytes_const file, struct text *problem)
{
    return tls_ticket_keys_read(&source->filed, file, problem);
}

static bool take_secret(struct ticket_source *source, struct bytes_const file, struct text *problem)
{
    return tls_ticket_secrets_add(&source->secrets, file, problem);
}
