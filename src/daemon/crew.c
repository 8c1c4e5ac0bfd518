#include "daemon/crew.h"

#include "base/log.h"
#include "base/require.h"
#include "daemon/logging.h"
#include "proxy/access_log.h"
#include "proxy/worker.h"
#include "reactor/quota.h"

#include <stdio.h>
#include <stdlib.h>

enum { THREAD_NAME_BYTES = 16, BUFFERS_MIN = 16, STILL_COMPLAINT = 2 };

struct hand;

/* Something to be done on a worker's thread. Its mail comes back as a receipt, and only then may it
 * be sent again. */
struct order {
    struct mail  mail;
    struct mail  receipt;
    struct hand *hand;
    void (*carry_out)(struct hand *hand);
    bool is_out;
};

/* One worker thread. */
struct hand {
    struct crew      *crew;
    struct reactor   *reactor;
    struct worker    *worker;
    struct access_log access_log;
    struct order      drain;
    struct order      cut;
    struct order      keys;
    struct order      stop;
    struct mail       empty; /* to control */
    size_t            cut_count;
    uint64_t          turns; /* when last asked */
    unsigned          still; /* how often in a row there was no turn in between */
    unsigned          index;
    bool              is_running;
    char              name[THREAD_NAME_BYTES];
};

struct crew {
    struct crew_options options;
    struct quota        connections;
    enum end_reason     cut_reason;
    unsigned            draining; /* hands that have not yet said they are empty */
    struct hand        *hands;
};

static bool start_hand(struct hand *hand);
static bool on_start(struct reactor *reactor, void *owner, struct error *error);
static void on_stop(struct reactor *reactor, void *owner);
static void take_sockets(struct hand *hand);
static void on_report(void *owner, const struct session_summary *summary);
static void on_empty(void *owner);
static void on_empty_told(struct mail *mail, struct reactor *reactor);
static void order_init(struct order *order, struct hand *hand,
                       void (*carry_out)(struct hand *hand));
static void order_send(struct order *order);
static void on_order(struct mail *mail, struct reactor *reactor);
static void on_receipt(struct mail *mail, struct reactor *reactor);
static void do_drain(struct hand *hand);
static void do_cut(struct hand *hand);
static void do_keys(struct hand *hand);
static void do_stop(struct hand *hand);
static void tell_driver(const struct crew *crew);
static bool hand_is_alive(struct hand *hand);

struct crew *crew_new(const struct crew_options *options)
{
    struct crew *crew = calloc(1, sizeof(*crew));

    if (crew == NULL) {
        return NULL;
    }
    crew->options = *options;
    quota_init(&crew->connections, options->connections_max);
    crew->hands = calloc(options->workers, sizeof(*crew->hands));
    for (unsigned i = 0; crew->hands != NULL && i < options->workers; i++) {
        struct hand *hand = &crew->hands[i];

        hand->crew = crew;
        hand->index = i;
        hand->empty.deliver = on_empty_told;
        order_init(&hand->drain, hand, do_drain);
        order_init(&hand->cut, hand, do_cut);
        order_init(&hand->keys, hand, do_keys);
        order_init(&hand->stop, hand, do_stop);
    }
    if (crew->hands == NULL) {
        crew_free(&crew);
    }
    return crew;
}

void crew_free(struct crew **crew)
{
    if (*crew == NULL) {
        return;
    }
    for (unsigned i = 0; (*crew)->hands != NULL && i < (*crew)->options.workers; i++) {
        reactor_free(&(*crew)->hands[i].reactor);
    }
    free((*crew)->hands);
    free(*crew);
    *crew = NULL;
}

/* --- beginning ---------------------------------------------------------------------------- */

bool crew_start(struct crew *crew)
{
    for (unsigned i = 0; i < crew->options.workers; i++) {
        if (!start_hand(&crew->hands[i])) {
            return false;
        }
    }
    tell_driver(crew);
    return true;
}

static bool start_hand(struct hand *hand)
{
    struct reactor_hooks hooks = {.on_start = on_start, .on_stop = on_stop, .owner = hand};
    char                 why[CONFIG_PROBLEM_BYTES];
    struct error         error;

    (void)snprintf(hand->name, sizeof(hand->name), "worker-%u", hand->index);
    struct reactor_options options = {
        .index = hand->index, .name = hand->name, .io = {.driver = hand->crew->options.driver}};

    hand->reactor = reactor_new(&options, &error);
    hand->is_running = hand->reactor != NULL && reactor_start(hand->reactor, &hooks, &error);
    if (!hand->is_running) {
        log_error("a worker cannot start worker=%u: %s", hand->index,
                  error_text(&error, why, sizeof(why)));
    }
    return hand->is_running;
}

/* On the worker's thread, as all of the next ones. */
static bool on_start(struct reactor *reactor, void *owner, struct error *error)
{
    struct hand               *hand = owner;
    const struct crew_options *options = &hand->crew->options;
    const struct config       *config = options->snapshot->config;
    size_t buffers = config->memory_max_bytes / RELAY_BUFFER_BYTES / options->workers;
    struct worker_options worker_options = {.reactor = reactor,
                                            .snapshot = options->snapshot,
                                            .ticket_keys = &options->ticket_keys,
                                            .connections = &hand->crew->connections,
                                            .buffers_max =
                                                buffers > BUFFERS_MIN ? buffers : BUFFERS_MIN,
                                            .report = on_report,
                                            .owner = hand};

    log_writer_attach(logging_writer(), hand->index);
    hand->worker = worker_new(&worker_options, error);
    if (hand->worker == NULL) {
        return false;
    }
    access_log_init(
        &hand->access_log,
        &(struct access_log_options){.reactor = reactor,
                                     .writer = logging_writer(),
                                     .format = (enum config_log_format)config->access_log.format});
    take_sockets(hand);
    return true;
}

static void take_sockets(struct hand *hand)
{
    struct listening *listening = hand->crew->options.listening;

    for (size_t i = 0; i < listening->count; i++) {
        struct listening_socket *socket = &listening->sockets[i];

        if (socket->worker == hand->index) {
            /* listening_open saw to it that there are not too many. */
            require(worker_listen(hand->worker, socket->frontend, socket->fd));
            socket->fd = -1;
        }
    }
}

static void on_stop(struct reactor *reactor, void *owner)
{
    struct hand *hand = owner;

    (void)reactor;
    access_log_fini(&hand->access_log);
    worker_free(&hand->worker);
}

static void on_report(void *owner, const struct session_summary *summary)
{
    struct hand *hand = owner;

    access_log_report(&hand->access_log, summary);
}

static void on_empty(void *owner)
{
    struct hand *hand = owner;

    reactor_post(hand->crew->options.control, &hand->empty);
}

static void on_empty_told(struct mail *mail, struct reactor *reactor)
{
    struct crew *crew = container_of(mail, struct hand, empty)->crew;

    (void)reactor;
    require(crew->draining > 0);
    crew->draining--;
    if (crew->draining == 0) {
        crew->options.empty(crew->options.owner);
    }
}

/* One line for all: what one reactor may not use, the others may not either. */
static void tell_driver(const struct crew *crew)
{
    struct io_loop *loop = reactor_loop(crew->hands[0].reactor);
    struct error    fallback = io_loop_fallback(loop);
    char            why[CONFIG_PROBLEM_BYTES];

    if (error_kind(&fallback) != ERROR_NONE) {
        log_info("io_uring cannot be used here, io falls back driver=%s: %s", io_loop_driver(loop),
                 error_text(&fallback, why, sizeof(why)));
    }
}

/* --- orders ------------------------------------------------------------------------------- */

static void order_init(struct order *order, struct hand *hand, void (*carry_out)(struct hand *hand))
{
    order->mail.deliver = on_order;
    order->receipt.deliver = on_receipt;
    order->hand = hand;
    order->carry_out = carry_out;
}

static void order_send(struct order *order)
{
    if (order->hand->is_running && !order->is_out) {
        order->is_out = true;
        reactor_post(order->hand->reactor, &order->mail);
    }
}

static void on_order(struct mail *mail, struct reactor *reactor)
{
    struct order *order = container_of(mail, struct order, mail);

    (void)reactor;
    order->carry_out(order->hand);
    reactor_post(order->hand->crew->options.control, &order->receipt);
}

static void on_receipt(struct mail *mail, struct reactor *reactor)
{
    (void)reactor;
    container_of(mail, struct order, receipt)->is_out = false;
}

static void do_drain(struct hand *hand)
{
    worker_drain(hand->worker, on_empty);
}

static void do_cut(struct hand *hand)
{
    hand->cut_count += worker_cut(hand->worker, hand->crew->cut_reason);
}

static void do_keys(struct hand *hand)
{
    worker_set_ticket_keys(hand->worker, &hand->crew->options.ticket_keys);
}

static void do_stop(struct hand *hand)
{
    reactor_stop(hand->reactor);
}

void crew_drain(struct crew *crew)
{
    for (unsigned i = 0; i < crew->options.workers; i++) {
        crew->draining += crew->hands[i].is_running ? 1 : 0;
        order_send(&crew->hands[i].drain);
    }
    if (crew->draining == 0) {
        crew->options.empty(crew->options.owner);
    }
}

/* The reason is written before the first order goes out and does not change while one may be: later
 * calls keep it. */
void crew_cut(struct crew *crew, enum end_reason reason)
{
    if (crew->cut_reason == END_NONE) {
        crew->cut_reason = reason;
    }
    for (unsigned i = 0; i < crew->options.workers; i++) {
        order_send(&crew->hands[i].cut);
    }
}

bool crew_set_ticket_keys(struct crew *crew, const struct tls_ticket_keys *keys)
{
    for (unsigned i = 0; i < crew->options.workers; i++) {
        if (crew->hands[i].keys.is_out) {
            return false;
        }
    }
    crew->options.ticket_keys = *keys;
    for (unsigned i = 0; i < crew->options.workers; i++) {
        order_send(&crew->hands[i].keys);
    }
    return true;
}

size_t crew_stop(struct crew *crew)
{
    size_t cut = 0;

    for (unsigned i = 0; i < crew->options.workers; i++) {
        order_send(&crew->hands[i].stop);
    }
    for (unsigned i = 0; i < crew->options.workers; i++) {
        struct hand *hand = &crew->hands[i];

        if (hand->is_running) {
            reactor_join(hand->reactor);
            hand->is_running = false;
            cut += hand->cut_count;
        }
    }
    return cut;
}

/* --- looking ------------------------------------------------------------------------------ */

uint64_t crew_metric(const struct crew *crew, enum metric metric)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < crew->options.workers; i++) {
        sum += reactor_metric(crew->hands[i].reactor, metric);
    }
    return sum;
}

bool crew_is_alive(struct crew *crew)
{
    bool is_alive = true;

    for (unsigned i = 0; i < crew->options.workers; i++) {
        is_alive = hand_is_alive(&crew->hands[i]) && is_alive;
    }
    return is_alive;
}

static bool hand_is_alive(struct hand *hand)
{
    uint64_t turns = reactor_turns(hand->reactor);
    bool     has_turned = turns != hand->turns;

    if (has_turned && hand->still >= STILL_COMPLAINT) {
        log_warn("a worker turns again worker=%u", hand->index);
    }
    hand->still = has_turned ? 0 : hand->still + 1;
    if (hand->still == STILL_COMPLAINT) {
        log_error("a worker does not turn: it is stuck, and its clients wait worker=%u",
                  hand->index);
    }
    hand->turns = turns;
    return has_turned;
}
