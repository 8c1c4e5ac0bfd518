/*
 * One direction of a simulated connection: the sender's buffer, the segments on their way, and the
 * receiver's buffer, as four positions in one stream of bytes.
 *
 *     read ≤ arrived ≤ launched ≤ written
 *          │         │          └ in the sender's buffer
 *          │         └ on the way (the sender's buffer keeps them until they arrive)
 *          └ in the receiver's buffer
 */
#ifndef SALLYPORT_TESTS_SIM_PIPE_H
#define SALLYPORT_TESTS_SIM_PIPE_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIM_SEGMENTS_MAX = 16, SIM_SEGMENT_BYTES = 16 * 1024 };

enum sim_segment_kind { SIM_SEGMENT_BYTES_ONLY, SIM_SEGMENT_FIN, SIM_SEGMENT_RST };

struct sim_segment {
    uint64_t              arrives_ns;
    uint64_t              end; /* the position it brings `arrived` to */
    enum sim_segment_kind kind;
};

struct sim_pipe {
    uint8_t           *ring;
    size_t             send_bytes; /* the two buffers' capacities */
    size_t             recv_bytes;
    uint64_t           written, launched, arrived, read;
    struct sim_segment segments[SIM_SEGMENTS_MAX]; /* on the way, a ring */
    unsigned           first;
    unsigned           count;
    bool               is_fin_wanted;
    bool               is_fin_launched;
    bool               is_fin_arrived;
};

void sim_pipe_init(struct sim_pipe *pipe, size_t send_bytes, size_t recv_bytes);
void sim_pipe_fini(struct sim_pipe *pipe);

static inline size_t sim_pipe_room(const struct sim_pipe *pipe)
{
    return pipe->is_fin_wanted ? 0 : pipe->send_bytes - (size_t)(pipe->written - pipe->arrived);
}

static inline size_t sim_pipe_readable(const struct sim_pipe *pipe)
{
    return (size_t)(pipe->arrived - pipe->read);
}

static inline size_t sim_pipe_unacknowledged(const struct sim_pipe *pipe)
{
    return (size_t)(pipe->written - pipe->arrived);
}

static inline size_t sim_pipe_untaken(const struct sim_pipe *pipe)
{
    return (size_t)(pipe->written - pipe->read);
}

/* At most sim_pipe_room bytes. */
void sim_pipe_write(struct sim_pipe *pipe, struct bytes_const from);
/* At most sim_pipe_readable bytes. */
void sim_pipe_read(struct sim_pipe *pipe, struct bytes into);

/* Has the pipe something to put on the way now? Then what: the next segment, without its time. */
bool sim_pipe_next(const struct sim_pipe *pipe, struct sim_segment *segment);
void sim_pipe_launch(struct sim_pipe *pipe, struct sim_segment segment);

/* The oldest segment on the way, NULL if none. */
const struct sim_segment *sim_pipe_first(const struct sim_pipe *pipe);
struct sim_segment        sim_pipe_arrive(struct sim_pipe *pipe);
/* It comes to nobody: bytes after it must be lost, too. */
struct sim_segment sim_pipe_lose(struct sim_pipe *pipe);

/* The sender gave up: what was not yet put on the way never will be. */
void sim_pipe_drop_unsent(struct sim_pipe *pipe);
/* Nothing on the way arrives any more. */
void sim_pipe_cut(struct sim_pipe *pipe);

#endif
