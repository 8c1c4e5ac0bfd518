#include "proxy/turnstile.h"

#include "base/require.h"

static void on_task(struct task *task);
static bool is_open(struct turnstile *turnstile);

void turnstile_init(struct turnstile *turnstile, struct reactor *reactor, unsigned passes_max)
{
    *turnstile =
        (struct turnstile){.reactor = reactor, .task = {.run = on_task}, .passes_max = passes_max};
    list_init(&turnstile->waiting);
}

void turnstile_fini(struct turnstile *turnstile)
{
    require(list_is_empty(&turnstile->waiting));
    reactor_forget(turnstile->reactor, &turnstile->task);
}

void turnstile_enter(struct turnstile *turnstile, struct turnstile_place *place)
{
    if (list_is_linked(&place->link)) {
        return;
    }
    if (list_is_empty(&turnstile->waiting) && is_open(turnstile)) {
        turnstile->passed++;
        place->pass(place);
        return;
    }
    list_append(&turnstile->waiting, &place->link);
    reactor_defer(turnstile->reactor, &turnstile->task);
}

void turnstile_leave(struct turnstile_place *place)
{
    if (list_is_linked(&place->link)) {
        list_remove(&place->link);
    }
}

static bool is_open(struct turnstile *turnstile)
{
    uint64_t turn = reactor_turns(turnstile->reactor);

    if (turn != turnstile->turn) {
        turnstile->turn = turn;
        turnstile->passed = 0;
    }
    return turnstile->passed < turnstile->passes_max;
}

static void on_task(struct task *task)
{
    struct turnstile *turnstile = container_of(task, struct turnstile, task);

    while (!list_is_empty(&turnstile->waiting) && is_open(turnstile)) {
        struct list_link *link = list_take_first(&turnstile->waiting);

        struct turnstile_place *place = container_of(link, struct turnstile_place, link);

        turnstile->passed++;
        place->pass(place);
    }
    if (!list_is_empty(&turnstile->waiting)) {
        reactor_defer(turnstile->reactor, &turnstile->task);
    }
}
