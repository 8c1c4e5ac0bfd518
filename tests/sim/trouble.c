#include "trouble.h"

#include "base/list.h"
#include "party.h"

static void on_event(struct sim_event *event);
static void on_kill(struct mail *mail, struct reactor *reactor);
static void on_drain(struct mail *mail, struct reactor *reactor);
static void client_dies(struct troubles *troubles);
static void server_dies(struct troubles *troubles);
static void client_truncates(struct troubles *troubles);
static void client_tears(struct troubles *troubles);
static void operator_kills(struct troubles *troubles);
static void operator_drains(struct troubles *troubles);
static bool has_client(const struct troubles *troubles);
static bool has_server(const struct troubles *troubles);
static bool client_can_end(const struct troubles *troubles);
static bool has_session(const struct troubles *troubles);
static bool is_accepting(const struct troubles *troubles);

static const struct {
    enum fault fault;
    void (*act)(struct troubles *troubles);
    bool (*is_possible)(const struct troubles *troubles);
} kinds[TROUBLES_COUNT] = {
    {FAULT_CLIENT_DIES, client_dies, has_client},
    {FAULT_SERVER_DIES, server_dies, has_server},
    {FAULT_CLIENT_TRUNCATES, client_truncates, client_can_end},
    {FAULT_CLIENT_TEARS, client_tears, client_can_end},
    {FAULT_KILL, operator_kills, has_session},
    {FAULT_DRAIN, operator_drains, is_accepting},
};

void troubles_set(struct troubles *troubles, struct sim_net *net, struct lane *lane,
                  struct crew *crew)
{
    *troubles = (struct troubles){.net = net, .lane = lane, .crew = crew};
    troubles->kill.deliver = on_kill;
    troubles->drain.deliver = on_drain;
    for (size_t i = 0; i < TROUBLES_COUNT; i++) {
        struct trouble *trouble = &troubles->list[i];

        trouble->of = troubles;
        trouble->act = kinds[i].act;
        trouble->event = (struct sim_event){.run = on_event, .fault = (unsigned)kinds[i].fault};
        sim_event_at(net, &trouble->event, sim_now_ns(net));
    }
}

void troubles_clear(struct troubles *troubles)
{
    for (size_t i = 0; i < TROUBLES_COUNT; i++) {
        sim_event_clear(troubles->net, &troubles->list[i].event);
    }
}

bool troubles_can(const struct troubles *troubles, enum fault fault)
{
    for (size_t i = 0; i < TROUBLES_COUNT; i++) {
        if (kinds[i].fault == fault) {
            return kinds[i].is_possible(troubles);
        }
    }
    return true;
}

static void on_event(struct sim_event *event)
{
    struct trouble *trouble = container_of(event, struct trouble, event);

    trouble->act(trouble->of);
}

/* --- peers ------------------------------------------------------------------------------------ */

static void client_dies(struct troubles *troubles)
{
    troubles->lane->plan.client.ending = PLAN_RESET;
    party_die(&troubles->lane->client);
}

static bool has_client(const struct troubles *troubles)
{
    return troubles->lane->client.actor.endpoint != NULL;
}

static void server_dies(struct troubles *troubles)
{
    troubles->lane->plan.server.ending = PLAN_RESET;
    party_die(&troubles->lane->server);
}

static bool has_server(const struct troubles *troubles)
{
    return troubles->lane->server.actor.endpoint != NULL;
}

static void client_truncates(struct troubles *troubles)
{
    troubles->lane->plan.client.ending = PLAN_TRUNCATE;
    party_truncate(&troubles->lane->client, false);
}

static void client_tears(struct troubles *troubles)
{
    troubles->lane->plan.client.ending = PLAN_TRUNCATE;
    party_truncate(&troubles->lane->client, true);
}

static bool client_can_end(const struct troubles *troubles)
{
    const struct party *client = &troubles->lane->client;

    return has_client(troubles) && !client->has_ended &&
           sim_state(client->actor.endpoint) == SIM_OPEN;
}

/* --- the operator ----------------------------------------------------------------------------- */

static void operator_kills(struct troubles *troubles)
{
    reactor_post(troubles->crew->workers[0].reactor, &troubles->kill);
}

static bool has_session(const struct troubles *troubles)
{
    return worker_sessions(troubles->crew->workers[0].worker) > 0;
}

static void operator_drains(struct troubles *troubles)
{
    reactor_post(troubles->crew->workers[0].reactor, &troubles->drain);
}

static bool is_accepting(const struct troubles *troubles)
{
    return !troubles->crew->is_draining;
}

static void on_kill(struct mail *mail, struct reactor *reactor)
{
    (void)reactor;
    crew_cut(container_of(mail, struct troubles, kill)->crew);
}

static void on_drain(struct mail *mail, struct reactor *reactor)
{
    (void)reactor;
    crew_drain(container_of(mail, struct troubles, drain)->crew, true);
}
