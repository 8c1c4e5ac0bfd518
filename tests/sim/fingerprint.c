#include "fingerprint.h"

#include "base/clock.h"
#include "engine_mock.h"
#include "io/io_internal.h"
#include "proxy/session.h"
#include "sim_choice.h"
#include "sim_queue.h"

enum { OPS = 4 };

/* Four ops whose `done` is due run in the order in which they came. */
struct ops {
    const struct io_op *op[OPS];
};

static uint64_t of_flags(const struct session *session);
static uint64_t of_times(const struct session *session, uint64_t now_ns, uint64_t hash);
static uint64_t of_flow(const struct flow *flow, uint64_t hash);
static uint64_t of_side(const struct side *side, uint64_t hash);
static uint64_t of_ops(const struct session *session, uint64_t hash);
static uint64_t of_headers(const struct session *session, uint64_t hash);
static unsigned ops_after(const struct ops *ops, const struct io_op *op);
static uint64_t of_party(const struct party *party, uint64_t hash);

uint64_t fingerprint_session(const struct session *session, uint64_t now_ns, uint64_t hash)
{
    hash = sim_fingerprint_add(hash, of_flags(session));
    hash = sim_fingerprint_add(hash, (uint64_t)session->reason | (uint64_t)session->ended_by << 8 |
                                         (uint64_t)session->finish << 16 |
                                         (uint64_t)session->last_failure << 24 |
                                         (uint64_t)session->unacknowledged << 32);
    hash = of_times(session, now_ns, hash);
    hash = of_flow(&session->up, hash);
    hash = of_flow(&session->down, hash);
    hash = of_side(&session->client, hash);
    hash = of_side(&session->backend, hash);
    hash = of_ops(session, hash);
    hash = of_headers(session, hash);
    return sim_fingerprint_add(hash, session->has_engine ? mock_fingerprint(&session->engine) : 0);
}

/* How far the header that comes was read; that it came, and that one went out. */
static uint64_t of_headers(const struct session *session, uint64_t hash)
{
    if (session_state(session) == SESSION_PROXY_HEADER) {
        hash = sim_fingerprint_add(hash, session->header.part);
        hash = sim_fingerprint_add(hash, session->header.kept_bytes);
        hash = sim_fingerprint_add(hash, session->header.block_left);
    }
    return sim_fingerprint_add(hash, (uint64_t)session->destination_len |
                                         (uint64_t)session->header_fault << 8 |
                                         (uint64_t)session->sent_header_bytes << 16);
}

static uint64_t of_flags(const struct session *session)
{
    return (uint64_t)session_state(session) | (uint64_t)session->has_mixed_failures << 4 |
           (uint64_t)session->attempt_is_over << 5 | (uint64_t)session->has_engine << 6 |
           (uint64_t)session->has_turn << 7 | (uint64_t)session->is_counted << 8 |
           (uint64_t)session->wants_room << 9 | (uint64_t)session->has_bytes << 10 |
           (uint64_t)list_is_linked(&session->turn.link) << 11 |
           (uint64_t)list_is_linked(&session->parked) << 12 |
           (uint64_t)timer_is_set(&session->timer) << 13 | (uint64_t)(session->pool != NULL) << 14 |
           (uint64_t)(session->target != NULL) << 15 |
           (uint64_t)(session->established_ns != 0) << 16 |
           (uint64_t)(session->connect_ns != SUMMARY_NEVER) << 17 |
           (uint64_t)session->tries.count << 18;
}

static uint64_t of_times(const struct session *session, uint64_t now_ns, uint64_t hash)
{
    hash = sim_fingerprint_add(hash, now_ns - session->accepted_ns);
    hash = sim_fingerprint_add(hash, now_ns - session->progress_ns);
    hash = sim_fingerprint_add(hash, session->poll_ns);
    hash = sim_fingerprint_add(hash, session->attempt_ns != 0 ? now_ns - session->attempt_ns : 0);
    if (!timer_is_set(&session->timer)) {
        return sim_fingerprint_add(hash, 0);
    }
    uint64_t due_ns = timer_deadline_ns(&session->timer);

    return sim_fingerprint_add(hash, due_ns == CLOCK_NEVER ? due_ns : due_ns - now_ns);
}

static uint64_t of_flow(const struct flow *flow, uint64_t hash)
{
    hash = sim_fingerprint_add(hash, flow->bytes);
    return sim_fingerprint_add(hash,
                               (uint64_t)flow_state(flow) | (uint64_t)flow->is_truncated << 4 |
                                   (uint64_t)flow->is_held << 5 | (uint64_t)flow->is_lost << 6);
}

static uint64_t of_side(const struct side *side, uint64_t hash)
{
    hash = sim_fingerprint_add(hash, (uint64_t)side->fd);
    hash = sim_fingerprint_add(hash, side->lent.len);
    hash = sim_fingerprint_add(hash,
                               buffer_len(&side->in) << 1 | (uint64_t)buffer_has_memory(&side->in));
    hash = sim_fingerprint_add(hash, buffer_room(&side->in));
    hash = sim_fingerprint_add(hash, buffer_len(&side->out) << 1 |
                                         (uint64_t)buffer_has_memory(&side->out));
    hash = sim_fingerprint_add(hash, buffer_room(&side->out));
    return sim_fingerprint_add(hash, (uint64_t)side->has_ended | (uint64_t)side->has_reset << 1 |
                                         (uint64_t)side->is_deaf << 2 |
                                         (uint64_t)side->has_our_fin << 3);
}

static uint64_t of_ops(const struct session *session, uint64_t hash)
{
    struct ops ops = {{&session->client.recv, &session->client.send, &session->backend.recv,
                       &session->backend.send}};

    for (size_t i = 0; i < OPS; i++) {
        const struct io_op *op = ops.op[i];
        uint64_t            due = 0;

        if (op->status == IO_COMPLETED || op->status == IO_READY) {
            due = 1 + (uint64_t)ops_after(&ops, op) + ((uint64_t)op->result << 8) +
                  ((uint64_t)op->error.kind << 40);
        }
        hash = sim_fingerprint_add(hash, (uint64_t)op->status | (uint64_t)op->kind << 8);
        hash = sim_fingerprint_add(hash, due);
    }
    return hash;
}

/* How many of them stand behind this one in the loop's list. */
static unsigned ops_after(const struct ops *ops, const struct io_op *op)
{
    unsigned after = 0;
    bool     is_ours = true;

    for (const struct list_link *link = op->link.next; is_ours; link = link->next) {
        is_ours = false;
        for (size_t i = 0; i < OPS; i++) {
            is_ours = is_ours || link == &ops->op[i]->link;
        }
        after += is_ours ? 1 : 0;
    }
    return after;
}

uint64_t fingerprint_lane(const struct lane *lane, uint64_t hash)
{
    hash = of_party(&lane->client, hash);
    hash = of_party(&lane->server, hash);
    hash = sim_fingerprint_add(hash, lane->plan.client.bytes);
    hash = sim_fingerprint_add(hash, lane->plan.server.bytes);
    hash = sim_fingerprint_add(hash, buffer_len(codec_output(lane->codec)));
    hash = sim_fingerprint_add(hash, lane->heading.sent);
    hash = sim_fingerprint_add(hash, lane->heading.read << 1 | (uint64_t)lane->heading.is_due);
    return sim_fingerprint_add(hash, (uint64_t)codec_has_finished(lane->codec) |
                                         (uint64_t)codec_has_goodbye(lane->codec) << 1 |
                                         (uint64_t)codec_has_alert(lane->codec) << 2 |
                                         (uint64_t)lane->is_reported << 3);
}

static uint64_t of_party(const struct party *party, uint64_t hash)
{
    hash = sim_fingerprint_add(hash, party->wire_sent);
    hash = sim_fingerprint_add(hash, party->wire_read);
    hash = sim_fingerprint_add(hash, party->out->sent);
    hash = sim_fingerprint_add(hash, party->in->received);
    return sim_fingerprint_add(
        hash, (uint64_t)party->is_pausing | (uint64_t)party->has_said_all << 1 |
                  (uint64_t)party->has_ended << 2 | (uint64_t)party->has_aborted << 3 |
                  (uint64_t)party->has_seen_end << 4 | (uint64_t)party->has_seen_reset << 5 |
                  (uint64_t)(party->actor.endpoint != NULL) << 6 |
                  (uint64_t)sim_event_is_set(&party->timer) << 7);
}
