#include "proxy/snapshot.h"

#include <stdlib.h>

static void selection_free(struct snapshot_frontend *frontend);

void snapshot_free(struct snapshot **snapshot)
{
    struct snapshot *freed = *snapshot;

    if (freed == NULL) {
        return;
    }
    for (size_t i = 0; freed->frontends != NULL && i < freed->config->frontends_count; i++) {
        struct snapshot_frontend *frontend = &freed->frontends[i];

        name_table_free(&frontend->routes);
        client_auth_free(&frontend->clients);
        free(frontend->listens);
        selection_free(frontend);
        free((void *)(uintptr_t)frontend->tls.alpn);
        free((void *)(uintptr_t)frontend->tls.commands);
    }
    for (size_t i = 0; freed->backends != NULL && i < freed->config->backends_count; i++) {
        free(freed->backends[i].targets);
    }
    ticket_source_wipe(&freed->tickets);
    free(freed->frontends);
    free(freed->backends);
    config_free(&freed->config);
    free(freed);
    *snapshot = NULL;
}

bool snapshot_has_same_certificates(const struct snapshot *one, const struct snapshot *other)
{
    bool is_same = one->config == other->config;

    for (size_t i = 0; is_same && i < one->config->frontends_count; i++) {
        is_same = tls_selection_is_equal(one->frontends[i].tls.selection,
                                         other->frontends[i].tls.selection);
    }
    return is_same;
}

bool snapshot_has_builtin(const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->config->backends_count; i++) {
        for (size_t j = 0; j < snapshot->config->backends[i].servers_count; j++) {
            if (snapshot->backends[i].targets[j].service != POOL_SERVICE_NONE) {
                return true;
            }
        }
    }
    return false;
}

static void selection_free(struct snapshot_frontend *frontend)
{
    struct tls_selection *selection = (struct tls_selection *)(uintptr_t)frontend->tls.selection;

    tls_selection_free(&selection);
    frontend->tls.selection = NULL;
}
