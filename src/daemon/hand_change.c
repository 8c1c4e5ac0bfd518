/*
 * A hand's share in a change of the crew. The next edition is made ready on the worker's thread;
 * when every hand has it, all adopt it, together with what is wished for their sockets; when one
 * has not, all forget it. Nothing of that can fail once hand_adopt was called.
 *
 *   hand_prepare ─► crew_hand_prepared ─┬─► hand_adopt, hand_wish …, hand_push ─┬─►
 * crew_hand_changed └─► hand_forget ────────────────────────┘
 */
#include "daemon/hand_internal.h"

#include "base/log.h"
#include "base/require.h"
#include "daemon/crew_internal.h"

#include <stdlib.h>

static void do_prepare(struct hand *hand);
static void prepare_returned(struct hand *hand);
static void do_forget(struct hand *hand);
static void forget_returned(struct hand *hand);
static void drop_next(struct hand *hand);
static void on_socket_back(struct mail *mail, struct reactor *control);
static void do_change(struct hand *hand);
static void do_adopt(struct hand *hand);
static void do_wish(struct hand *hand, struct wish *wish);
static void change_returned(struct hand *hand);
static void free_wishes(struct list *wishes);

void hand_change_init(struct hand *hand)
{
    list_init(&hand->spare);
    list_init(&hand->wishes);
    list_init(&hand->carried);
    list_init(&hand->leaving);
    hand_order_init(&hand->prepare, hand, do_prepare, prepare_returned);
    hand_order_init(&hand->forget, hand, do_forget, forget_returned);
    hand_order_init(&hand->change, hand, do_change, change_returned);
}

void hand_change_fini(struct hand *hand)
{
    drop_next(hand);
    free_wishes(&hand->spare);
    free_wishes(&hand->wishes);
    free_wishes(&hand->carried);
    free_wishes(&hand->leaving);
}

/* --- making ready ------------------------------------------------------------------------- */

bool hand_reserve(struct hand *hand, size_t wishes)
{
    size_t spare = 0;

    for (struct list_link *link = list_first(&hand->spare); link != NULL;
         link = list_after(&hand->spare, link)) {
        spare++;
    }
    for (; spare < wishes; spare++) {
        struct wish *wish = calloc(1, sizeof(*wish));

        if (wish == NULL) {
            return false;
        }
        list_append(&hand->spare, &wish->link);
    }
    return true;
}

bool hand_prepare(struct hand *hand, struct edition *edition)
{
    require(hand->next == NULL);
    hand->next = hand_hold_new(hand, edition);
    if (hand->next != NULL) {
        hand_order_send(&hand->prepare);
    }
    return hand->next != NULL;
}

static void do_prepare(struct hand *hand)
{
    struct error error;
    char         why[CONFIG_PROBLEM_BYTES];

    hand->is_prepared = worker_prepare(hand->worker, hand->next->edition->snapshot, &error);
    if (!hand->is_prepared) {
        log_error("a worker cannot take the new configuration worker=%u: %s", hand->options.slot,
                  error_text(&error, why, sizeof(why)));
    }
}

static void prepare_returned(struct hand *hand)
{
    if (!hand->is_prepared) {
        drop_next(hand);
    }
    crew_hand_prepared(hand->options.crew, hand->is_prepared);
}

void hand_forget(struct hand *hand)
{
    if (hand->next != NULL) {
        hand_order_send(&hand->forget);
    }
}

static void do_forget(struct hand *hand)
{
    worker_forget(hand->worker);
}

static void forget_returned(struct hand *hand)
{
    drop_next(hand);
    crew_hand_changed(hand->options.crew, hand, true);
}

static void drop_next(struct hand *hand)
{
    struct hold *next = hand->next;

    hand->next = NULL;
    if (next != NULL) {
        hand_hold_end(next);
    }
}

/* --- changing ----------------------------------------------------------------------------- */

void hand_adopt(struct hand *hand)
{
    hand->is_adopting = hand->next != NULL;
}

void hand_wish(struct hand *hand, enum hand_wish kind, int fd, size_t frontend)
{
    struct list_link *link = list_take_first(&hand->spare);

    require(link != NULL);
    struct wish *wish = container_of(link, struct wish, link);

    *wish = (struct wish){.mail = {.deliver = on_socket_back},
                          .hand = hand,
                          .kind = kind,
                          .fd = fd,
                          .frontend = frontend};
    list_append(&hand->wishes, &wish->link);
}

static void on_socket_back(struct mail *mail, struct reactor *control)
{
    struct wish *wish = container_of(mail, struct wish, mail);
    struct wish  came = *wish;

    (void)control;
    free(wish);
    crew_socket_back(came.hand->options.crew, came.hand, came.fd, came.is_open);
}

void hand_push(struct hand *hand)
{
    struct list_link *link = NULL;

    if (hand->change.is_out || (list_is_empty(&hand->wishes) && !hand->is_adopting)) {
        return;
    }
    while ((link = list_take_first(&hand->wishes)) != NULL) {
        list_append(&hand->carried, link);
    }
    if (hand->is_adopting) {
        hand->carried_hold = hand->next;
        hand->next = NULL;
        hand->is_adopting = false;
    }
    hand_order_send(&hand->change);
}

bool hand_is_busy(const struct hand *hand)
{
    return hand->change.is_out || !list_is_empty(&hand->wishes) || hand->next != NULL;
}

static void do_change(struct hand *hand)
{
    struct list_link *link = NULL;

    hand->has_served = true;
    if (hand->carried_hold != NULL) {
        do_adopt(hand);
    }
    while ((link = list_take_first(&hand->carried)) != NULL) {
        do_wish(hand, container_of(link, struct wish, link));
    }
}

/* The worker may be done with its old snapshot at once, so its hold is put aside before. */
static void do_adopt(struct hand *hand)
{
    list_append(&hand->old, &hand->hold->link);
    hand->hold = hand->carried_hold;
    hand->carried_hold = NULL;
    worker_adopt(hand->worker);
    access_log_fini(&hand->access_log);
    hand_begin_access_log(hand);
}

static void do_wish(struct hand *hand, struct wish *wish)
{
    switch (wish->kind) {
    case HAND_SERVE:
        hand->has_served =
            worker_listen(hand->worker, wish->frontend, wish->fd) && hand->has_served;
        free(wish);
        break;
    case HAND_CLOSE:
        list_append(&hand->leaving, &wish->link);
        worker_unlisten(hand->worker, wish->fd, WORKER_CLOSE_SOCKET);
        break;
    case HAND_RELEASE:
        list_append(&hand->leaving, &wish->link);
        worker_unlisten(hand->worker, wish->fd, WORKER_RELEASE_SOCKET);
        break;
    }
}

/* Once the next change is sent, what it carries is the worker's again. */
static void change_returned(struct hand *hand)
{
    bool has_served = hand->has_served;

    hand_push(hand);
    hand_pay_drain(hand);
    crew_hand_changed(hand->options.crew, hand, has_served);
}

static void free_wishes(struct list *wishes)
{
    struct list_link *link = NULL;

    while ((link = list_take_first(wishes)) != NULL) {
        free(container_of(link, struct wish, link));
    }
}
