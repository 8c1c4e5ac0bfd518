#include "daemon/challenges.h"

#include "base/log.h"

static void on_due(void *owner);

void challenges_start(struct challenges *challenges, struct reactor *control,
                      const struct config *config,
                      struct tls_challenges *(*read)(void *owner, const struct config *config),
                      void *owner)
{
    *challenges = (struct challenges){.read = read, .owner = owner};
    renewal_start(&challenges->renewal, &renewal_of_challenges, control, config, on_due,
                  challenges);
}

/* Watches first: what changes while it is read stirs again. */
void challenges_bring(struct challenges *challenges, struct crew *crew, const struct config *config)
{
    const struct tls_challenges *present = crew_challenges(crew);

    challenges->crew = crew;
    renewal_aim(&challenges->renewal, config);
    struct tls_challenges *read = challenges->read(challenges->owner, config);
    size_t                 count = read != NULL ? tls_challenges_count(read) : 0;

    if (read == NULL) {
        log_error("out of memory, the ACME challenges in use stay");
    } else if (present != NULL ? tls_challenges_is_equal(present, read) : count == 0) {
        tls_challenges_free(&read);
    } else {
        log_info("ACME challenges count=%zu", count);
        crew_set_challenges(crew, read);
    }
}

void challenges_stop(struct challenges *challenges)
{
    renewal_stop(&challenges->renewal);
}

bool challenges_is_over(const struct challenges *challenges)
{
    return renewal_is_over(&challenges->renewal);
}

static void on_due(void *owner)
{
    struct challenges     *challenges = owner;
    const struct snapshot *snapshot =
        challenges->crew != NULL ? crew_snapshot(challenges->crew) : NULL;

    if (snapshot != NULL) {
        challenges_bring(challenges, challenges->crew, snapshot->config);
    }
}
