/*
 * A small world: one worker, one client, one server and one session at a time, up to so many units
 * of data and so many faults, and every order of events. What comes next is chosen from a tree
 * (choices.h) whose leaves are whole sessions; a state that was reached before by another way is
 * not gone into again (visited.h).
 */
#ifndef SALLYPORT_TESTS_SIM_SMALL_H
#define SALLYPORT_TESTS_SIM_SMALL_H

#include "choices.h"
#include "visited.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SMALL_UNITS_MAX = 15, SMALL_FAULTS_MAX = 15 };

struct small_options {
    unsigned units;        /* data records of the client and of the server together, at most */
    unsigned faults;       /* at most */
    size_t   socket_bytes; /* send and receive buffers, each */
    bool     is_readiness; /* the model of the driver */
    bool     has_headers;  /* PROXY headers from the client and for the server */
    bool     is_verbose;   /* tells what comes, on stderr */
    uint64_t only;         /* bit n: fault n may happen (fault.h); 0: all may */
    unsigned walks;        /* afterwards, runs by chance: they must come to no end that is new */
};

struct small_result {
    uint64_t    leaves; /* sessions that ran to their end, each in an order of its own */
    uint64_t    walks;
    uint64_t    merged;    /* runs that came to a state that was known */
    uint64_t    states;    /* known in the end */
    uint64_t    outcomes;  /* different ends: reason, and what either peer saw */
    uint64_t    digest;    /* of those ends */
    const char *violation; /* the first law that was broken, or NULL */
};

/* All of the tree, or the run that `choices` holds if `is_replay`. When a law is broken `choices`
 * is the run that broke it. */
void small_run(const struct small_options *options, struct choices *choices, bool is_replay,
               struct small_result *result);

#endif
