/*
 * Runs in which nothing is left to chance or to the clock. With a chooser on the net, whatever the
 * network and the actors could do next is put before it, and it says what comes; so that a run is
 * the list of its answers, and can be repeated with one of them changed.
 *
 * Everything that lies within SIM_AT_CHOICE_NS of now may come next, in any order, and takes no
 * time; a turn of the loop takes none either. Time moves when nothing else is left, or when the
 * chooser wants everybody to be silent until the code under test acts by itself, at its deadlines.
 *
 * The numbers of sim_faults are no chances then: each is the caller's own number for that fault, 0
 * when it never happens. The chooser is asked by that number whether it may happen, and told when
 * it does. `stall` is the number of the silence. delay, shuffle and the ranges of times are not
 * used.
 *
 * Four things come at once, since nobody could tell the difference: bytes arrive where they go
 * (later is the same as sent later, or as received later), actors look, sockets that are being
 * closed close, and an attempt that would end nothing is made. A lost segment is one that comes 200
 * ms late.
 */
#ifndef SALLYPORT_TESTS_SIM_CHOICE_H
#define SALLYPORT_TESTS_SIM_CHOICE_H

#include "driver_sim.h"

#define SIM_AT_CHOICE_NS (100 * NS_PER_MS)

/* What is to be chosen. */
enum sim_choice {
    SIM_CHOICE_NEXT,  /* what comes next: the loop is at rest, and the state can be compared */
    SIM_CHOICE_FAULT, /* 1: the fault happens */
    SIM_CHOICE_ACT,   /* what an actor does */
    SIM_CHOICE_PIECE, /* of several bytes: 0: one; 1: all but one */
};

struct sim_chooser {
    /* 0 to count - 1, count at least 2; 0 is what a peaceful network would do. */
    unsigned (*choose)(struct sim_chooser *chooser, enum sim_choice what, unsigned count);
    bool (*may_happen)(const struct sim_chooser *chooser, unsigned fault);
    void (*happens)(struct sim_chooser *chooser, unsigned fault);
    /* What comes next, for people; may be NULL. `fd` -1: no descriptor's. */
    void (*tell)(struct sim_chooser *chooser, const char *what, int fd);
};

/* Before anything is on its way; again before another run. It must live as long as the net. */
void sim_set_chooser(struct sim_net *net, struct sim_chooser *chooser);

/* One of `count` things that an actor could do. */
unsigned sim_choose(struct sim_net *net, unsigned count);

/* For the simulator itself: whether a fault happens, and how many bytes of several. */
bool     sim_choose_fault(struct sim_net *net, unsigned fault);
uint64_t sim_choose_piece(struct sim_net *net, uint64_t min, uint64_t max);

/* A hash over all that decides what the network may do from here on: connections, descriptors,
 * operations, with times counted from now. The code under test and the actors are not in it. */
uint64_t sim_fingerprint(const struct sim_net *net);

/* How long the loop would still wait: its nearest deadline, if there is one. */
uint64_t sim_patience_ns(const struct sim_net *net);

/* Hashes one more number into a fingerprint. */
uint64_t sim_fingerprint_add(uint64_t fingerprint, uint64_t number);

/* The operation that receives on an open descriptor, or did last; NULL: there was none. */
struct io_op *sim_last_recv(const struct sim_net *net, int fd);

#endif
