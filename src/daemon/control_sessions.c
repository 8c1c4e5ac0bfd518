#include "daemon/control_sessions.h"

#include "base/require.h"
#include "daemon/hand.h"

#include <stdlib.h>

/* Of one visit to a worker: a row costs some microseconds, a session that is passed by far less. */
enum { ROWS_PER_VISIT = 64, PASSED_PER_VISIT = 2048 };

struct control_sessions {
    struct errand                   errand;
    struct control_sessions_options options;
    struct session_id               wanted;
    unsigned                        serial; /* of the worker; 0: none yet */
    bool                            is_out;
    bool                            is_left; /* by its owner */
    bool                            is_final;
    /* whoever has the errand */
    struct session_list list;
    bool                is_open;  /* at this worker */
    bool                is_over;  /* likewise */
    bool                is_ended; /* the session that was looked for */
    bool                is_close; /* it is visited to close the list, no more */
    size_t              count;
    struct session_row  rows[ROWS_PER_VISIT];
};

static size_t left_count; /* the control thread's */

static void on_visit(struct errand *errand, struct worker *worker);
static void list_some(struct control_sessions *sessions);
static void look_at_some(struct control_sessions *sessions);
static void on_back(struct errand *errand);
static void go(struct control_sessions *sessions);

struct control_sessions *control_sessions_new(const struct control_sessions_options *options)
{
    struct control_sessions *sessions = calloc(1, sizeof(*sessions));

    if (sessions != NULL) {
        sessions->options = *options;
        sessions->errand.carry_out = on_visit;
        sessions->errand.returned = on_back;
        if (options->ended != NULL) {
            sessions->wanted = *options->ended;
            sessions->options.ended = &sessions->wanted;
        }
    }
    return sessions;
}

bool control_sessions_go_on(struct control_sessions *sessions)
{
    struct crew *crew = sessions->options.crew;

    require(!sessions->is_out && !sessions->is_left);
    if (sessions->is_ended) {
        return false;
    }
    sessions->is_out = sessions->is_open && !sessions->is_over &&
                       crew_send_again(crew, sessions->serial, &sessions->errand);
    if (!sessions->is_out) {
        sessions->is_open = false;
        sessions->is_over = false;
        sessions->is_out = crew_send(crew, &sessions->serial, &sessions->errand);
    }
    return sessions->is_out;
}

bool control_sessions_are_out(const struct control_sessions *sessions)
{
    return sessions->is_out;
}

const struct session_row *control_sessions_row(const struct control_sessions *sessions,
                                               size_t                         index)
{
    return index < sessions->count ? &sessions->rows[index] : NULL;
}

bool control_sessions_has_ended(const struct control_sessions *sessions)
{
    return sessions->is_ended;
}

void control_sessions_leave(struct control_sessions **sessions, bool is_final)
{
    struct control_sessions *left = *sessions;

    if (left == NULL) {
        return;
    }
    *sessions = NULL;
    left->is_left = true;
    left->is_final = is_final;
    left_count++;
    if (!left->is_out) {
        go(left);
    }
}

size_t control_sessions_left(void)
{
    return left_count;
}

/* --- on the worker's thread --------------------------------------------------------------- */

static void on_visit(struct errand *errand, struct worker *worker)
{
    struct control_sessions *sessions = container_of(errand, struct control_sessions, errand);

    sessions->count = 0;
    if (sessions->is_close) {
        session_list_close(&sessions->list);
        sessions->is_over = true;
        return;
    }
    if (!sessions->is_open) {
        session_list_open(&sessions->list, worker);
        sessions->is_open = true;
    }
    if (sessions->options.ended != NULL) {
        look_at_some(sessions);
    } else {
        list_some(sessions);
    }
}

static void list_some(struct control_sessions *sessions)
{
    while (sessions->count < ROWS_PER_VISIT && !sessions->is_over) {
        sessions->is_over = !session_list_row(&sessions->list, &sessions->rows[sessions->count]);
        sessions->count += sessions->is_over ? 0 : 1;
    }
}

static void look_at_some(struct control_sessions *sessions)
{
    switch (session_list_end(&sessions->list, &sessions->wanted, END_KILLED, PASSED_PER_VISIT)) {
    case SESSION_SEARCH_ENDED:
        sessions->is_ended = true;
        sessions->is_over = true;
        break;
    case SESSION_SEARCH_OVER:
        sessions->is_over = true;
        break;
    case SESSION_SEARCH_MORE:
        break;
    }
}

/* --- back --------------------------------------------------------------------------------- */

static void on_back(struct errand *errand)
{
    struct control_sessions *sessions = container_of(errand, struct control_sessions, errand);

    sessions->is_out = false;
    if (sessions->is_left) {
        go(sessions);
    } else {
        sessions->options.came(sessions->options.owner);
    }
}

/* A list that is still open at a worker is closed there first. One whose worker has gone was closed
 * with the last session. */
static void go(struct control_sessions *sessions)
{
    bool is_open = sessions->is_open && !sessions->is_over && !sessions->is_final;

    sessions->is_close = true;
    if (is_open && crew_send_again(sessions->options.crew, sessions->serial, &sessions->errand)) {
        sessions->is_out = true;
        return;
    }
    left_count--;
    free(sessions);
}
