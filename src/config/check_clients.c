#include "config/check_clients.h"

static void check_route(const struct config_frontend *frontend, const struct config_route *route,
                        struct config_report *report);
static void check_authorities(enum config_verify verify, bool has_authorities,
                              struct config_place at, struct config_report *report);
static void check_unasked(const struct config_clients *clients, struct config_report *report);
static void refuse_unasked(const char *key, const struct config_strings *list,
                           struct config_report *report);
static bool asks_anyone(const struct config_frontend *frontend);
static bool has_authorities(const struct config_clients *clients);

void check_clients(const struct config_frontend *frontend, struct config_report *report)
{
    const struct config_clients *clients = &frontend->clients;

    check_authorities((enum config_verify)clients->verify, has_authorities(clients), frontend->at,
                      report);
    for (size_t i = 0; i < frontend->routes_count; i++) {
        check_route(frontend, &frontend->routes[i], report);
    }
    if (asks_anyone(frontend)) {
        return;
    }
    check_unasked(clients, report);
    if (has_authorities(clients)) {
        config_report_add(report, CONFIG_WARNING, frontend->at,
                          "ca-file and ca-dir are not used, client-verify is \"none\"");
    }
}

static void check_route(const struct config_frontend *frontend, const struct config_route *route,
                        struct config_report *report)
{
    enum config_verify verify = config_verify_of_route(frontend, route);

    check_authorities(verify,
                      has_authorities(&route->clients) || has_authorities(&frontend->clients) ||
                          route->clients.verify == CONFIG_ROUTE_VERIFY_FRONTEND,
                      route->at, report);
    if (verify == CONFIG_VERIFY_NONE) {
        check_unasked(&route->clients, report);
    }
}

static void check_authorities(enum config_verify verify, bool has_any, struct config_place at,
                              struct config_report *report)
{
    if (verify != CONFIG_VERIFY_NONE && !has_any) {
        config_report_add(report, CONFIG_ERROR, at,
                          "client-verify = \"%s\" needs ca-file or ca-dir",
                          verify == CONFIG_VERIFY_OPTIONAL ? "optional" : "required");
    }
}

/* Whoever writes a list of those to let in does not mean to let in everyone. */
static void check_unasked(const struct config_clients *clients, struct config_report *report)
{
    refuse_unasked("crl-file", &clients->crl_file, report);
    refuse_unasked("crl-dir", &clients->crl_dir, report);
    refuse_unasked("allow-cn", &clients->allow_cn, report);
    refuse_unasked("allow-ou", &clients->allow_ou, report);
    refuse_unasked("allow-dns", &clients->allow_dns, report);
    refuse_unasked("allow-uri", &clients->allow_uri, report);
    refuse_unasked("allow-spki-pin", &clients->allow_spki_pin, report);
}

static void refuse_unasked(const char *key, const struct config_strings *list,
                           struct config_report *report)
{
    if (list->count > 0) {
        config_report_add(report, CONFIG_ERROR, list->items[0].at,
                          "%s keeps nobody out: client-verify is \"none\"", key);
    }
}

static bool asks_anyone(const struct config_frontend *frontend)
{
    bool asks = frontend->clients.verify != CONFIG_VERIFY_NONE;

    for (size_t i = 0; i < frontend->routes_count && !asks; i++) {
        asks = config_verify_of_route(frontend, &frontend->routes[i]) != CONFIG_VERIFY_NONE;
    }
    return asks;
}

static bool has_authorities(const struct config_clients *clients)
{
    return clients->ca_file.count + clients->ca_dir.count > 0;
}

enum config_verify config_verify_of_route(const struct config_frontend *frontend,
                                          const struct config_route    *route)
{
    return route->clients.verify == CONFIG_ROUTE_VERIFY_FRONTEND
               ? (enum config_verify)frontend->clients.verify
               : (enum config_verify)(route->clients.verify - CONFIG_ROUTE_VERIFY_OWN);
}
