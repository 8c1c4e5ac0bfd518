#include "daemon/explain.h"

#include "tls/explain.h"

#include <stdio.h>

static bool explain_frontend(struct tls_library *library, const struct snapshot_frontend *frontend);
static bool explain_route(struct tls_library *library, const struct snapshot_frontend *frontend,
                          const struct config_route *route);
static bool explain_options(struct tls_library *library, const struct tls_context_options *options);
static const char *policy_name(int policy);

bool explain_tls(const struct snapshot *snapshot)
{
    struct error        error;
    struct tls_library *library = tls_library_new(&error);
    bool                is_explained = library != NULL;

    if (library == NULL) {
        (void)fputs("sallyport: error: OpenSSL cannot be used\n", stderr);
        return false;
    }
    (void)printf("%s\n", tls_version_run());
    for (size_t i = 0; is_explained && i < snapshot->config->frontends_count; i++) {
        is_explained = explain_frontend(library, &snapshot->frontends[i]);
    }
    tls_library_free(&library);
    return is_explained;
}

static bool explain_frontend(struct tls_library *library, const struct snapshot_frontend *frontend)
{
    const struct config_frontend *config = frontend->config;
    bool                          is_explained = false;

    (void)printf("frontend %s: tls-policy %s\n", config->name.text,
                 policy_name(config->policy.tls_policy));
    is_explained = explain_options(library, &frontend->tls);
    for (size_t i = 0; is_explained && i < config->routes_count; i++) {
        is_explained = explain_route(library, frontend, &config->routes[i]);
    }
    return is_explained;
}

/* Nothing when it has what the frontend has. */
static bool explain_route(struct tls_library *library, const struct snapshot_frontend *frontend,
                          const struct config_route *route)
{
    struct frontend_policy policy;

    if (!frontend_policies_of_route(frontend->policies, route, &policy)) {
        return true;
    }
    (void)printf("frontend %s, sni", frontend->config->name.text);
    for (size_t i = 0; i < route->sni.count; i++) {
        (void)printf("%s %s", i > 0 ? "," : "", route->sni.items[i].text);
    }
    (void)printf(": tls-policy %s\n",
                 policy_name(config_policy_of_route(frontend->config, route).tls_policy));
    return explain_options(library, policy.options);
}

static bool explain_options(struct tls_library *library, const struct tls_context_options *options)
{
    char        memory[TLS_PROBLEM_BYTES];
    struct text problem;

    text_init(&problem, memory, sizeof(memory));
    if (!tls_explain(library, options, stdout, &problem)) {
        (void)fprintf(stderr, "sallyport: error: %s\n", text_chars(&problem));
        return false;
    }
    return true;
}

static const char *policy_name(int policy)
{
    switch ((enum config_tls_policy)policy) {
    case CONFIG_POLICY_MODERN:
        return "modern (Mozilla's Server Side TLS 5.8)";
    case CONFIG_POLICY_INTERMEDIATE:
        return "intermediate (Mozilla's Server Side TLS 5.8)";
    case CONFIG_POLICY_OLD:
        return "old (Mozilla's Server Side TLS 5.8)";
    case CONFIG_POLICY_MODERN_5_8:
        return "modern-5.8";
    case CONFIG_POLICY_INTERMEDIATE_5_8:
        return "intermediate-5.8";
    case CONFIG_POLICY_OLD_5_8:
        return "old-5.8";
    }
    return "";
}
