#include "crew.h"

#include "base/require.h"
#include "proxy/buffers.h"
#include "proxy/worker_internal.h"
#include "setting.h"

#include <stddef.h>

/* Input and output, client and server. */
enum { BUFFERS_PER_SESSION = 4 };

static void worker_begin(struct crew_worker *of);
static void on_report(void *owner, const struct session_summary *summary);
static void on_snapshot_over(void *owner, const struct snapshot *snapshot);
static void on_empty(void *owner);

void crew_open(struct crew *crew, const struct crew_options *options)
{
    struct error error = ERROR_OK;

    *crew = (struct crew){.options = *options, .workers_count = options->workers};
    require(options->frontends <= sizeof(crew->listen_fds[0]) / sizeof(crew->listen_fds[0][0]));
    quota_init(&crew->connections, CREW_CONNECTIONS_MAX);
    for (unsigned i = 0; i < crew->workers_count; i++) {
        struct crew_worker *of = &crew->workers[i];

        of->crew = crew;
        of->reactor = reactor_new(&(struct reactor_options){.name = "sim", .index = i}, &error);
        require(of->reactor != NULL);
        reactor_adopt(of->reactor, sim_loop_open(options->net));
        worker_begin(of);
    }
}

static void worker_begin(struct crew_worker *of)
{
    static const struct tls_ticket_keys keys;
    struct crew                        *crew = of->crew;
    struct error                        error = ERROR_OK;
    struct worker_options               options = {.reactor = of->reactor,
                                                   .snapshot = crew->options.snapshot,
                                                   .ticket_keys = &keys,
                                                   .connections = &crew->connections,
                                                   .sessions_max = CREW_CONNECTIONS_MAX,
                                                   .buffers_max = crew->options.buffers_max,
                                                   .report = on_report,
                                                   .snapshot_over = on_snapshot_over,
                                                   .owner = of};

    of->worker = worker_new(&options, &error);
    require(of->worker != NULL);
    of->is_empty = false;
    for (unsigned i = 0; i < crew->options.frontends; i++) {
        struct address address = setting_frontend(i);
        int            fd = sim_listen_fd(crew->options.net, &address);

        crew->listen_fds[of - crew->workers][i] = fd;
        require(worker_listen(of->worker, i, fd));
    }
}

void crew_turn(struct crew *crew, uint64_t wait_ns)
{
    for (unsigned i = 0; i < crew->workers_count; i++) {
        reactor_turn(crew->workers[i].reactor, wait_ns);
    }
    if (!crew->is_draining || !crew->begins_anew || !crew_is_empty(crew)) {
        return;
    }
    crew->is_draining = false;
    for (unsigned i = 0; i < crew->workers_count; i++) {
        worker_free(&crew->workers[i].worker);
        worker_begin(&crew->workers[i]);
    }
}

void crew_reload(struct crew *crew, const struct snapshot *snapshot)
{
    struct error error = ERROR_OK;

    require(!crew->is_draining);
    crew->options.snapshot = snapshot;
    for (unsigned i = 0; i < crew->workers_count; i++) {
        struct worker *worker = crew->workers[i].worker;

        require(worker_prepare(worker, snapshot, &error));
        worker_adopt(worker);
        crew->snapshots_replaced++;
        for (unsigned frontend = 0; frontend < crew->options.frontends; frontend++) {
            require(worker_listen(worker, frontend, crew->listen_fds[i][frontend]));
        }
    }
}

void crew_cut(struct crew *crew)
{
    for (unsigned i = 0; i < crew->workers_count; i++) {
        (void)worker_cut(crew->workers[i].worker, END_KILLED);
    }
}

void crew_drain(struct crew *crew, bool begins_anew)
{
    crew->begins_anew = begins_anew;
    if (crew->is_draining) {
        return;
    }
    crew->is_draining = true;
    for (unsigned i = 0; i < crew->workers_count; i++) {
        worker_drain(crew->workers[i].worker, on_empty);
    }
}

bool crew_is_empty(const struct crew *crew)
{
    for (unsigned i = 0; i < crew->workers_count; i++) {
        if (!crew->workers[i].is_empty) {
            return false;
        }
    }
    return true;
}

bool crew_has_too_many_buffers(const struct crew *crew)
{
    for (unsigned i = 0; i < crew->workers_count; i++) {
        const struct worker *worker = crew->workers[i].worker;

        if (buffers_taken(worker_buffers(worker)) > worker_sessions(worker) * BUFFERS_PER_SESSION) {
            return true;
        }
    }
    return false;
}

const char *crew_violation(const struct crew *crew)
{
    uint64_t accepted = 0;

    for (unsigned i = 0; i < crew->workers_count; i++) {
        const struct reactor *reactor = crew->workers[i].reactor;

        accepted += reactor_metric(reactor, METRIC_CONNECTIONS_TOTAL);
        if (reactor_metric(reactor, METRIC_CONNECTIONS_ACTIVE) != 0 ||
            reactor_metric(reactor, METRIC_HANDSHAKES_ACTIVE) != 0) {
            return "I11: something counts as active that has ended";
        }
    }
    if (accepted != crew->reported) {
        return "I11: accepted is not active and closed together";
    }
    if (quota_left(&crew->connections) != CREW_CONNECTIONS_MAX) {
        return "I8: places are not given back";
    }
    return crew->snapshots_over != crew->snapshots_replaced ? "I15: a snapshot outlived its users"
                                                            : NULL;
}

void crew_close(struct crew *crew)
{
    for (unsigned i = 0; i < crew->workers_count; i++) {
        worker_free(&crew->workers[i].worker);
        reactor_close(crew->workers[i].reactor);
        reactor_free(&crew->workers[i].reactor);
    }
}

static void on_report(void *owner, const struct session_summary *summary)
{
    struct crew *crew = ((struct crew_worker *)owner)->crew;

    crew->reported++;
    crew->options.report(crew->options.owner, summary);
}

static void on_snapshot_over(void *owner, const struct snapshot *snapshot)
{
    struct crew *crew = ((struct crew_worker *)owner)->crew;

    require(snapshot != crew->options.snapshot);
    crew->snapshots_over++;
}

static void on_empty(void *owner)
{
    ((struct crew_worker *)owner)->is_empty = true;
}
