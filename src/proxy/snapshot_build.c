/* A snapshot is built: addresses read, policies tried, certificates taken from the store. */
#include "proxy/snapshot.h"

#include "base/clock.h"
#include "base/require.h"
#include "proxy/frontend_certificates.h"

#include <stdlib.h>
#include <string.h>

#define SSL_CONF_START "ssl-conf: "

/* A part of a snapshot being built, and where its mistakes go. */
struct building {
    struct snapshot          *snapshot;
    const struct snapshot    *previous; /* of the same configuration; NULL: none */
    struct certificate_store *store;
    struct config_report     *report;
    bool                      has_memory; /* false: an allocation failed */
};

static struct snapshot *build(struct config **config, const struct snapshot *previous,
                              struct certificate_store *store, struct config_report *report);
static void             has_no_memory(struct building *building);
static void            *take(struct building *building, size_t count, size_t bytes);
static void             build_backends(struct building *building);
static void             build_frontends(struct building *building);
static void             read_listens(struct building *building, struct snapshot_frontend *frontend);
static void             check_listens(struct building *building);
static bool   is_taken(const struct snapshot_listen *one, const struct snapshot_listen *other);
static void   read_proxies(struct building *building, struct snapshot_frontend *frontend);
static void   read_routes(struct building *building, struct snapshot_frontend *frontend);
static void   add_route(struct building *building, struct snapshot_frontend *frontend,
                        const struct config_string *name, size_t backend);
static size_t backend_number(const struct config *config, const char *name);
static void   read_tls(struct building *building, struct snapshot_frontend *frontend);
static void   read_clients(struct building *building, struct snapshot_frontend *frontend);
static void   build_certificates(struct building *building);
static void   check_frontend(struct building *building, struct snapshot_frontend *frontend,
                             const struct tls_selection *none);
static bool   check_routes(struct building *building, const struct snapshot_frontend *frontend,
                           const struct tls_selection *none);
static struct tls_context *policy_context(struct building                  *building,
                                          const struct tls_context_options *given,
                                          const struct tls_selection       *none,
                                          const struct config_policy       *config,
                                          struct config_place               otherwise);
static void check_names(struct building *building, const struct snapshot_frontend *frontend,
                        struct tls_context *policy);
static void check_name(struct building *building, const struct tls_selection *selection,
                       struct tls_context *policy, const struct config_string *name);
static void choose(struct building *building, struct snapshot_frontend *frontend,
                   struct tls_context *policy);
static struct config_place place_of(const char *problem, const struct config_policy *policy,
                                    struct config_place otherwise);
static bool                begins_with(const char *problem, const char *subject);

struct snapshot *snapshot_build(struct config **config, struct certificate_store *store,
                                struct config_report *report)
{
    return build(config, NULL, store, report);
}

struct snapshot *snapshot_renew(const struct snapshot *snapshot, struct certificate_store *store,
                                struct config_report *report)
{
    struct config *config = config_hold(snapshot->config);

    return build(&config, snapshot, store, report);
}

static struct snapshot *build(struct config **config, const struct snapshot *previous,
                              struct certificate_store *store, struct config_report *report)
{
    struct building building = {
        .previous = previous, .store = store, .report = report, .has_memory = true};

    building.snapshot = take(&building, 1, sizeof(*building.snapshot));
    if (building.snapshot == NULL) {
        config_free(config);
        return NULL;
    }
    building.snapshot->config = *config;
    *config = NULL;
    build_backends(&building);
    build_frontends(&building);
    check_listens(&building);
    ticket_source_read(&building.snapshot->tickets, building.snapshot->config,
                       previous != NULL ? &previous->tickets : NULL, report);
    if (building.has_memory) {
        build_certificates(&building);
    }
    if (!building.has_memory || config_report_has_errors(report)) {
        snapshot_free(&building.snapshot);
    } else {
        certificate_store_sweep(store);
    }
    return building.snapshot;
}

static void has_no_memory(struct building *building)
{
    building->has_memory = false;
    config_report_no_memory(building->report);
}

/* Zeroed memory; want of it is an error like any other. */
static void *take(struct building *building, size_t count, size_t bytes)
{
    void *memory = building->has_memory ? calloc(count > 0 ? count : 1, bytes) : NULL;

    if (memory == NULL && building->has_memory) {
        has_no_memory(building);
    }
    return memory;
}

/* --- backends ----------------------------------------------------------------------------- */

static void build_backends(struct building *building)
{
    struct snapshot *snapshot = building->snapshot;

    snapshot->backends =
        take(building, snapshot->config->backends_count, sizeof(*snapshot->backends));
    for (size_t i = 0; building->has_memory && i < snapshot->config->backends_count; i++) {
        const struct config_backend *config = &snapshot->config->backends[i];
        struct snapshot_backend     *backend = &snapshot->backends[i];

        backend->config = config;
        backend->targets = take(building, config->servers_count, sizeof(*backend->targets));
        for (size_t j = 0; building->has_memory && j < config->servers_count; j++) {
            const struct config_string *address = &config->servers[j].address;
            const char                 *problem = NULL;

            if (!pool_target_read(&config->servers[j], &backend->targets[j], &problem)) {
                config_report_add(building->report, CONFIG_ERROR, address->at, "address \"%s\": %s",
                                  address->text, problem);
            }
        }
    }
}

/* --- frontends ---------------------------------------------------------------------------- */

static void build_frontends(struct building *building)
{
    struct snapshot *snapshot = building->snapshot;

    snapshot->frontends =
        take(building, snapshot->config->frontends_count, sizeof(*snapshot->frontends));
    for (size_t i = 0; building->has_memory && i < snapshot->config->frontends_count; i++) {
        struct snapshot_frontend *frontend = &snapshot->frontends[i];

        frontend->config = &snapshot->config->frontends[i];
        frontend->backend = backend_number(snapshot->config, frontend->config->backend.text);
        read_listens(building, frontend);
        read_proxies(building, frontend);
        read_routes(building, frontend);
        read_tls(building, frontend);
    }
}

static void read_listens(struct building *building, struct snapshot_frontend *frontend)
{
    const struct config_strings *texts = &frontend->config->listen;

    frontend->listens =
        take(building, texts->count * ADDRESSES_PER_TEXT_MAX, sizeof(*frontend->listens));
    for (size_t i = 0; building->has_memory && i < texts->count; i++) {
        const struct config_string *text = &texts->items[i];
        struct address              addresses[ADDRESSES_PER_TEXT_MAX];
        const char                 *problem = NULL;
        size_t                      count = address_parse(text->text, addresses, &problem);

        if (count == 0) {
            config_report_add(building->report, CONFIG_ERROR, text->at, "listen \"%s\": %s",
                              text->text, problem);
        }
        for (size_t j = 0; j < count; j++) {
            frontend->listens[frontend->listens_count++] =
                (struct snapshot_listen){.address = addresses[j], .text = text};
        }
    }
}

/* Sockets share their port (SO_REUSEPORT), so the kernel would not complain of two frontends on
 * one address: each would get some of the clients. */
static void check_listens(struct building *building)
{
    const struct snapshot *snapshot = building->snapshot;
    size_t frontends_count = building->has_memory ? snapshot->config->frontends_count : 0;

    for (size_t i = 0; i < frontends_count; i++) {
        for (size_t j = 0; j < snapshot->frontends[i].listens_count; j++) {
            const struct snapshot_listen *one = &snapshot->frontends[i].listens[j];

            for (size_t k = 0; k <= i; k++) {
                size_t others = k < i ? snapshot->frontends[k].listens_count : j;

                for (size_t l = 0; l < others; l++) {
                    const struct snapshot_listen *other = &snapshot->frontends[k].listens[l];

                    if (is_taken(one, other)) {
                        config_report_add(building->report, CONFIG_ERROR, one->text->at,
                                          "listen \"%s\": taken already, at %s:%u", one->text->text,
                                          other->text->at.file, other->text->at.line);
                        return;
                    }
                }
            }
        }
    }
}

/* Port 0 is a port of the kernel's choice, another one each time. */
static bool is_taken(const struct snapshot_listen *one, const struct snapshot_listen *other)
{
    return address_is_equal(&one->address, &other->address) &&
           (address_is_unix(&one->address) || one->address.socket.ip4.sin_port != 0);
}

static void read_proxies(struct building *building, struct snapshot_frontend *frontend)
{
    const struct config_strings *texts = &frontend->config->accept_proxy_from;

    frontend->proxies = take(building, texts->count, sizeof(*frontend->proxies));
    for (size_t i = 0; building->has_memory && i < texts->count; i++) {
        const struct config_string *text = &texts->items[i];
        const char                 *problem = NULL;

        if (!network_parse(text->text, &frontend->proxies[i], &problem)) {
            config_report_add(building->report, CONFIG_ERROR, text->at,
                              "accept-proxy-from \"%s\": %s", text->text, problem);
        }
        frontend->proxies_count++;
    }
}

static void read_routes(struct building *building, struct snapshot_frontend *frontend)
{
    const struct config_frontend *config = frontend->config;

    if (config->routes_count == 0) {
        return;
    }
    frontend->routes = name_table_new();
    if (frontend->routes == NULL) {
        has_no_memory(building);
    }
    for (size_t i = 0; building->has_memory && i < config->routes_count; i++) {
        const struct config_route *route = &config->routes[i];
        size_t backend = backend_number(building->snapshot->config, route->backend.text);

        for (size_t j = 0; j < route->sni.count; j++) {
            add_route(building, frontend, &route->sni.items[j], backend);
        }
    }
}

static void add_route(struct building *building, struct snapshot_frontend *frontend,
                      const struct config_string *name, size_t backend)
{
    struct bytes_const bytes = {(const uint8_t *)name->text, strlen(name->text)};

    if (!name_is_valid(bytes)) {
        config_report_add(building->report, CONFIG_ERROR, name->at,
                          "sni \"%s\": a host name is wanted, or \"*.\" and one", name->text);
    } else if (name_table_find_exact(frontend->routes, bytes) != NAME_TABLE_NONE) {
        config_report_add(building->report, CONFIG_ERROR, name->at,
                          "sni \"%s\": an earlier route has this name", name->text);
    } else if (!name_table_add(frontend->routes, bytes, (int)backend)) {
        has_no_memory(building);
    }
}

/* Room config saw to it that the name is known. */
static size_t backend_number(const struct config *config, const char *name)
{
    const struct config_backend *backend = config_find_backend(config, name);

    require(backend != NULL);
    return (size_t)(backend - config->backends);
}

/* --- TLS ---------------------------------------------------------------------------------- */

static void read_tls(struct building *building, struct snapshot_frontend *frontend)
{
    const struct config_frontend *config = frontend->config;

    frontend->tls = (struct tls_context_options){
        .role = TLS_FOR_SERVER,
        .strict_sni = config->strict_sni != CONFIG_STRICT_NEVER,
        .requires_sni = config->strict_sni == CONFIG_STRICT_REQUIRE,
        .tickets = config->tickets,
        .challenge_dir = config->acme_dir.text[0] != '\0' ? config->acme_dir.text : NULL,
        .session_lifetime_s =
            (uint32_t)(building->snapshot->config->session_lifetime_ns / NS_PER_S),
    };
    frontend->policies = frontend_policies_new(config);
    if (!policy_options_init(&frontend->tls, &config->policy) || frontend->policies == NULL) {
        has_no_memory(building);
        return;
    }
    frontend->tls.named = frontend_policies_options(frontend->policies);
    read_clients(building, frontend);
}

static void read_clients(struct building *building, struct snapshot_frontend *frontend)
{
    const struct snapshot    *previous = building->previous;
    size_t                    index = (size_t)(frontend - building->snapshot->frontends);
    const struct client_auth *clients =
        previous != NULL ? previous->frontends[index].clients : NULL;

    frontend->clients = client_auth_new(frontend->config, clients, building->report);
    if (frontend->clients == NULL) {
        has_no_memory(building);
        return;
    }
    frontend->tls.verify = client_auth_options(frontend->clients);
}

/* Each reactor makes contexts of its own later, in its own library; what is done here shows that it
 * can. */
static void build_certificates(struct building *building)
{
    struct snapshot      *snapshot = building->snapshot;
    struct tls_selection *none = tls_selection_new();

    certificate_store_begin(building->store);
    for (size_t i = 0; building->has_memory && i < snapshot->config->frontends_count; i++) {
        check_frontend(building, &snapshot->frontends[i], none);
    }
    certificate_store_tally(building->store, &snapshot->certificates);
    staple_files_tally(certificate_store_staples(building->store), &snapshot->staples);
    tls_selection_free(&none);
}

/* `none`: a selection without certificates; NULL: memory is short. */
static void check_frontend(struct building *building, struct snapshot_frontend *frontend,
                           const struct tls_selection *none)
{
    struct tls_context *policy = NULL;

    if (!check_routes(building, frontend, none)) {
        return;
    }
    policy = policy_context(building, &frontend->tls, none, &frontend->config->policy,
                            frontend->config->at);
    if (policy != NULL) {
        choose(building, frontend, policy);
        check_names(building, frontend, policy);
        tls_context_free(&policy);
    }
}

/* Each by itself, so that a mistake has its place. */
static bool check_routes(struct building *building, const struct snapshot_frontend *frontend,
                         const struct tls_selection *none)
{
    struct frontend_policy own;
    bool                   are_sound = true;

    for (size_t i = 0; frontend_policies_at(frontend->policies, i, &own); i++) {
        struct tls_context *policy =
            policy_context(building, own.options, none, own.config, own.route->at);

        are_sound = are_sound && policy != NULL;
        tls_context_free(&policy);
    }
    return are_sound;
}

/* A context without certificates. */
static struct tls_context *policy_context(struct building                  *building,
                                          const struct tls_context_options *given,
                                          const struct tls_selection       *none,
                                          const struct config_policy       *config,
                                          struct config_place               otherwise)
{
    struct tls_context_options options = *given;
    char                       memory[TLS_PROBLEM_BYTES];
    struct text                problem;
    struct tls_context        *context = NULL;

    text_init(&problem, memory, sizeof(memory));
    options.selection = none;
    if (none != NULL) {
        context = tls_context_new(certificate_store_library(building->store), &options, &problem);
    }
    if (context == NULL) {
        config_report_add(building->report, CONFIG_ERROR,
                          place_of(text_chars(&problem), config, otherwise), "%s",
                          text_len(&problem) > 0 ? text_chars(&problem) : "out of memory");
    }
    return context;
}

/* What a route's names are shown must be for its policy, the default certificate too. */
static void check_names(struct building *building, const struct snapshot_frontend *frontend,
                        struct tls_context *policy)
{
    const struct config_frontend *config = frontend->config;
    struct frontend_policy        own;

    for (size_t i = 0; frontend->tls.selection != NULL && i < config->routes_count; i++) {
        const struct config_strings *names = &config->routes[i].sni;

        if (!frontend_policies_of_route(frontend->policies, &config->routes[i], &own)) {
            continue;
        }
        for (size_t j = 0; j < names->count; j++) {
            check_name(building, frontend->tls.selection, policy, &names->items[j]);
        }
    }
}

static void check_name(struct building *building, const struct tls_selection *selection,
                       struct tls_context *policy, const struct config_string *name)
{
    struct bytes_const bytes = {(const uint8_t *)name->text, strlen(name->text)};
    char               memory[TLS_PROBLEM_BYTES];
    struct text        problem;

    text_init(&problem, memory, sizeof(memory));
    if (!tls_context_serves(policy, selection, bytes, &problem)) {
        config_report_add(building->report, CONFIG_ERROR, name->at,
                          "sni \"%s\": the certificate for it is not for the route's policy: %s",
                          name->text, memory);
    }
}

static void choose(struct building *building, struct snapshot_frontend *frontend,
                   struct tls_context *policy)
{
    struct tls_selection *selection = frontend_certificates_choose(&(
        struct frontend_certificates_options){.store = building->store,
                                              .frontend = frontend->config,
                                              .policy = policy,
                                              .is_strict = building->snapshot->config->strict_certs,
                                              .report = building->report});

    frontend->tls.selection = selection;
    if (selection == NULL) {
        has_no_memory(building);
        return;
    }
    building->snapshot->names += tls_selection_names(selection);
}

/* A complaint begins with the option it is about. */
static struct config_place place_of(const char *problem, const struct config_policy *policy,
                                    struct config_place otherwise)
{
    const struct {
        const char                 *name;
        const struct config_string *option;
    } options[] = {{"min-version", &policy->min_version},
                   {"min-version", &policy->max_version}, /* which the policy's own is above */
                   {"max-version", &policy->max_version},
                   {"ciphers", &policy->ciphers},
                   {"ciphersuites", &policy->ciphersuites},
                   {"groups", &policy->groups}};

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (begins_with(problem, options[i].name) && options[i].option->at.line > 0) {
            return options[i].option->at;
        }
    }
    for (size_t i = 0; i < policy->ssl_conf.count; i++) {
        const struct config_pair *pair = &policy->ssl_conf.items[i];

        if (strncmp(problem, SSL_CONF_START, strlen(SSL_CONF_START)) == 0 &&
            begins_with(problem + strlen(SSL_CONF_START), pair->name)) {
            return pair->value.at;
        }
    }
    if (begins_with(problem, "alpn") && policy->alpn.count > 0) {
        return policy->alpn.items[0].at;
    }
    return otherwise;
}

static bool begins_with(const char *problem, const char *subject)
{
    size_t len = strlen(subject);

    return strncmp(problem, subject, len) == 0 && (problem[len] == ':' || problem[len] == ' ');
}
