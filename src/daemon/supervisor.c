/*
 *  RUNNING ── TERM, QUIT ─► DRAINING ── deadline, TERM, INT ─► CUTTING ── no session left ─► over
 *     │                        └──────────── no session left ──────────────────────────────────▲
 *     └── INT, a worker did not start ─────────────────────────────►─┘
 *
 * A reload (HUP) happens within RUNNING; one that comes while another is under way follows it.
 */
#include "daemon/supervisor.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/require.h"
#include "daemon/announce.h"
#include "daemon/cpus.h"
#include "daemon/limits.h"
#include "daemon/logging.h"
#include "daemon/revocations.h"
#include "daemon/service.h"
#include "daemon/supervisor_internal.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A crew that is cut still accepts what waits in the sockets' queues, for a fifth of a second. */
#define CUT_AGAIN_NS    (50 * NS_PER_MS)
#define PULSE_NS        NS_PER_S
#define PULSE_LEAST_NS  (500 * NS_PER_MS) /* reactors turn at least this often */
#define CONTROL_TURN_NS NS_PER_S

/* The control loop sends and receives next to nothing. */
enum {
    CONTROL_RING_ENTRIES = 64,
    CONTROL_BUFFERS = 2,
    CONTROL_TIMERS = 16 + CONTROL_CLIENTS_MAX + CONTROL_CLIENTS_ENDING_MAX,
    PULSES_PER_FEED = 4
};

static bool           open_control(struct supervisor *supervisor);
static const char    *driver_of(const struct supervisor *supervisor);
static bool           start(struct supervisor *supervisor);
static enum exit_code stop(struct supervisor *supervisor, enum exit_code code);
static uint64_t       total(const struct supervisor *supervisor, enum metric metric);
static void           on_signal(void *owner, int signal_number);
static void           on_term(struct supervisor *supervisor);
static void           cut(struct supervisor *supervisor, enum end_reason reason);
static void           on_deadline(struct timer *timer);
static void           on_empty(void *owner);
static void           on_pulse(struct timer *timer);
static bool           on_ticket_keys(void *owner, const struct tls_ticket_keys *keys);
static bool           apply(struct supervisor *supervisor, struct snapshot *snapshot);
static void           on_changed(void *owner, bool is_done);
static void           on_reloaded(struct supervisor *supervisor);
static void           on_reload_failed(struct supervisor *supervisor);
static bool           make_session_cache(struct supervisor *supervisor);
static void           on_renewal(void *owner);
static void           discard(const struct supervisor_options *options);
static unsigned       workers_of(const struct config *config);
static unsigned connections_of(const struct supervisor *supervisor, const struct snapshot *snapshot,
                               size_t sockets);
static void     tell_status(struct supervisor *supervisor);
static void     tell_ready(struct supervisor *supervisor);
static void     timer_in(struct supervisor *supervisor, struct timer *timer, uint64_t in_ns);

enum exit_code supervisor_run(const struct supervisor_options *options)
{
    struct supervisor supervisor = {.options = options,
                                    .deadline = {.due = on_deadline},
                                    .pulse = {.due = on_pulse},
                                    .connections_told = UINT64_MAX,
                                    .when_cut = EXIT_OK};
    enum exit_code    code = EXIT_OK;

    log_writer_attach(logging_writer(), LOGGING_CONTROL);
    if (!open_control(&supervisor)) {
        discard(options);
        return EXIT_RUNTIME;
    }
    listening_tell(options->listening, options->snapshot);
    announce_certificates(options->snapshot);
    announce_staples(options->snapshot);
    renewal_start(&supervisor.renewal, &renewal_of_files, supervisor.control,
                  options->snapshot->config, on_renewal, &supervisor);
    challenges_start(&supervisor.challenges, supervisor.control, options->snapshot->config,
                     options->challenges, options->owner);
    if (!start(&supervisor) || !supervisor_start_control(&supervisor)) {
        code = EXIT_RUNTIME;
        cut(&supervisor, END_KILLED);
    }
    reactor_run(supervisor.control);
    return stop(&supervisor, code);
}

/* --- beginning ---------------------------------------------------------------------------- */

static bool open_control(struct supervisor *supervisor)
{
    struct reactor_options options = {.index = supervisor->options->workers,
                                      .name = "control",
                                      .io = {.driver = driver_of(supervisor),
                                             .ring_entries = CONTROL_RING_ENTRIES,
                                             .recv_buffers = CONTROL_BUFFERS}};
    struct error           error;
    char                   why[CONFIG_PROBLEM_BYTES];

    supervisor->control = reactor_new(&options, &error);
    if (supervisor->control != NULL) {
        if (reactor_open(supervisor->control, &error) &&
            reactor_reserve_timers(supervisor->control, CONTROL_TIMERS, &error) &&
            signals_start(&supervisor->signals, reactor_loop(supervisor->control), on_signal,
                          supervisor, &error)) {
            return true;
        }
        reactor_close(supervisor->control);
    }
    reactor_free(&supervisor->control);
    log_error("the control thread cannot start: %s", error_text(&error, why, sizeof(why)));
    return false;
}

static const char *driver_of(const struct supervisor *supervisor)
{
    switch ((enum config_io)supervisor->options->snapshot->config->io) {
    case CONFIG_IO_AUTO:
        break;
    case CONFIG_IO_URING:
        return "io_uring";
    case CONFIG_IO_EPOLL:
        return "epoll";
    case CONFIG_IO_KQUEUE:
        return "kqueue";
    }
    return "auto";
}

static bool start(struct supervisor *supervisor)
{
    const struct supervisor_options *options = supervisor->options;

    if (!ticket_clock_init(&supervisor->tickets, &options->snapshot->tickets)) {
        log_error("no randomness for ticket keys");
        discard(options);
        return false;
    }
    if (!make_session_cache(supervisor)) {
        discard(options);
        return false;
    }
    supervisor->connections_max =
        connections_of(supervisor, options->snapshot, options->listening->count);
    supervisor->crew = crew_new(&(struct crew_options){
        .control = supervisor->control,
        .driver = driver_of(supervisor),
        .connections_max = supervisor->connections_max,
        .sessions_max = limits_possible(options->descriptors) + supervisor->connections_max,
        .ticket_keys = *ticket_clock_keys(&supervisor->tickets),
        .session_cache = supervisor->session_cache,
        .empty = on_empty,
        .changed = on_changed,
        .owner = supervisor});
    if (supervisor->crew == NULL) {
        log_error("out of memory");
        discard(options);
        return false;
    }
    challenges_bring(&supervisor->challenges, supervisor->crew, options->snapshot->config);
    return crew_change(supervisor->crew, options->snapshot, options->listening, options->workers);
}

static bool make_session_cache(struct supervisor *supervisor)
{
    unsigned     entries = supervisor->options->snapshot->config->session_cache;
    struct error error;
    char         why[CONFIG_PROBLEM_BYTES];

    if (entries == 0) {
        return true;
    }
    supervisor->session_cache = shared_cache_new(entries, &error);
    if (supervisor->session_cache == NULL) {
        log_error("no session cache: %s", error_text(&error, why, sizeof(why)));
    }
    return supervisor->session_cache != NULL;
}

/* What nobody took over. */
static void discard(const struct supervisor_options *options)
{
    struct snapshot *snapshot = options->snapshot;

    listening_unlink(options->listening, NULL);
    listening_close(options->listening);
    snapshot_free(&snapshot);
}

static unsigned workers_of(const struct config *config)
{
    return config->workers != 0 ? config->workers : cpus_allowed();
}

static unsigned connections_of(const struct supervisor *supervisor, const struct snapshot *snapshot,
                               size_t sockets)
{
    bool                  has_control = snapshot->config->control.socket.text[0] != '\0';
    struct limits_options limits = {.descriptors = supervisor->options->descriptors,
                                    .workers = workers_of(snapshot->config),
                                    .listeners =
                                        (unsigned)sockets + (has_control ? CONTROL_DESCRIPTORS : 0),
                                    .has_builtin = snapshot_has_builtin(snapshot),
                                    .configured = snapshot->config->max_connections};

    return limits_connections(&limits);
}

static void tell_ready(struct supervisor *supervisor)
{
    uint64_t watchdog_ns = service_watchdog_ns();

    supervisor->is_ready = true;
    log_info("ready version=%s workers=%u connections_max=%u pid=%ld", SALLYPORT_VERSION,
             crew_workers(supervisor->crew), supervisor->connections_max, (long)getpid());
    service_ready();
    supervisor->pulse_ns = PULSE_NS;
    if (watchdog_ns != 0 && watchdog_ns / PULSES_PER_FEED < PULSE_NS) {
        supervisor->pulse_ns = watchdog_ns / PULSES_PER_FEED;
    }
    if (supervisor->pulse_ns < PULSE_LEAST_NS) {
        supervisor->pulse_ns = PULSE_LEAST_NS;
    }
    timer_in(supervisor, &supervisor->pulse, supervisor->pulse_ns);
    ticket_clock_start(&supervisor->tickets, supervisor->control, on_ticket_keys, supervisor);
    tell_status(supervisor);
}

/* --- signals ------------------------------------------------------------------------------ */

static void on_signal(void *owner, int signal_number)
{
    struct supervisor *supervisor = owner;

    if (supervisor->phase == PHASE_OVER) {
        return;
    }
    switch (signal_number) {
    case SIGTERM:
        on_term(supervisor);
        break;
    case SIGINT:
        if (supervisor->phase == PHASE_DRAINING) {
            supervisor->when_cut = EXIT_CUT;
        }
        log_info("stopping at once signal=INT");
        cut(supervisor, END_KILLED);
        break;
    case SIGQUIT:
        supervisor_drain(supervisor, CLOCK_NEVER);
        break;
    case SIGUSR1:
        log_info("log files are opened anew signal=USR1");
        log_writer_reopen(logging_writer());
        break;
    case SIGHUP:
        supervisor_reload(supervisor, "signal=HUP");
        break;
    default: /* USR2 */
        log_warn("not supported yet, nothing changes signal=%s", sigabbrev_np(signal_number));
        break;
    }
}

static void on_term(struct supervisor *supervisor)
{
    if (supervisor->phase == PHASE_RUNNING) {
        supervisor_drain(supervisor, crew_snapshot(supervisor->crew)->config->timeouts.shutdown_ns);
        return;
    }
    log_info("stopping at once signal=TERM, again");
    supervisor->when_cut = EXIT_CUT;
    cut(supervisor, END_KILLED);
}

/* --- reload ------------------------------------------------------------------------------- */

/* The new configuration is made ready as a whole before anything changes: a mistake in it leaves
 * everything as it was. */
void supervisor_reload(struct supervisor *supervisor, const char *cause)
{
    const struct supervisor_options *options = supervisor->options;

    if (supervisor->phase != PHASE_RUNNING) {
        log_warn("no reload, the daemon is stopping %s", cause);
        return;
    }
    supervisor->reload_cause = cause;
    if (!supervisor->is_ready || crew_is_changing(supervisor->crew)) {
        supervisor->wants_reload = true;
        return;
    }
    supervisor->wants_reload = false;
    log_info("reloading %s", cause);
    service_reloading();
    supervisor_note_reload(supervisor);
    struct snapshot *snapshot = options->reload(options->owner);

    if (snapshot == NULL || !apply(supervisor, snapshot)) {
        on_reload_failed(supervisor);
    } else {
        renewal_look_again(&supervisor->renewal, crew_snapshot(supervisor->crew)->config);
    }
}

static bool apply(struct supervisor *supervisor, struct snapshot *snapshot)
{
    const struct config *was = crew_snapshot(supervisor->crew)->config;
    struct listening     listening;

    if (!listening_open(&listening, snapshot, workers_of(snapshot->config),
                        crew_listening(supervisor->crew))) {
        snapshot_free(&snapshot);
        return false;
    }
    if (!control_prepare(supervisor->control_socket, &snapshot->config->control)) {
        listening_abandon(&listening);
        snapshot_free(&snapshot);
        return false;
    }
    announce_what_stays(was, snapshot->config);
    renewal_aim(&supervisor->renewal, snapshot->config);
    return crew_change(supervisor->crew, snapshot, &listening, workers_of(snapshot->config));
}

/* The first change is the start. */
static void on_changed(void *owner, bool is_done)
{
    struct supervisor *supervisor = owner;

    if (supervisor->phase != PHASE_RUNNING) {
        return;
    }
    if (!supervisor->is_ready) {
        tell_ready(supervisor);
    } else if (is_done) {
        on_reloaded(supervisor);
    } else {
        on_reload_failed(supervisor);
    }
    if (is_done) {
        revocations_tell(crew_snapshot(supervisor->crew));
    }
    if (supervisor->wants_reload) {
        supervisor_reload(supervisor, supervisor->reload_cause);
    }
    if (supervisor->wants_renewal) {
        on_renewal(supervisor);
    }
}

static void on_reloaded(struct supervisor *supervisor)
{
    const struct snapshot  *snapshot = crew_snapshot(supervisor->crew);
    const struct listening *listening = crew_listening(supervisor->crew);

    listening_tell(listening, snapshot);
    announce_certificates(snapshot);
    announce_staples(snapshot);
    logging_set_level(snapshot->config);
    ticket_clock_change(&supervisor->tickets, &snapshot->tickets);
    supervisor->connections_max = connections_of(supervisor, snapshot, listening->count);
    crew_set_connections(supervisor->crew, supervisor->connections_max);
    challenges_bring(&supervisor->challenges, supervisor->crew, snapshot->config);
    supervisor->reloads++;
    control_adopt(supervisor->control_socket);
    supervisor_note_reloaded(supervisor, true);
    log_info("reloaded count=%u workers=%u connections_max=%u", supervisor->reloads,
             crew_workers(supervisor->crew), supervisor->connections_max);
    service_ready();
}

static void on_reload_failed(struct supervisor *supervisor)
{
    control_forget(supervisor->control_socket);
    supervisor_note_reloaded(supervisor, false);
    log_error("reload failed, the configuration in use stays");
    renewal_aim(&supervisor->renewal, crew_snapshot(supervisor->crew)->config);
    service_ready();
}

/* --- files -------------------------------------------------------------------------------- */

/* Watches first, along the links as they are now, and reads then: what changes in between stirs
 * again. */
static void on_renewal(void *owner)
{
    struct supervisor               *supervisor = owner;
    const struct supervisor_options *options = supervisor->options;

    if (supervisor->phase != PHASE_RUNNING) {
        return;
    }
    if (!supervisor->is_ready || crew_is_changing(supervisor->crew)) {
        supervisor->wants_renewal = true;
        return;
    }
    supervisor->wants_renewal = false;
    const struct snapshot *present = crew_snapshot(supervisor->crew);

    if (!present->config->auto_reload) {
        return;
    }
    renewal_aim(&supervisor->renewal, present->config);
    struct snapshot *snapshot = options->renew(options->owner, present);

    if (snapshot != NULL) {
        announce_changes(present, snapshot);
        if (!apply(supervisor, snapshot)) {
            log_error("what is in use stays");
        }
    }
}

/* --- ending ------------------------------------------------------------------------------- */

void supervisor_drain(struct supervisor *supervisor, uint64_t within_ns)
{
    if (supervisor->phase != PHASE_RUNNING) {
        return;
    }
    supervisor->phase = PHASE_DRAINING;
    log_info("draining connections=%llu",
             (unsigned long long)crew_metric(supervisor->crew, METRIC_CONNECTIONS_ACTIVE));
    service_stopping();
    control_reload_given_up(supervisor->control_socket);
    if (within_ns != CLOCK_NEVER) {
        timer_in(supervisor, &supervisor->deadline, within_ns);
    }
    crew_drain(supervisor->crew);
}

static void cut(struct supervisor *supervisor, enum end_reason reason)
{
    enum phase was = supervisor->phase;

    supervisor->phase = PHASE_CUTTING;
    if (was == PHASE_RUNNING) {
        service_stopping();
        control_reload_given_up(supervisor->control_socket);
    }
    if (supervisor->crew == NULL) {
        on_empty(supervisor);
        return;
    }
    timer_in(supervisor, &supervisor->deadline, CUT_AGAIN_NS);
    if (was == PHASE_RUNNING) {
        crew_drain(supervisor->crew);
    }
    crew_cut(supervisor->crew, reason);
}

static void on_deadline(struct timer *timer)
{
    struct supervisor *supervisor = container_of(timer, struct supervisor, deadline);

    if (supervisor->phase == PHASE_DRAINING) {
        log_warn("the drain took too long, what is left is cut connections=%llu",
                 (unsigned long long)crew_metric(supervisor->crew, METRIC_CONNECTIONS_ACTIVE));
        supervisor->when_cut = EXIT_CUT;
    }
    cut(supervisor, END_DRAINED);
}

static void on_empty(void *owner)
{
    struct supervisor *supervisor = owner;

    supervisor->phase = PHASE_OVER; /* signals may come in the same turn yet */
    reactor_timer_clear(supervisor->control, &supervisor->deadline);
    reactor_stop(supervisor->control);
}

/* Receipts of the crew's last orders may still be in the control reactor's mailbox, so the crew
 * goes after its last turn. */
static enum exit_code stop(struct supervisor *supervisor, enum exit_code code)
{
    control_stop(supervisor->control_socket);
    size_t   cut_count = supervisor->crew != NULL ? crew_stop(supervisor->crew) : 0;
    uint64_t connections = total(supervisor, METRIC_CONNECTIONS_TOTAL);
    uint64_t probes = total(supervisor, METRIC_PROBES);

    reactor_timer_clear(supervisor->control, &supervisor->pulse);
    ticket_clock_stop(&supervisor->tickets);
    signals_stop(&supervisor->signals);
    renewal_stop(&supervisor->renewal);
    challenges_stop(&supervisor->challenges);
    while (!signals_is_over(&supervisor->signals) || !renewal_is_over(&supervisor->renewal) ||
           !challenges_is_over(&supervisor->challenges) ||
           !control_is_over(supervisor->control_socket)) {
        reactor_turn(supervisor->control, CONTROL_TURN_NS);
    }
    if (supervisor->crew != NULL) {
        listening_unlink(crew_listening(supervisor->crew), NULL);
    }
    control_free(&supervisor->control_socket);
    crew_free(&supervisor->crew);
    shared_cache_free(&supervisor->session_cache);
    reactor_close(supervisor->control);
    reactor_free(&supervisor->control);
    log_info("stopped cut=%zu connections=%llu probes=%llu", cut_count,
             (unsigned long long)connections, (unsigned long long)probes);
    return code == EXIT_OK && cut_count > 0 ? supervisor->when_cut : code;
}

static uint64_t total(const struct supervisor *supervisor, enum metric metric)
{
    return supervisor->crew != NULL ? crew_metric(supervisor->crew, metric) : 0;
}

/* --- pulse -------------------------------------------------------------------------------- */

static void on_pulse(struct timer *timer)
{
    struct supervisor *supervisor = container_of(timer, struct supervisor, pulse);

    if (crew_is_alive(supervisor->crew)) {
        service_feed_watchdog();
    }
    tell_status(supervisor);
    timer_in(supervisor, timer, supervisor->pulse_ns);
}

static void tell_status(struct supervisor *supervisor)
{
    uint64_t connections = crew_metric(supervisor->crew, METRIC_CONNECTIONS_ACTIVE);
    char     status[96];

    if (connections == supervisor->connections_told) {
        return;
    }
    supervisor->connections_told = connections;
    (void)snprintf(status, sizeof(status), "%llu connections, %u workers%s",
                   (unsigned long long)connections, crew_workers(supervisor->crew),
                   supervisor->phase == PHASE_RUNNING ? "" : ", draining");
    service_status(status);
}

static bool on_ticket_keys(void *owner, const struct tls_ticket_keys *keys)
{
    struct supervisor *supervisor = owner;

    return crew_set_ticket_keys(supervisor->crew, keys);
}

static void timer_in(struct supervisor *supervisor, struct timer *timer, uint64_t in_ns)
{
    reactor_timer_set(supervisor->control, timer, reactor_now_ns(supervisor->control) + in_ns);
}
