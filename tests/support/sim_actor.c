#include "sim_internal.h"

#include "base/require.h"

void sim_dial(struct sim_net *net, struct sim_actor *actor, const struct address *address)
{
    struct sim_link *link = sim_link_new(net);

    sim_adopt(actor, &link->ends[0]);
    sim_connect(&link->ends[0], address);
}

void sim_adopt(struct sim_actor *actor, struct sim_endpoint *endpoint)
{
    require(endpoint->actor == NULL);
    require(!endpoint->is_closed);
    actor->endpoint = endpoint;
    endpoint->actor = actor;
    sim_end_changed(endpoint);
}

enum sim_state sim_state(const struct sim_endpoint *endpoint)
{
    return endpoint->state;
}

size_t sim_send(struct sim_endpoint *endpoint, struct bytes_const bytes)
{
    size_t room = sim_room(endpoint);

    if (bytes.len > room) {
        bytes.len = room;
    }
    if (bytes.len > 0) {
        sim_pipe_write(&endpoint->peer->in, bytes);
        sim_end_push(endpoint);
    }
    return bytes.len;
}

size_t sim_room(const struct sim_endpoint *endpoint)
{
    if (endpoint->state != SIM_OPEN || endpoint->is_reset) {
        return 0;
    }
    return sim_pipe_room(&endpoint->peer->in);
}

int64_t sim_recv(struct sim_endpoint *endpoint, struct bytes into)
{
    size_t readable = sim_pipe_readable(&endpoint->in);

    if (readable > 0 && into.len > 0) {
        into.len = readable < into.len ? readable : into.len;
        sim_pipe_read(&endpoint->in, into);
        sim_end_push(endpoint->peer);
        return (int64_t)into.len;
    }
    if (endpoint->is_reset || endpoint->state == SIM_FAILED) {
        return SIM_RESET;
    }
    return readable == 0 && endpoint->in.is_fin_arrived ? SIM_END : SIM_NOTHING;
}

void sim_fin(struct sim_endpoint *endpoint)
{
    if (endpoint->state == SIM_OPEN) {
        endpoint->peer->in.is_fin_wanted = true;
        sim_end_push(endpoint);
    }
}

void sim_reset(struct sim_actor *actor)
{
    actor->endpoint->is_reset_wanted = true;
    sim_close(actor);
}

void sim_close(struct sim_actor *actor)
{
    require(actor->endpoint != NULL);
    sim_end_close(actor->endpoint);
}

bool sim_fin_has_left(const struct sim_endpoint *endpoint)
{
    return endpoint->peer->in.is_fin_launched && !endpoint->is_reset;
}

bool sim_close_aborts(const struct sim_endpoint *endpoint)
{
    return sim_end_closes_by_reset(endpoint) && !sim_fin_has_left(endpoint);
}

void sim_vanish(struct sim_endpoint *endpoint)
{
    endpoint->link->is_cut = true;
}

size_t sim_unacknowledged(const struct sim_endpoint *endpoint)
{
    return sim_pipe_unacknowledged(&endpoint->peer->in);
}

size_t sim_untaken(const struct sim_endpoint *endpoint)
{
    return sim_pipe_untaken(&endpoint->peer->in);
}
