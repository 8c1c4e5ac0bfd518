/* The certificates of a frontend, taken from the store as its configuration names them. */
#ifndef SALLYPORT_PROXY_FRONTEND_CERTIFICATES_H
#define SALLYPORT_PROXY_FRONTEND_CERTIFICATES_H

#include "config/config.h"
#include "proxy/certificate_store.h"
#include "tls/context.h"

struct frontend_certificates_options {
    struct certificate_store     *store; /* in a round */
    const struct config_frontend *frontend;
    struct tls_context           *policy; /* what certificates must fit */
    bool                          is_strict;
    struct config_report         *report;
};

/* NULL when memory is short. What is wrong is in the report: with an error among it the selection
 * is not to be used. Otherwise it has at least one certificate, the default; or none yet, where
 * ACME challenges are answered to get the first. */
__attribute__((warn_unused_result)) struct tls_selection *
frontend_certificates_choose(const struct frontend_certificates_options *options);

#endif
