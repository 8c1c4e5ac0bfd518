/* What may go wrong in a small world (small.h): each kind's name, its price, and what it may make
 * of a session's end. */
#ifndef SALLYPORT_TESTS_SIM_FAULT_H
#define SALLYPORT_TESTS_SIM_FAULT_H

#include "driver_sim.h"
#include "proxy/end_reason.h"

#include <stdbool.h>
#include <stdint.h>

enum fault {
    FAULT_NONE,
    /* of the driver and the network; nobody need be told */
    FAULT_SHORT_RECV,
    FAULT_SHORT_SEND,
    FAULT_SEND_PARTS,
    FAULT_SPURIOUS,
    FAULT_BLOCKED,
    FAULT_CANCEL_LATE,
    FAULT_LOSS,
    FAULT_ACCEPT_EXHAUSTED,
    /* of the network; a connection breaks */
    FAULT_RESET,
    FAULT_TIMEOUT,
    FAULT_CONNECT_REFUSED,
    FAULT_CONNECT_TIMEOUT,
    FAULT_CONNECT_UNREACHABLE,
    FAULT_SOCKET_EXHAUSTED,
    FAULT_SEND_EXHAUSTED,
    /* of the peers */
    FAULT_SILENCE,
    FAULT_CLIENT_DIES,
    FAULT_SERVER_DIES,
    FAULT_CLIENT_TRUNCATES,
    FAULT_CLIENT_TEARS, /* truncates inside a record */
    /* of the operator */
    FAULT_KILL,
    FAULT_DRAIN,
    FAULTS_COUNT,
};

/* Numbers every kind of the simulator's that belongs to this model of a driver. */
void fault_number(struct sim_faults *faults, bool is_readiness);

const char *fault_name(enum fault fault);
enum fault  fault_named(const char *name); /* FAULT_NONE: there is no such fault */

/* 0: an order of events like any other. */
unsigned fault_price(enum fault fault);

/* Afterwards a session of two honest ends may fail. */
bool fault_breaks(enum fault fault);

/* Those that make a difference for as long as the session lives: bit n is fault n. */
uint64_t fault_lasting(void);

/* May a session end so, when these faults happened (bit n: fault n) and the ends did this? */
struct fault_facts {
    uint64_t faults;
    bool     client_ended; /* close_notify, or FIN before it could say any */
    bool     server_ended;
};
bool fault_explains(const struct fault_facts *facts, enum end_reason reason);

#endif
