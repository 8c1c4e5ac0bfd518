#include "plan.h"

#include "base/clock.h"

/* All pauses together stay below the shortest timeout, 5 s for a hello: slow is not dead. */
enum { BYTES_MAX = 300 * 1000, MOCK_WIRE_BYTES = 40, HANDSHAKE_WIRE_BYTES = 800, PAUSES_MAX = 10 };
#define PAUSE_NS_MAX (300 * NS_PER_MS)

static void             draw_end(struct plan_end *end, struct random *random);
static enum plan_ending draw_ending(struct random *random);

void plan_draw(struct plan *plan, struct random *random)
{
    draw_end(&plan->client, random);
    draw_end(&plan->server, random);
    if (plan->server.ending == PLAN_TRUNCATE) {
        plan->server.ending = PLAN_CLEAN; /* a plain FIN is a clean end */
    }
    plan->server_refuses = random_percent(random, 3);
    plan->header =
        random_percent(random, 5) ? PLAN_HEADER_BROKEN : (enum plan_header)random_below(random, 3);
    plan->client.key_updates = random_percent(random, 10) ? (uint8_t)random_below(random, 40) : 0;
}

static void draw_end(struct plan_end *end, struct random *random)
{
    *end = (struct plan_end){
        .bytes = random_size(random, BYTES_MAX),
        .pause_ns = random_percent(random, 20) ? random_below(random, PAUSE_NS_MAX) : 0,
        .piece = 1 + (uint32_t)random_size(random, 70000),
        .ending = draw_ending(random),
        .reading = random_percent(random, 80)   ? PLAN_READ_EAGERLY
                   : random_percent(random, 50) ? PLAN_READ_SLOWLY
                                                : PLAN_READ_STOPS,
        .start = (enum plan_start)random_below(random, 3),
        .ends_last = random_percent(random, 40),
        .leaves = random_percent(random, 10),
    };
    end->abort_at = random_below(
        random, end->bytes + (random_percent(random, 50) ? MOCK_WIRE_BYTES : HANDSHAKE_WIRE_BYTES));
    end->read_stop_at = random_below(random, BYTES_MAX);
    if (end->piece < 64 && end->bytes > 20000) {
        end->bytes %= 20000; /* byte by byte, but not for ever */
    }
    if (end->pause_ns > 0 && end->piece < (end->bytes + HANDSHAKE_WIRE_BYTES) / PAUSES_MAX) {
        end->piece = (uint32_t)(end->bytes + HANDSHAKE_WIRE_BYTES) / PAUSES_MAX;
    }
}

static enum plan_ending draw_ending(struct random *random)
{
    uint64_t chance = random_below(random, 100);

    if (chance < 70) {
        return PLAN_CLEAN;
    }
    if (chance < 80) {
        return PLAN_TRUNCATE;
    }
    return chance < 93 ? PLAN_RESET : PLAN_SILENT;
}

bool plan_is_honest(const struct plan *plan)
{
    const struct plan_end *client = &plan->client;
    const struct plan_end *server = &plan->server;
    bool server_waits = server->ends_last || server->start == PLAN_START_AFTER_END ||
                        (server->start == PLAN_START_AFTER_FIRST_BYTE && client->bytes == 0);

    return client->ending == PLAN_CLEAN && server->ending == PLAN_CLEAN &&
           client->reading != PLAN_READ_STOPS && server->reading != PLAN_READ_STOPS &&
           !client->leaves && !server->leaves && !plan->server_refuses &&
           !(client->ends_last && server_waits);
}
