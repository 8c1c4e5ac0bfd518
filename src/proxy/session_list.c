#include "proxy/session_list.h"

#include "base/require.h"
#include "proxy/session.h"
#include "proxy/session_summary.h"
#include "proxy/worker_internal.h"

#include <stdio.h>
#include <string.h>

static struct session *next(struct session_list *list);
static void            step(struct session_list *list);
static const char     *state_word(enum session_state state);

void session_list_open(struct session_list *list, struct worker *worker)
{
    *list = (struct session_list){.worker = worker,
                                  .at = list_first(worker_sessions_active(worker)),
                                  .until = worker_next_number(worker)};
    if (list->at != NULL) {
        list_append(worker_session_lists(worker), &list->link);
    }
}

void session_list_close(struct session_list *list)
{
    if (list_is_linked(&list->link)) {
        list_remove(&list->link);
    }
    list->at = NULL;
}

void session_list_pass(struct list *open, const struct session *session)
{
    struct list_link *link = list_first(open);

    while (link != NULL) {
        struct session_list *list = container_of(link, struct session_list, link);

        link = list_after(open, link);
        if (list->at == &session->link) {
            step(list);
        }
    }
}

bool session_list_row(struct session_list *list, struct session_row *row)
{
    struct session *session = next(list);

    if (session == NULL) {
        return false;
    }
    struct session_summary summary;

    session_summarize(session, worker_reactor(list->worker), &summary);
    *row = (struct session_row){.id = {.time_us = summary.id_time_us,
                                       .reactor = summary.id_reactor,
                                       .number = summary.id_number},
                                .client = summary.client,
                                .state = state_word(session_state(session)),
                                .tls = summary.facts.version,
                                .age_ns = summary.duration_ns,
                                .bytes_in = summary.bytes_in,
                                .bytes_out = summary.bytes_out};
    size_t sni_len = summary.facts.sni.len;

    sni_len = sni_len < sizeof(row->sni) ? sni_len : sizeof(row->sni) - 1;
    if (sni_len > 0) {
        memcpy(row->sni, summary.facts.sni.data, sni_len);
    }
    (void)snprintf(row->frontend, sizeof(row->frontend), "%s", summary.frontend);
    (void)snprintf(row->backend, sizeof(row->backend), "%s", summary.backend);
    (void)snprintf(row->server, sizeof(row->server), "%s", summary.server);
    return true;
}

enum session_search session_list_end(struct session_list *list, const struct session_id *id,
                                     enum end_reason reason, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct session *session = next(list);

        if (session == NULL) {
            return SESSION_SEARCH_OVER;
        }
        if (session->number == id->number && session->accepted_us == id->time_us &&
            reactor_index(worker_reactor(list->worker)) == id->reactor) {
            session_list_close(list);
            session_end(session, reason);
            session_advance(session);
            return SESSION_SEARCH_ENDED;
        }
    }
    return SESSION_SEARCH_MORE;
}

/* Steps over it at once, since it may go with what is done to it. Numbers come round. */
static struct session *next(struct session_list *list)
{
    struct session *session =
        list->at != NULL ? container_of(list->at, struct session, link) : NULL;

    if (session != NULL && (int32_t)(session->number - list->until) >= 0) {
        session_list_close(list);
        return NULL;
    }
    if (session != NULL) {
        step(list);
    }
    return session;
}

static void step(struct session_list *list)
{
    list->at = list_after(worker_sessions_active(list->worker), list->at);
    if (list->at == NULL) {
        session_list_close(list);
    }
}

static const char *state_word(enum session_state state)
{
    switch (state) {
    case SESSION_PROXY_HEADER:
        return "proxy_header";
    case SESSION_HANDSHAKING:
        return "handshaking";
    case SESSION_CONNECTING:
        return "connecting";
    case SESSION_RELAYING:
        return "relaying";
    case SESSION_FINISHING:
        return "finishing";
    case SESSION_CLOSING:
    case SESSION_CLOSED:
    case SESSION_STATES:
        break;
    }
    return "closing";
}
