#include "config/check_policy.h"

#include "config/schema.h"

#include <string.h>

enum { VERSIONS_COUNT = 4 };

/* The newest first: of several that are as near to a misspelt one, it is the one to suggest. */
static const char *const versions[VERSIONS_COUNT] = {"TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1.0"};

static void check_versions(const struct config_policy *policy, struct config_report *report);
static void check_order(const struct config_policy *policy, const struct config_policy *own,
                        struct config_report *report);
static int  version_rank(const char *name);
static void check_alpn(const struct config_policy *policy, struct config_report *report);

void check_policies(const struct config_frontend *frontend, struct config_report *report)
{
    check_versions(&frontend->policy, report);
    check_order(&frontend->policy, &frontend->policy, report);
    check_alpn(&frontend->policy, report);
    for (size_t i = 0; i < frontend->routes_count; i++) {
        const struct config_route *route = &frontend->routes[i];
        struct config_policy       policy = config_policy_of_route(frontend, route);

        check_versions(&route->policy, report);
        check_order(&policy, &route->policy, report);
        check_alpn(&route->policy, report);
    }
}

static void check_versions(const struct config_policy *policy, struct config_report *report)
{
    const struct {
        const char                 *key;
        const struct config_string *version;
    } options[] = {{"min-version", &policy->min_version}, {"max-version", &policy->max_version}};

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        const struct config_string *version = options[i].version;

        if (version_rank(version->text) < 0) {
            const char *near = suggest(version->text, versions, VERSIONS_COUNT);

            config_report_add(report, CONFIG_ERROR, version->at,
                              "%s: one of TLSv1.0|TLSv1.1|TLSv1.2|TLSv1.3 is wanted, found "
                              "\"%s\"%s%s%s",
                              options[i].key, version->text,
                              near != NULL ? ", did you mean \"" : "", near != NULL ? near : "",
                              near != NULL ? "\"?" : "");
        }
    }
}

/* Of a policy that is partly somebody's own; who has neither version has no part in a mistake. */
static void check_order(const struct config_policy *policy, const struct config_policy *own,
                        struct config_report *report)
{
    int  min = version_rank(policy->min_version.text);
    int  max = version_rank(policy->max_version.text);
    bool is_min_own = own->min_version.text[0] != '\0';

    if (min > 0 && max > 0 && min > max && (is_min_own || own->max_version.text[0] != '\0')) {
        config_report_add(report, CONFIG_ERROR,
                          is_min_own ? own->min_version.at : own->max_version.at,
                          "min-version is above max-version");
    }
}

/* 0: not set; -1: no such version. */
static int version_rank(const char *name)
{
    if (name[0] == '\0') {
        return 0;
    }
    for (int i = 0; i < VERSIONS_COUNT; i++) {
        if (strcmp(name, versions[i]) == 0) {
            return VERSIONS_COUNT - i;
        }
    }
    return -1;
}

/* No other certificate may answer it (RFC 8737 section 4). */
static void check_alpn(const struct config_policy *policy, struct config_report *report)
{
    for (size_t i = 0; i < policy->alpn.count; i++) {
        if (strcmp(policy->alpn.items[i].text, "acme-tls/1") == 0) {
            config_report_add(report, CONFIG_ERROR, policy->alpn.items[i].at,
                              "alpn: acme-tls/1 is answered by way of acme-dir alone");
        }
    }
}
