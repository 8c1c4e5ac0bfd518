/* Which clients a frontend, or a route of it, lets in by certificate. */
#ifndef SALLYPORT_CONFIG_CLIENTS_H
#define SALLYPORT_CONFIG_CLIENTS_H

#include "config/strings.h"

struct config_frontend;
struct config_route;

enum config_verify { CONFIG_VERIFY_NONE, CONFIG_VERIFY_OPTIONAL, CONFIG_VERIFY_REQUIRED };
/* Of a route: what its frontend does, or one more than the above. */
enum config_route_verify { CONFIG_ROUTE_VERIFY_FRONTEND, CONFIG_ROUTE_VERIFY_OWN };
enum config_crl_check { CONFIG_CRL_CHAIN, CONFIG_CRL_LEAF };
enum config_trouble { CONFIG_TROUBLE_FAIL, CONFIG_TROUBLE_WARN };

/* Of a route, what is empty is the frontend's. */
struct config_clients {
    int                   verify; /* enum config_verify; of a route enum config_route_verify */
    struct config_strings ca_file;
    struct config_strings ca_dir;
    struct config_strings crl_file;
    struct config_strings crl_dir;
    struct config_strings allow_cn;
    struct config_strings allow_ou;
    struct config_strings allow_dns;
    struct config_strings allow_uri;
    struct config_strings allow_spki_pin;
};

/* A route's own, or that of its frontend. */
enum config_verify config_verify_of_route(const struct config_frontend *frontend,
                                          const struct config_route    *route);

#endif
