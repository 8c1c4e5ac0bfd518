/*
 * Whom a frontend lets in by certificate, made ready: files read and looked at, and for each route
 * what is its own and what is the frontend's.
 */
#ifndef SALLYPORT_PROXY_CLIENT_AUTH_H
#define SALLYPORT_PROXY_CLIENT_AUTH_H

#include "config/config.h"
#include "tls/verify.h"

struct client_auth;

/* NULL when memory is short. Mistakes are in the report. `config` must outlive it. `previous` is
 * what was made of the same before, or NULL: files that have not changed are not read again, and
 * those that cannot be used now stay as they were there. */
__attribute__((warn_unused_result)) struct client_auth *
client_auth_new(const struct config_frontend *config, const struct client_auth *previous,
                struct config_report *report);
/* Contexts made of its options must be gone. */
void client_auth_free(struct client_auth **auth);

/* Of one that was made with the other as the previous: every file says the same. */
bool client_auth_is_equal(const struct client_auth *one, const struct client_auth *other);

/* Points into it. */
struct tls_verify_options client_auth_options(const struct client_auth *auth);

/* The lists of revoked certificates it has, one after the other: where from, and until when good.
 * False beyond the last. */
struct client_auth_list {
    const char *path;
    int64_t     good_until_s; /* since the epoch; 0: they never expire */
};
bool client_auth_list(const struct client_auth *auth, size_t index, struct client_auth_list *list);

#endif
