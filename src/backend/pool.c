#include "backend/pool.h"

#include "backend/balance.h"
#include "base/require.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct pool {
    const struct config_backend *config;
    const struct pool_target    *targets;
    struct balance_candidate    *candidates; /* one a target */
    uint32_t                    *active;     /* sessions that hold it now; one a target */
};

static int  pool_choose(struct pool *pool, const struct pool_tries *tries, bool backups);
static bool is_tried(const struct pool_tries *tries, size_t server);

bool pool_target_read(const struct config_server *server, struct pool_target *target,
                      const char **problem)
{
    struct address addresses[ADDRESSES_PER_TEXT_MAX];
    const char    *text = server->address.text;

    *target = (struct pool_target){.config = server};
    if (strcmp(text, "builtin:hello") == 0) {
        target->service = POOL_SERVICE_HELLO;
        return true;
    }
    if (strcmp(text, "builtin:echo") == 0) {
        target->service = POOL_SERVICE_ECHO;
        return true;
    }
    if (strncmp(text, "builtin:", strlen("builtin:")) == 0) {
        *problem = "the services inside the daemon are builtin:hello and builtin:echo";
        return false;
    }
    size_t count = address_parse(text, addresses, problem);

    if (count > 1) {
        *problem = "a server needs one address, not \"*\"";
    }
    if (count != 1) {
        return false;
    }
    target->address = addresses[0];
    return true;
}

struct pool *pool_new(const struct config_backend *config, const struct pool_target *targets,
                      struct error *error)
{
    struct pool *pool = calloc(1, sizeof(*pool));

    *error = error_from_errno(ENOMEM, "pool");
    if (pool == NULL) {
        return NULL;
    }
    pool->config = config;
    pool->targets = targets;
    pool->candidates = calloc(config->servers_count, sizeof(*pool->candidates));
    pool->active = calloc(config->servers_count, sizeof(*pool->active));
    if (pool->candidates == NULL || pool->active == NULL) {
        free(pool->candidates);
        free(pool->active);
        free(pool);
        return NULL;
    }
    for (size_t i = 0; i < config->servers_count; i++) {
        pool->candidates[i].weight = (int32_t)config->servers[i].weight;
    }
    *error = ERROR_OK;
    return pool;
}

void pool_free(struct pool **pool)
{
    if (*pool == NULL) {
        return;
    }
    require(pool_active(*pool) == 0);
    free((*pool)->candidates);
    free((*pool)->active);
    free(*pool);
    *pool = NULL;
}

const struct config_backend *pool_config(const struct pool *pool)
{
    return pool->config;
}

const struct pool_target *pool_pick(struct pool *pool, struct pool_tries *tries)
{
    int chosen = BALANCE_NONE;

    if (tries->count <= pool->config->retries && tries->count < POOL_TRIES_MAX) {
        chosen = pool_choose(pool, tries, false);
        if (chosen == BALANCE_NONE) {
            chosen = pool_choose(pool, tries, true);
        }
    }
    if (chosen == BALANCE_NONE) {
        return NULL;
    }
    tries->servers[tries->count++] = (uint16_t)chosen;
    pool->active[chosen]++;
    return &pool->targets[chosen];
}

void pool_return(struct pool *pool, const struct pool_target *target)
{
    require(target >= pool->targets && target < pool->targets + pool->config->servers_count);
    uint32_t *active = &pool->active[target - pool->targets];

    require(*active > 0);
    (*active)--;
}

size_t pool_active(const struct pool *pool)
{
    size_t active = 0;

    for (size_t i = 0; i < pool->config->servers_count; i++) {
        active += pool->active[i];
    }
    return active;
}

static int pool_choose(struct pool *pool, const struct pool_tries *tries, bool backups)
{
    for (size_t i = 0; i < pool->config->servers_count; i++) {
        pool->candidates[i].is_eligible =
            pool->config->servers[i].backup == backups && !is_tried(tries, i);
    }
    switch ((enum config_balance)pool->config->balance) {
    case CONFIG_BALANCE_ROUNDROBIN:
        return balance_roundrobin(pool->candidates, pool->config->servers_count);
    case CONFIG_BALANCE_FIRST:
        return balance_first(pool->candidates, pool->config->servers_count);
    }
    return BALANCE_NONE;
}

static bool is_tried(const struct pool_tries *tries, size_t server)
{
    for (size_t i = 0; i < tries->count; i++) {
        if (tries->servers[i] == server) {
            return true;
        }
    }
    return false;
}
