#include "stage.h"

#include "base/clock.h"
#include "base/list.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

enum { FRONTEND_PORT = 4000, SERVER_PORT = 5000, READ_BYTES = 32 * 1024, SESSIONS_MAX = 64 };

#define PATIENCE_NS (600 * NS_PER_S)

static const struct config_timeouts ordinary = {.hello_ns = 5 * NS_PER_S,
                                                .handshake_ns = 10 * NS_PER_S,
                                                .connect_ns = 4 * NS_PER_S,
                                                .idle_ns = 60 * NS_PER_S,
                                                .half_closed_ns = 30 * NS_PER_S,
                                                .shutdown_ns = 30 * NS_PER_S};

struct stage stage;

static struct quota             connections;
static struct seats             seats;
static struct config            config;
static struct config_frontend   config_frontend;
static struct config_backend    config_backend;
static struct config_server     config_servers[STAGE_SERVERS_MAX];
static char                     server_names[STAGE_SERVERS_MAX][ADDRESS_TEXT_BYTES];
static struct pool_target       targets[STAGE_SERVERS_MAX];
static struct network           proxies;
static struct snapshot_frontend frontend;
static struct snapshot_backend  backend;
static struct snapshot          snapshot;

static struct worker *hire(const struct stage_options *options);
static void           set_up(const struct stage_options *options);
static uint64_t       or_ordinary(uint64_t wanted_ns, uint64_t ordinary_ns);
static struct address address_of(const char *host, unsigned port);
static void           on_report(void *owner, const struct session_summary *summary);
static void           on_empty(void *owner);
static void           on_client_ready(struct sim_actor *actor);
static void           client_take(struct stage_client *client, struct bytes bytes);
static void           on_server_accept(struct sim_service *service, struct sim_endpoint *endpoint);
static void           on_server_ready(struct sim_actor *actor);

void stage_open(const struct stage_options *options)
{
    struct error error = ERROR_OK;

    stage = (struct stage){0};
    set_up(options);
    stage.net = sim_net_new(&(struct sim_options){
        .seed = 1, .faults = options->faults, .descriptors_max = options->descriptors_max});
    stage.reactor = reactor_new(&(struct reactor_options){.name = "stage"}, &error);
    ck_assert_ptr_nonnull(stage.reactor);
    reactor_adopt(stage.reactor, sim_loop_open(stage.net));
    quota_init(&connections, options->connections != 0 ? options->connections : SESSIONS_MAX);
    seats_init(&seats);
    stage.worker = hire(options);
    stage.neighbour = options->has_neighbour ? hire(options) : NULL;
    for (unsigned i = 0; i < config_backend.servers_count; i++) {
        stage.servers[i].service.on_accept = on_server_accept;
        stage.servers[i].address = targets[i].address;
        sim_serve(stage.net, &stage.servers[i].service, &targets[i].address);
    }
    ck_assert(worker_listen(stage.worker, 0, sim_listen_fd(stage.net, &stage.address)));
}

static struct worker *hire(const struct stage_options *options)
{
    static const struct tls_ticket_keys keys;
    struct error                        error = ERROR_OK;
    struct worker_options               worker_options = {
                      .reactor = stage.reactor,
                      .snapshot = &snapshot,
                      .ticket_keys = &keys,
                      .connections = &connections,
                      .seats = options->has_neighbour ? &seats : NULL,
                      .buffers_max = options->buffers_max != 0 ? options->buffers_max : 64,
                      .report = on_report};
    struct worker *worker = worker_new(&worker_options, &error);

    ck_assert_ptr_nonnull(worker);
    return worker;
}

static void set_up(const struct stage_options *options)
{
    const struct config_timeouts *wanted = &options->timeouts;

    config_frontend = (struct config_frontend){.name = {.text = "front"},
                                               .truncation = options->truncation,
                                               .accept_proxy = options->accept_proxy,
                                               .max_connections = options->frontend_connections};
    config_backend =
        (struct config_backend){.name = {.text = "back"},
                                .balance = CONFIG_BALANCE_FIRST,
                                .retries = options->retries,
                                .send_proxy = options->send_proxy,
                                .proxy_options = options->proxy_options,
                                .servers = config_servers,
                                .servers_count = options->servers != 0 ? options->servers : 1};
    config = (struct config){
        .frontends = &config_frontend,
        .frontends_count = 1,
        .backends = &config_backend,
        .backends_count = 1,
        .timeouts = {.hello_ns = or_ordinary(wanted->hello_ns, ordinary.hello_ns),
                     .handshake_ns = or_ordinary(wanted->handshake_ns, ordinary.handshake_ns),
                     .connect_ns = or_ordinary(wanted->connect_ns, ordinary.connect_ns),
                     .idle_ns = or_ordinary(wanted->idle_ns, ordinary.idle_ns),
                     .half_closed_ns = or_ordinary(wanted->half_closed_ns, ordinary.half_closed_ns),
                     .shutdown_ns = ordinary.shutdown_ns,
                     .lifetime_ns = wanted->lifetime_ns}};
    for (unsigned i = 0; i < STAGE_SERVERS_MAX; i++) {
        targets[i] = (struct pool_target){.config = &config_servers[i],
                                          .address = address_of("10.0.0.1", SERVER_PORT + i)};
        config_servers[i] = (struct config_server){
            .address = {.text = address_text(&targets[i].address, server_names[i])}, .weight = 1};
    }
    backend = (struct snapshot_backend){.config = &config_backend, .targets = targets};
    frontend = (struct snapshot_frontend){.config = &config_frontend, .tls = {.tickets = 1}};
    if (options->accept_proxy_from != NULL) {
        const char *problem = NULL;

        ck_assert(network_parse(options->accept_proxy_from, &proxies, &problem));
        frontend.proxies = &proxies;
        frontend.proxies_count = 1;
    }
    snapshot = (struct snapshot){.config = &config, .frontends = &frontend, .backends = &backend};
    stage.address = address_of("127.0.0.1", FRONTEND_PORT);
}

const struct snapshot *stage_snapshot(void)
{
    return &snapshot;
}

static uint64_t or_ordinary(uint64_t wanted_ns, uint64_t ordinary_ns)
{
    return wanted_ns != 0 ? wanted_ns : ordinary_ns;
}

static struct address address_of(const char *host, unsigned port)
{
    struct address addresses[ADDRESSES_PER_TEXT_MAX];
    char           text[ADDRESS_TEXT_BYTES];
    const char    *problem = NULL;

    (void)snprintf(text, sizeof(text), "%s:%u", host, port);
    ck_assert_uint_eq(address_parse(text, addresses, &problem), 1);
    return addresses[0];
}

void stage_close(void)
{
    uint64_t until_ns = sim_now_ns(stage.net) + PATIENCE_NS;

    worker_drain(stage.worker, on_empty);
    (void)worker_cut(stage.worker, END_KILLED);
    if (stage.neighbour != NULL) {
        worker_drain(stage.neighbour, on_empty);
        (void)worker_cut(stage.neighbour, END_KILLED);
    }
    while (!stage.is_empty && sim_now_ns(stage.net) < until_ns) {
        reactor_turn(stage.reactor, NS_PER_S);
    }
    ck_assert(stage.is_empty);
    ck_assert_uint_eq(sim_open_fds(stage.net), 0);
    ck_assert_uint_eq(quota_left(&connections) > 0, true);
    ck_assert_uint_eq(reactor_metric(stage.reactor, METRIC_CONNECTIONS_ACTIVE), 0);
    ck_assert_uint_eq(reactor_metric(stage.reactor, METRIC_HANDSHAKES_ACTIVE), 0);
    ck_assert_uint_eq(reactor_metric(stage.reactor, METRIC_CONNECTIONS_TOTAL), stage.reports);
    worker_free(&stage.worker);
    worker_free(&stage.neighbour);
    seats_fini(&seats);
    reactor_close(stage.reactor);
    reactor_free(&stage.reactor);
    sim_net_free(&stage.net);
}

static void on_report(void *owner, const struct session_summary *summary)
{
    (void)owner;
    stage.reports++;
    stage.last = *summary;
    stage.last_name_len = summary->offered.sni.len;
    stage.last.facts = (struct tls_facts){0};
    stage.last.offered = (struct tls_offered){0};
}

static void on_empty(void *owner)
{
    (void)owner;
    stage.empty++;
    stage.is_empty = stage.neighbour == NULL || stage.empty == 2;
}

void stage_pass(uint64_t ns)
{
    uint64_t until_ns = sim_now_ns(stage.net) + ns;

    while (sim_now_ns(stage.net) < until_ns) {
        reactor_turn(stage.reactor, until_ns - sim_now_ns(stage.net));
    }
}

void stage_until_reports(unsigned count)
{
    uint64_t until_ns = sim_now_ns(stage.net) + PATIENCE_NS;

    while (stage.reports < count && sim_now_ns(stage.net) < until_ns) {
        reactor_turn(stage.reactor, NS_PER_S);
    }
    ck_assert_uint_eq(stage.reports, count);
}

/* --- clients -------------------------------------------------------------------------------- */

void stage_knock(struct stage_client *client)
{
    client->actor.on_ready = on_client_ready;
    sim_dial(stage.net, &client->actor, &stage.address);
}

void stage_dial(struct stage_client *client)
{
    uint64_t total = reactor_metric(stage.reactor, METRIC_CONNECTIONS_TOTAL);

    stage_knock(client);
    for (unsigned i = 0; i < 1000 && sim_state(client->actor.endpoint) == SIM_CONNECTING; i++) {
        reactor_turn(stage.reactor, NS_PER_MS);
    }
    ck_assert_uint_eq(reactor_metric(stage.reactor, METRIC_CONNECTIONS_TOTAL), total + 1);
}

void stage_establish(struct stage_client *client)
{
    stage_dial(client);
    client_send(client, MOCK_HELLO, "www.example.com");
    for (unsigned i = 0; i < 1000 && stage.servers[0].accepted == 0; i++) {
        reactor_turn(stage.reactor, NS_PER_MS);
    }
    ck_assert(client->is_established);
    ck_assert_uint_eq(stage.servers[0].accepted, 1);
    stage_pass(NS_PER_MS);
}

void client_send(struct stage_client *client, enum mock_type type, const char *payload)
{
    uint8_t            record[MOCK_HEAD_BYTES + 64];
    struct bytes_const bytes = {(const uint8_t *)payload, strlen(payload)};

    ck_assert_uint_le(bytes.len, 64);
    client_send_raw(client, (const char *)record, mock_record(type, bytes, record));
}

void client_send_raw(struct stage_client *client, const char *bytes, size_t len)
{
    ck_assert_uint_eq(
        sim_send(client->actor.endpoint, (struct bytes_const){(const uint8_t *)bytes, len}), len);
}

static void on_client_ready(struct sim_actor *actor)
{
    struct stage_client *client = container_of(actor, struct stage_client, actor);
    static uint8_t       memory[READ_BYTES];
    int64_t              got = SIM_NOTHING;

    if (client->is_deaf) {
        return;
    }
    do {
        got = sim_recv(actor->endpoint, (struct bytes){memory, sizeof(memory)});
        if (got > 0) {
            client_take(client, (struct bytes){memory, (size_t)got});
        }
    } while (got > 0);
    client->has_end = client->has_end || got == SIM_END;
    client->has_reset = client->has_reset || got == SIM_RESET;
}

static void client_take(struct stage_client *client, struct bytes bytes)
{
    enum mock_type type;
    struct bytes   piece;
    bool           is_end = false;

    while (mock_read(&client->reader, &bytes, &type, &piece, &is_end)) {
        ck_assert(!client->has_goodbye);
        client->bytes += type == MOCK_DATA ? piece.len : 0;
        client->has_goodbye = client->has_goodbye || type == MOCK_CLOSE;
        client->has_alert = client->has_alert || type == MOCK_ALERT;
        if (type == MOCK_FLIGHT_END && is_end && !client->is_slow) {
            client->is_established = true;
            client_send(client, MOCK_FINISHED, "");
        }
    }
    ck_assert(!client->reader.is_broken);
}

/* --- servers -------------------------------------------------------------------------------- */

static void on_server_accept(struct sim_service *service, struct sim_endpoint *endpoint)
{
    struct stage_server *server = container_of(service, struct stage_server, service);

    server->accepted++;
    server->actor.on_ready = on_server_ready;
    sim_adopt(&server->actor, endpoint);
}

static void on_server_ready(struct sim_actor *actor)
{
    struct stage_server *server = container_of(actor, struct stage_server, actor);
    static uint8_t       memory[READ_BYTES];
    int64_t              got = SIM_NOTHING;

    if (server->is_deaf) {
        return;
    }
    do {
        got = sim_recv(actor->endpoint, (struct bytes){memory, sizeof(memory)});
        if (got > 0 && server->bytes == 0) {
            server->first_bytes = (size_t)got < STAGE_FIRST_BYTES ? (size_t)got : STAGE_FIRST_BYTES;
            memcpy(server->first, memory, server->first_bytes);
        }
        server->bytes += got > 0 ? (size_t)got : 0;
    } while (got > 0);
    server->has_end = server->has_end || got == SIM_END;
    server->has_reset = server->has_reset || got == SIM_RESET;
}

void server_send(struct stage_server *server, const char *bytes)
{
    struct bytes_const piece = {(const uint8_t *)bytes, strlen(bytes)};

    ck_assert_uint_eq(sim_send(server->actor.endpoint, piece), piece.len);
}
