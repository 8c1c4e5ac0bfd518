#include "swarm.h"

#include "base/clock.h"

#include <stddef.h>
#include <string.h>

enum { DISTURBING_MAX = 400, BREAKING_MAX = 60, STALL_S_MAX = 20, BUFFERS_MAX = 256 };

/* Chances in a thousand: what a connection survives, and what ends it. */
static const struct {
    const char *name;
    size_t      offset;
    unsigned    max;
    bool        breaks;
} chances[] = {
    {"short-recv", offsetof(struct sim_faults, short_recv), DISTURBING_MAX, false},
    {"short-send", offsetof(struct sim_faults, short_send), DISTURBING_MAX, false},
    {"send-parts", offsetof(struct sim_faults, send_parts), DISTURBING_MAX, false},
    {"delay", offsetof(struct sim_faults, delay), DISTURBING_MAX, false},
    {"shuffle", offsetof(struct sim_faults, shuffle), DISTURBING_MAX, false},
    {"cancel-late", offsetof(struct sim_faults, cancel_late), DISTURBING_MAX, false},
    {"spurious", offsetof(struct sim_faults, spurious), DISTURBING_MAX, false},
    {"accept-exhausted", offsetof(struct sim_faults, accept_exhausted), DISTURBING_MAX, false},
    {"loss", offsetof(struct sim_faults, loss), 20, false},
    {"reset", offsetof(struct sim_faults, reset), BREAKING_MAX, true},
    {"timeout", offsetof(struct sim_faults, timeout), BREAKING_MAX, true},
    {"stall", offsetof(struct sim_faults, stall), 2, true},
    {"connect-refused", offsetof(struct sim_faults, connect_refused), BREAKING_MAX, true},
    {"connect-timeout", offsetof(struct sim_faults, connect_timeout), BREAKING_MAX, true},
    {"connect-unreachable", offsetof(struct sim_faults, connect_unreachable), BREAKING_MAX, true},
    {"socket-exhausted", offsetof(struct sim_faults, socket_exhausted), BREAKING_MAX, true},
    {"send-exhausted", offsetof(struct sim_faults, send_exhausted), BREAKING_MAX, true},
};

enum { CHANCES_COUNT = sizeof(chances) / sizeof(chances[0]) };

/* The others follow in the numbering. */
enum other {
    OTHER_SOCKETS,
    OTHER_WORKERS,
    OTHER_BUFFERS,
    OTHER_DESCRIPTORS,
    OTHER_DRAIN,
    OTHER_RELOAD,
    OTHER_CUT,
    OTHERS_COUNT
};

static const char *const others[OTHERS_COUNT] = {
    "small-sockets", "workers", "few-buffers", "few-descriptors", "drain", "reload", "cut"};

static void      draw_chances(struct swarm *swarm, struct random *random, uint64_t without);
static void      draw_sockets(struct sim_faults *faults, struct random *random, bool is_off);
static void      keep_handshakes_possible(struct sim_faults *faults);
static uint64_t  draw_if(struct random *random, unsigned percent, uint64_t min, uint64_t max,
                         bool is_off);
static bool      is_without_harm(struct swarm *swarm);
static bool      is_off(uint64_t without, enum other other);
static unsigned *chance_of(struct sim_faults *faults, size_t kind);

void swarm_draw(struct swarm *swarm, struct random *random, uint64_t sessions, uint64_t without)
{
    *swarm = (struct swarm){.is_benign = random_percent(random, 60)};
    swarm->is_readiness = random_percent(random, 50);
    draw_chances(swarm, random, without);
    draw_sockets(&swarm->faults, random, is_off(without, OTHER_SOCKETS));
    swarm->workers = 1 + (unsigned)draw_if(random, 40, 1, 3, is_off(without, OTHER_WORKERS));
    swarm->drain_after = draw_if(random, 30, 1, sessions, is_off(without, OTHER_DRAIN));
    uint64_t buffers =
        draw_if(random, 15, 2, 24, swarm->is_benign || is_off(without, OTHER_BUFFERS));
    uint64_t descriptors =
        draw_if(random, 15, 8, 32, swarm->is_benign || is_off(without, OTHER_DESCRIPTORS));

    swarm->buffers_max = buffers > 0 ? (size_t)buffers : BUFFERS_MAX;
    swarm->descriptors_max = (size_t)descriptors;
    swarm->cut_after =
        draw_if(random, 20, 1, sessions / 2 + 1, swarm->is_benign || is_off(without, OTHER_CUT));
    swarm->reload_every = draw_if(random, 30, 1, sessions, is_off(without, OTHER_RELOAD));
    swarm->is_benign = is_without_harm(swarm);
}

static void draw_chances(struct swarm *swarm, struct random *random, uint64_t without)
{
    for (size_t i = 0; i < CHANCES_COUNT; i++) {
        unsigned chance = (unsigned)draw_if(random, chances[i].breaks ? 30 : 50, 1, chances[i].max,
                                            (without >> i & 1) != 0);

        *chance_of(&swarm->faults, i) = chances[i].breaks && swarm->is_benign ? 0 : chance;
    }
    swarm->faults.delay_ns_max = NS_PER_US << random_below(random, 14);
    swarm->faults.latency_ns_max = NS_PER_US << random_below(random, 17);
    swarm->faults.stall_ns_max = random_below(random, STALL_S_MAX * NS_PER_S);
}

static void draw_sockets(struct sim_faults *faults, struct random *random, bool is_off)
{
    size_t min = (size_t)draw_if(random, 50, 1, 2000, is_off);
    size_t more = (size_t)random_below(random, 100000);

    if (min > 0) {
        faults->socket_bytes_min = min;
        faults->socket_bytes_max = min + more;
        keep_handshakes_possible(faults);
    }
}

/* A window of a few bytes on a long way is a network on which no handshake ends in time. */
static void keep_handshakes_possible(struct sim_faults *faults)
{
    const uint64_t flight_bytes = 4000;
    const uint64_t enough_ns = 4 * NS_PER_S;
    uint64_t       round_trip_ns = 2 * faults->latency_ns_max + 2 * faults->delay_ns_max +
                             (faults->loss > 0 ? 20 * NS_PER_MS : 0);
    size_t least = (size_t)(flight_bytes * round_trip_ns / enough_ns) + 1;

    if (faults->socket_bytes_min < least) {
        faults->socket_bytes_max += least - faults->socket_bytes_min;
        faults->socket_bytes_min = least;
    }
}

/* Draws as much whether it is off or not. */
static uint64_t draw_if(struct random *random, unsigned percent, uint64_t min, uint64_t max,
                        bool is_off)
{
    bool     is_on = random_percent(random, percent);
    uint64_t value = min + random_below(random, max - min + 1);

    return is_on && !is_off ? value : 0;
}

void swarm_calm(struct swarm *swarm)
{
    for (size_t i = 0; i < CHANCES_COUNT; i++) {
        if (chances[i].breaks) {
            *chance_of(&swarm->faults, i) = 0;
        }
    }
    swarm->is_benign = is_without_harm(swarm);
}

static bool is_without_harm(struct swarm *swarm)
{
    for (size_t i = 0; i < CHANCES_COUNT; i++) {
        if (chances[i].breaks && *chance_of(&swarm->faults, i) != 0) {
            return false;
        }
    }
    return swarm->descriptors_max == 0 && swarm->buffers_max == BUFFERS_MAX &&
           swarm->cut_after == 0;
}

const char *swarm_name(unsigned kind)
{
    if (kind < CHANCES_COUNT) {
        return chances[kind].name;
    }
    return kind - CHANCES_COUNT < OTHERS_COUNT ? others[kind - CHANCES_COUNT] : NULL;
}

uint64_t swarm_bit(const char *name)
{
    for (unsigned i = 0; swarm_name(i) != NULL; i++) {
        if (strcmp(swarm_name(i), name) == 0) {
            return UINT64_C(1) << i;
        }
    }
    return 0;
}

static bool is_off(uint64_t without, enum other other)
{
    return (without >> (CHANCES_COUNT + other) & 1) != 0;
}

static unsigned *chance_of(struct sim_faults *faults, size_t kind)
{
    return (unsigned *)((char *)faults + chances[kind].offset);
}
