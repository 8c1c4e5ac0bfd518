#include "sim_pipe.h"

#include "base/require.h"

#include <stdlib.h>
#include <string.h>

static size_t capacity_of(const struct sim_pipe *pipe);

void sim_pipe_init(struct sim_pipe *pipe, size_t send_bytes, size_t recv_bytes)
{
    require(send_bytes > 0);
    require(recv_bytes > 0);
    *pipe = (struct sim_pipe){.send_bytes = send_bytes, .recv_bytes = recv_bytes};
}

void sim_pipe_fini(struct sim_pipe *pipe)
{
    free(pipe->ring);
    pipe->ring = NULL;
}

void sim_pipe_write(struct sim_pipe *pipe, struct bytes_const from)
{
    require(from.len <= sim_pipe_room(pipe));
    if (pipe->ring == NULL) {
        pipe->ring = malloc(capacity_of(pipe));
        require(pipe->ring != NULL);
    }
    while (from.len > 0) {
        size_t at = (size_t)(pipe->written % capacity_of(pipe));
        size_t part = capacity_of(pipe) - at < from.len ? capacity_of(pipe) - at : from.len;

        memcpy(pipe->ring + at, from.data, part);
        pipe->written += part;
        from.data += part;
        from.len -= part;
    }
}

void sim_pipe_read(struct sim_pipe *pipe, struct bytes into)
{
    require(into.len <= sim_pipe_readable(pipe));
    while (into.len > 0) {
        size_t at = (size_t)(pipe->read % capacity_of(pipe));
        size_t part = capacity_of(pipe) - at < into.len ? capacity_of(pipe) - at : into.len;

        memcpy(into.data, pipe->ring + at, part);
        pipe->read += part;
        into.data += part;
        into.len -= part;
    }
}

/* One place is kept free, so that an RST always finds one. */
bool sim_pipe_next(const struct sim_pipe *pipe, struct sim_segment *segment)
{
    size_t waiting = (size_t)(pipe->written - pipe->launched);
    size_t window = pipe->recv_bytes - (size_t)(pipe->launched - pipe->read);
    size_t len = waiting < window ? waiting : window;

    if (pipe->count >= SIM_SEGMENTS_MAX - 1) {
        return false;
    }
    *segment = (struct sim_segment){.end = pipe->launched};
    if (len > 0) {
        segment->kind = SIM_SEGMENT_BYTES_ONLY;
        segment->end += len < SIM_SEGMENT_BYTES ? len : SIM_SEGMENT_BYTES;
        return true;
    }
    segment->kind = SIM_SEGMENT_FIN;
    return waiting == 0 && pipe->is_fin_wanted && !pipe->is_fin_launched;
}

void sim_pipe_launch(struct sim_pipe *pipe, struct sim_segment segment)
{
    require(pipe->count < SIM_SEGMENTS_MAX);
    require(segment.end >= pipe->launched);
    pipe->segments[(pipe->first + pipe->count) % SIM_SEGMENTS_MAX] = segment;
    pipe->count++;
    pipe->launched = segment.end;
    pipe->is_fin_launched = pipe->is_fin_launched || segment.kind == SIM_SEGMENT_FIN;
}

const struct sim_segment *sim_pipe_first(const struct sim_pipe *pipe)
{
    return pipe->count == 0 ? NULL : &pipe->segments[pipe->first];
}

struct sim_segment sim_pipe_arrive(struct sim_pipe *pipe)
{
    struct sim_segment segment = sim_pipe_lose(pipe);

    pipe->arrived = segment.end;
    pipe->is_fin_arrived = pipe->is_fin_arrived || segment.kind == SIM_SEGMENT_FIN;
    return segment;
}

struct sim_segment sim_pipe_lose(struct sim_pipe *pipe)
{
    require(pipe->count > 0);
    struct sim_segment segment = pipe->segments[pipe->first];

    pipe->first = (pipe->first + 1) % SIM_SEGMENTS_MAX;
    pipe->count--;
    return segment;
}

void sim_pipe_drop_unsent(struct sim_pipe *pipe)
{
    pipe->written = pipe->launched;
    pipe->is_fin_wanted = true;
    pipe->is_fin_launched = true;
}

void sim_pipe_cut(struct sim_pipe *pipe)
{
    pipe->count = 0;
    pipe->launched = pipe->arrived;
    sim_pipe_drop_unsent(pipe);
}

static size_t capacity_of(const struct sim_pipe *pipe)
{
    return pipe->send_bytes + pipe->recv_bytes;
}
