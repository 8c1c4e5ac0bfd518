#include "proxy/session_memory.h"

#include "proxy/session.h"
#include "proxy/worker_internal.h"

bool session_may_take(struct session *session, unsigned count)
{
    if (count == 0 || buffers_may_take(session_buffers(session), &session->place, count)) {
        return true;
    }
    if (session->lacks < count) {
        session->lacks = count;
    }
    return false;
}

size_t session_kept_bytes(const struct session *session)
{
    size_t up = side_kept_bytes(&session->client);
    size_t down = side_kept_bytes(&session->backend);

    return up > down ? up : down;
}

void session_evict(struct session *session)
{
    session_end(session, END_RESOURCE);
    side_drop_input(&session->client, session_buffers(session));
    side_drop_input(&session->backend, session_buffers(session));
    session_advance(session);
}

bool session_is_stuck(const struct session *session)
{
    uint64_t now_ns = reactor_now_ns(worker_reactor(session->worker));

    return session_state(session) < SESSION_CLOSING &&
           (side_is_stuck(&session->client, now_ns) || side_is_stuck(&session->backend, now_ns));
}
