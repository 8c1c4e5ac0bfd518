/* What TLS is spoken in a frontend, or under the names of a route of it. */
#ifndef SALLYPORT_CONFIG_POLICY_H
#define SALLYPORT_CONFIG_POLICY_H

#include "config/strings.h"

#include <stdbool.h>

struct config_frontend;
struct config_route;

enum config_tls_policy {
    CONFIG_POLICY_MODERN,
    CONFIG_POLICY_INTERMEDIATE,
    CONFIG_POLICY_OLD,
    CONFIG_POLICY_MODERN_5_8,
    CONFIG_POLICY_INTERMEDIATE_5_8,
    CONFIG_POLICY_OLD_5_8
};
enum config_security_level { CONFIG_SECURITY_AUTO, CONFIG_SECURITY_0 };
enum config_mismatch { CONFIG_MISMATCH_ABORT, CONFIG_MISMATCH_IGNORE };
/* Any of these of a route: what its frontend has, or one more than the above; a bool likewise. */
enum config_route_choice { CONFIG_ROUTE_CHOICE_FRONTEND, CONFIG_ROUTE_CHOICE_OWN };

/* Of a route, what is empty is the frontend's. */
struct config_policy {
    int                   tls_policy; /* enum config_tls_policy */
    struct config_string  min_version;
    struct config_string  max_version;
    struct config_string  ciphers;
    struct config_string  ciphersuites;
    struct config_string  groups;
    int                   security_level; /* enum config_security_level, and what follows it */
    struct config_pairs   ssl_conf;
    struct config_strings alpn;
    int                   alpn_mismatch; /* enum config_mismatch */
    bool                  prefer_server_ciphers;
};

/* Has the route anything of its own here? */
bool config_route_has_policy(const struct config_route *route);

/*
 * What applies to the names of a route, in the terms of a frontend. What replaces parts of a policy
 * goes with that policy: a route with a tls-policy of its own has none of the frontend's versions,
 * ciphers, suites, groups, security level and commands.
 */
struct config_policy config_policy_of_route(const struct config_frontend *frontend,
                                            const struct config_route    *route);

#endif
