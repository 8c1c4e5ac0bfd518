/*
 * What the two ends of one simulated session intend to do, drawn from a seed before it begins. The
 * checks afterwards compare what came about with the plan.
 */
#ifndef SALLYPORT_TESTS_SIM_PLAN_H
#define SALLYPORT_TESTS_SIM_PLAN_H

#include "random.h"

#include <stdbool.h>
#include <stdint.h>

enum plan_ending {
    PLAN_CLEAN,    /* close_notify or FIN, after everything was sent */
    PLAN_TRUNCATE, /* client: FIN without close_notify */
    PLAN_RESET,
    PLAN_SILENT, /* nothing more, for ever */
};

enum plan_reading { PLAN_READ_EAGERLY, PLAN_READ_SLOWLY, PLAN_READ_STOPS };

enum plan_start {
    PLAN_START_AT_ONCE,
    PLAN_START_AFTER_FIRST_BYTE,
    PLAN_START_AFTER_END, /* of the other side */
};

/* A PROXY header in front of the client's hello, where its lane has one. */
enum plan_header { PLAN_HEADER_V1, PLAN_HEADER_V2, PLAN_HEADER_LOCAL, PLAN_HEADER_BROKEN };

struct plan_end {
    uint64_t          bytes;    /* to send */
    uint64_t          abort_at; /* an ending other than clean comes after this many wire bytes */
    uint64_t          read_stop_at;
    uint64_t          pause_ns; /* between pieces, at most */
    uint32_t          piece;    /* bytes given to the network at once, at most */
    uint32_t          record;   /* clients: bytes of one record, at most; 0: what fits */
    enum plan_ending  ending;
    enum plan_reading reading;
    enum plan_start   start;     /* servers only: clients begin at once */
    bool              ends_last; /* its own end waits for the other's */
    bool              leaves;    /* closes as soon as its own end is said, whatever still comes */
    bool    hesitates; /* each act, the end too, is an event of its own; reads meanwhile */
    uint8_t key_updates;
};

struct plan {
    struct plan_end  client;
    struct plan_end  server;
    bool             server_refuses;
    enum plan_header header;
};

void plan_draw(struct plan *plan, struct random *random);

/* Neither side aborts, stalls, or waits for what never comes: nothing may go wrong. */
bool plan_is_honest(const struct plan *plan);

#endif
