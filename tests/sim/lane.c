#include "lane.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/require.h"
#include "party.h"

#include <stdio.h>

/* After the daemon's report, until what is on the way has arrived (a lost segment takes 0.2 s). */
#define SETTLE_NS (20 * NS_PER_S)
/* A client that resets before it was accepted may never be reported. */
#define FORGOTTEN_NS (600 * NS_PER_S)

static void lane_next(struct lane *lane);
static void answer_as_planned(struct lane *lane);
static void on_accept(struct sim_service *service, struct sim_endpoint *endpoint);
static void on_settle(struct sim_event *event);
static void lane_check(struct lane *lane);
static void check_client_end(struct lane *lane);
static void check_server_end(struct lane *lane);
static void check_broken_header(struct lane *lane);
static void check_before_reset(struct lane *lane);
static void check_before_leave(struct lane *lane);
static void check_honest(struct lane *lane);
static void note_honest(struct lane *lane);
static void violate(struct lane *lane, const char *law);
static void party_drop(struct party *party);

void lane_start(struct lane *lane, const struct lane_options *options, uint64_t seed,
                uint64_t sessions)
{
    *lane = (struct lane){
        .options = *options, .plans = {seed}, .random = {~seed}, .sessions_left = sessions};
    lane->settle.run = on_settle;
    lane->settle.name = "the outcome is looked at";
    lane_reload(lane, &options->backend);
    lane_next(lane);
}

/* Old ones go on: sessions of an edition before this one may still reach for them. */
void lane_reload(struct lane *lane, const struct address *backend)
{
    struct lane_backend *of = &lane->backends[lane->backends_count];

    require(lane->backends_count < SETTING_EDITIONS_MAX);
    lane->backends_count++;
    of->service.on_accept = on_accept;
    of->address = *backend;
    of->lane = lane;
    sim_serve(lane->options.net, &of->service, backend);
    answer_as_planned(lane);
}

bool lane_is_done(const struct lane *lane)
{
    return lane->sessions_left == 0 || lane->violation != NULL;
}

void lane_stop(struct lane *lane)
{
    party_drop(&lane->client);
    party_drop(&lane->server);
    sim_event_clear(lane->options.net, &lane->settle);
    if (lane->codec != NULL) {
        codec_free(&lane->codec);
    }
    for (unsigned i = 0; i < lane->backends_count; i++) {
        sim_unserve(lane->options.net, &lane->backends[i].service);
    }
    lane->options.net = NULL; /* what is still reported is nobody's */
}

void lane_tell_report(const struct session_summary *summary, uint64_t now_ns)
{
    (void)fprintf(stderr, "%12.6f lane %s: %s in=%llu out=%llu\n",
                  (double)now_ns / (double)NS_PER_S, summary->frontend,
                  end_reason_word(summary->reason), (unsigned long long)summary->bytes_in,
                  (unsigned long long)summary->bytes_out);
}

void lane_tell(const struct lane *lane)
{
    const struct party *parties[] = {&lane->client, &lane->server};

    (void)fprintf(stderr, "session %llu: %s, daemon says %s in=%llu out=%llu\n",
                  (unsigned long long)lane->sessions_done,
                  lane->violation != NULL ? lane->violation : "well", end_reason_word(lane->reason),
                  (unsigned long long)lane->bytes_in, (unsigned long long)lane->bytes_out);
    for (size_t i = 0; i < 2; i++) {
        const struct party    *party = parties[i];
        const struct plan_end *plan = party->plan;

        (void)fprintf(stderr,
                      "  %s plan: bytes=%llu ending=%d abort_at=%llu reading=%d start=%d "
                      "ends_last=%d piece=%u pause_ns=%llu\n"
                      "  %s did: sent=%llu taken=%llu said_all=%d ended=%d aborted=%d end=%d "
                      "reset=%d\n",
                      i == 0 ? "client" : "server", (unsigned long long)plan->bytes,
                      (int)plan->ending, (unsigned long long)plan->abort_at, (int)plan->reading,
                      (int)plan->start, plan->ends_last, plan->piece,
                      (unsigned long long)plan->pause_ns, i == 0 ? "client" : "server",
                      (unsigned long long)party->out->sent, (unsigned long long)party->in->received,
                      party->has_said_all, party->has_ended, party->has_aborted,
                      party->has_seen_end, party->has_seen_reset);
    }
}

static void lane_next(struct lane *lane)
{
    uint64_t now_ns = sim_now_ns(lane->options.net);

    if (lane->options.plan != NULL) {
        lane->plan = *lane->options.plan;
    } else {
        plan_draw(&lane->plan, &lane->plans);
    }
    lane->is_reported = false;
    lane->is_benign = *lane->options.is_benign;
    lane->upload = (struct stream){.id = random_next(&lane->plans)};
    lane->download = (struct stream){.id = random_next(&lane->plans)};
    lane->last_sign_ns = now_ns;
    party_init(&lane->client, lane, &lane->plan.client);
    party_init(&lane->server, lane, &lane->plan.server);
    heading_init(&lane->heading, &lane->options.proxy, lane->plan.header,
                 random_next(&lane->plans));
    lane->codec = codec_new(random_next(&lane->plans), party_took, &lane->client);
    lane->dialled_in = lane->backends_count - 1;
    answer_as_planned(lane);
    sim_dial(lane->options.net, &lane->client.actor, &lane->options.frontend);
    sim_event_at(lane->options.net, &lane->settle, now_ns + FORGOTTEN_NS);
}

static void answer_as_planned(struct lane *lane)
{
    for (unsigned i = 0; i < lane->backends_count; i++) {
        sim_answer(lane->options.net, &lane->backends[i].address,
                   lane->plan.server_refuses ? SIM_REFUSES : SIM_ACCEPTS);
    }
}

static void on_accept(struct sim_service *service, struct sim_endpoint *endpoint)
{
    struct lane_backend *at = container_of(service, struct lane_backend, service);
    struct lane         *lane = at->lane;

    if (at < &lane->backends[lane->dialled_in]) {
        violate(lane, "I15: a new session was served by an old generation");
    }
    if (lane->server.actor.endpoint != NULL || lane->is_reported) {
        violate(lane, "a second connection to the server");
        return;
    }
    if (!codec_has_finished(lane->codec)) {
        violate(lane, "I12: a server was reached before the handshake was complete");
    }
    if (lane->heading.is_broken) {
        violate(lane, "I12: a server was reached after a broken PROXY header");
    }
    for (unsigned i = 0; i < lane->plan.client.key_updates && !lane->client.has_said_all; i++) {
        codec_key_update(lane->codec);
    }
    sim_adopt(&lane->server.actor, endpoint);
    lane->last_sign_ns = sim_now_ns(lane->options.net);
    party_go_on(&lane->server);
}

void lane_report(struct lane *lane, const struct session_summary *summary)
{
    uint64_t now_ns = sim_now_ns(lane->options.net);

    if (lane->is_reported) {
        violate(lane, "I11: one session was reported twice");
    }
    lane->is_reported = true;
    lane->reason = summary->reason;
    lane->bytes_in = summary->bytes_in;
    lane->bytes_out = summary->bytes_out;
    if (summary->reason == END_NONE) {
        violate(lane, "I11: a session ended without a reason");
    }
    if (codec_has_finished(lane->codec)) {
        violate(lane, heading_check_client(&lane->heading, &summary->client));
    }
    if (now_ns - lane->last_sign_ns > lane->options.ends_within_ns) {
        violate(lane, "I5: a session outlived its timeouts");
    }
    sim_event_at(lane->options.net, &lane->settle, now_ns + SETTLE_NS);
}

static void on_settle(struct sim_event *event)
{
    struct lane *lane = container_of(event, struct lane, settle);
    uint64_t     now_ns = sim_now_ns(lane->options.net);

    if (!lane->is_reported && lane->client.actor.endpoint != NULL &&
        now_ns - lane->last_sign_ns < FORGOTTEN_NS) {
        sim_event_at(lane->options.net, &lane->settle, lane->last_sign_ns + FORGOTTEN_NS);
        return;
    }
    party_read_rest(&lane->client);
    if (!lane->is_reported && lane->client.wire_sent > 0 && !lane->client.has_aborted &&
        !lane->client.has_seen_reset) {
        violate(lane, "I5: a session never ended");
    }
    lane->is_benign = lane->is_benign && *lane->options.is_benign;
    lane_check(lane);
    party_drop(&lane->client);
    party_drop(&lane->server);
    codec_free(&lane->codec);
    lane->sessions_done++;
    lane->sessions_left--;
    if (!lane_is_done(lane)) {
        lane_next(lane);
    }
}

static void lane_check(struct lane *lane)
{
    party_read_rest(&lane->client);
    party_read_rest(&lane->server);
    check_client_end(lane);
    check_server_end(lane);
    check_broken_header(lane);
    check_before_reset(lane);
    check_before_leave(lane);
    if (lane->is_reported && lane->is_benign && plan_is_honest(&lane->plan) &&
        !lane->heading.is_broken) {
        check_honest(lane);
        note_honest(lane);
    }
}

static void check_client_end(struct lane *lane)
{
    const struct party *server = &lane->server;

    if (!codec_has_goodbye(lane->codec)) {
        return;
    }
    if (!server->has_ended || server->has_aborted) {
        violate(lane, "I2: close_notify for a server that did not end cleanly");
    } else if (lane->download.received != lane->download.sent) {
        violate(lane, "I2: close_notify before the last byte");
    }
}

static void check_server_end(struct lane *lane)
{
    if (!lane->server.has_seen_end) {
        return;
    }
    if (!lane->client.has_said_all) {
        violate(lane, "I3: FIN for a client that did not say goodbye");
    } else if (lane->upload.received != lane->upload.sent) {
        violate(lane, "I3: FIN before the last byte");
    }
}

/* One that was sent whole is known for what it is. */
static void check_broken_header(struct lane *lane)
{
    if (lane->is_reported && lane->is_benign && lane->heading.is_broken &&
        lane->heading.sent == lane->heading.len && !lane->client.has_aborted &&
        lane->reason != END_PROXY_HEADER_INVALID) {
        violate(lane, "I12: a broken PROXY header was not refused");
    }
}

/* What a server sent before it reset, and the daemon took, reaches a client that reads (F-10). */
static void check_before_reset(struct lane *lane)
{
    if (lane->is_reported && lane->is_benign && lane->reason == END_SERVER_RESET &&
        !lane->client.has_aborted && !lane->plan.client.leaves &&
        lane->plan.client.reading == PLAN_READ_EAGERLY &&
        lane->download.received != lane->bytes_out) {
        violate(lane, "I6: RST overtook bytes that came before it");
    }
}

/* The end of a server that then closes over what we still send it stands: RST follows its FIN. */
static void check_before_leave(struct lane *lane)
{
    const struct plan_end *client = &lane->plan.client;

    if (lane->is_reported && lane->is_benign && lane->server.has_left_fin_first &&
        client->ending == PLAN_CLEAN && client->reading == PLAN_READ_EAGERLY && !client->leaves &&
        (!codec_has_goodbye(lane->codec) || lane->download.received != lane->download.sent)) {
        violate(lane, "I6: a clean end was lost in the reset that followed it");
    }
}

static void check_honest(struct lane *lane)
{
    if (lane->reason != END_CLIENT_CLOSE && lane->reason != END_SERVER_CLOSE) {
        violate(lane, "I6: an honest session was aborted");
    } else if (!codec_has_goodbye(lane->codec) || !lane->server.has_seen_end) {
        violate(lane, "I6: an honest end was not passed on");
    } else if (lane->heading.is_due) {
        violate(lane, "I12: a server was told of no client");
    } else if (lane->upload.received != lane->plan.client.bytes ||
               lane->download.received != lane->plan.server.bytes) {
        violate(lane, "I6: bytes of an honest session were lost");
    } else if (lane->bytes_in != lane->plan.client.bytes ||
               lane->bytes_out != lane->plan.server.bytes) {
        violate(lane, "I11: the byte counters are wrong");
    }
}

/* Who ended first may depend on when a neighbour ran; nothing else may. */
static void note_honest(struct lane *lane)
{
    const uint64_t facts[] = {lane->bytes_in, lane->bytes_out, lane->upload.received,
                              lane->download.received, lane->sessions_done};

    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
        lane->honest = (lane->honest ^ facts[i]) * UINT64_C(0x9fb21c651e98df25);
    }
}

static void violate(struct lane *lane, const char *law)
{
    if (lane->violation == NULL) {
        lane->violation = law;
    }
}

static void party_drop(struct party *party)
{
    sim_event_clear(party->lane->options.net, &party->timer);
    if (party->actor.endpoint != NULL) {
        sim_reset(&party->actor);
    }
}
