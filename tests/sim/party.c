#include "party.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/require.h"

enum { READ_BYTES = 32 * 1024, SLOW_READ_BYTES = 3000 };

static void               on_ready(struct sim_actor *actor);
static void               note_taken(struct party *party);
static void               on_timer(struct sim_event *event);
static void               party_read(struct party *party);
static bool               party_read_once(struct party *party, size_t bytes);
static void               server_took(struct party *party, struct bytes_const bytes);
static void               party_act(struct party *party);
static bool               party_has_act(const struct party *party);
static bool               party_may_begin(const struct party *party);
static bool               party_aborts(struct party *party);
static void               party_write(struct party *party);
static bool               party_write_once(struct party *party);
static void               client_fill_codec(struct party *party);
static struct bytes_const client_piece(const struct party *party);
static void               party_end(struct party *party);
static void               party_pause(struct party *party);
static void               party_leave(struct party *party);
static void               party_rest(struct party *party);
static bool               is_open(const struct party *party);

void party_init(struct party *party, struct lane *lane, const struct plan_end *plan)
{
    *party = (struct party){.lane = lane, .plan = plan};
    party->actor.on_ready = on_ready;
    party->timer.run = on_timer;
    party->is_client = party == &lane->client;
    party->timer.name = party->is_client ? "the client acts" : "the server acts";
    party->out = party->is_client ? &lane->upload : &lane->download;
    party->in = party->is_client ? &lane->download : &lane->upload;
}

void party_go_on(struct party *party)
{
    if (!is_open(party) || (party->is_pausing && !party->plan->hesitates)) {
        return;
    }
    party_read(party);
    if (is_open(party) && !party->has_ended && !party->is_pausing && party_may_begin(party)) {
        party_act(party);
    }
    party_leave(party);
}

void party_read_rest(struct party *party)
{
    while (is_open(party) && party_read_once(party, READ_BYTES)) {
    }
}

void party_took(void *owner, struct bytes_const plaintext)
{
    struct party *party = owner;

    if (!stream_check(party->in, plaintext)) {
        party->lane->violation = "I1: bytes that were not the next ones";
    }
}

static void on_ready(struct sim_actor *actor)
{
    struct party *party = container_of(actor, struct party, actor);

    note_taken(party);
    party_go_on(party);
    if (is_open(party)) {
        party->untaken = sim_untaken(party->actor.endpoint);
    }
}

/* What was sent long ago and is taken only now starts the daemon's clock anew. */
static void note_taken(struct party *party)
{
    if (is_open(party) && sim_untaken(party->actor.endpoint) < party->untaken) {
        party->lane->last_sign_ns = sim_now_ns(party->lane->options.net);
    }
}

static void on_timer(struct sim_event *event)
{
    struct party *party = container_of(event, struct party, timer);

    party->is_pausing = false;
    party->is_resolved = true;
    party_go_on(party);
    party->is_resolved = false;
}

/* --- reading -------------------------------------------------------------------------------- */

static void party_read(struct party *party)
{
    const struct plan_end *plan = party->plan;

    switch (plan->reading) {
    case PLAN_READ_EAGERLY:
        party_read_rest(party);
        break;
    case PLAN_READ_SLOWLY:
        if (party_read_once(party, SLOW_READ_BYTES)) {
            party_pause(party);
        }
        break;
    case PLAN_READ_STOPS:
        while (party->wire_read < plan->read_stop_at && party_read_once(party, SLOW_READ_BYTES)) {
        }
        break;
    }
}

/* False when nothing came. */
static bool party_read_once(struct party *party, size_t bytes)
{
    static uint8_t memory[READ_BYTES];
    struct lane   *lane = party->lane;
    int64_t        got = sim_recv(party->actor.endpoint, (struct bytes){memory, bytes});

    if (got <= 0) {
        party->has_seen_end = party->has_seen_end || got == SIM_END;
        party->has_seen_reset = party->has_seen_reset || got == SIM_RESET;
        return false;
    }
    lane->last_sign_ns = sim_now_ns(lane->options.net);
    party->wire_read += (uint64_t)got;
    if (!party->is_client) {
        server_took(party, (struct bytes_const){memory, (size_t)got});
        return true;
    }
    codec_feed(lane->codec, (struct bytes){memory, (size_t)got});
    if (codec_is_broken(lane->codec)) {
        lane->violation = "I1: the client received what is no record";
    }
    return true;
}

/* A PROXY header comes first, where there is to be one. */
static void server_took(struct party *party, struct bytes_const bytes)
{
    struct lane *lane = party->lane;
    const char  *law = heading_take(&lane->heading, &bytes, &lane->options.frontend);

    if (law != NULL && lane->violation == NULL) {
        lane->violation = law;
    }
    party_took(party, bytes);
}

/* --- sending -------------------------------------------------------------------------------- */

static void party_act(struct party *party)
{
    if (!party->plan->hesitates) {
        party_write(party);
        return;
    }
    if (party->has_seen_reset || !party_has_act(party)) {
        return;
    }
    if (!party->is_resolved) {
        party_pause(party);
        return;
    }
    if (party->lane->options.decide != NULL) {
        party->lane->options.decide(party->lane, party);
    }
    party_write(party);
}

/* A client whose handshake waits for the other side has none. */
static bool party_has_act(const struct party *party)
{
    struct codec *codec = party->lane->codec;

    return !party->is_client || codec_has_finished(codec) || !buffer_is_empty(codec_output(codec));
}

void party_truncate(struct party *party, bool is_inside_record)
{
    if (!is_open(party) || party->has_ended) {
        return;
    }
    if (is_inside_record) {
        client_fill_codec(party);
        struct bytes_const rest = client_piece(party);

        party->wire_sent +=
            sim_send(party->actor.endpoint, (struct bytes_const){rest.data, rest.len / 2});
    }
    party->has_aborted = true;
    party->has_ended = true;
    party->lane->last_sign_ns = sim_now_ns(party->lane->options.net);
    sim_fin(party->actor.endpoint);
    party_rest(party);
}

void party_die(struct party *party)
{
    if (party->actor.endpoint != NULL) {
        party->has_aborted = party->has_aborted || party->is_client || !party->has_ended;
        party->lane->last_sign_ns = sim_now_ns(party->lane->options.net);
        sim_reset(&party->actor);
        party_rest(party);
    }
}

static bool party_may_begin(const struct party *party)
{
    const struct party *other = party->is_client ? &party->lane->server : &party->lane->client;

    if (sim_state(party->actor.endpoint) != SIM_OPEN) {
        return false;
    }
    if (party->is_client || party->plan->start == PLAN_START_AT_ONCE) {
        return true;
    }
    if (party->plan->start == PLAN_START_AFTER_FIRST_BYTE) {
        return party->wire_read > 0 || party->has_seen_end;
    }
    return party->has_seen_end || other->has_aborted;
}

static void party_write(struct party *party)
{
    while (is_open(party) && !party->has_ended && !party->is_pausing) {
        if (party_aborts(party)) {
            return;
        }
        if (!party_write_once(party)) {
            break;
        }
        if (party->plan->pause_ns > 0) {
            party_pause(party);
        }
    }
    if (is_open(party) && !party->has_ended && !party->has_aborted &&
        !(party->plan->hesitates && party->is_pausing)) {
        party_end(party);
    }
}

/* An end that the plan wants unclean comes in the middle of whatever is being said. */
static bool party_aborts(struct party *party)
{
    if (party->has_aborted) {
        return true;
    }
    if (party->plan->ending == PLAN_CLEAN || party->wire_sent < party->plan->abort_at) {
        return false;
    }
    party->has_aborted = true;
    party->lane->last_sign_ns = sim_now_ns(party->lane->options.net);
    if (party->plan->ending == PLAN_TRUNCATE) {
        sim_fin(party->actor.endpoint);
        party->has_ended = true;
    } else if (party->plan->ending == PLAN_RESET) {
        sim_reset(&party->actor);
    }
    return true;
}

/* One piece to the network; false when there is nothing to send or no room. */
static bool party_write_once(struct party *party)
{
    uint8_t            memory[READ_BYTES];
    const uint64_t     left = party->plan->bytes - party->out->sent;
    struct heading    *heading = &party->lane->heading;
    struct bytes_const piece;

    if (party->is_client) {
        client_fill_codec(party);
        piece = client_piece(party);
    } else {
        piece = (struct bytes_const){memory, left < sizeof(memory) ? left : sizeof(memory)};
    }
    piece.len = piece.len < party->plan->piece ? piece.len : party->plan->piece;
    if (!party->is_client) {
        stream_fill(party->out, (struct bytes){memory, piece.len});
    }
    size_t sent = piece.len == 0 ? 0 : sim_send(party->actor.endpoint, piece);

    if (sent == 0) {
        return false;
    }
    if (heading_left(heading).len > 0 && party->is_client) {
        heading->sent += sent;
    } else if (party->is_client) {
        buffer_consumed(codec_output(party->lane->codec), sent);
    } else {
        party->out->sent += sent;
    }
    party->wire_sent += sent;
    party->lane->last_sign_ns = sim_now_ns(party->lane->options.net);
    return true;
}

/* The PROXY header, then what the codec has. */
static struct bytes_const client_piece(const struct party *party)
{
    struct bytes_const header = heading_left(&party->lane->heading);

    return header.len > 0 ? header : buffer_readable(codec_output(party->lane->codec));
}

/* What was put into records counts as sent: it stands before the goodbye. */
static void client_fill_codec(struct party *party)
{
    uint8_t  memory[READ_BYTES];
    uint64_t left = party->plan->bytes - party->out->sent;
    size_t   len = left < sizeof(memory) ? (size_t)left : sizeof(memory);

    if (party->plan->record > 0 && len > party->plan->record) {
        len = party->plan->record;
    }
    if (!buffer_is_empty(codec_output(party->lane->codec)) || len == 0) {
        return;
    }
    stream_fill(party->out, (struct bytes){memory, len});
    party->out->sent += codec_write(party->lane->codec, (struct bytes_const){memory, len});
}

/* The clean end, once all was said: for a client its goodbye, then FIN. */
static void party_end(struct party *party)
{
    struct codec *codec = party->lane->codec;

    if (party->out->sent < party->plan->bytes || party->plan->ending != PLAN_CLEAN ||
        (party->plan->ends_last && !party->has_seen_end)) {
        return;
    }
    if (party->is_client && !party->has_said_all) {
        party->has_said_all = codec_goodbye(codec);
        if (party->has_said_all) {
            party_write(party);
        }
        return;
    }
    if (party->is_client && !buffer_is_empty(codec_output(codec))) {
        return;
    }
    sim_fin(party->actor.endpoint);
    party->has_said_all = true;
    party->has_ended = true;
}

static void party_pause(struct party *party)
{
    struct lane *lane = party->lane;

    party->is_pausing = true;
    sim_event_at(lane->options.net, &party->timer,
                 sim_now_ns(lane->options.net) + NS_PER_MS +
                     random_below(&lane->random, party->plan->pause_ns + 1));
}

/* Both directions have ended, or this end cares for its own alone: then RST may follow its FIN, or
 * come instead of it. */
static void party_leave(struct party *party)
{
    bool has_done_its_part = party->has_ended && (party->has_seen_end || party->plan->leaves);

    if (is_open(party) && (party->has_seen_reset || has_done_its_part)) {
        party->has_aborted = party->has_aborted ||
                             (!party->has_seen_reset && sim_close_aborts(party->actor.endpoint));
        party->has_left_fin_first = sim_fin_has_left(party->actor.endpoint);
        sim_close(&party->actor);
        party_rest(party);
    }
}

/* It will not act again. */
static void party_rest(struct party *party)
{
    party->is_pausing = false;
    sim_event_clear(party->lane->options.net, &party->timer);
}

static bool is_open(const struct party *party)
{
    return party->actor.endpoint != NULL && sim_state(party->actor.endpoint) != SIM_FAILED;
}
