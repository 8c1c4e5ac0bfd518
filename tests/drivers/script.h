/*
 * A script: what the two ends of one connection do, step by step, through io.h. The same script
 * runs on the kernel's drivers and on the simulator, and leaves a history that can be judged
 * (legal.h).
 */
#ifndef SALLYPORT_TESTS_SCRIPT_H
#define SALLYPORT_TESTS_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SCRIPT_STEPS_MAX = 40, SCRIPT_SEND_MAX = 400, SCRIPT_EVENTS_MAX = 4 * SCRIPT_STEPS_MAX };

enum script_end { CLIENT, SERVER, ENDS };

enum script_verb {
    DOES_NOTHING, /* ends a script */
    RECEIVES,
    SENDS,
    POLLS,
    CANCELS, /* whatever waits at this end */
    ENDS_SENDING,
    ENDS_BOTH,
    CLOSES, /* once what waits at this end is cancelled and done */
    RESETS, /* the same, by RST */
};

/* What follows a step before the next one. */
enum script_pace { UNTIL_QUIET, ONE_TURN, AT_ONCE };

/* What may become of an operation; a set of them is their sum. */
enum outcome {
    WAITS = 1 << 0, /* still pending when everything is quiet */
    BYTES = 1 << 1,
    END = 1 << 2,
    IS_WELL = 1 << 3, /* a poll, a close, a connect, an accept */
    IS_RESET = 1 << 4,
    IS_BROKEN = 1 << 5,
    IS_CANCELLED = 1 << 6,
    IS_REFUSED = 1 << 7,
    IS_EXHAUSTED = 1 << 8,
    IS_UNSUPPORTED = 1 << 9,
    SOMETHING_ELSE = 1 << 10,
};
enum { OUTCOMES_COUNT = 11 };

struct step {
    enum script_end  end;
    enum script_verb verb;
    unsigned         bytes; /* SENDS */
    unsigned         legal; /* the outcomes this step may have; 0: whatever legal.h says */
    enum script_pace pace;
};

struct script {
    struct step steps[SCRIPT_STEPS_MAX];
    size_t      count;
};

/* --- what became of it --------------------------------------------------------------------- */

enum script_op { OP_RECEIVE, OP_SEND, OP_POLL, OP_CLOSE, OPS };

enum event_kind { SUBMITTED, ASKED_TO_END, DONE, SHUT_SENDING, SHUT_BOTH, LINGER_SET, QUIET };

struct event {
    enum event_kind kind;
    enum script_end end;
    enum script_op  op;
    unsigned        step;
    unsigned        bytes;   /* SUBMITTED of a send: how many it has; DONE: how many moved */
    unsigned        moved;   /* SUBMITTED: what its DONE will say */
    enum outcome    outcome; /* the same */
};

struct history {
    struct event events[SCRIPT_EVENTS_MAX];
    size_t       count;
    enum outcome outcomes[SCRIPT_STEPS_MAX]; /* by step; 0: it had none */
    const char  *problem;                    /* bytes out of order, a law of io.h; NULL: none */
};

/* A short script by chance, the same for the same seed; it ends with a look at both ends. */
void script_draw(struct script *script, uint64_t seed);

/* Steps up to the first that does nothing. */
void script_copy(struct script *script, const struct step *steps);

/* For people, into `text`: one line a step, with what became of it if `history` is given. */
void script_tell(const struct script *script, const struct history *history, char *text,
                 size_t text_bytes);

/* "bytes or reset" */
const char *outcomes_text(unsigned outcomes, char *text, size_t text_bytes);

#endif
