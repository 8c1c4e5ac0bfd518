/*
 * What may become of an operation on a connection: a table. Each row says what must hold of the
 * end that operates, and which outcomes are then legal; the first row that fits decides.
 *
 * legal_judge follows a script's history (script.h) through every order in which its operations may
 * have taken effect and its segments may have arrived, and says whether any of them explains all
 * that was seen. It knows nothing of drivers: what it takes from the kernel it takes from the
 * simulator, and the other way round.
 */
#ifndef SALLYPORT_TESTS_LEGAL_H
#define SALLYPORT_TESTS_LEGAL_H

#include "script.h"

/* What an end knows of its connection. */
enum legal_fact {
    HAS_BYTES = 1 << 0,      /* arrived and not yet received */
    HAS_FIN = 1 << 1,        /* the peer ended its sending */
    HAS_RESET = 1 << 2,      /* RST came, and nobody was told yet */
    HAS_LATE_RESET = 1 << 3, /* RST came after the FIN, and nobody was told yet */
    IS_DEAD = 1 << 4,        /* RST came */
    WAS_TOLD = 1 << 5,       /* an operation ended in "reset" */
    SENT_FIN = 1 << 6,       /* this end ended its sending */
    SHUT_READING = 1 << 7,   /* this end wants no more bytes */
};

struct legal_row {
    const char    *name;
    enum script_op op;
    unsigned       holds; /* all of these facts */
    unsigned       outcomes;
};

size_t                  legal_rows_count(void);
const struct legal_row *legal_row(size_t index);

enum { LEGAL_ROWS_MAX = 32 };

/* The outcomes that each row was seen to have, summed up. */
struct legal_seen {
    unsigned outcomes[LEGAL_ROWS_MAX];
};

struct legal_verdict {
    bool        is_legal;
    size_t      event;    /* the first that nothing explains */
    unsigned    expected; /* the outcomes that would have been legal for it */
    const char *problem;
};

/* Adds what was seen to `seen`, where it is certain which row it was. */
struct legal_verdict legal_judge(const struct history *history, struct legal_seen *seen);

#endif
