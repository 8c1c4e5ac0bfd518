#include "proxy/frontend_policies.h"

#include "base/name_table.h"

#include <stdlib.h>
#include <string.h>

struct frontend_policies {
    const struct config_frontend *config;
    struct config_policy         *configs; /* of each policy what applies */
    struct tls_context_options   *options;
    const struct config_route   **routes; /* the first that has it */
    size_t                        count;
    size_t                       *of_routes; /* 0: the frontend's; i: policy i - 1 */
    struct name_table            *names;     /* of routes, to the same */
};

static const char         *or_null(const struct config_string *string);
static const char         *security_level(int configured);
static enum tls_policy     policy_of(int configured);
static struct tls_command *commands_of(const struct config_pairs *pairs);
static const char        **alpn_of(const struct config_strings *names);
static size_t              own_count(const struct config_frontend *config);
static bool                fill(struct frontend_policies *policies);
static bool                choose(struct frontend_policies *policies, size_t route_index);
static bool add_names(struct frontend_policies *policies, const struct config_strings *names,
                      size_t policy);
static struct frontend_policy policy_at(const struct frontend_policies *policies, size_t index);
static bool is_equal(const struct config_policy *one, const struct config_policy *other);
static bool is_text_equal(const struct config_string *one, const struct config_string *other);
static bool are_strings_equal(const struct config_strings *one, const struct config_strings *other);
static bool are_pairs_equal(const struct config_pairs *one, const struct config_pairs *other);

/* --- one policy --------------------------------------------------------------------------- */

bool policy_options_init(struct tls_context_options *options, const struct config_policy *policy)
{
    options->policy = policy_of(policy->tls_policy);
    options->min_version = or_null(&policy->min_version);
    options->max_version = or_null(&policy->max_version);
    options->ciphers = or_null(&policy->ciphers);
    options->ciphersuites = or_null(&policy->ciphersuites);
    options->groups = or_null(&policy->groups);
    options->security_level = security_level(policy->security_level);
    options->commands = commands_of(&policy->ssl_conf);
    options->commands_count = policy->ssl_conf.count;
    options->prefer_server_ciphers = policy->prefer_server_ciphers;
    options->alpn = alpn_of(&policy->alpn);
    options->alpn_count = policy->alpn.count;
    options->alpn_mismatch_ignore = policy->alpn_mismatch == CONFIG_MISMATCH_IGNORE;
    return options->commands != NULL && options->alpn != NULL;
}

void policy_options_fini(struct tls_context_options *options)
{
    free((void *)(uintptr_t)options->commands);
    free((void *)(uintptr_t)options->alpn);
    options->commands = NULL;
    options->alpn = NULL;
}

static const char *or_null(const struct config_string *string)
{
    return string->text[0] != '\0' ? string->text : NULL;
}

static const char *security_level(int configured)
{
    static const char *const levels[] = {NULL, "0", "1", "2", "3", "4", "5"};

    return levels[configured];
}

static enum tls_policy policy_of(int configured)
{
    switch ((enum config_tls_policy)configured) {
    case CONFIG_POLICY_MODERN:
    case CONFIG_POLICY_MODERN_5_8:
        return TLS_POLICY_MODERN;
    case CONFIG_POLICY_INTERMEDIATE:
    case CONFIG_POLICY_INTERMEDIATE_5_8:
        break;
    case CONFIG_POLICY_OLD:
    case CONFIG_POLICY_OLD_5_8:
        return TLS_POLICY_OLD;
    }
    return TLS_POLICY_INTERMEDIATE;
}

/* NULL only when memory is short, as below. */
static struct tls_command *commands_of(const struct config_pairs *pairs)
{
    struct tls_command *commands = calloc(pairs->count + 1, sizeof(*commands));

    for (size_t i = 0; commands != NULL && i < pairs->count; i++) {
        commands[i] = (struct tls_command){pairs->items[i].name, pairs->items[i].value.text};
    }
    return commands;
}

static const char **alpn_of(const struct config_strings *names)
{
    const char **alpn = calloc(names->count + 1, sizeof(*alpn));

    for (size_t i = 0; alpn != NULL && i < names->count; i++) {
        alpn[i] = names->items[i].text;
    }
    return alpn;
}

/* --- of a frontend ------------------------------------------------------------------------ */

struct frontend_policies *frontend_policies_new(const struct config_frontend *config)
{
    struct frontend_policies *policies = calloc(1, sizeof(*policies));

    if (policies == NULL) {
        return NULL;
    }
    policies->config = config;
    if (own_count(config) > 0 && !fill(policies)) {
        frontend_policies_free(&policies);
    }
    return policies;
}

void frontend_policies_free(struct frontend_policies **policies)
{
    struct frontend_policies *freed = *policies;

    if (freed == NULL) {
        return;
    }
    for (size_t i = 0; i < freed->count; i++) {
        policy_options_fini(&freed->options[i]);
    }
    name_table_free(&freed->names);
    free(freed->configs);
    free(freed->options);
    free(freed->routes);
    free(freed->of_routes);
    free(freed);
    *policies = NULL;
}

struct tls_named_options frontend_policies_options(const struct frontend_policies *policies)
{
    return (struct tls_named_options){
        .policies = policies->options, .policies_count = policies->count, .names = policies->names};
}

bool frontend_policies_at(const struct frontend_policies *policies, size_t index,
                          struct frontend_policy *policy)
{
    bool is_there = index < policies->count;

    if (is_there) {
        *policy = policy_at(policies, index);
    }
    return is_there;
}

bool frontend_policies_of_route(const struct frontend_policies *policies,
                                const struct config_route *route, struct frontend_policy *policy)
{
    size_t found =
        policies->of_routes != NULL ? policies->of_routes[route - policies->config->routes] : 0;

    if (found > 0) {
        *policy = policy_at(policies, found - 1);
    }
    return found > 0;
}

static struct frontend_policy policy_at(const struct frontend_policies *policies, size_t index)
{
    return (struct frontend_policy){.options = &policies->options[index],
                                    .config = &policies->configs[index],
                                    .route = policies->routes[index]};
}

static size_t own_count(const struct config_frontend *config)
{
    size_t count = 0;

    for (size_t i = 0; i < config->routes_count; i++) {
        count += config_route_has_policy(&config->routes[i]) ? 1 : 0;
    }
    return count;
}

static bool fill(struct frontend_policies *policies)
{
    const struct config_frontend *config = policies->config;
    size_t                        room = own_count(config);

    policies->configs = calloc(room, sizeof(*policies->configs));
    policies->options = calloc(room, sizeof(*policies->options));
    policies->routes = calloc(room, sizeof(*policies->routes));
    policies->of_routes = calloc(config->routes_count, sizeof(*policies->of_routes));
    policies->names = name_table_new();
    if (policies->configs == NULL || policies->options == NULL || policies->routes == NULL ||
        policies->of_routes == NULL || policies->names == NULL) {
        return false;
    }
    for (size_t i = 0; i < config->routes_count; i++) {
        if (!choose(policies, i) ||
            !add_names(policies, &config->routes[i].sni, policies->of_routes[i])) {
            return false;
        }
    }
    return true;
}

static bool choose(struct frontend_policies *policies, size_t route_index)
{
    const struct config_route *route = &policies->config->routes[route_index];
    size_t                     index = 0;

    if (!config_route_has_policy(route)) {
        return true;
    }
    struct config_policy applies = config_policy_of_route(policies->config, route);

    if (is_equal(&applies, &policies->config->policy)) {
        return true;
    }
    while (index < policies->count && !is_equal(&applies, &policies->configs[index])) {
        index++;
    }
    policies->of_routes[route_index] = index + 1;
    if (index < policies->count) {
        return true;
    }
    policies->configs[index] = applies;
    policies->routes[index] = route;
    policies->count++;
    return policy_options_init(&policies->options[index], &policies->configs[index]);
}

/* Also those of routes that have nothing of their own: a name that is chosen for its backend is
 * chosen for its policy. Names with mistakes are told of elsewhere. */
static bool add_names(struct frontend_policies *policies, const struct config_strings *names,
                      size_t policy)
{
    for (size_t i = 0; i < names->count; i++) {
        const char        *name = names->items[i].text;
        struct bytes_const bytes = {(const uint8_t *)name, strlen(name)};

        if (name_is_valid(bytes) && !name_table_add(policies->names, bytes, (int)policy)) {
            return false;
        }
    }
    return true;
}

/* --- which are the same ------------------------------------------------------------------- */

static bool is_equal(const struct config_policy *one, const struct config_policy *other)
{
    return policy_of(one->tls_policy) == policy_of(other->tls_policy) &&
           is_text_equal(&one->min_version, &other->min_version) &&
           is_text_equal(&one->max_version, &other->max_version) &&
           is_text_equal(&one->ciphers, &other->ciphers) &&
           is_text_equal(&one->ciphersuites, &other->ciphersuites) &&
           is_text_equal(&one->groups, &other->groups) &&
           one->security_level == other->security_level &&
           are_pairs_equal(&one->ssl_conf, &other->ssl_conf) &&
           are_strings_equal(&one->alpn, &other->alpn) &&
           one->alpn_mismatch == other->alpn_mismatch &&
           one->prefer_server_ciphers == other->prefer_server_ciphers;
}

static bool is_text_equal(const struct config_string *one, const struct config_string *other)
{
    return strcmp(one->text, other->text) == 0;
}

static bool are_strings_equal(const struct config_strings *one, const struct config_strings *other)
{
    bool is_same = one->count == other->count;

    for (size_t i = 0; is_same && i < one->count; i++) {
        is_same = is_text_equal(&one->items[i], &other->items[i]);
    }
    return is_same;
}

static bool are_pairs_equal(const struct config_pairs *one, const struct config_pairs *other)
{
    bool is_same = one->count == other->count;

    for (size_t i = 0; is_same && i < one->count; i++) {
        is_same = strcmp(one->items[i].name, other->items[i].name) == 0 &&
                  is_text_equal(&one->items[i].value, &other->items[i].value);
    }
    return is_same;
}
