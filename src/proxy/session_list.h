/*
 * Goes through the sessions of a worker, a few at a time, while they come and go in between: each
 * that was open at the beginning and still is when its turn comes is met once. On the worker's
 * thread, all of it.
 */
#ifndef SALLYPORT_PROXY_SESSION_LIST_H
#define SALLYPORT_PROXY_SESSION_LIST_H

#include "base/list.h"
#include "io/address.h"
#include "proxy/end_reason.h"
#include "proxy/session_id.h"
#include "proxy/worker.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct session;

/* Embedded; zeroed memory is closed. */
struct session_list {
    /* private */
    struct list_link  link; /* among those open */
    struct worker    *worker;
    struct list_link *at;    /* the session to come */
    uint32_t          until; /* its number: those from here on were not open yet */
};

/* A copy, so that it may be looked at on another thread; names are cut where they are too long. */
enum { SESSION_ROW_NAME_BYTES = 64, SESSION_ROW_HOST_BYTES = 256 };

struct session_row {
    struct session_id id;
    struct address    client;
    char              frontend[SESSION_ROW_NAME_BYTES];
    char              backend[SESSION_ROW_NAME_BYTES]; /* "-": none was chosen */
    char              server[ADDRESS_TEXT_BYTES];      /* "-": none is being used or tried */
    char              sni[SESSION_ROW_HOST_BYTES];     /* "": none */
    const char       *state;                           /* static */
    const char       *tls;                             /* the version; static */
    uint64_t          age_ns;
    uint64_t          bytes_in;
    uint64_t          bytes_out;
};

void session_list_open(struct session_list *list, struct worker *worker);
/* Of one that is closed already it does nothing. */
void session_list_close(struct session_list *list);

/* The next one; false: there is none, and the list is closed. */
__attribute__((warn_unused_result)) bool session_list_row(struct session_list *list,
                                                          struct session_row  *row);

/* Looks for a session among the next `count` and ends it, with RST to both peers. */
enum session_search {
    SESSION_SEARCH_ENDED,
    SESSION_SEARCH_OVER, /* it is not here, and the list is closed */
    SESSION_SEARCH_MORE,
};
enum session_search session_list_end(struct session_list *list, const struct session_id *id,
                                     enum end_reason reason, size_t count);

/* The worker's: a session is about to leave its place. `open` are the lists open now. */
void session_list_pass(struct list *open, const struct session *session);

#endif
