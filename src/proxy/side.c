#include "proxy/side.h"

#include "base/require.h"

static void give_back(struct buffer *buffer, struct slab *buffers);

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

void side_used(struct side *side, size_t bytes, struct slab *buffers)
{
    if (buffer_is_empty(&side->in)) {
        require(bytes <= side->lent.len);
        side->lent.data += bytes;
        side->lent.len -= bytes;
        return;
    }
    buffer_consumed(&side->in, bytes);
    if (buffer_is_empty(&side->in)) {
        give_back(&side->in, buffers);
    }
}

void side_drop_input(struct side *side, struct slab *buffers)
{
    side->lent = (struct bytes_const){0};
    give_back(&side->in, buffers);
}

bool side_keep(struct side *side, struct slab *buffers)
{
    if (side->lent.len == 0) {
        return true;
    }
    require(buffer_is_empty(&side->in));
    void *memory = slab_take(buffers);

    if (memory == NULL) {
        return false;
    }
    buffer_attach(&side->in, memory, slab_object_bytes(buffers));
    require(buffer_append(&side->in, side->lent) == side->lent.len);
    side->lent = (struct bytes_const){0};
    return true;
}

bool side_open_output(struct side *side, struct slab *buffers)
{
    if (buffer_has_memory(&side->out)) {
        return true;
    }
    void *memory = slab_take(buffers);

    if (memory != NULL) {
        buffer_attach(&side->out, memory, slab_object_bytes(buffers));
    }
    return memory != NULL;
}

void side_close_output(struct side *side, struct slab *buffers)
{
    if (buffer_is_empty(&side->out) && !io_op_is_pending(&side->send)) {
        give_back(&side->out, buffers);
    }
}

void side_drop_output(struct side *side, struct slab *buffers)
{
    require(!io_op_is_pending(&side->send));
    give_back(&side->out, buffers);
}

bool side_is_busy(const struct side *side)
{
    return io_op_is_pending(&side->recv) || io_op_is_pending(&side->send);
}

static void give_back(struct buffer *buffer, struct slab *buffers)
{
    void *memory = buffer_detach(buffer);

    if (memory != NULL) {
        slab_give(buffers, memory);
    }
}
