#include "proxy/generation.h"

#include "base/require.h"

#include <errno.h>
#include <stdlib.h>

static bool fill_frontends(struct generation *generation, struct tls_library *library,
                           struct error *error);
static bool fill_pools(struct generation *generation, struct error *error);

struct generation *generation_new(const struct snapshot *snapshot, struct tls_library *library,
                                  struct error *error)
{
    const struct config *config = snapshot->config;
    struct generation   *generation = calloc(1, sizeof(*generation));

    *error = error_from_errno(ENOMEM, "generation");
    if (generation == NULL) {
        return NULL;
    }
    generation->snapshot = snapshot;
    generation->frontends = calloc(config->frontends_count, sizeof(*generation->frontends));
    generation->pools = calloc(config->backends_count, sizeof(struct pool *));
    if (generation->frontends == NULL || generation->pools == NULL ||
        !fill_frontends(generation, library, error) || !fill_pools(generation, error)) {
        generation_free(&generation);
    }
    return generation;
}

void generation_free(struct generation **generation)
{
    struct generation *freed = *generation;

    if (freed == NULL) {
        return;
    }
    require(freed->users == 0);
    for (size_t i = 0; freed->frontends != NULL && i < freed->snapshot->config->frontends_count;
         i++) {
        tls_context_free(&freed->frontends[i].tls);
    }
    for (size_t i = 0; freed->pools != NULL && i < freed->snapshot->config->backends_count; i++) {
        pool_free(&freed->pools[i]);
    }
    free(freed->frontends);
    free(freed->pools);
    free(freed);
    *generation = NULL;
}

struct pool *generation_route(const struct generation_frontend *frontend, struct bytes_const sni)
{
    const struct snapshot_frontend *snapshot = frontend->snapshot;
    int route = snapshot->routes == NULL ? NAME_TABLE_NONE : name_table_find(snapshot->routes, sni);

    return frontend->generation
        ->pools[route == NAME_TABLE_NONE ? snapshot->backend : (size_t)route];
}

/* The snapshot was checked with contexts of its own, so only want of memory is left to fail. */
static bool fill_frontends(struct generation *generation, struct tls_library *library,
                           struct error *error)
{
    char memory[TLS_PROBLEM_BYTES];

    for (size_t i = 0; i < generation->snapshot->config->frontends_count; i++) {
        struct generation_frontend *frontend = &generation->frontends[i];
        struct text                 problem;

        text_init(&problem, memory, sizeof(memory));
        frontend->snapshot = &generation->snapshot->frontends[i];
        frontend->generation = generation;
        frontend->tls = tls_context_new(library, &frontend->snapshot->tls, &problem);
        if (frontend->tls == NULL) {
            *error = error_make(ERROR_TLS_CERTIFICATE, "tls context");
            return false;
        }
    }
    return true;
}

static bool fill_pools(struct generation *generation, struct error *error)
{
    for (size_t i = 0; i < generation->snapshot->config->backends_count; i++) {
        const struct snapshot_backend *backend = &generation->snapshot->backends[i];

        generation->pools[i] = pool_new(backend->config, backend->targets, error);
        if (generation->pools[i] == NULL) {
            return false;
        }
    }
    return true;
}
