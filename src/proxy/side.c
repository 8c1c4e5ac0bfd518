#include "proxy/side.h"

#include "base/clock.h"
#include "base/require.h"

#define STUCK_NS NS_PER_S

void side_init(struct side *side)
{
    *side = (struct side){.fd = -1};
}

struct bytes_const side_input(const struct side *side)
{
    return buffer_is_empty(&side->in) ? side->lent : buffer_readable(&side->in);
}

bool side_has_input(const struct side *side)
{
    return side->lent.len > 0 || !buffer_is_empty(&side->in);
}

void side_used(struct side *side, size_t bytes, struct buffers *buffers)
{
    if (buffer_is_empty(&side->in)) {
        require(bytes <= side->lent.len);
        side->lent.data += bytes;
        side->lent.len -= bytes;
        return;
    }
    buffer_consumed(&side->in, bytes);
    if (buffer_is_empty(&side->in)) {
        buffers_drop(buffers, &side->in);
    }
}

void side_drop_input(struct side *side, struct buffers *buffers)
{
    side->lent = (struct bytes_const){0};
    buffers_drop(buffers, &side->in);
}

bool side_keep(struct side *side, struct buffers *buffers)
{
    if (side->lent.len == 0) {
        return true;
    }
    require(buffer_is_empty(&side->in));
    if (!buffers_keep(buffers, &side->in, side->lent.len)) {
        return false;
    }
    require(buffer_append(&side->in, side->lent) == side->lent.len);
    side->lent = (struct bytes_const){0};
    return true;
}

size_t side_kept_bytes(const struct side *side)
{
    return side->in.capacity > SMALL_BUFFER_BYTES ? buffer_len(&side->in) : 0;
}

void side_open_output(struct side *side, struct buffers *buffers)
{
    if (!buffer_has_memory(&side->out)) {
        buffers_open(buffers, &side->out);
    }
}

void side_close_output(struct side *side, struct buffers *buffers)
{
    if (buffer_is_empty(&side->out) && !io_op_is_pending(&side->send)) {
        buffers_close(buffers, &side->out);
    }
}

void side_drop_output(struct side *side, struct buffers *buffers)
{
    require(!io_op_is_pending(&side->send));
    buffers_close(buffers, &side->out);
}

bool side_is_busy(const struct side *side)
{
    return io_op_is_pending(&side->recv) || io_op_is_pending(&side->send);
}

bool side_is_stuck(const struct side *side, uint64_t now_ns)
{
    return buffer_has_memory(&side->out) && io_op_is_pending(&side->send) &&
           side->sending_ns + STUCK_NS <= now_ns;
}
