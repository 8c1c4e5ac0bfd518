/*
 * The TLS policy of a frontend and those that names of it have by their routes, in the terms of
 * room tls. Routes that come to the same share one.
 */
#ifndef SALLYPORT_PROXY_FRONTEND_POLICIES_H
#define SALLYPORT_PROXY_FRONTEND_POLICIES_H

#include "config/config.h"
#include "tls/context.h"

struct frontend_policies;

/* Sets policy and ALPN in the options, and nothing else. False when memory is short. Afterwards, in
 * any case, policy_options_fini. `policy` must outlive them. */
__attribute__((warn_unused_result)) bool policy_options_init(struct tls_context_options *options,
                                                             const struct config_policy *policy);
void                                     policy_options_fini(struct tls_context_options *options);

/* NULL when memory is short. `config` must outlive it. */
__attribute__((warn_unused_result)) struct frontend_policies *
frontend_policies_new(const struct config_frontend *config);
/* Contexts made of its options must be gone. */
void frontend_policies_free(struct frontend_policies **policies);

/* Points into it; all zero when no route has a policy of its own. */
struct tls_named_options frontend_policies_options(const struct frontend_policies *policies);

/* One of these policies, and the first route that has it; false beyond the last. */
struct frontend_policy {
    const struct tls_context_options *options;
    const struct config_policy       *config; /* what applies */
    const struct config_route        *route;
};
bool frontend_policies_at(const struct frontend_policies *policies, size_t index,
                          struct frontend_policy *policy);

/* That of a route; false when it has none of its own. */
bool frontend_policies_of_route(const struct frontend_policies *policies,
                                const struct config_route *route, struct frontend_policy *policy);

#endif
