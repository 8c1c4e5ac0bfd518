/* What is told to all hands or to one, and what is asked of them. */
#include "daemon/crew.h"
#include "daemon/crew_internal.h"

struct hand *crew_first(const struct crew *crew)
{
    struct list_link *link = list_first(&crew->hands);

    return link != NULL ? hand_of_link(link) : NULL;
}

struct hand *crew_after(const struct crew *crew, struct hand *hand)
{
    struct list_link *link = list_after(&crew->hands, hand_link(hand));

    return link != NULL ? hand_of_link(link) : NULL;
}

/* --- telling ------------------------------------------------------------------------------ */

bool crew_set_ticket_keys(struct crew *crew, const struct tls_ticket_keys *keys)
{
    bool is_sent = true;

    crew->options.ticket_keys = *keys;
    for (struct hand *hand = crew_first(crew); hand != NULL; hand = crew_after(crew, hand)) {
        is_sent = hand_set_ticket_keys(hand, keys) && is_sent;
    }
    return is_sent;
}

void crew_set_challenges(struct crew *crew, struct tls_challenges *challenges)
{
    tls_challenges_free(&crew->challenges);
    crew->challenges = challenges;
    for (struct hand *hand = crew_first(crew); hand != NULL; hand = crew_after(crew, hand)) {
        hand_set_challenges(hand, challenges);
    }
}

const struct tls_challenges *crew_challenges(const struct crew *crew)
{
    return crew->challenges;
}

/* --- errands ------------------------------------------------------------------------------ */

/* Hands stand in the order in which they were started. */
bool crew_send(struct crew *crew, unsigned *serial, struct errand *errand)
{
    struct hand *hand = crew_first(crew);

    while (hand != NULL && hand_options(hand)->serial <= *serial) {
        hand = crew_after(crew, hand);
    }
    if (hand != NULL) {
        *serial = hand_options(hand)->serial;
        hand_send_errand(hand, errand);
    }
    return hand != NULL;
}

bool crew_send_again(struct crew *crew, unsigned serial, struct errand *errand)
{
    unsigned before = serial - 1;

    for (struct hand *hand = crew_first(crew); hand != NULL; hand = crew_after(crew, hand)) {
        if (hand_options(hand)->serial == serial) {
            return crew_send(crew, &before, errand);
        }
    }
    return false;
}

/* --- looking ------------------------------------------------------------------------------ */

uint64_t crew_metric(const struct crew *crew, enum metric metric)
{
    uint64_t sum = crew->gone[metric];

    for (struct hand *hand = crew_first(crew); hand != NULL; hand = crew_after(crew, hand)) {
        sum += reactor_metric(hand_reactor(hand), metric);
    }
    return sum;
}

bool crew_is_alive(struct crew *crew)
{
    bool is_alive = true;

    for (struct hand *hand = crew_first(crew); hand != NULL; hand = crew_after(crew, hand)) {
        is_alive = hand_is_alive(hand) && is_alive;
    }
    return is_alive;
}
