/* The faults of a small world that are somebody's acts: of a peer that leaves without a word, of an
 * operator. Each may come once, at any moment. */
#ifndef SALLYPORT_TESTS_SIM_TROUBLE_H
#define SALLYPORT_TESTS_SIM_TROUBLE_H

#include "crew.h"
#include "fault.h"
#include "lane.h"

#include <stdbool.h>

enum { TROUBLES_COUNT = 6 };

struct troubles;

struct trouble {
    struct sim_event event;
    struct troubles *of;
    void (*act)(struct troubles *troubles);
};

struct troubles {
    struct sim_net *net;
    struct lane    *lane;
    struct crew    *crew;
    struct trouble  list[TROUBLES_COUNT];
    struct mail     kill; /* to the worker */
    struct mail     drain;
};

void troubles_set(struct troubles *troubles, struct sim_net *net, struct lane *lane,
                  struct crew *crew);
void troubles_clear(struct troubles *troubles);

/* False: it would change nothing now. Faults that are nobody's act are always possible. */
bool troubles_can(const struct troubles *troubles, enum fault fault);

#endif
