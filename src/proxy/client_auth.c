#include "proxy/client_auth.h"

#include "base/require.h"
#include "proxy/trust_files.h"

#include <stdlib.h>
#include <string.h>

/* The parts of a route's options that are given or inherited as one. */
struct chosen {
    const struct config_clients *authorities;
    const struct config_clients *revocations;
    const struct config_clients *allows;
};

/* One set of authorities with their lists of revoked certificates, as it was read. */
struct auth_files {
    struct chosen      chosen; /* whose they are */
    struct trust_files authorities;
    struct trust_files revocations;
};

struct client_auth {
    const struct config_frontend *config;
    const struct client_auth     *previous; /* while it is made; NULL: none */
    struct auth_files            *files;    /* as many as trusts */
    struct tls_trust             *trusts;
    size_t                        trusts_count;
    struct tls_verify            *policies; /* the frontend's, then those routes have */
    size_t                        policies_count;
    struct name_table            *names; /* of routes, to policies */
};

static bool          asks_anyone(const struct config_frontend *config);
static bool          fill(struct client_auth *auth, struct config_report *report);
static bool          add_policy(struct client_auth *auth, enum config_verify verify,
                                const struct chosen *chosen, struct config_report *report);
static struct chosen choose(const struct config_clients *own, const struct config_clients *other);
static bool          choose_trust(struct client_auth *auth, const struct chosen *chosen,
                                  struct config_report *report, size_t *index);
static bool          add_trust(struct client_auth *auth, const struct chosen *chosen,
                               struct config_report *report);
static const struct auth_files *find_files(const struct client_auth *auth,
                                           const struct chosen      *chosen);
static bool add_names(struct client_auth *auth, const struct config_strings *names, size_t policy);
static bool has_own(const struct config_clients *clients);
static size_t own_count(const struct config_frontend *config);
static bool   add_allows(struct tls_verify *policy, const struct config_clients *clients,
                         struct config_report *report);
static size_t add_list(struct tls_allow *allows, enum tls_allow_kind kind,
                       const struct config_strings *list, struct config_report *report);
static size_t allows_count(const struct config_clients *clients);

struct client_auth *client_auth_new(const struct config_frontend *config,
                                    const struct client_auth     *previous,
                                    struct config_report         *report)
{
    struct client_auth *auth = calloc(1, sizeof(*auth));

    if (auth == NULL) {
        return NULL;
    }
    auth->config = config;
    auth->previous = previous;
    if (asks_anyone(config) && !fill(auth, report)) {
        client_auth_free(&auth);
        return NULL;
    }
    auth->previous = NULL;
    return auth;
}

void client_auth_free(struct client_auth **auth)
{
    struct client_auth *freed = *auth;

    if (freed == NULL) {
        return;
    }
    for (size_t i = 0; i < freed->trusts_count; i++) {
        trust_files_fini(&freed->files[i].authorities);
        trust_files_fini(&freed->files[i].revocations);
    }
    for (size_t i = 0; i < freed->policies_count; i++) {
        free((void *)(uintptr_t)freed->policies[i].allows);
    }
    name_table_free(&freed->names);
    free(freed->files);
    free(freed->trusts);
    free(freed->policies);
    free(freed);
    *auth = NULL;
}

bool client_auth_is_equal(const struct client_auth *one, const struct client_auth *other)
{
    bool is_equal = one->trusts_count == other->trusts_count;

    for (size_t i = 0; is_equal && i < one->trusts_count; i++) {
        is_equal = trust_files_is_equal(&one->files[i].authorities, &other->files[i].authorities) &&
                   trust_files_is_equal(&one->files[i].revocations, &other->files[i].revocations);
    }
    return is_equal;
}

struct tls_verify_options client_auth_options(const struct client_auth *auth)
{
    return (struct tls_verify_options){.trusts = auth->trusts,
                                       .trusts_count = auth->trusts_count,
                                       .policies = auth->policies,
                                       .policies_count = auth->policies_count,
                                       .names = auth->names};
}

static bool asks_anyone(const struct config_frontend *config)
{
    bool asks = config->clients.verify != CONFIG_VERIFY_NONE;

    for (size_t i = 0; i < config->routes_count && !asks; i++) {
        asks = config_verify_of_route(config, &config->routes[i]) != CONFIG_VERIFY_NONE;
    }
    return asks;
}

static bool fill(struct client_auth *auth, struct config_report *report)
{
    const struct config_frontend *config = auth->config;
    size_t                        count = 1 + own_count(config);
    struct chosen                 chosen = choose(&config->clients, &config->clients);

    auth->files = calloc(count, sizeof(*auth->files));
    auth->trusts = calloc(count, sizeof(*auth->trusts));
    auth->policies = calloc(count, sizeof(*auth->policies));
    if (auth->files == NULL || auth->trusts == NULL || auth->policies == NULL ||
        !add_policy(auth, (enum config_verify)config->clients.verify, &chosen, report)) {
        return false;
    }
    auth->names = name_table_new();
    for (size_t i = 0; auth->names != NULL && i < config->routes_count; i++) {
        const struct config_route *route = &config->routes[i];
        size_t                     policy = 0;

        if (has_own(&route->clients)) {
            policy = auth->policies_count;
            chosen = choose(&route->clients, &config->clients);
            if (!add_policy(auth, config_verify_of_route(config, route), &chosen, report)) {
                return false;
            }
        }
        if (!add_names(auth, &route->sni, policy)) {
            return false;
        }
    }
    return auth->names != NULL;
}

static bool has_own(const struct config_clients *clients)
{
    return clients->verify != CONFIG_ROUTE_VERIFY_FRONTEND || allows_count(clients) > 0 ||
           clients->ca_file.count + clients->ca_dir.count > 0 ||
           clients->crl_file.count + clients->crl_dir.count > 0;
}

static size_t own_count(const struct config_frontend *config)
{
    size_t count = 0;

    for (size_t i = 0; i < config->routes_count; i++) {
        count += has_own(&config->routes[i].clients) ? 1 : 0;
    }
    return count;
}

/* Also those of routes that have nothing of their own: a name that is chosen for its backend is
 * chosen for its policy. Names with mistakes are told of elsewhere. */
static bool add_names(struct client_auth *auth, const struct config_strings *names, size_t policy)
{
    for (size_t i = 0; i < names->count; i++) {
        const char        *name = names->items[i].text;
        struct bytes_const bytes = {(const uint8_t *)name, strlen(name)};

        if (name_is_valid(bytes) && !name_table_add(auth->names, bytes, (int)policy)) {
            return false;
        }
    }
    return true;
}

static bool add_policy(struct client_auth *auth, enum config_verify verify,
                       const struct chosen *chosen, struct config_report *report)
{
    static const enum tls_verify_mode modes[] = {[CONFIG_VERIFY_NONE] = TLS_VERIFY_NONE,
                                                 [CONFIG_VERIFY_OPTIONAL] = TLS_VERIFY_OPTIONAL,
                                                 [CONFIG_VERIFY_REQUIRED] = TLS_VERIFY_REQUIRED};
    struct tls_verify                *policy = &auth->policies[auth->policies_count++];

    policy->mode = modes[verify];
    return verify == CONFIG_VERIFY_NONE || (choose_trust(auth, chosen, report, &policy->trust) &&
                                            add_allows(policy, chosen->allows, report));
}

/* Certificates and lists come from one place each, whichever of the two has any; so do the lists of
 * those allowed, or an entry of the frontend would let in whom the route's lists keep out. */
static struct chosen choose(const struct config_clients *own, const struct config_clients *other)
{
    return (struct chosen){
        .authorities = own->ca_file.count + own->ca_dir.count > 0 ? own : other,
        .revocations = own->crl_file.count + own->crl_dir.count > 0 ? own : other,
        .allows = allows_count(own) > 0 ? own : other,
    };
}

/* --- trust -------------------------------------------------------------------------------- */

/* Routes that have the frontend's share what was read for it. */
static bool choose_trust(struct client_auth *auth, const struct chosen *chosen,
                         struct config_report *report, size_t *index)
{
    const struct auth_files *files = find_files(auth, chosen);

    if (files != NULL) {
        *index = (size_t)(files - auth->files);
        return true;
    }
    *index = auth->trusts_count;
    auth->files[auth->trusts_count].chosen = *chosen;
    return add_trust(auth, chosen, report);
}

/* NULL: there are none. `auth` may be NULL. */
static const struct auth_files *find_files(const struct client_auth *auth,
                                           const struct chosen      *chosen)
{
    for (size_t i = 0; auth != NULL && i < auth->trusts_count; i++) {
        const struct chosen *one = &auth->files[i].chosen;

        if (one->authorities == chosen->authorities && one->revocations == chosen->revocations) {
            return &auth->files[i];
        }
    }
    return NULL;
}

static bool add_trust(struct client_auth *auth, const struct chosen *chosen,
                      struct config_report *report)
{
    const struct config_frontend *config = auth->config;
    const struct config_clients  *revocations = chosen->revocations;
    bool                     checks = revocations->crl_file.count + revocations->crl_dir.count > 0;
    struct auth_files       *files = &auth->files[auth->trusts_count];
    struct tls_trust        *trust = &auth->trusts[auth->trusts_count++];
    const struct auth_files *previous = find_files(auth->previous, chosen);

    if (!trust_files_read(&files->authorities,
                          &(struct trust_files_options){
                              .kind = TLS_AUTHORITIES,
                              .paths = &chosen->authorities->ca_file,
                              .directories = &chosen->authorities->ca_dir,
                              .previous = previous != NULL ? &previous->authorities : NULL,
                              .report = report}) ||
        !trust_files_read(&files->revocations,
                          &(struct trust_files_options){
                              .kind = TLS_REVOCATIONS,
                              .paths = &revocations->crl_file,
                              .directories = &revocations->crl_dir,
                              .previous = previous != NULL ? &previous->revocations : NULL,
                              .report = report})) {
        return false;
    }
    *trust = (struct tls_trust){
        .authorities = files->authorities.bytes,
        .authorities_count = files->authorities.count,
        .revocations = files->revocations.bytes,
        .revocations_count = files->revocations.count,
        .depth = config->verify_depth,
        .checks_leaf = checks,
        .checks_chain = checks && config->crl_check == CONFIG_CRL_CHAIN,
        .may_miss_list = config->crl_missing == CONFIG_TROUBLE_WARN,
        .may_have_old = config->crl_expired == CONFIG_TROUBLE_WARN,
        .sends_names = config->client_ca_names,
    };
    return true;
}

/* --- lists -------------------------------------------------------------------------------- */

static bool add_allows(struct tls_verify *policy, const struct config_clients *clients,
                       struct config_report *report)
{
    size_t            count = allows_count(clients);
    struct tls_allow *allows = calloc(count > 0 ? count : 1, sizeof(*allows));
    size_t            added = 0;

    if (allows == NULL) {
        return false;
    }
    added += add_list(allows + added, TLS_ALLOW_CN, &clients->allow_cn, report);
    added += add_list(allows + added, TLS_ALLOW_OU, &clients->allow_ou, report);
    added += add_list(allows + added, TLS_ALLOW_DNS, &clients->allow_dns, report);
    added += add_list(allows + added, TLS_ALLOW_URI, &clients->allow_uri, report);
    added += add_list(allows + added, TLS_ALLOW_SPKI_PIN, &clients->allow_spki_pin, report);
    require(added == count);
    policy->allows = allows;
    policy->allows_count = count;
    return true;
}

static size_t add_list(struct tls_allow *allows, enum tls_allow_kind kind,
                       const struct config_strings *list, struct config_report *report)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct config_string *entry = &list->items[i];

        allows[i] = (struct tls_allow){.kind = kind, .pattern = entry->text};
        if (kind == TLS_ALLOW_SPKI_PIN && !tls_pin_read(entry->text, allows[i].pin)) {
            config_report_add(report, CONFIG_ERROR, entry->at,
                              "allow-spki-pin: \"sha256:\" and 64 hexadecimal digits or 44 "
                              "characters of base64 are wanted, found \"%.80s\"",
                              entry->text);
        }
    }
    return list->count;
}

static size_t allows_count(const struct config_clients *clients)
{
    return clients->allow_cn.count + clients->allow_ou.count + clients->allow_dns.count +
           clients->allow_uri.count + clients->allow_spki_pin.count;
}

/* --- what it was made of
 * -------------------------------------------------------------------------------- */

bool client_auth_list(const struct client_auth *auth, size_t index, struct client_auth_list *list)
{
    for (size_t i = 0; i < auth->trusts_count; i++) {
        const struct trust_files *files = &auth->files[i].revocations;

        if (index < files->count) {
            *list = (struct client_auth_list){.path = files->files[index]->path,
                                              .good_until_s = files->files[index]->good_until_s};
            return true;
        }
        index -= files->count;
    }
    return false;
}
