#include "daemon/hand.h"

#include "base/log.h"
#include "base/require.h"
#include "daemon/crew_internal.h"
#include "daemon/hand_internal.h"
#include "daemon/logging.h"

#include <stdio.h>
#include <stdlib.h>

enum { STILL_COMPLAINT = 2 };

static bool on_start(struct reactor *reactor, void *owner, struct error *error);
static void on_stop(struct reactor *reactor, void *owner);
static void on_report(void *owner, const struct session_summary *summary);
static void on_socket_over(void *owner, int listen_fd, bool is_open);
static void on_snapshot_over(void *owner, const struct snapshot *snapshot);
static void on_empty(void *owner);
static void on_empty_told(struct mail *mail, struct reactor *control);
static void on_hold_back(struct mail *mail, struct reactor *control);
static void on_stop_mail(struct mail *mail, struct reactor *reactor);
static void on_retire(struct mail *mail, struct reactor *control);
static void on_order(struct mail *mail, struct reactor *reactor);
static void on_receipt(struct mail *mail, struct reactor *control);
static void on_errand(struct mail *mail, struct reactor *reactor);
static void on_errand_back(struct mail *mail, struct reactor *control);
static void do_drain(struct hand *hand);
static void do_cut(struct hand *hand);
static void do_keys(struct hand *hand);
static void give_challenges(struct hand *hand);
static void do_challenges(struct hand *hand);
static void challenges_returned(struct hand *hand);

/* --- beginning and end -------------------------------------------------------------------- */

struct hand *hand_start(const struct hand_options *options)
{
    struct hand         *hand = calloc(1, sizeof(*hand));
    struct reactor_hooks hooks = {.on_start = on_start, .on_stop = on_stop, .owner = hand};
    struct error         error = error_make(ERROR_EXHAUSTED, "worker");
    char                 why[CONFIG_PROBLEM_BYTES];

    if (hand != NULL) {
        hand->options = *options;
        list_init(&hand->old);
        hand_change_init(hand);
        hand->empty.deliver = on_empty_told;
        hand->stop.deliver = on_stop_mail;
        hand->retire.deliver = on_retire;
        hand_order_init(&hand->drain, hand, do_drain, NULL);
        hand_order_init(&hand->cut, hand, do_cut, NULL);
        hand_order_init(&hand->keys, hand, do_keys, NULL);
        hand_order_init(&hand->challenges, hand, do_challenges, challenges_returned);
        (void)snprintf(hand->name, sizeof(hand->name), "worker-%u", options->slot);
        hand->hold = hand_hold_new(hand, options->edition);
    }
    if (hand != NULL && hand->hold != NULL) {
        struct reactor_options reactor_options = {
            .index = options->slot, .name = hand->name, .io = {.driver = options->driver}};

        hand->reactor = reactor_new(&reactor_options, &error);
        if (hand->reactor != NULL && reactor_start(hand->reactor, &hooks, &error)) {
            return hand;
        }
    }
    log_error("a worker cannot start worker=%u: %s", options->slot,
              error_text(&error, why, sizeof(why)));
    hand_free(&hand);
    return NULL;
}

void hand_stop(struct hand *hand)
{
    reactor_post(hand->reactor, &hand->stop);
    reactor_join(hand->reactor);
}

void hand_free(struct hand **hand)
{
    struct hand *freed = *hand;

    if (freed == NULL) {
        return;
    }
    if (freed->hold != NULL) {
        hand_hold_end(freed->hold);
    }
    hand_change_fini(freed);
    tls_challenges_free(&freed->challenges_wanted);
    tls_challenges_free(&freed->challenges_given);
    tls_challenges_free(&freed->challenges_before);
    reactor_free(&freed->reactor);
    free(freed);
    *hand = NULL;
}

void hand_retire(struct hand *hand)
{
    reactor_post(hand->options.control, &hand->retire);
}

static void on_retire(struct mail *mail, struct reactor *control)
{
    struct hand *hand = container_of(mail, struct hand, retire);

    (void)control;
    hand_free(&hand);
}

static void on_stop_mail(struct mail *mail, struct reactor *reactor)
{
    (void)mail;
    reactor_stop(reactor);
}

static bool on_start(struct reactor *reactor, void *owner, struct error *error)
{
    struct hand               *hand = owner;
    const struct hand_options *options = &hand->options;
    struct worker_options      worker_options = {.reactor = reactor,
                                                 .snapshot = options->edition->snapshot,
                                                 .ticket_keys = &options->ticket_keys,
                                                 .session_cache = options->session_cache,
                                                 .connections = options->connections,
                                                 .seats = options->seats,
                                                 .sessions_max = options->sessions_max,
                                                 .buffers_max = options->buffers_max,
                                                 .report = on_report,
                                                 .socket_over = on_socket_over,
                                                 .snapshot_over = on_snapshot_over,
                                                 .owner = hand};

    log_writer_attach(logging_writer(), options->producer);
    hand->worker = worker_new(&worker_options, error);
    if (hand->worker == NULL) {
        return false;
    }
    hand_begin_access_log(hand);
    return true;
}

static void on_stop(struct reactor *reactor, void *owner)
{
    struct hand *hand = owner;

    (void)reactor;
    access_log_fini(&hand->access_log);
    worker_free(&hand->worker);
}

void hand_begin_access_log(struct hand *hand)
{
    struct access_log_options options = {
        .reactor = hand->reactor,
        .writer = logging_writer(),
        .format = (enum config_log_format)hand->hold->edition->snapshot->config->access_log.format};

    access_log_init(&hand->access_log, &options);
}

/* --- what the worker tells, on its thread; and how the control thread hears of it --------- */

static void on_report(void *owner, const struct session_summary *summary)
{
    struct hand *hand = owner;

    access_log_report(&hand->access_log, summary);
}

/* Sockets that nobody wished away are closed by a drain. */
static void on_socket_over(void *owner, int listen_fd, bool is_open)
{
    struct hand *hand = owner;

    for (struct list_link *link = list_first(&hand->leaving); link != NULL;
         link = list_after(&hand->leaving, link)) {
        struct wish *wish = container_of(link, struct wish, link);

        if (wish->fd == listen_fd) {
            list_remove(&wish->link);
            wish->is_open = is_open;
            reactor_post(hand->options.control, &wish->mail);
            return;
        }
    }
}

static void on_snapshot_over(void *owner, const struct snapshot *snapshot)
{
    struct hand *hand = owner;

    for (struct list_link *link = list_first(&hand->old); link != NULL;
         link = list_after(&hand->old, link)) {
        struct hold *hold = container_of(link, struct hold, link);

        if (hold->edition->snapshot == snapshot) {
            list_remove(&hold->link);
            reactor_post(hand->options.control, &hold->mail);
            return;
        }
    }
    require(!"a snapshot that nobody holds");
}

static void on_hold_back(struct mail *mail, struct reactor *control)
{
    (void)control;
    hand_hold_end(container_of(mail, struct hold, mail));
}

static void on_empty(void *owner)
{
    struct hand *hand = owner;

    reactor_post(hand->options.control, &hand->empty);
}

static void on_empty_told(struct mail *mail, struct reactor *control)
{
    struct hand *hand = container_of(mail, struct hand, empty);

    (void)control;
    crew_hand_empty(hand->options.crew, hand);
}

struct hold *hand_hold_new(struct hand *hand, struct edition *edition)
{
    struct hold *hold = calloc(1, sizeof(*hold));

    if (hold != NULL) {
        hold->mail.deliver = on_hold_back;
        hold->hand = hand;
        hold->edition = edition;
        edition->holders++;
    }
    return hold;
}

void hand_hold_end(struct hold *hold)
{
    struct crew    *crew = hold->hand->options.crew;
    struct edition *edition = hold->edition;

    free(hold);
    crew_edition_over(crew, edition);
}

/* --- orders ------------------------------------------------------------------------------- */

void hand_order_init(struct order *order, struct hand *hand, void (*carry_out)(struct hand *hand),
                     void (*returned)(struct hand *hand))
{
    order->mail.deliver = on_order;
    order->receipt.deliver = on_receipt;
    order->hand = hand;
    order->carry_out = carry_out;
    order->returned = returned;
}

void hand_order_send(struct order *order)
{
    require(!order->is_out);
    order->is_out = true;
    reactor_post(order->hand->reactor, &order->mail);
}

static void on_order(struct mail *mail, struct reactor *reactor)
{
    struct order *order = container_of(mail, struct order, mail);

    (void)reactor;
    order->carry_out(order->hand);
    reactor_post(order->hand->options.control, &order->receipt);
}

static void on_receipt(struct mail *mail, struct reactor *control)
{
    struct order *order = container_of(mail, struct order, receipt);

    (void)control;
    order->is_out = false;
    if (order->returned != NULL) {
        order->returned(order->hand);
    }
}

/* --- the other orders --------------------------------------------------------------------- */

void hand_drain(struct hand *hand)
{
    if (!hand->is_draining) {
        hand->is_draining = true;
        hand->owes_drain = true;
        hand_pay_drain(hand);
    }
}

/* Behind what is wished for: a socket that came to a worker which drains already would be served
 * for ever. */
void hand_pay_drain(struct hand *hand)
{
    if (hand->owes_drain && !hand->change.is_out && list_is_empty(&hand->wishes)) {
        hand->owes_drain = false;
        hand_order_send(&hand->drain);
    }
}

bool hand_is_draining(const struct hand *hand)
{
    return hand->is_draining;
}

static void do_drain(struct hand *hand)
{
    worker_drain(hand->worker, on_empty);
}

void hand_cut(struct hand *hand, enum end_reason reason)
{
    if (!hand->cut.is_out) {
        hand->cut_reason = reason;
        hand_order_send(&hand->cut);
    }
}

static void do_cut(struct hand *hand)
{
    hand->cut_count += worker_cut(hand->worker, hand->cut_reason);
}

size_t hand_cut_count(const struct hand *hand)
{
    return hand->cut_count;
}

bool hand_set_ticket_keys(struct hand *hand, const struct tls_ticket_keys *keys)
{
    if (hand->keys.is_out) {
        return false;
    }
    hand->options.ticket_keys = *keys;
    hand_order_send(&hand->keys);
    return true;
}

static void do_keys(struct hand *hand)
{
    worker_set_ticket_keys(hand->worker, &hand->options.ticket_keys);
}

void hand_set_challenges(struct hand *hand, struct tls_challenges *challenges)
{
    tls_challenges_free(&hand->challenges_wanted);
    hand->challenges_wanted = tls_challenges_hold(challenges);
    give_challenges(hand);
}

static void give_challenges(struct hand *hand)
{
    if (!hand->challenges.is_out && hand->challenges_given != hand->challenges_wanted) {
        hand->challenges_before = hand->challenges_given;
        hand->challenges_given = tls_challenges_hold(hand->challenges_wanted);
        hand_order_send(&hand->challenges);
    }
}

static void do_challenges(struct hand *hand)
{
    worker_set_challenges(hand->worker, hand->challenges_given);
}

static void challenges_returned(struct hand *hand)
{
    tls_challenges_free(&hand->challenges_before);
    give_challenges(hand);
}

void hand_send_errand(struct hand *hand, struct errand *errand)
{
    errand->mail.deliver = on_errand;
    errand->receipt.deliver = on_errand_back;
    errand->hand = hand;
    reactor_post(hand->reactor, &errand->mail);
}

static void on_errand(struct mail *mail, struct reactor *reactor)
{
    struct errand *errand = container_of(mail, struct errand, mail);

    (void)reactor;
    errand->carry_out(errand, errand->hand->worker);
    reactor_post(errand->hand->options.control, &errand->receipt);
}

static void on_errand_back(struct mail *mail, struct reactor *control)
{
    struct errand *errand = container_of(mail, struct errand, receipt);

    (void)control;
    errand->hand = NULL;
    errand->returned(errand);
}

/* --- looking ------------------------------------------------------------------------------ */

const struct hand_options *hand_options(const struct hand *hand)
{
    return &hand->options;
}

struct reactor *hand_reactor(const struct hand *hand)
{
    return hand->reactor;
}

struct list_link *hand_link(struct hand *hand)
{
    return &hand->link;
}

struct hand *hand_of_link(struct list_link *link)
{
    return container_of(link, struct hand, link);
}

bool hand_is_alive(struct hand *hand)
{
    uint64_t turns = reactor_turns(hand->reactor);
    bool     has_turned = turns != hand->turns;

    if (has_turned && hand->still >= STILL_COMPLAINT) {
        log_warn("a worker turns again worker=%u", hand->options.slot);
    }
    hand->still = has_turned ? 0 : hand->still + 1;
    if (hand->still == STILL_COMPLAINT) {
        log_error("a worker does not turn: it is stuck, and its clients wait worker=%u",
                  hand->options.slot);
    }
    hand->turns = turns;
    return has_turned;
}
