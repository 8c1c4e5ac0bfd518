#include "daemon/control_show.h"

#include "base/clock.h"
#include "daemon/control_certificates.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { HELP_COLUMN = 22, KEY_NAME_BYTES = 16, HEX_PER_BYTE = 2 };

static void show_version(struct control_answer *answer);
static void show_info(struct control_answer *answer, const struct control_view *view);
static void show_stat(struct control_answer *answer, const struct control_view *view);
static void show_servers(struct control_answer *answer, const struct config *config);
static void show_tickets(struct control_answer *answer, const struct ticket_clock *tickets);
static void show_ticket_key(struct control_answer *answer, const struct ticket_clock *tickets,
                            unsigned place);
static void show_crl(struct control_answer *answer, const struct snapshot *snapshot);
static void show_config(struct control_answer *answer, const struct config *config);

void control_show_help(struct control_answer *answer, enum control_level level)
{
    for (int verb = 0; verb < CONTROL_VERBS; verb++) {
        const struct control_row *row = control_row((enum control_verb)verb);
        int                       len = (int)(strlen(row->words) + strlen(row->argument) + 1);

        if (row->level <= level) {
            control_answer_line(answer, "%s %s%*s%s", row->words, row->argument,
                                len < HELP_COLUMN ? HELP_COLUMN - len : 1, "", row->help);
        }
    }
}

bool control_show(struct control_answer *answer, enum control_verb verb,
                  const struct control_view *view)
{
    const struct snapshot *snapshot = crew_snapshot(view->crew);

    switch (verb) {
    case CONTROL_SHOW_VERSION:
        show_version(answer);
        return true;
    case CONTROL_SHOW_INFO:
        show_info(answer, view);
        return true;
    case CONTROL_SHOW_STAT:
        show_stat(answer, view);
        return true;
    case CONTROL_SHOW_SERVERS:
        show_servers(answer, snapshot->config);
        return true;
    case CONTROL_SHOW_CERTS:
        control_certificates_show(answer, snapshot, view->store);
        return true;
    case CONTROL_SHOW_TICKETS:
        show_tickets(answer, view->tickets);
        return true;
    case CONTROL_SHOW_CRL:
        show_crl(answer, snapshot);
        return true;
    case CONTROL_SHOW_CONFIG:
        show_config(answer, snapshot->config);
        return true;
    case CONTROL_HELP:
    case CONTROL_SHOW_SESS:
    case CONTROL_SHUTDOWN_SESSION:
    case CONTROL_RELOAD:
    case CONTROL_DRAIN:
    case CONTROL_VERBS:
        break;
    }
    return false;
}

/* --- the process -------------------------------------------------------------------------- */

static void show_version(struct control_answer *answer)
{
    control_answer_row_begin(answer);
    control_answer_string(answer, "version", SALLYPORT_VERSION);
    control_answer_string(answer, "openssl_build", tls_version_build());
    control_answer_string(answer, "openssl_run", tls_version_run());
    control_answer_row_end(answer);
}

static void show_info(struct control_answer *answer, const struct control_view *view)
{
    const struct crew   *crew = view->crew;
    const struct config *config = crew_snapshot(crew)->config;

    control_answer_row_begin(answer);
    control_answer_string(answer, "version", SALLYPORT_VERSION);
    control_answer_number(answer, "pid", (uint64_t)getpid());
    control_answer_string(answer, "state", view->state);
    control_answer_time(answer, "start_time", view->start_time_s);
    control_answer_number(answer, "uptime_s", view->uptime_ns / NS_PER_S);
    control_answer_string(answer, "driver", crew_driver(crew));
    control_answer_number(answer, "workers", crew_workers(crew));
    control_answer_number(answer, "connections_active",
                          crew_metric(crew, METRIC_CONNECTIONS_ACTIVE));
    control_answer_number(answer, "connections_total", crew_metric(crew, METRIC_CONNECTIONS_TOTAL));
    control_answer_number(answer, "connections_max", view->connections_max);
    control_answer_number(answer, "descriptors_max", view->descriptors);
    control_answer_number(answer, "buffers_taken", crew_metric(crew, METRIC_BUFFERS_TAKEN));
    control_answer_number(answer, "memory_max_bytes", config->memory_max_bytes);
    control_answer_number(answer, "frontends", config->frontends_count);
    control_answer_number(answer, "backends", config->backends_count);
    control_answer_number(answer, "reloads", view->reloads);
    control_answer_number(answer, "reloads_failed", view->reloads_failed);
    control_answer_string(answer, "reload_state", view->reload_state);
    control_answer_time(answer, "reload_time", view->reload_time_s);
    control_answer_row_end(answer);
}

static void show_stat(struct control_answer *answer, const struct control_view *view)
{
    static const char *const names[] = {
#define METRIC(name, help) #name,
#include "reactor/metrics.def"
#undef METRIC
    };

    control_answer_row_begin(answer);
    for (unsigned i = 0; i < METRICS_COUNT; i++) {
        char   key[64];
        size_t len = strlen(names[i]);

        for (size_t j = 0; j <= len && j < sizeof(key); j++) {
            bool is_upper = names[i][j] >= 'A' && names[i][j] <= 'Z';

            key[j] = (char)(is_upper ? names[i][j] - 'A' + 'a' : names[i][j]);
        }
        key[sizeof(key) - 1] = '\0';
        control_answer_number(answer, key, crew_metric(view->crew, (enum metric)i));
    }
    control_answer_row_end(answer);
}

/* --- the configuration -------------------------------------------------------------------- */

static void show_servers(struct control_answer *answer, const struct config *config)
{
    static const char *const balances[] = {
        [CONFIG_BALANCE_ROUNDROBIN] = "roundrobin", [CONFIG_BALANCE_FIRST] = "first"};

    control_answer_list_begin(answer, NULL);
    for (size_t i = 0; i < config->backends_count; i++) {
        const struct config_backend *backend = &config->backends[i];

        for (size_t j = 0; j < backend->servers_count; j++) {
            control_answer_row_begin(answer);
            control_answer_string(answer, "backend", backend->name.text);
            control_answer_string(answer, "balance", balances[backend->balance]);
            control_answer_string(answer, "server", backend->servers[j].address.text);
            control_answer_number(answer, "weight", backend->servers[j].weight);
            control_answer_bool(answer, "backup", backend->servers[j].backup);
            control_answer_row_end(answer);
        }
    }
    control_answer_list_end(answer);
}

static void show_config(struct control_answer *answer, const struct config *config)
{
    char  *text = NULL;
    size_t text_len = 0;
    FILE  *memory = open_memstream(&text, &text_len);

    if (memory == NULL) {
        control_answer_line(answer, "error: out of memory");
        return;
    }
    config_dump(config, memory);
    bool is_whole = ferror(memory) == 0;

    is_whole = fclose(memory) == 0 && is_whole;
    if (!is_whole || text == NULL) {
        control_answer_line(answer, "error: out of memory");
    } else if (answer->is_json) {
        control_answer_row_begin(answer);
        control_answer_string(answer, "config", text);
        control_answer_row_end(answer);
    } else {
        control_answer_lines(answer, text);
    }
    free(text);
}

/* --- what runs out ------------------------------------------------------------------------ */

static void show_tickets(struct control_answer *answer, const struct ticket_clock *tickets)
{
    static const char *const    kinds[] = {[TICKETS_RANDOM] = "random",
                                           [TICKETS_FILED] = "ticket-keys",
                                           [TICKETS_DERIVED] = "ticket-secret"};
    const struct ticket_source *source = ticket_clock_source(tickets);

    control_answer_row_begin(answer);
    control_answer_string(answer, "source", kinds[source->kind]);
    control_answer_number(answer, "rotation_s",
                          source->kind == TICKETS_FILED ? 0 : source->period_s);
    control_answer_list_begin(answer, "keys");
    for (unsigned i = 0; i < ticket_clock_keys(tickets)->count; i++) {
        show_ticket_key(answer, tickets, i);
    }
    control_answer_list_end(answer);
    control_answer_row_end(answer);
}

/* The name stands in every ticket in clear, and tells daemons of a fleet whether they agree. */
static void show_ticket_key(struct control_answer *answer, const struct ticket_clock *tickets,
                            unsigned place)
{
    static const char            hex[] = "0123456789abcdef";
    const struct tls_ticket_key *key = &ticket_clock_keys(tickets)->keys[place];
    char                         name[KEY_NAME_BYTES * HEX_PER_BYTE + 1];

    _Static_assert(sizeof(key->name) == KEY_NAME_BYTES, "a name in hexadecimal");
    for (size_t i = 0; i < sizeof(key->name); i++) {
        name[i * HEX_PER_BYTE] = hex[key->name[i] >> 4];
        name[i * HEX_PER_BYTE + 1] = hex[key->name[i] & 15];
    }
    name[sizeof(name) - 1] = '\0';
    control_answer_row_begin(answer);
    control_answer_number(answer, "generation", place);
    control_answer_string(answer, "use", place == 0 ? "encrypt" : "accept");
    control_answer_string(answer, "name", name);
    control_answer_number(answer, "age_s", ticket_clock_age_ns(tickets, place) / NS_PER_S);
    control_answer_row_end(answer);
}

static void show_crl(struct control_answer *answer, const struct snapshot *snapshot)
{
    control_answer_list_begin(answer, NULL);
    for (size_t i = 0; i < snapshot->config->frontends_count; i++) {
        const struct snapshot_frontend *frontend = &snapshot->frontends[i];
        struct client_auth_list         list;

        for (size_t j = 0; client_auth_list(frontend->clients, j, &list); j++) {
            control_answer_row_begin(answer);
            control_answer_string(answer, "frontend", frontend->config->name.text);
            control_answer_string(answer, "file", list.path);
            control_answer_time(answer, "next_update", list.good_until_s);
            control_answer_bool(answer, "expired",
                                list.good_until_s != 0 && list.good_until_s < (int64_t)time(NULL));
            control_answer_row_end(answer);
        }
    }
    control_answer_list_end(answer);
}
