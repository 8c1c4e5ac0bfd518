#include "small.h"

#include "base/clock.h"
#include "base/require.h"
#include "crew.h"
#include "engine_mock.h"
#include "fault.h"
#include "fingerprint.h"
#include "lane.h"
#include "party.h"
#include "proxy/buffers.h"
#include "proxy/session.h"
#include "proxy/worker_internal.h"
#include "random.h"
#include "setting.h"
#include "sim_choice.h"
#include "trouble.h"

#include <stdio.h>
#include <stdlib.h>

/* The loop may sleep as long as it likes; but virtual time is not without end, and no session takes
 * so many turns. */
#define WAIT_NS      (3600 * NS_PER_S)
#define WAIT_LATE_NS (10 * NS_PER_S)
enum { UNDECIDED = UINT32_MAX };
enum { UNIT_BYTES = 8, TURNS_MAX = 20 * 1000, IDLE_TURNS_MAX = 200, CLIENT_FD = SIM_FD_FIRST + 1 };

struct small {
    struct small_options options;
    struct sim_chooser   chooser;
    struct choices      *choices;
    struct visited       visited;
    struct visited       outcomes;
    struct sim_net      *net;
    struct crew          crew;
    struct lane          lane;
    struct plan          plan;
    struct troubles      troubles;
    struct session      *session;
    uint64_t             rest; /* the net's fingerprint when nothing happens */
    uint64_t             happened;
    unsigned             faults_left;
    bool                 is_benign;
    bool                 is_over; /* nothing is chosen any more */
    bool                 is_merged;
    bool                 is_replay;
    bool                 is_walking; /* by chance, after the tree is done */
    struct random        random;
    bool                 has_client_left_early; /* before it could have said goodbye */
};

static void        walk(struct small *small, struct small_result *result);
static void        small_open(struct small *small);
static void        small_close(struct small *small, struct small_result *result);
static void        small_plan(struct small *small);
static const char *run_once(struct small *small, struct small_result *result);
static uint64_t    ends_within_ns(const struct small *small);
static const char *run_session(struct small *small);
static const char *come_to_rest(struct small *small);
static const char *check_end(struct small *small);
static void        note_outcome(struct small *small);
static unsigned    units_sent(const struct small *small);
static void        find_session(struct small *small);
static uint64_t    state_of(const struct small *small);
static unsigned    on_choose(struct sim_chooser *chooser, enum sim_choice what, unsigned count);
static bool        is_wanted(const struct small *small, unsigned fault);
static bool        may_happen(const struct sim_chooser *chooser, unsigned fault);
static void        on_happens(struct sim_chooser *chooser, unsigned fault);
static void        on_tell(struct sim_chooser *chooser, const char *what, int fd);
static void        on_decide(struct lane *lane, struct party *party);
static void        on_report(void *owner, const struct session_summary *summary);

void small_run(const struct small_options *options, struct choices *choices, bool is_replay,
               struct small_result *result)
{
    struct small *small = calloc(1, sizeof(*small));

    require(small != NULL);
    require(options->units <= SMALL_UNITS_MAX && options->faults <= SMALL_FAULTS_MAX);
    small->options = *options;
    small->choices = choices;
    small->is_replay = is_replay;
    setting_proxy_first(options->has_headers);
    *result = (struct small_result){0};
    small_open(small);
    do {
        result->violation = run_once(small, result);
    } while (result->violation == NULL && !is_replay && choices_next(choices));
    if (!is_replay) {
        walk(small, result);
    }
    result->states = small->visited.count;
    result->outcomes = small->outcomes.count;
    result->digest = visited_sum(&small->outcomes);
    small_close(small, result);
    free(small);
}

/* If states were taken for the same that are not, what follows from the difference was left out:
 * then a walk by chance may come upon it. */
static void walk(struct small *small, struct small_result *result)
{
    small->is_walking = true;
    small->random.state = small->options.units;
    while (result->violation == NULL && result->walks < small->options.walks) {
        size_t outcomes = small->outcomes.count;

        choices_clear(small->choices);
        result->violation = run_once(small, result);
        result->walks++;
        if (result->violation == NULL && small->outcomes.count != outcomes) {
            result->violation = "a walk came to an end that the tree does not have";
        }
    }
}

/* --- the world ------------------------------------------------------------------------------ */

static void small_open(struct small *small)
{
    struct sim_options options = {.is_readiness = small->options.is_readiness};

    small->chooser = (struct sim_chooser){.choose = on_choose,
                                          .may_happen = may_happen,
                                          .happens = on_happens,
                                          .tell = small->options.is_verbose ? on_tell : NULL};
    small->is_over = true;
    mock_set_flight_bytes(0);
    fault_number(&options.faults, options.is_readiness);
    options.faults.socket_bytes_min = small->options.socket_bytes;
    options.faults.socket_bytes_max = small->options.socket_bytes;
    small->net = sim_net_new(&options);
    sim_set_chooser(small->net, &small->chooser);
    small_plan(small);
    crew_open(&small->crew, &(struct crew_options){.net = small->net,
                                                   .snapshot = setting_init(1),
                                                   .workers = 1,
                                                   .frontends = 1,
                                                   .buffers_max = BUFFERS_MIN,
                                                   .report = on_report,
                                                   .owner = small});
    crew_turn(&small->crew, 0);
    small->rest = sim_fingerprint(small->net);
}

/* Everything that is open is closed, so that leaks show (I8); after a violation things are left as
 * they are. */
static void small_close(struct small *small, struct small_result *result)
{
    if (result->violation == NULL) {
        crew_drain(&small->crew, false);
        for (unsigned i = 0; i < TURNS_MAX && !crew_is_empty(&small->crew); i++) {
            crew_turn(&small->crew, WAIT_NS);
        }
        if (!crew_is_empty(&small->crew)) {
            result->violation = "I5: a worker does not drain";
        } else if (sim_open_fds(small->net) != 0) {
            result->violation = "I8: descriptors are left open";
        }
    }
    if (result->violation == NULL) {
        crew_close(&small->crew);
        sim_net_free(&small->net);
        setting_fini();
    }
    visited_fini(&small->visited);
    visited_fini(&small->outcomes);
}

/* Neither end is decided on what to say, nor when. */
static void small_plan(struct small *small)
{
    const struct plan_end end = {.bytes = UNDECIDED,
                                 .pause_ns = 1,
                                 .piece = UNIT_BYTES,
                                 .ending = PLAN_CLEAN,
                                 .hesitates = true};

    small->plan = (struct plan){.client = end, .server = end};
    small->plan.client.piece = UINT32_MAX;
    small->plan.client.record = UNIT_BYTES;
}

/* --- one run -------------------------------------------------------------------------------- */

static const char *run_once(struct small *small, struct small_result *result)
{
    struct lane_options options = {.net = small->net,
                                   .frontend = setting_frontend(0),
                                   .backend = setting_backend(0, 0),
                                   .proxy = setting_proxy(0),
                                   .ends_within_ns = ends_within_ns(small),
                                   .is_benign = &small->is_benign,
                                   .decide = on_decide,
                                   .plan = &small->plan};

    choices_begin(small->choices);
    sim_set_chooser(small->net, &small->chooser);
    small->faults_left = small->options.faults;
    small->happened = 0;
    small->is_benign = true;
    small->is_over = false;
    small->is_merged = false;
    small->has_client_left_early = false;
    small->session = NULL;
    lane_start(&small->lane, &options, 1, 1);
    troubles_set(&small->troubles, small->net, &small->lane, &small->crew);
    const char *violation = run_session(small);

    small->is_over = true;
    if (violation == NULL && !small->is_merged) {
        violation = check_end(small);
        result->leaves += small->is_walking ? 0 : 1;
    }
    result->merged += small->is_merged ? 1 : 0;
    if (violation != NULL && small->options.is_verbose) {
        lane_tell(&small->lane);
    }
    const char *left = violation == NULL ? come_to_rest(small) : NULL;

    return violation != NULL ? violation : left;
}

/* One silence is over when one deadline was met; there may be another before the next sign. */
static uint64_t ends_within_ns(const struct small *small)
{
    unsigned silences = small->options.faults > 0 ? small->options.faults : 1;

    return silences * setting_ends_within_ns();
}

static const char *run_session(struct small *small)
{
    unsigned idle_turns = 0;

    for (unsigned turns = 0; !lane_is_done(&small->lane) && !small->is_merged; turns++) {
        uint64_t before = sim_completions(small->net) + sim_now_ns(small->net);

        crew_turn(&small->crew, small->lane.is_reported ? WAIT_LATE_NS : WAIT_NS);
        bool is_idle = before == sim_completions(small->net) + sim_now_ns(small->net);

        idle_turns = is_idle ? idle_turns + 1 : 0;
        if (idle_turns > IDLE_TURNS_MAX || turns > TURNS_MAX) {
            return "I9: the reactor turns and turns";
        }
        if (crew_has_too_many_buffers(&small->crew)) {
            return "I7: more buffers than four a session";
        }
        if (small->choices->has_diverged) {
            return "I14: the same choices ran differently";
        }
    }
    return small->lane.violation;
}

/* The next run must find what this one found. */
static const char *come_to_rest(struct small *small)
{
    const struct crew *crew = &small->crew;

    lane_stop(&small->lane);
    troubles_clear(&small->troubles);
    crew_turn(&small->crew, 0); /* there may be mail */
    for (unsigned turns = 0; turns < TURNS_MAX; turns++) {
        const struct worker *worker = crew->workers[0].worker;

        if (!crew->is_draining && worker_sessions(worker) == 0 &&
            reactor_deferred_count(crew->workers[0].reactor) == 0 &&
            !quota_is_held(&crew->connections, sim_now_ns(small->net)) &&
            sim_fingerprint(small->net) == small->rest) {
            const char *violation = crew_violation(crew);

            return buffers_taken(worker_buffers(worker)) != 0 ? "I8: buffers are not given back"
                                                              : violation;
        }
        crew_turn(&small->crew, WAIT_NS);
    }
    return "I8: what a session used is not given back";
}

/* A session that ended has a reason, and the reason a cause. */
static const char *check_end(struct small *small)
{
    const struct lane       *lane = &small->lane;
    const struct fault_facts facts = {.faults = small->happened,
                                      .client_ended =
                                          lane->client.has_said_all || small->has_client_left_early,
                                      .server_ended = lane->server.has_said_all};

    note_outcome(small);
    if (!lane->is_reported && small->is_benign && lane->client.wire_sent > 0 &&
        !lane->client.has_aborted) {
        return "I6: a client that was connected is not served";
    }
    if (lane->is_reported && !fault_explains(&facts, lane->reason)) {
        return "I11: a session ended for a reason that it cannot have had";
    }
    return NULL;
}

static void note_outcome(struct small *small)
{
    const struct lane  *lane = &small->lane;
    const struct party *ends[] = {&lane->client, &lane->server};
    uint64_t            outcome = lane->is_reported ? lane->reason : END_REASONS_COUNT;

    outcome = sim_fingerprint_add(outcome, small->happened & fault_lasting());
    for (size_t i = 0; i < 2; i++) {
        outcome = sim_fingerprint_add(outcome, ends[i]->out->sent);
        outcome = sim_fingerprint_add(outcome, ends[i]->in->received);
        outcome = sim_fingerprint_add(outcome, (uint64_t)ends[i]->has_seen_end |
                                                   (uint64_t)ends[i]->has_seen_reset << 1);
    }
    (void)visited_enter(&small->outcomes, outcome, 0);
}

static unsigned units_sent(const struct small *small)
{
    return (unsigned)((small->lane.upload.sent + small->lane.download.sent) / UNIT_BYTES);
}

/* --- choices -------------------------------------------------------------------------------- */

/* A known state is the end of a run; so is a session's, for what follows touches nobody. */
static unsigned on_choose(struct sim_chooser *chooser, enum sim_choice what, unsigned count)
{
    struct small *small = container_of(chooser, struct small, chooser);

    if (small->lane.is_reported || lane_is_done(&small->lane)) {
        small->is_over = true;
    }
    if (small->is_over) {
        return 0;
    }
    find_session(small);
    if (small->is_walking) {
        choices_prefer(small->choices, (unsigned)random_below(&small->random, count), count);
    } else if (what == SIM_CHOICE_NEXT && !small->is_replay && choices_is_new(small->choices) &&
               !visited_enter(&small->visited, state_of(small), small->faults_left)) {
        small->is_merged = true;
        small->is_over = true;
        return 0;
    }
    return choices_take(small->choices, count);
}

/* A worker shows its sessions to nobody; the first thing that this one does is to receive. */
static void find_session(struct small *small)
{
    struct io_op *recv = sim_last_recv(small->net, CLIENT_FD);

    if (small->session == NULL && recv != NULL) {
        small->session = container_of(recv, struct session, client.recv);
    }
}

static uint64_t state_of(const struct small *small)
{
    uint64_t hash = sim_fingerprint(small->net);
    size_t   sessions = worker_sessions(small->crew.workers[0].worker);

    if (small->session != NULL && sessions > 0) {
        hash = fingerprint_session(small->session, sim_now_ns(small->net), hash);
    }
    hash = sim_fingerprint_add(hash, sim_patience_ns(small->net));
    hash = fingerprint_lane(&small->lane, hash);
    hash = sim_fingerprint_add(hash, small->happened & fault_lasting());
    hash = sim_fingerprint_add(hash, sessions);
    hash = sim_fingerprint_add(hash, reactor_put_offs(small->crew.workers[0].reactor));
    return sim_fingerprint_add(hash, (uint64_t)small->crew.is_draining |
                                         (uint64_t)small->has_client_left_early << 1);
}

static bool is_wanted(const struct small *small, unsigned fault)
{
    return small->options.only == 0 || (small->options.only >> fault & 1) != 0;
}

static bool may_happen(const struct sim_chooser *chooser, unsigned fault)
{
    const struct small *small = container_of(chooser, struct small, chooser);

    return !small->is_over && !small->lane.is_reported && is_wanted(small, fault) &&
           fault_price((enum fault)fault) <= small->faults_left &&
           troubles_can(&small->troubles, (enum fault)fault);
}

static void on_happens(struct sim_chooser *chooser, unsigned fault)
{
    struct small *small = container_of(chooser, struct small, chooser);
    struct codec *codec = small->lane.codec;

    small->faults_left -= fault_price((enum fault)fault);
    small->happened |= UINT64_C(1) << fault;
    small->is_benign = small->is_benign && !fault_breaks((enum fault)fault);
    small->has_client_left_early =
        small->has_client_left_early ||
        ((fault == FAULT_CLIENT_TRUNCATES || fault == FAULT_CLIENT_TEARS) &&
         small->lane.upload.sent == 0 &&
         !(codec_has_finished(codec) && buffer_is_empty(codec_output(codec))));
    if (chooser->tell != NULL) {
        chooser->tell(chooser, fault_name((enum fault)fault), -1);
    }
}

static void on_tell(struct sim_chooser *chooser, const char *what, int fd)
{
    struct small *small = container_of(chooser, struct small, chooser);
    double        seconds = (double)sim_now_ns(small->net) / (double)NS_PER_S;

    if (fd < 0) {
        (void)fprintf(stderr, "%14.6f %s\n", seconds, what);
    } else {
        (void)fprintf(stderr, "%14.6f %s on %s\n", seconds, what,
                      fd < CLIENT_FD    ? "the listening socket"
                      : fd == CLIENT_FD ? "the client's socket"
                                        : "the server's socket");
    }
}

/* One more unit, or the end. */
static void on_decide(struct lane *lane, struct party *party)
{
    struct small    *small = container_of(lane, struct small, lane);
    struct plan_end *plan = party->is_client ? &lane->plan.client : &lane->plan.server;
    bool             has_more = units_sent(small) < small->options.units;

    if (plan->bytes != UNDECIDED || (party->is_client && !codec_has_finished(lane->codec)) ||
        (party->is_client && !buffer_is_empty(codec_output(lane->codec)))) {
        return;
    }
    if (!has_more || sim_choose(small->net, 2) == 1) {
        plan->bytes = party->out->sent;
    }
}

static void on_report(void *owner, const struct session_summary *summary)
{
    struct small *small = owner;

    if (small->options.is_verbose) {
        lane_tell_report(summary, sim_now_ns(small->net));
    }
    if (!small->is_merged && !lane_is_done(&small->lane)) {
        lane_report(&small->lane, summary);
    }
}
