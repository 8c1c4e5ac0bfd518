#include "fleet.h"

#include "base/clock.h"
#include "base/require.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS_MAX = 256 };

typedef bool is_over(const struct fleet *fleet);

static void run(struct fleet *fleet, is_over *over, uint64_t deadline_ns);
static void wait_and_advance(struct fleet *fleet, uint64_t deadline_ns);
static bool is_opened(const struct fleet *fleet);
static bool is_worked(const struct fleet *fleet);
static bool is_ended(const struct fleet *fleet);

static void     open_more(struct fleet *fleet);
static bool     open_one(struct fleet *fleet, struct client *client);
static void     begin_due(struct fleet *fleet);
static uint64_t due_ns(const struct fleet *fleet, const struct client *client);
static uint64_t next_tick_ns(const struct fleet *fleet);

static void                advance(struct fleet *fleet, struct client *client);
static enum client_verdict step(struct fleet *fleet, struct client *client);
static enum client_verdict step_opening(struct fleet *fleet, struct client *client);
static enum client_verdict step_ready(struct fleet *fleet, struct client *client);
static enum client_verdict step_working(struct fleet *fleet, struct client *client);
static enum client_verdict step_closing(struct fleet *fleet, struct client *client);
static bool                has_finished(const struct fleet *fleet, const struct client *client);
static void                drop(struct fleet *fleet, struct client *client);

bool fleet_init(struct fleet *fleet, const struct fleet_plan *plan, const struct target *target)
{
    require(!plan->held || plan->connections_total == plan->clients_count);
    *fleet = (struct fleet){.plan = *plan, .target = target, .epoll_fd = -1};
    list_init(&fleet->hot);
    samples_init(&fleet->handshakes);
    samples_init(&fleet->exchanges);
    fleet->clients = calloc(plan->clients_count, sizeof(*fleet->clients));
    fleet->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (fleet->clients == NULL || fleet->epoll_fd < 0) {
        fleet_fini(fleet);
        return false;
    }
    for (unsigned i = 0; i < plan->clients_count; i++) {
        fleet->clients[i].transport.fd = -1;
    }
    return true;
}

void fleet_fini(struct fleet *fleet)
{
    for (unsigned i = 0; fleet->clients != NULL && i < fleet->plan.clients_count; i++) {
        client_close(&fleet->clients[i]);
    }
    free(fleet->clients);
    fleet->clients = NULL;
    if (fleet->epoll_fd >= 0) {
        (void)close(fleet->epoll_fd);
    }
    fleet->epoll_fd = -1;
    samples_fini(&fleet->handshakes);
    samples_fini(&fleet->exchanges);
}

void fleet_open(struct fleet *fleet, uint64_t deadline_ns)
{
    if (fleet->plan.held) {
        run(fleet, is_opened, deadline_ns);
    }
}

void fleet_work(struct fleet *fleet, uint64_t deadline_ns)
{
    fleet->is_working = true;
    fleet->began_ns = clock_now_ns();
    begin_due(fleet);
    run(fleet, is_worked, deadline_ns);
    fleet->is_working = false;
}

void fleet_listen(struct fleet *fleet)
{
    for (unsigned i = 0; i < fleet->plan.clients_count; i++) {
        if (fleet->clients[i].state == CLIENT_READY) {
            advance(fleet, &fleet->clients[i]);
        }
    }
}

void fleet_end(struct fleet *fleet, uint64_t deadline_ns)
{
    fleet->is_ending = true;
    for (unsigned i = 0; i < fleet->plan.clients_count; i++) {
        if (fleet->clients[i].state == CLIENT_READY) {
            client_say_goodbye(&fleet->clients[i]);
            advance(fleet, &fleet->clients[i]);
        }
    }
    run(fleet, is_ended, deadline_ns);
}

static void run(struct fleet *fleet, is_over *over, uint64_t deadline_ns)
{
    open_more(fleet);
    while (!over(fleet)) {
        if (clock_now_ns() >= deadline_ns) {
            fleet->timed_out = true;
            return;
        }
        wait_and_advance(fleet, deadline_ns);
        begin_due(fleet);
        open_more(fleet);
    }
}

static void wait_and_advance(struct fleet *fleet, uint64_t deadline_ns)
{
    struct epoll_event events[EVENTS_MAX];
    uint64_t           now_ns = clock_now_ns();
    uint64_t           until_ns = next_tick_ns(fleet);
    uint64_t           wait_ns = 0;
    struct timespec    wait;
    struct list        hot;
    struct list_link  *link;
    int                count;

    until_ns = until_ns < deadline_ns ? until_ns : deadline_ns;
    if (list_is_empty(&fleet->hot) && until_ns > now_ns) {
        wait_ns = until_ns - now_ns;
    }
    wait = (struct timespec){.tv_sec = (time_t)(wait_ns / NS_PER_S),
                             .tv_nsec = (long)(wait_ns % NS_PER_S)};
    count = epoll_pwait2(fleet->epoll_fd, events, EVENTS_MAX, &wait, NULL);
    list_init(&hot);
    list_append_all(&hot, &fleet->hot);
    for (int i = 0; i < count; i++) {
        struct client *client = events[i].data.ptr;

        if (!list_is_linked(&client->hot)) {
            advance(fleet, client);
        }
    }
    while ((link = list_take_first(&hot)) != NULL) {
        advance(fleet, container_of(link, struct client, hot));
    }
}

static bool is_opened(const struct fleet *fleet)
{
    return fleet->opened_count == fleet->plan.connections_total && fleet->opening_count == 0;
}

/* Held clients stay when they have finished, unless the server ends them. */
static bool is_worked(const struct fleet *fleet)
{
    if (fleet->opened_count < fleet->plan.connections_total) {
        return false;
    }
    if (!fleet->plan.held || fleet->plan.server_ends) {
        return fleet->alive_count == 0;
    }
    return fleet->finished_count == fleet->alive_count;
}

static bool is_ended(const struct fleet *fleet)
{
    return fleet->alive_count == 0;
}

static void open_more(struct fleet *fleet)
{
    const struct fleet_plan *plan = &fleet->plan;

    while (!fleet->is_ending && fleet->opened_count < plan->connections_total &&
           fleet->opening_count < plan->opening_max && fleet->alive_count < plan->clients_count) {
        while (fleet->clients[fleet->lowest_closed].state != CLIENT_CLOSED) {
            fleet->lowest_closed++;
        }
        fleet->opened_count++;
        if (!open_one(fleet, &fleet->clients[fleet->lowest_closed])) {
            fleet->failures_count++;
        }
    }
}

static bool open_one(struct fleet *fleet, struct client *client)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = client};

    if (!client_open(client, fleet->target, clock_now_ns())) {
        return false;
    }
    if (epoll_ctl(fleet->epoll_fd, EPOLL_CTL_ADD, client->transport.fd, &event) != 0) {
        client_close(client);
        return false;
    }
    fleet->opening_count++;
    fleet->alive_count++;
    return true;
}

/*
 * Tick n is exchange n / count of client n % count. A client that is still busy then begins as
 * soon as it is free, and its latency counts from when it was due: a server that stalls is not
 * spared the requests it kept from being sent.
 */
static void begin_due(struct fleet *fleet)
{
    const struct fleet_plan *plan = &fleet->plan;
    uint64_t                 total = (uint64_t)plan->clients_count * plan->exchanges_each;
    uint64_t                 now_ns = clock_now_ns();

    while (fleet->is_working && plan->held && fleet->ticks_count < total &&
           fleet->began_ns + fleet->ticks_count * plan->interval_ns <= now_ns) {
        struct client *client = &fleet->clients[fleet->ticks_count++ % plan->clients_count];

        if (client->state == CLIENT_READY && due_ns(fleet, client) <= now_ns) {
            advance(fleet, client);
        }
    }
}

static uint64_t due_ns(const struct fleet *fleet, const struct client *client)
{
    uint64_t index = (uint64_t)(client - fleet->clients);

    if (client->exchanges_begun == fleet->plan.exchanges_each) {
        return CLOCK_NEVER;
    }
    index += (uint64_t)client->exchanges_begun * fleet->plan.clients_count;
    return fleet->began_ns + index * fleet->plan.interval_ns;
}

static uint64_t next_tick_ns(const struct fleet *fleet)
{
    uint64_t total = (uint64_t)fleet->plan.clients_count * fleet->plan.exchanges_each;

    if (!fleet->is_working || !fleet->plan.held || fleet->ticks_count == total) {
        return CLOCK_NEVER;
    }
    return fleet->began_ns + fleet->ticks_count * fleet->plan.interval_ns;
}

/* Bounded: a client makes progress at most as often as it has states and exchanges left. */
static void advance(struct fleet *fleet, struct client *client)
{
    for (;;) {
        switch (step(fleet, client)) {
        case CLIENT_PROGRESS:
            break;
        case CLIENT_WAITS:
            return;
        case CLIENT_TIRED:
            list_append(&fleet->hot, &client->hot);
            return;
        case CLIENT_BROKEN:
            fleet->failures_count++;
            drop(fleet, client);
            return;
        }
    }
}

static enum client_verdict step(struct fleet *fleet, struct client *client)
{
    switch (client->state) {
    case CLIENT_CLOSED:
        return CLIENT_WAITS;
    case CLIENT_OPENING:
        return step_opening(fleet, client);
    case CLIENT_READY:
        return step_ready(fleet, client);
    case CLIENT_WORKING:
        return step_working(fleet, client);
    case CLIENT_CLOSING:
        return step_closing(fleet, client);
    }
    return CLIENT_WAITS;
}

static enum client_verdict step_opening(struct fleet *fleet, struct client *client)
{
    enum client_verdict verdict = client_handshake(client);

    if (verdict != CLIENT_PROGRESS) {
        return verdict;
    }
    fleet->opening_count--;
    fleet->handshakes_count++;
    fleet->resumed_count += transport_is_resumed(&client->transport);
    samples_add(&fleet->handshakes, clock_now_ns() - client->opened_ns);
    return CLIENT_PROGRESS;
}

/* What comes next: the next exchange, the goodbye, or nothing until someone asks for more. */
static enum client_verdict step_ready(struct fleet *fleet, struct client *client)
{
    const struct fleet_plan *plan = &fleet->plan;
    uint64_t                 now_ns;

    if (!plan->held) {
        if (client->exchanges_begun < plan->exchanges_each) {
            client_begin(client, client->opened_ns);
        } else {
            client_say_goodbye(client);
        }
        return CLIENT_PROGRESS;
    }
    if (plan->server_ends && client->exchanges_done == plan->exchanges_each) {
        client_say_goodbye(client);
        return CLIENT_PROGRESS;
    }
    now_ns = clock_now_ns();
    if (fleet->is_working && due_ns(fleet, client) <= now_ns) {
        client_begin(client, plan->interval_ns == 0 ? now_ns : due_ns(fleet, client));
        return CLIENT_PROGRESS;
    }
    return client_listen(client);
}

static enum client_verdict step_working(struct fleet *fleet, struct client *client)
{
    enum client_verdict verdict = client_work(client, &fleet->plan.exchange);

    if (verdict == CLIENT_PROGRESS) {
        fleet->exchanges_count++;
        fleet->finished_count += has_finished(fleet, client);
        samples_add(&fleet->exchanges, clock_now_ns() - client->began_ns);
    }
    return verdict;
}

static enum client_verdict step_closing(struct fleet *fleet, struct client *client)
{
    if (client_wait_for_end(client) == CLIENT_WAITS) {
        return CLIENT_WAITS;
    }
    drop(fleet, client);
    return CLIENT_WAITS;
}

/* Clients without work never count as finished. */
static bool has_finished(const struct fleet *fleet, const struct client *client)
{
    return client->exchanges_done > 0 && client->exchanges_done == fleet->plan.exchanges_each;
}

static void drop(struct fleet *fleet, struct client *client)
{
    unsigned index = (unsigned)(client - fleet->clients);

    fleet->opening_count -= client->state == CLIENT_OPENING;
    fleet->finished_count -= has_finished(fleet, client);
    fleet->alive_count--;
    client_close(client);
    if (index < fleet->lowest_closed) {
        fleet->lowest_closed = index;
    }
}
