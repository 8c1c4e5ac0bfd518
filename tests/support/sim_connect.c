#include "sim_internal.h"

#include "base/clock.h"
#include "base/require.h"

#include <arpa/inet.h>
#include <stdlib.h>

/* How long Linux asks a silent address, with its six repetitions; how soon it asks again. */
static const uint64_t GIVE_UP_NS = 130 * NS_PER_S;
static const uint64_t AGAIN_NS = 1 * NS_PER_S;

static struct sim_listener *listener_at(struct sim_net *net, const struct address *address);
static struct address       caller_address(struct sim_net *net, const struct address *target);
static void                 on_handshake(struct sim_event *event);
static void                 on_question(struct sim_link *link);
static void                 wait_for_place(struct sim_link *link);
static void                 on_answer(struct sim_link *link);
static void                 answer(struct sim_link *link, enum error_kind failure, uint64_t ns);
static enum sim_answer      decide(struct sim_link *link, const struct sim_listener *listener);
static void                 establish(struct sim_link *link, struct sim_listener *listener);

struct sim_listener *sim_listener_new(struct sim_net *net, const struct address *address)
{
    struct sim_listener *listener = calloc(1, sizeof(*listener));

    require(listener != NULL);
    listener->address = *address;
    listener->fd = -1;
    list_init(&listener->backlog);
    list_append(&net->listeners, &listener->link);
    return listener;
}

void sim_listener_free(struct sim_listener *listener)
{
    struct sim_endpoint *end;

    while ((end = sim_backlog_take(listener)) != NULL) {
        end->is_reset_wanted = true;
        sim_end_close(end);
    }
    list_remove(&listener->link);
    free(listener);
}

struct sim_endpoint *sim_backlog_take(struct sim_listener *listener)
{
    struct list_link *waiting = list_take_first(&listener->backlog);

    if (waiting == NULL) {
        return NULL;
    }
    listener->backlog_count--;
    return &container_of(waiting, struct sim_link, waiting)->ends[1];
}

void sim_listener_changed(struct sim_listener *listener)
{
    for (size_t i = 0; i < SIM_ACCEPTS_MAX; i++) {
        sim_slot_poke(&listener->accepts[i]);
    }
}

void sim_serve(struct sim_net *net, struct sim_service *service, const struct address *address)
{
    require(listener_at(net, address) == NULL);
    service->net = net;
    sim_listener_new(net, address)->service = service;
}

void sim_unserve(struct sim_net *net, struct sim_service *service)
{
    for (struct list_link *link = list_first(&net->listeners); link != NULL;
         link = list_after(&net->listeners, link)) {
        struct sim_listener *listener = container_of(link, struct sim_listener, link);

        if (listener->service == service) {
            sim_listener_free(listener);
            return;
        }
    }
}

void sim_connect(struct sim_endpoint *end, const struct address *address)
{
    struct sim_link *link = end->link;

    require(end->state == SIM_FAILED);
    require(end == &link->ends[0]);
    require(link->ends[1].is_closed);
    end->state = SIM_CONNECTING;
    end->address = caller_address(end->net, address);
    link->target = *address;
    link->is_answered = false;
    link->handshake.run = on_handshake;
    link->handshake.name = "a connection's handshake goes on";
    sim_event_at(end->net, &link->handshake, end->net->now_ns + link->latency_ns);
}

/* The one who called hung up. If the other end already lives, it learns of that by RST. */
void sim_connect_forget(struct sim_link *link)
{
    struct sim_endpoint *end = &link->ends[0];

    if (end->state != SIM_CONNECTING) {
        return;
    }
    sim_event_clear(end->net, &link->handshake);
    if (link->ends[1].state == SIM_OPEN) {
        end->state = SIM_OPEN;
        sim_end_reset(end);
    }
    end->state = SIM_FAILED;
}

/* One of those that listen there. */
static struct sim_listener *listener_at(struct sim_net *net, const struct address *address)
{
    struct sim_listener *chosen = NULL;
    uint64_t             count = 0;

    for (struct list_link *link = list_first(&net->listeners); link != NULL;
         link = list_after(&net->listeners, link)) {
        struct sim_listener *listener = container_of(link, struct sim_listener, link);

        if (address_is_equal(&listener->address, address) && !listener->is_shut) {
            count++;
            if (count == 1 || sim_random(net, count) == 0) {
                chosen = listener;
            }
        }
    }
    return chosen;
}

/* Each caller has an address of its own; on a UNIX socket callers have no name. */
static struct address caller_address(struct sim_net *net, const struct address *target)
{
    struct address caller = {0};

    net->dialled++;
    caller.socket.any.sa_family = target->socket.any.sa_family;
    if (address_is_unix(target)) {
        caller.len = sizeof(sa_family_t);
    } else if (target->socket.any.sa_family == AF_INET6) {
        caller.len = sizeof(caller.socket.ip6);
        caller.socket.ip6.sin6_addr = in6addr_loopback;
        caller.socket.ip6.sin6_port = htons(net->dialled);
    } else {
        caller.len = sizeof(caller.socket.ip4);
        caller.socket.ip4.sin_addr.s_addr = htonl(UINT32_C(0x0a000001) + (net->dialled & 0xff));
        caller.socket.ip4.sin_port = htons(net->dialled);
    }
    return caller;
}

static void on_handshake(struct sim_event *event)
{
    struct sim_link *link = container_of(event, struct sim_link, handshake);

    if (!link->is_answered) {
        on_question(link);
    } else {
        on_answer(link);
    }
}

static void on_question(struct sim_link *link)
{
    struct sim_net      *net = link->ends[0].net;
    struct sim_listener *listener = listener_at(net, &link->target);

    switch (decide(link, listener)) {
    case SIM_ACCEPTS:
        if (listener->backlog_count == SIM_BACKLOG_MAX) {
            wait_for_place(link);
            return;
        }
        answer(link, ERROR_NONE, link->latency_ns);
        establish(link, listener);
        break;
    case SIM_REFUSES:
        answer(link, ERROR_REFUSED, link->latency_ns);
        break;
    case SIM_IS_SILENT:
        answer(link, ERROR_TIMEOUT, GIVE_UP_NS);
        break;
    case SIM_IS_UNREACHABLE:
        answer(link, ERROR_UNREACHABLE, link->latency_ns);
        break;
    }
}

/* TCP asks again; a UNIX socket says at once that there is none (EAGAIN). */
static void wait_for_place(struct sim_link *link)
{
    struct sim_net *net = link->ends[0].net;

    if (address_is_unix(&link->target)) {
        answer(link, ERROR_EXHAUSTED, link->latency_ns);
    } else {
        sim_event_at(net, &link->handshake, net->now_ns + AGAIN_NS);
    }
}

static void on_answer(struct sim_link *link)
{
    struct sim_endpoint *end = &link->ends[0];

    end->state = end->failure == ERROR_NONE ? SIM_OPEN : SIM_FAILED;
    sim_note(end->net, 'h', end->address.socket.ip4.sin_port, end->failure);
    sim_slot_poke(&end->connect);
    sim_end_changed(end);
    sim_end_push(end);
}

static void answer(struct sim_link *link, enum error_kind failure, uint64_t ns)
{
    struct sim_endpoint *end = &link->ends[0];

    link->is_answered = true;
    end->failure = failure;
    sim_event_at(end->net, &link->handshake, end->net->now_ns + ns);
}

static enum sim_answer decide(struct sim_link *link, const struct sim_listener *listener)
{
    struct sim_net *net = link->ends[0].net;
    enum sim_answer planned = sim_answer_of(net, &link->target);

    if (link->is_cut || sim_chance(net, net->faults.connect_timeout)) {
        return SIM_IS_SILENT;
    }
    if (sim_chance(net, net->faults.connect_unreachable)) {
        return SIM_IS_UNREACHABLE;
    }
    if (planned == SIM_ACCEPTS &&
        (listener == NULL || listener->is_shut || sim_chance(net, net->faults.connect_refused))) {
        return SIM_REFUSES;
    }
    return planned;
}

/* The server's end lives from here on, whether or not anybody takes it. */
static void establish(struct sim_link *link, struct sim_listener *listener)
{
    struct sim_endpoint *end = &link->ends[1];

    end->state = SIM_OPEN;
    end->is_closed = false;
    end->address = link->target;
    if (listener->service != NULL) {
        listener->service->on_accept(listener->service, end);
    } else {
        list_append(&listener->backlog, &link->waiting);
        listener->backlog_count++;
        sim_listener_changed(listener);
    }
}
