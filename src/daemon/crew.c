#include "daemon/crew.h"

#include "base/log.h"
#include "base/require.h"
#include "daemon/crew_internal.h"
#include "daemon/logging.h"
#include "proxy/buffers.h"
#include "proxy/worker.h"
#include "reactor/quota.h"

#include <stdlib.h>
#include <unistd.h>

enum { WORKER_BUFFERS_MIN = 16 };

static bool         muster(struct crew *crew);
static void         decide(struct crew *crew);
static void         carry_out(struct crew *crew);
static void         take_over(struct crew *crew);
static void         give_up(struct crew *crew);
static void         look_at_edition(struct crew *crew, struct edition *edition);
static void         free_edition(struct edition *edition);
static struct hand *start_hand(struct crew *crew, unsigned slot, unsigned workers);
static struct hand *hand_in(const struct crew *crew, unsigned slot);
static bool         is_going(const struct crew *crew, const struct hand *hand);
static void         lend(struct crew *crew);
static void         lend_one(struct crew *crew, struct listening_socket *socket);
static void         take_back(struct crew *crew, const struct listening *before);
static void         push_all(struct crew *crew);
static size_t       sockets_of(const struct crew *crew, const struct hand *hand);
static void         let_go(struct crew *crew, struct hand *hand);
static void         settle(struct crew *crew);
static void         stop_hand(struct crew *crew, struct hand *hand);
static void         tell_driver(const struct crew *crew);

struct crew *crew_new(const struct crew_options *options)
{
    struct crew *crew = calloc(1, sizeof(*crew));

    if (crew != NULL) {
        crew->options = *options;
        crew->connections_max = options->connections_max;
        quota_init(&crew->connections, options->connections_max);
        seats_init(&crew->seats);
        list_init(&crew->hands);
        list_init(&crew->editions);
        crew->is_producer[LOGGING_CONTROL] = true;
    }
    return crew;
}

void crew_free(struct crew **crew)
{
    struct crew      *freed = *crew;
    struct list_link *link = NULL;

    if (freed == NULL) {
        return;
    }
    while ((link = list_take_first(&freed->hands)) != NULL) {
        struct hand *hand = hand_of_link(link);

        hand_free(&hand);
    }
    if (freed->edition != NULL) {
        free_edition(freed->edition);
    }
    if (freed->coming.edition != NULL) {
        free_edition(freed->coming.edition);
    }
    require(list_is_empty(&freed->editions));
    tls_challenges_free(&freed->challenges);
    listening_abandon(&freed->coming.listening);
    listening_close(&freed->listening);
    seats_fini(&freed->seats);
    free(freed);
    *crew = NULL;
}

/* --- changes ------------------------------------------------------------------------------ */

bool crew_change(struct crew *crew, struct snapshot *snapshot, struct listening *listening,
                 unsigned workers)
{
    struct edition *edition = calloc(1, sizeof(*edition));
    bool            is_first = crew->edition == NULL;

    require(!crew->is_changing);
    if (edition == NULL) {
        log_error("out of memory");
        listening_abandon(listening);
        snapshot_free(&snapshot);
        return false;
    }
    edition->snapshot = snapshot;
    list_append(&crew->editions, &edition->link);
    crew->coming = (struct change){.edition = edition, .listening = *listening, .workers = workers};
    crew->is_changing = true;
    crew->has_lost = false;
    crew->coming.is_refused = !muster(crew);
    if (is_first && crew->coming.is_refused) {
        take_over(crew);
        return false; /* a start without all of them is none */
    }
    decide(crew);
    if (is_first) {
        tell_driver(crew);
    }
    return true;
}

/* Starts who is missing, has the others make themselves ready. False: it cannot be. */
static bool muster(struct crew *crew)
{
    struct change *coming = &crew->coming;
    size_t         wishes = 2 * coming->listening.count + crew->listening.count;
    bool           is_possible = true;

    for (unsigned slot = 0; is_possible && slot < coming->workers; slot++) {
        struct hand *hand = hand_in(crew, slot);

        if (hand == NULL) {
            is_possible = start_hand(crew, slot, coming->workers) != NULL;
        } else if (hand_prepare(hand, coming->edition)) {
            coming->waiting++;
        } else {
            log_error("out of memory worker=%u", slot);
            is_possible = false;
        }
    }
    for (struct hand *hand = crew_first(crew); is_possible && hand != NULL;
         hand = crew_after(crew, hand)) {
        is_possible = hand_reserve(hand, wishes);
        if (!is_possible) {
            log_error("out of memory worker=%u", hand_options(hand)->slot);
        }
    }
    return is_possible;
}

void crew_hand_prepared(struct crew *crew, bool is_prepared)
{
    crew->coming.waiting--;
    crew->coming.is_refused = crew->coming.is_refused || !is_prepared;
    decide(crew);
}

/* All or nothing. While the crew drains it is neither: what is ready goes with the hands. */
static void decide(struct crew *crew)
{
    if (crew->coming.waiting > 0 || crew->is_draining) {
        return;
    }
    if (crew->coming.is_refused) {
        give_up(crew);
    } else {
        carry_out(crew);
    }
}

static void carry_out(struct crew *crew)
{
    struct listening before = crew->listening;

    take_over(crew);
    for (struct hand *hand = crew_first(crew); hand != NULL; hand = crew_after(crew, hand)) {
        hand_adopt(hand);
    }
    lend(crew);
    take_back(crew, &before);
    listening_unlink(&before, &crew->listening);
    free(before.sockets);
    push_all(crew);
}

/* What is coming is the present. */
static void take_over(struct crew *crew)
{
    struct edition *before = crew->edition;

    crew->edition = crew->coming.edition;
    crew->listening = crew->coming.listening;
    crew->workers = crew->coming.workers;
    crew->coming = (struct change){0};
    if (before != NULL) {
        look_at_edition(crew, before);
    }
}

/* Hands that were started for it are beyond the number of workers now, and go. */
static void give_up(struct crew *crew)
{
    struct edition *edition = crew->coming.edition;

    listening_unlink(&crew->coming.listening, &crew->listening);
    listening_abandon(&crew->coming.listening);
    crew->coming = (struct change){.is_refused = true};
    look_at_edition(crew, edition);
    for (struct hand *hand = crew_first(crew); hand != NULL; hand = crew_after(crew, hand)) {
        hand_forget(hand);
    }
    push_all(crew);
}

static struct hand *start_hand(struct crew *crew, unsigned slot, unsigned workers)
{
    struct edition      *edition = crew->coming.edition;
    const struct config *config = edition->snapshot->config;
    size_t               buffers = config->memory_max_bytes / BUFFER_COST_BYTES / workers;
    unsigned             producer = 0;

    while (producer < LOGGING_PRODUCERS && crew->is_producer[producer]) {
        producer++;
    }
    if (producer == LOGGING_PRODUCERS) {
        log_error("too many workers at a time, those that are going included worker=%u", slot);
        return NULL;
    }
    struct hand_options options = {.crew = crew,
                                   .control = crew->options.control,
                                   .driver = crew->options.driver,
                                   .edition = edition,
                                   .connections = &crew->connections,
                                   .seats = &crew->seats,
                                   .sessions_max = crew->options.sessions_max,
                                   .buffers_max =
                                       buffers > WORKER_BUFFERS_MIN ? buffers : WORKER_BUFFERS_MIN,
                                   .ticket_keys = crew->options.ticket_keys,
                                   .session_cache = crew->options.session_cache,
                                   .slot = slot,
                                   .serial = ++crew->serial,
                                   .producer = producer};
    struct hand        *hand = hand_start(&options);

    if (hand != NULL) {
        crew->is_producer[producer] = true;
        list_append(&crew->hands, hand_link(hand));
        if (crew->challenges != NULL) {
            hand_set_challenges(hand, crew->challenges);
        }
    }
    return hand;
}

/* Who serves there; not one that is going. */
static struct hand *hand_in(const struct crew *crew, unsigned slot)
{
    for (struct hand *hand = crew_first(crew); hand != NULL; hand = crew_after(crew, hand)) {
        if (hand_options(hand)->slot == slot && !hand_is_draining(hand)) {
            return hand;
        }
    }
    return NULL;
}

static bool is_going(const struct crew *crew, const struct hand *hand)
{
    return hand_options(hand)->slot >= crew->workers || hand_is_draining(hand);
}

/* Socket number n of an address is worker n's, counted round: a socket is never closed for want of
 * a worker, since the kernel would reset the connections in its queue. */
static void lend(struct crew *crew)
{
    for (size_t i = 0; i < crew->listening.count; i++) {
        struct listening_socket *socket = &crew->listening.sockets[i];
        struct hand             *target = hand_in(crew, socket->ordinal % crew->workers);

        if (socket->holder == NULL || socket->holder == target) {
            lend_one(crew, socket);
        } else {
            hand_wish(socket->holder, HAND_RELEASE, socket->fd, socket->frontend);
            crew->moving++;
        }
    }
}

static void lend_one(struct crew *crew, struct listening_socket *socket)
{
    struct hand *target = hand_in(crew, socket->ordinal % crew->workers);

    hand_wish(target, HAND_SERVE, socket->fd, socket->frontend);
    socket->holder = target;
}

static void take_back(struct crew *crew, const struct listening *before)
{
    for (size_t i = 0; i < before->count; i++) {
        const struct listening_socket *socket = &before->sockets[i];

        if (listening_find(&crew->listening, socket->fd) == NULL && socket->holder != NULL) {
            hand_wish(socket->holder, HAND_CLOSE, socket->fd, 0);
        }
    }
}

static void push_all(struct crew *crew)
{
    for (struct hand *hand = crew_first(crew); hand != NULL; hand = crew_after(crew, hand)) {
        hand_push(hand);
        let_go(crew, hand);
    }
    settle(crew);
}

void crew_hand_changed(struct crew *crew, struct hand *hand, bool has_served)
{
    crew->has_lost = crew->has_lost || !has_served;
    let_go(crew, hand);
    settle(crew);
}

void crew_socket_back(struct crew *crew, struct hand *hand, int fd, bool is_open)
{
    struct listening_socket *socket = is_open ? listening_find(&crew->listening, fd) : NULL;

    if (socket != NULL) {
        crew->moving--;
        socket->holder = NULL;
        if (!crew->is_draining) {
            lend_one(crew, socket);
            hand_push(socket->holder);
        }
    }
    let_go(crew, hand);
    settle(crew);
}

static size_t sockets_of(const struct crew *crew, const struct hand *hand)
{
    size_t count = 0;

    for (size_t i = 0; i < crew->listening.count; i++) {
        count += crew->listening.sockets[i].holder == hand ? 1 : 0;
    }
    return count;
}

/* A hand that is going and has given up its sockets ends with its last session. */
static void let_go(struct crew *crew, struct hand *hand)
{
    if (is_going(crew, hand) && !hand_is_busy(hand) && sockets_of(crew, hand) == 0) {
        hand_drain(hand);
    }
}

/* The change is over when it has arrived everywhere and every socket has its place. */
static void settle(struct crew *crew)
{
    bool is_busy = crew->moving > 0 || crew->coming.edition != NULL;
    bool is_done = !crew->coming.is_refused;

    for (struct hand *hand = crew_first(crew); hand != NULL; hand = crew_after(crew, hand)) {
        is_busy = is_busy || hand_is_busy(hand);
    }
    if (is_busy || !crew->is_changing || crew->is_draining) {
        return;
    }
    crew->is_changing = false;
    crew->coming.is_refused = false;
    if (crew->has_lost) {
        log_error("some workers have as many listening sockets as they can, and not all of these");
    }
    crew->options.changed(crew->options.owner, is_done);
}

bool crew_is_changing(const struct crew *crew)
{
    return crew->is_changing;
}

void crew_edition_over(struct crew *crew, struct edition *edition)
{
    require(edition->holders > 0);
    edition->holders--;
    look_at_edition(crew, edition);
}

/* It goes when nobody holds it and it is neither the present nor the coming one. */
static void look_at_edition(struct crew *crew, struct edition *edition)
{
    if (edition->holders == 0 && edition != crew->edition && edition != crew->coming.edition) {
        free_edition(edition);
    }
}

static void free_edition(struct edition *edition)
{
    snapshot_free(&edition->snapshot);
    list_remove(&edition->link);
    free(edition);
}

const struct snapshot *crew_snapshot(const struct crew *crew)
{
    return crew->edition != NULL ? crew->edition->snapshot : NULL;
}

const struct listening *crew_listening(const struct crew *crew)
{
    return &crew->listening;
}

unsigned crew_workers(const struct crew *crew)
{
    return crew->workers;
}

const char *crew_driver(const struct crew *crew)
{
    return crew_first(crew) != NULL ? io_loop_driver(reactor_loop(hand_reactor(crew_first(crew))))
                                    : "-";
}

void crew_set_connections(struct crew *crew, unsigned connections_max)
{
    quota_change(&crew->connections, (int64_t)connections_max - (int64_t)crew->connections_max);
    crew->connections_max = connections_max;
}

/* One line for all: what one reactor may not use, the others may not either. */
static void tell_driver(const struct crew *crew)
{
    struct io_loop *loop = reactor_loop(hand_reactor(crew_first(crew)));
    struct error    fallback = io_loop_fallback(loop);
    char            why[CONFIG_PROBLEM_BYTES];

    if (error_kind(&fallback) != ERROR_NONE) {
        log_info("io_uring cannot be used here, io falls back driver=%s: %s", io_loop_driver(loop),
                 error_text(&fallback, why, sizeof(why)));
    }
}

/* --- ending ------------------------------------------------------------------------------- */

void crew_drain(struct crew *crew)
{
    crew->is_draining = true;
    for (struct hand *hand = crew_first(crew); hand != NULL; hand = crew_after(crew, hand)) {
        crew->draining++;
        hand_drain(hand);
    }
    if (crew->draining == 0) {
        crew->options.empty(crew->options.owner);
    }
}

/* The first reason is kept. */
void crew_cut(struct crew *crew, enum end_reason reason)
{
    if (crew->cut_reason == END_NONE) {
        crew->cut_reason = reason;
    }
    for (struct hand *hand = crew_first(crew); hand != NULL; hand = crew_after(crew, hand)) {
        hand_cut(hand, crew->cut_reason);
    }
}

/* While all drain, the threads are ended together; one that goes alone is ended at once. */
void crew_hand_empty(struct crew *crew, struct hand *hand)
{
    if (!crew->is_draining) {
        stop_hand(crew, hand);
        return;
    }
    require(crew->draining > 0);
    crew->draining--;
    if (crew->draining == 0) {
        crew->options.empty(crew->options.owner);
    }
}

static void stop_hand(struct crew *crew, struct hand *hand)
{
    hand_stop(hand);
    for (unsigned i = 0; i < METRICS_COUNT; i++) {
        crew->gone[i] += reactor_metric(hand_reactor(hand), (enum metric)i);
    }
    crew->cut_count += hand_cut_count(hand);
    crew->is_producer[hand_options(hand)->producer] = false;
    list_remove(hand_link(hand));
    hand_retire(hand);
}

size_t crew_stop(struct crew *crew)
{
    size_t cut = crew->cut_count;

    for (struct hand *hand = crew_first(crew); hand != NULL; hand = crew_after(crew, hand)) {
        hand_stop(hand);
        cut += hand_cut_count(hand);
    }
    return cut;
}
