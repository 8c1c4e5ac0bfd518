#include "sim_internal.h"

#include "base/clock.h"
#include "base/require.h"

#include <stdlib.h>

static const uint64_t LATENCY_NS = 10 * NS_PER_US;
static const uint64_t REPEAT_NS = 200 * NS_PER_MS;
static const size_t   SOCKET_BYTES = IO_RECV_BYTES; /* so that one can be had in full */

static void     end_init(struct sim_link *link, size_t index);
static size_t   socket_bytes(struct sim_net *net);
static uint64_t link_latency(struct sim_net *net);
static void     launch(struct sim_endpoint *end, struct sim_segment segment);
static bool     is_worth_losing(const struct sim_endpoint *end);
static void     wait_for_first(struct sim_endpoint *end);
static void     on_arrival(struct sim_event *event);
static void     take_segment(struct sim_endpoint *end);
static void     on_reset(struct sim_endpoint *end);
static bool     is_over(const struct sim_endpoint *end);
static void     on_actor_ready(struct sim_event *event);

struct sim_link *sim_link_new(struct sim_net *net)
{
    struct sim_link *link = calloc(1, sizeof(*link));

    require(link != NULL);
    link->ends[0].net = net;
    link->ends[1].net = net;
    link->latency_ns = link_latency(net);
    end_init(link, 0);
    end_init(link, 1);
    link->ends[1].is_closed = true;
    list_append(&net->links, &link->link);
    net->links_count++;
    return link;
}

bool sim_can_arrive(const struct sim_endpoint *end)
{
    return end->state != SIM_CONNECTING;
}

void sim_end_changed(struct sim_endpoint *end)
{
    sim_slot_poke(&end->recv);
    sim_slot_poke(&end->send);
    sim_slot_poke(&end->poll);
    if (end->actor != NULL && !sim_event_is_set(&end->ready)) {
        sim_event_at(end->net, &end->ready, end->net->now_ns);
    }
}

void sim_end_push(struct sim_endpoint *end)
{
    struct sim_endpoint *peer = end->peer;
    struct sim_segment   segment;

    if (end->state != SIM_OPEN || end->is_reset || end->link->is_cut) {
        return;
    }
    while (sim_pipe_next(&peer->in, &segment)) {
        if (sim_chance(end->net, end->net->faults.reset)) {
            sim_end_reset(end);
            on_reset(end);
            return;
        }
        if (sim_chance(end->net, end->net->faults.timeout)) {
            end->link->is_cut = true;
            end->reset_kind = ERROR_TIMEOUT;
            on_reset(end);
            return;
        }
        launch(peer, segment);
    }
}

void sim_end_shut(struct sim_endpoint *end, bool is_reading_too)
{
    if (end->state == SIM_CONNECTING && is_reading_too) {
        sim_connect_forget(end->link);
        end->failure = ERROR_RESET;
        sim_slot_poke(&end->connect);
    }
    if (end->state != SIM_OPEN) {
        return;
    }
    end->peer->in.is_fin_wanted = true;
    end->is_shut = end->is_shut || is_reading_too;
    sim_end_push(end);
    sim_end_changed(end);
}

/* RST overtakes nothing, and nothing follows it. */
void sim_end_reset(struct sim_endpoint *end)
{
    struct sim_pipe *out = &end->peer->in;

    if (end->state != SIM_OPEN || end->is_reset || end->has_reset) {
        return;
    }
    end->has_reset = true;
    sim_pipe_drop_unsent(out);
    if (!end->link->is_cut) {
        launch(end->peer, (struct sim_segment){.kind = SIM_SEGMENT_RST, .end = out->launched});
    }
}

void sim_end_close(struct sim_endpoint *end)
{
    struct sim_link *link = end->link;

    require(!end->is_closed);
    if (end->actor != NULL) {
        end->actor->endpoint = NULL;
        end->actor = NULL;
    }
    sim_event_clear(end->net, &end->ready);
    if (end == &link->ends[0]) {
        sim_connect_forget(link);
    }
    if (sim_end_closes_by_reset(end)) {
        sim_end_reset(end);
    } else {
        end->peer->in.is_fin_wanted = true;
        sim_end_push(end);
    }
    end->is_closed = true;
    sim_link_settle(link);
}

/* Bytes left unread are reason enough. Once both ends have said FIN no reset is worth sending,
 * unless some of what was sent before is still here. */
bool sim_end_closes_by_reset(const struct sim_endpoint *end)
{
    const struct sim_pipe *out = &end->peer->in;
    bool have_both_ended = end->in.is_fin_arrived && out->is_fin_wanted && out->is_fin_launched;

    if (is_over(end)) {
        return false;
    }
    return sim_pipe_readable(&end->in) > 0 || (end->is_reset_wanted && !have_both_ended);
}

enum error_kind sim_end_reset_kind(const struct sim_endpoint *end)
{
    return end->reset_kind == ERROR_NONE ? ERROR_RESET : end->reset_kind;
}

bool sim_end_is_readable(const struct sim_endpoint *end)
{
    return sim_pipe_readable(&end->in) > 0 || end->is_reset || end->in.is_fin_arrived ||
           end->is_shut || end->state == SIM_FAILED;
}

void sim_link_settle(struct sim_link *link)
{
    for (size_t i = 0; i < 2; i++) {
        const struct sim_endpoint *end = &link->ends[i];

        if (!end->is_closed || sim_event_is_set(&end->arrival)) {
            return;
        }
    }
    if (!sim_event_is_set(&link->handshake)) {
        sim_link_free(link);
    }
}

void sim_link_free(struct sim_link *link)
{
    struct sim_net *net = link->ends[0].net;

    for (size_t i = 0; i < 2; i++) {
        sim_event_clear(net, &link->ends[i].arrival);
        sim_event_clear(net, &link->ends[i].ready);
        sim_pipe_fini(&link->ends[i].in);
        if (link->ends[i].actor != NULL) {
            link->ends[i].actor->endpoint = NULL;
        }
    }
    sim_event_clear(net, &link->handshake);
    if (list_is_linked(&link->waiting)) {
        list_remove(&link->waiting);
    }
    list_remove(&link->link);
    net->links_count--;
    free(link);
}

static void end_init(struct sim_link *link, size_t index)
{
    struct sim_endpoint *end = &link->ends[index];

    end->link = link;
    end->peer = &link->ends[1 - index];
    end->fd = -1;
    end->state = SIM_FAILED;
    end->failure = ERROR_BROKEN;
    end->arrival = (struct sim_event){
        .run = on_arrival, .name = "something arrives", .kind = SIM_EVENT_ARRIVAL};
    end->ready =
        (struct sim_event){.run = on_actor_ready, .name = "a peer looks", .kind = SIM_EVENT_LOOK};
    sim_pipe_init(&end->in, socket_bytes(end->net), socket_bytes(end->net));
}

static size_t socket_bytes(struct sim_net *net)
{
    const struct sim_faults *faults = &net->faults;

    if (faults->socket_bytes_max == 0) {
        return SOCKET_BYTES;
    }
    return (size_t)sim_between(net, faults->socket_bytes_min > 0 ? faults->socket_bytes_min : 1,
                               faults->socket_bytes_max);
}

static uint64_t link_latency(struct sim_net *net)
{
    if (net->chooser != NULL) {
        return 0;
    }
    if (net->faults.latency_ns_max == 0) {
        return LATENCY_NS;
    }
    return 1 + sim_between(net, net->faults.latency_ns_min, net->faults.latency_ns_max);
}

/* With a chooser: what an actor sends can as well be sent later. */
static bool is_worth_losing(const struct sim_endpoint *end)
{
    return end->net->chooser == NULL || end->fd < 0;
}

/* `end` is where the segment goes. */
static void launch(struct sim_endpoint *end, struct sim_segment segment)
{
    struct sim_link *link = end->link;
    struct sim_net  *net = end->net;
    uint64_t        *last = &link->last_arrival_ns[end == &link->ends[1]];

    segment.arrives_ns = net->now_ns + link->latency_ns;
    if (is_worth_losing(end) && sim_chance(net, net->faults.loss)) {
        segment.arrives_ns += REPEAT_NS;
    }
    if (segment.arrives_ns < *last) {
        segment.arrives_ns = *last;
    }
    *last = segment.arrives_ns;
    sim_pipe_launch(&end->in, segment);
    wait_for_first(end);
}

static void wait_for_first(struct sim_endpoint *end)
{
    const struct sim_segment *first = sim_pipe_first(&end->in);

    if (first != NULL && !sim_event_is_set(&end->arrival)) {
        sim_event_at(end->net, &end->arrival, first->arrives_ns);
    }
}

static void on_arrival(struct sim_event *event)
{
    struct sim_endpoint *end = container_of(event, struct sim_endpoint, arrival);

    if (!end->link->is_cut) {
        take_segment(end);
        wait_for_first(end);
        sim_end_push(end->peer);
    }
    sim_link_settle(end->link);
}

/* Bytes for a socket that is closed, or shut in both directions, are answered by RST. What comes to
 * one that was reset is nobody's. */
static void take_segment(struct sim_endpoint *end)
{
    const struct sim_segment *first = sim_pipe_first(&end->in);
    bool is_unwanted = first->kind == SIM_SEGMENT_BYTES_ONLY && (end->is_closed || end->is_shut);

    if (is_unwanted || end->is_reset) {
        sim_pipe_lose(&end->in);
    } else if (sim_pipe_arrive(&end->in).kind == SIM_SEGMENT_RST) {
        on_reset(end);
    }
    if (is_unwanted) {
        sim_end_reset(end);
        on_reset(end);
    }
    sim_end_changed(end);
    sim_end_changed(end->peer);
}

/* What this end had on the way, or wanted to send, is lost. One that has seen the peer's FIN and
 * not sent its own is told EPIPE. */
static void on_reset(struct sim_endpoint *end)
{
    if (end->is_reset || is_over(end)) {
        return;
    }
    if (end->in.is_fin_arrived && !end->peer->in.is_fin_wanted) {
        end->reset_kind = ERROR_BROKEN;
    }
    end->is_reset = true;
    sim_pipe_drop_unsent(&end->peer->in);
    sim_end_changed(end);
}

/* Both FINs arrived. */
static bool is_over(const struct sim_endpoint *end)
{
    return end->in.is_fin_arrived && end->peer->in.is_fin_arrived;
}

static void on_actor_ready(struct sim_event *event)
{
    struct sim_endpoint *end = container_of(event, struct sim_endpoint, ready);
    uint64_t             port = end->address.socket.ip4.sin_port;

    sim_note(end->net, 'a', port, sim_pipe_readable(&end->in));
    if (end->actor != NULL && end->actor->on_ready != NULL) {
        end->actor->on_ready(end->actor);
    }
}
