#include "proxy/snapshot.h"

#include "base/require.h"

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
        free(frontend->proxies);
        selection_free(frontend);
        frontend_policies_free(&frontend->policies);
        policy_options_fini(&frontend->tls);
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

unsigned snapshot_changes(const struct snapshot *one, const struct snapshot *other)
{
    unsigned changes =
        ticket_source_is_equal(&one->tickets, &other->tickets) ? SNAPSHOT_SAME : SNAPSHOT_TICKETS;

    require(one->config == other->config);
    for (size_t i = 0; i < one->config->frontends_count; i++) {
        const struct snapshot_frontend *was = &one->frontends[i];
        const struct snapshot_frontend *is = &other->frontends[i];

        if (!tls_selection_is_equal(was->tls.selection, is->tls.selection)) {
            changes |= SNAPSHOT_CERTIFICATES;
        }
        if (!client_auth_is_equal(was->clients, is->clients)) {
            changes |= SNAPSHOT_CLIENTS;
        }
    }
    return changes;
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
