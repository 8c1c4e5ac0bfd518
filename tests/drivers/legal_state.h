/* One way in which a connection may stand, as legal.c follows it. Compared byte by byte. */
#ifndef SALLYPORT_TESTS_LEGAL_STATE_H
#define SALLYPORT_TESTS_LEGAL_STATE_H

#include "legal.h"

enum { LEGAL_SEGMENTS_MAX = 12, LEGAL_FIN = UINT16_MAX, LEGAL_RST = UINT16_MAX - 1 };

enum legal_phase { LEGAL_IDLE, LEGAL_PENDING, LEGAL_ASKED_TO_END, LEGAL_ENDED };

struct legal_op {
    uint8_t phase; /* enum legal_phase */
    uint8_t row;   /* which decided, once it ended */
    uint8_t event; /* that submitted it */
};

struct legal_end {
    uint16_t        facts; /* HAS_BYTES is not kept here: see `unread` */
    uint16_t        unread;
    uint16_t        segments[LEGAL_SEGMENTS_MAX]; /* towards this end: bytes, or FIN, or RST */
    uint8_t         segments_count;
    uint8_t         is_closed;
    uint8_t         is_lingering;   /* close sends RST */
    uint8_t         is_fin_arrived; /* its own, at the other end */
    struct legal_op ops[OPS];
};

struct legal_state {
    struct legal_end ends[ENDS];
};

/* The row that decides what may become of that operation now. */
size_t legal_state_row(const struct legal_state *state, enum script_end end, enum script_op op);

/* The operation that `event` submitted takes effect, with the outcome it is known to have had.
 * False: not with that outcome, not now. */
bool legal_state_operate(struct legal_state *state, enum script_end end, const struct event *event);

/* The first segment towards that end arrives. False: none is on its way. */
bool legal_state_arrive(struct legal_state *state, enum script_end end);

void legal_state_shut(struct legal_state *state, enum script_end end, bool is_both);

#endif
