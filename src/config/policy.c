#include "config/policy.h"

#include "config/config.h"

static struct config_string own_or(const struct config_string *own,
                                   const struct config_string *other);
static int                  own_or_choice(int own, int other);
static bool                 has_text(const struct config_string *string);

bool config_route_has_policy(const struct config_route *route)
{
    const struct config_policy *own = &route->policy;

    return own->tls_policy != CONFIG_ROUTE_CHOICE_FRONTEND || has_text(&own->min_version) ||
           has_text(&own->max_version) || has_text(&own->ciphers) || has_text(&own->ciphersuites) ||
           has_text(&own->groups) || own->security_level != CONFIG_ROUTE_CHOICE_FRONTEND ||
           own->ssl_conf.count > 0 || own->alpn.count > 0 ||
           own->alpn_mismatch != CONFIG_ROUTE_CHOICE_FRONTEND ||
           route->prefer_server_ciphers != CONFIG_ROUTE_CHOICE_FRONTEND;
}

struct config_policy config_policy_of_route(const struct config_frontend *frontend,
                                            const struct config_route    *route)
{
    static const struct config_string nothing = {.text = ""};
    const struct config_policy       *own = &route->policy;
    const struct config_policy       *other = &frontend->policy;
    struct config_policy              bare = {.min_version = nothing,
                                              .max_version = nothing,
                                              .ciphers = nothing,
                                              .ciphersuites = nothing,
                                              .groups = nothing,
                                              .security_level = CONFIG_SECURITY_AUTO};
    const struct config_policy       *parts =
        own->tls_policy == CONFIG_ROUTE_CHOICE_FRONTEND ? other : &bare;

    return (struct config_policy){
        .tls_policy = own_or_choice(own->tls_policy, other->tls_policy),
        .min_version = own_or(&own->min_version, &parts->min_version),
        .max_version = own_or(&own->max_version, &parts->max_version),
        .ciphers = own_or(&own->ciphers, &parts->ciphers),
        .ciphersuites = own_or(&own->ciphersuites, &parts->ciphersuites),
        .groups = own_or(&own->groups, &parts->groups),
        .security_level = own_or_choice(own->security_level, parts->security_level),
        .ssl_conf = own->ssl_conf.count > 0 ? own->ssl_conf : parts->ssl_conf,
        .alpn = own->alpn.count > 0 ? own->alpn : other->alpn,
        .alpn_mismatch = own_or_choice(own->alpn_mismatch, other->alpn_mismatch),
        .prefer_server_ciphers =
            own_or_choice(route->prefer_server_ciphers, other->prefer_server_ciphers ? 1 : 0) == 1,
    };
}

static struct config_string own_or(const struct config_string *own,
                                   const struct config_string *other)
{
    return has_text(own) ? *own : *other;
}

static int own_or_choice(int own, int other)
{
    return own == CONFIG_ROUTE_CHOICE_FRONTEND ? other : own - CONFIG_ROUTE_CHOICE_OWN;
}

static bool has_text(const struct config_string *string)
{
    return string->text[0] != '\0';
}
