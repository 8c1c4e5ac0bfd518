#include "proxy/worker.h"

#include "base/clock.h"
#include "base/heap.h"
#include "base/require.h"
#include "base/slab.h"
#include "proxy/buffers.h"
#include "proxy/listener.h"
#include "proxy/session.h"
#include "proxy/session_list.h"
#include "proxy/session_memory.h"
#include "proxy/session_send_proxy.h"
#include "proxy/session_store.h"
#include "proxy/session_summary.h"
#include "proxy/turnstile.h"
#include "proxy/worker_internal.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* After a burst of at least so many sessions, when no more than a quarter is left, the memory they
 * had goes back to the kernel. */
enum { BURST_SESSIONS = 128, BURST_SHARE_LEFT = 4 };

/* For so long nobody new is served after a session found no descriptor; it looks again sooner. */
#define DESCRIPTORS_NS (200 * NS_PER_MS)

/* Of the reactor, besides one a session and one a listener: the access log's, and some to spare. */
enum { TIMERS_BESIDES = 16 };

struct worker {
    struct worker_options options;
    struct tls_library   *library;
    struct session_store  session_store;
    struct generation    *generation; /* the present one */
    struct generation    *prepared;   /* the next one, or NULL */
    struct list           old;        /* generations that sessions or listeners still use */
    struct builtin       *builtin;
    size_t                sessions_max;
    struct slab          *sessions;
    struct buffers       *buffers;
    struct slab          *listener_slab;
    struct list           active; /* sessions, in the order of accepting */
    struct list           over;   /* sessions to be returned at the end of the turn */
    struct list           lists;  /* struct session_list, those open */
    struct list           listeners;
    struct list           parked; /* sessions waiting for a place to handshake */
    struct task           reap;
    struct turnstile      turnstile;
    struct seat           seat;
    size_t                sessions_count;
    size_t                sessions_peak; /* since memory was given back last */
    bool                  owes_memory;   /* some was out then, and a slab goes back whole */
    size_t                handshakes;
    uint32_t              next_number;
    worker_empty         *empty;
};

static bool             worker_fill(struct worker *worker, struct error *error);
static bool             worker_equip(struct worker *worker, const struct snapshot *snapshot,
                                     struct error *error);
static struct listener *worker_listener_of(const struct worker *worker, int listen_fd);
static bool             lacks_memory_or_descriptors(struct worker *worker);
static void             worker_begin(struct worker *worker, struct session *session,
                                     struct generation_frontend *frontend, int fd);
static void             on_relieve(void *owner, size_t wanted);
static void             on_reap(struct task *task);
static void             reap_session(struct worker *worker, struct session *session);
static void             give_back_after_burst(struct worker *worker);
static void             resume_listeners(struct worker *worker);
static void             tell_when_empty(struct worker *worker);

struct worker *worker_new(const struct worker_options *options, struct error *error)
{
    struct worker *worker = calloc(1, sizeof(*worker));

    *error = error_from_errno(ENOMEM, "worker");
    if (worker == NULL) {
        return NULL;
    }
    worker->options = *options;
    worker->seat.owner = worker;
    worker->reap.run = on_reap;
    turnstile_init(&worker->turnstile, options->reactor, ACCEPTS_PER_TURN);
    list_init(&worker->active);
    list_init(&worker->over);
    list_init(&worker->lists);
    list_init(&worker->old);
    list_init(&worker->listeners);
    list_init(&worker->parked);
    if (!worker_fill(worker, error)) {
        worker_free(&worker);
    } else if (options->seats != NULL) {
        seat_open(&worker->seat, options->seats, options->reactor);
    }
    return worker;
}

static bool worker_fill(struct worker *worker, struct error *error)
{
    const struct worker_options *options = &worker->options;

    worker->sessions_max = options->sessions_max != 0 ? options->sessions_max
                                                      : (size_t)quota_left(options->connections);
    worker->library = tls_library_new(error);
    if (worker->library == NULL ||
        !reactor_reserve_timers(options->reactor,
                                worker->sessions_max + WORKER_LISTENERS_MAX + TIMERS_BESIDES,
                                error)) {
        return false;
    }
    tls_library_set_ticket_keys(worker->library, options->ticket_keys);
    if (options->session_cache != NULL) {
        worker->session_store =
            (struct session_store){.cache = options->session_cache, .reactor = options->reactor};
        session_store_lend(&worker->session_store, worker->library);
    }
    worker->generation = generation_new(options->snapshot, worker->library, error);
    if (worker->generation == NULL) {
        return false;
    }
    worker->sessions = slab_new(&(struct slab_options){.object_bytes = sizeof(struct session),
                                                       .objects_max = worker->sessions_max},
                                error);
    worker->buffers = buffers_new(&(struct buffers_options){.reactor = options->reactor,
                                                            .buffers_max = options->buffers_max,
                                                            .relieve = on_relieve,
                                                            .owner = worker},
                                  error);
    worker->listener_slab = slab_new(&(struct slab_options){.object_bytes = sizeof(struct listener),
                                                            .objects_max = WORKER_LISTENERS_MAX},
                                     error);
    return worker->sessions != NULL && worker->buffers != NULL && worker->listener_slab != NULL &&
           worker_equip(worker, options->snapshot, error);
}

/* Servers inside the daemon are made when a snapshot first has one, and stay. */
static bool worker_equip(struct worker *worker, const struct snapshot *snapshot,
                         struct error *error)
{
    if (worker->builtin == NULL && snapshot_has_builtin(snapshot)) {
        worker->builtin = builtin_new(worker->options.reactor, worker->sessions_max, error);
        return worker->builtin != NULL;
    }
    return true;
}

void worker_free(struct worker **worker)
{
    if (*worker == NULL) {
        return;
    }
    require((*worker)->sessions_count == 0 && list_is_empty(&(*worker)->listeners));
    require(list_is_empty(&(*worker)->old));
    require(!seat_is_expecting(&(*worker)->seat));
    seat_close(&(*worker)->seat);
    reactor_forget((*worker)->options.reactor, &(*worker)->reap);
    turnstile_fini(&(*worker)->turnstile);
    builtin_free(&(*worker)->builtin);
    slab_free(&(*worker)->listener_slab);
    buffers_free(&(*worker)->buffers);
    slab_free(&(*worker)->sessions);
    generation_free(&(*worker)->prepared);
    generation_free(&(*worker)->generation);
    tls_library_free(&(*worker)->library);
    tls_thread_stop();
    free(*worker);
    *worker = NULL;
}

bool worker_listen(struct worker *worker, size_t frontend, int listen_fd)
{
    struct listener *listener = worker_listener_of(worker, listen_fd);

    require(frontend < worker->generation->snapshot->config->frontends_count);
    if (listener != NULL) {
        listener_retarget(listener, &worker->generation->frontends[frontend]);
        return true;
    }
    listener = slab_take(worker->listener_slab);
    if (listener == NULL) {
        return false;
    }
    listener_start(listener, worker, &worker->generation->frontends[frontend], listen_fd);
    list_append(&worker->listeners, &listener->link);
    return true;
}

void worker_unlisten(struct worker *worker, int listen_fd, enum worker_unlisten how)
{
    struct listener *listener = worker_listener_of(worker, listen_fd);

    require(listener != NULL);
    switch (how) {
    case WORKER_CLOSE_SOCKET:
        listener_drain(listener);
        break;
    case WORKER_RELEASE_SOCKET:
        listener_release(listener);
        break;
    }
}

static struct listener *worker_listener_of(const struct worker *worker, int listen_fd)
{
    for (struct list_link *link = list_first(&worker->listeners); link != NULL;
         link = list_after(&worker->listeners, link)) {
        struct listener *listener = container_of(link, struct listener, link);

        if (listener->fd == listen_fd) {
            return listener;
        }
    }
    return NULL;
}

void worker_listener_over(struct worker *worker, struct listener *listener, int fd, bool is_open)
{
    struct generation *generation = listener->frontend->generation;

    list_remove(&listener->link);
    slab_give(worker->listener_slab, listener);
    worker_leave_generation(worker, generation);
    if (worker->options.socket_over != NULL) {
        worker->options.socket_over(worker->options.owner, fd, is_open);
    }
    tell_when_empty(worker);
}

bool worker_prepare(struct worker *worker, const struct snapshot *snapshot, struct error *error)
{
    require(worker->prepared == NULL);
    worker->prepared = generation_new(snapshot, worker->library, error);
    if (worker->prepared != NULL && !worker_equip(worker, snapshot, error)) {
        worker_forget(worker);
    }
    return worker->prepared != NULL;
}

void worker_adopt(struct worker *worker)
{
    struct generation *before = worker->generation;

    require(worker->prepared != NULL);
    worker->generation = worker->prepared;
    worker->prepared = NULL;
    list_append(&worker->old, &before->link);
    before->users++; /* so that it does not go before it was let go of here */
    worker_leave_generation(worker, before);
}

void worker_forget(struct worker *worker)
{
    generation_free(&worker->prepared);
}

void worker_leave_generation(struct worker *worker, struct generation *generation)
{
    const struct snapshot *snapshot = generation->snapshot;

    require(generation->users > 0);
    generation->users--;
    if (generation->users > 0 || generation == worker->generation) {
        return;
    }
    list_remove(&generation->link);
    generation_free(&generation);
    if (worker->options.snapshot_over != NULL) {
        worker->options.snapshot_over(worker->options.owner, snapshot);
    }
}

void worker_drain(struct worker *worker, worker_empty *empty)
{
    worker->empty = empty;
    seat_close(&worker->seat);
    for (struct list_link *link = list_first(&worker->listeners); link != NULL;
         link = list_after(&worker->listeners, link)) {
        listener_drain(container_of(link, struct listener, link));
    }
    reactor_defer(worker->options.reactor, &worker->reap);
}

size_t worker_cut(struct worker *worker, enum end_reason reason)
{
    size_t cut = 0;

    for (struct list_link *link = list_first(&worker->listeners); link != NULL;
         link = list_after(&worker->listeners, link)) {
        listener_drop_waiting(container_of(link, struct listener, link));
    }
    for (struct list_link *link = list_first(&worker->active); link != NULL;
         link = list_after(&worker->active, link)) {
        struct session *session = container_of(link, struct session, link);

        if (session_state(session) < SESSION_CLOSING) {
            session_end(session, reason);
            session_advance(session);
            cut++;
        }
    }
    return cut;
}

size_t worker_sessions(const struct worker *worker)
{
    return worker->sessions_count;
}

void worker_set_ticket_keys(struct worker *worker, const struct tls_ticket_keys *keys)
{
    tls_library_set_ticket_keys(worker->library, keys);
}

void worker_set_challenges(struct worker *worker, const struct tls_challenges *challenges)
{
    tls_library_set_challenges(worker->library, challenges);
}

/* --- sessions begin ------------------------------------------------------------------------ */

bool worker_accepted(struct worker *worker, struct generation_frontend *frontend, int fd)
{
    unsigned frontend_max = frontend->snapshot->config->max_connections;

    if (lacks_memory_or_descriptors(worker)) {
        reactor_count(worker->options.reactor, METRIC_ACCEPT_PAUSES, 1);
        return false;
    }
    if ((frontend_max != 0 && frontend->sessions >= frontend_max) ||
        !quota_take(worker->options.connections)) {
        return false;
    }
    struct session *session = slab_take(worker->sessions);

    if (session == NULL) {
        quota_give(worker->options.connections);
        return false;
    }
    worker_begin(worker, session, frontend, fd);
    return true;
}

bool worker_take_over(struct worker *worker, const struct generation_frontend *theirs, int fd)
{
    const struct generation *generation = theirs->generation;
    size_t                   number = (size_t)(theirs - generation->frontends);
    bool                     is_taken = false;

    seat_arrived(&worker->seat);
    if (worker->empty == NULL && worker->generation->snapshot == generation->snapshot) {
        io_adopt(worker_loop(worker), fd);
        is_taken = worker_accepted(worker, &worker->generation->frontends[number], fd);
    }
    tell_when_empty(worker);
    return is_taken;
}

static bool lacks_memory_or_descriptors(struct worker *worker)
{
    return buffers_are_short(worker->buffers) ||
           quota_is_held(worker->options.connections, reactor_now_ns(worker->options.reactor));
}

void worker_lacks_descriptors(struct worker *worker)
{
    quota_hold(worker->options.connections,
               reactor_now_ns(worker->options.reactor) + DESCRIPTORS_NS);
}

static void worker_begin(struct worker *worker, struct session *session,
                         struct generation_frontend *frontend, int fd)
{
    struct reactor *reactor = worker->options.reactor;

    frontend->sessions++;
    frontend->generation->users++;
    worker->sessions_count++;
    seat_load(&worker->seat, 1);
    if (worker->sessions_peak < worker->sessions_count) {
        worker->sessions_peak = worker->sessions_count;
    }
    reactor_count(reactor, METRIC_CONNECTIONS_TOTAL, 1);
    reactor_count(reactor, METRIC_CONNECTIONS_ACTIVE, 1);
    session_start(session, worker, frontend, fd);
    session->number = worker->next_number++;
    list_append(&worker->active, &session->link);
}

bool worker_handshake_begin(struct worker *worker, struct session *session)
{
    if (session->is_counted) {
        return true;
    }
    if (worker->handshakes >= HANDSHAKES_MAX) {
        if (!list_is_linked(&session->parked)) {
            list_append(&worker->parked, &session->parked);
        }
        return false;
    }
    session->is_counted = true;
    worker->handshakes++;
    reactor_count(worker->options.reactor, METRIC_HANDSHAKES_ACTIVE, 1);
    return true;
}

void worker_handshake_end(struct worker *worker, struct session *session)
{
    if (list_is_linked(&session->parked)) {
        list_remove(&session->parked);
    }
    if (!session->is_counted) {
        return;
    }
    session->is_counted = false;
    worker->handshakes--;
    reactor_count(worker->options.reactor, METRIC_HANDSHAKES_ACTIVE, -1);
    struct list_link *link = list_take_first(&worker->parked);

    if (link != NULL) {
        session_advance(container_of(link, struct session, parked));
    }
}

/* --- sessions end -------------------------------------------------------------------------- */

void worker_session_over(struct worker *worker, struct session *session)
{
    if (!list_is_empty(&worker->lists)) {
        session_list_pass(&worker->lists, session);
    }
    list_remove(&session->link);
    list_append(&worker->over, &session->link);
    reactor_defer(worker->options.reactor, &worker->reap);
}

/* Buffers are short: who reads nothing has no use for those it holds. The oldest go first. */
static void on_relieve(void *owner, size_t wanted)
{
    struct worker *worker = owner;

    for (struct list_link *link = list_first(&worker->active); link != NULL && wanted > 0;
         link = list_after(&worker->active, link)) {
        struct session *session = container_of(link, struct session, link);

        if (session_is_stuck(session)) {
            session_end(session, END_RESOURCE);
            session_advance(session);
            wanted--;
        }
    }
}

bool worker_make_room(struct worker *worker, const struct session *asking, size_t bytes)
{
    struct session *largest = NULL;

    for (struct list_link *link = list_first(&worker->active);
         link != NULL && bytes < IO_RECV_BYTES; link = list_after(&worker->active, link)) {
        struct session *session = container_of(link, struct session, link);
        size_t          kept = session_kept_bytes(session);

        if (session != asking && kept > bytes) {
            bytes = kept;
            largest = session;
        }
    }
    if (largest != NULL) {
        session_evict(largest);
    }
    return largest != NULL;
}

static void on_reap(struct task *task)
{
    struct worker    *worker = container_of(task, struct worker, reap);
    struct list_link *link = NULL;

    while ((link = list_take_first(&worker->over)) != NULL) {
        reap_session(worker, container_of(link, struct session, link));
    }
    give_back_after_burst(worker);
    resume_listeners(worker);
    tell_when_empty(worker);
}

static void give_back_after_burst(struct worker *worker)
{
    bool is_over = worker->sessions_peak >= BURST_SESSIONS &&
                   worker->sessions_count <= worker->sessions_peak / BURST_SHARE_LEFT;

    if (!is_over && !(worker->owes_memory && worker->sessions_count == 0)) {
        return;
    }
    worker->owes_memory = worker->sessions_count > 0;
    worker->sessions_peak = worker->sessions_count;
    slab_trim(worker->sessions);
    buffers_trim(worker->buffers);
    io_loop_trim(worker_loop(worker));
    heap_trim();
}

static void reap_session(struct worker *worker, struct session *session)
{
    struct reactor        *reactor = worker->options.reactor;
    struct session_summary summary;

    session_summarize(session, reactor, &summary);
    worker->options.report(worker->options.owner, &summary);
    reactor_count(reactor, METRIC_BYTES_FROM_CLIENTS, (int64_t)summary.bytes_in);
    reactor_count(reactor, METRIC_BYTES_TO_CLIENTS, (int64_t)session->down.bytes);
    reactor_count(reactor, METRIC_PROBES, summary.is_probe ? 1 : 0);
    reactor_count(reactor, METRIC_CONNECTIONS_ACTIVE, -1);
    if (session->target != NULL) {
        pool_return(session->pool, session->target);
    }
    if (session->has_engine) {
        tls_engine_fini(&session->engine);
    }
    session->frontend->sessions--;
    worker->sessions_count--;
    seat_load(&worker->seat, -1);
    worker_leave_generation(worker, session->frontend->generation);
    slab_give(worker->sessions, session);
    quota_give(worker->options.connections);
}

static void resume_listeners(struct worker *worker)
{
    for (struct list_link *link = list_first(&worker->listeners); link != NULL;
         link = list_after(&worker->listeners, link)) {
        listener_resume(container_of(link, struct listener, link));
    }
}

/* A conversation with a server inside the daemon ends a moment after its session: look again. */
static void tell_when_empty(struct worker *worker)
{
    worker_empty *empty = worker->empty;

    if (empty == NULL || worker->sessions_count > 0 || !list_is_empty(&worker->listeners) ||
        seat_is_expecting(&worker->seat)) {
        return;
    }
    if (worker->builtin != NULL && builtin_active(worker->builtin) > 0) {
        reactor_defer(worker->options.reactor, &worker->reap);
        return;
    }
    worker->empty = NULL;
    empty(worker->options.owner);
}

/* --- what sessions, lists of them and listeners need --------------------------------------- */

struct list *worker_sessions_active(struct worker *worker)
{
    return &worker->active;
}

uint32_t worker_next_number(const struct worker *worker)
{
    return worker->next_number;
}

struct list *worker_session_lists(struct worker *worker)
{
    return &worker->lists;
}

struct reactor *worker_reactor(const struct worker *worker)
{
    return worker->options.reactor;
}

struct io_loop *worker_loop(const struct worker *worker)
{
    return reactor_loop(worker->options.reactor);
}

struct buffers *worker_buffers(const struct worker *worker)
{
    return worker->buffers;
}

struct turnstile *worker_turnstile(struct worker *worker)
{
    return &worker->turnstile;
}

struct seat *worker_seat(struct worker *worker)
{
    return &worker->seat;
}

struct builtin *worker_builtin(const struct worker *worker)
{
    return worker->builtin;
}
