#include "fault.h"

#include "base/require.h"

#include <stddef.h>
#include <string.h>

enum { NOWHERE = SIZE_MAX };
enum model { ANY, COMPLETION, READINESS };

#define ENDS(name) (UINT32_C(1) << END_##name)
#define AT(field)  offsetof(struct sim_faults, field)

/* Deadlines that a silent peer, or a network that carries nothing, lets pass. */
#define ENDS_LATE                                                                                  \
    (ENDS(PROXY_HEADER_INVALID) | ENDS(HELLO_TIMEOUT) | ENDS(HS_TIMEOUT) | ENDS(IDLE_TIMEOUT) |    \
     ENDS(HALF_CLOSED_TIMEOUT) | ENDS(CONNECT_TIMEOUT))

static const struct {
    const char *name;
    size_t      at; /* in sim_faults */
    enum model  model;
    unsigned    price;
    bool        breaks;
    uint32_t    ends; /* reasons it may be the cause of */
} kinds[FAULTS_COUNT] = {
    [FAULT_NONE] = {"none", NOWHERE, ANY, 0, false, 0},
    [FAULT_SHORT_RECV] = {"short-recv", AT(short_recv), ANY, 1, false, 0},
    [FAULT_SHORT_SEND] = {"short-send", AT(short_send), ANY, 1, false, 0},
    [FAULT_SEND_PARTS] = {"send-parts", AT(send_parts), COMPLETION, 1, false, 0},
    [FAULT_SPURIOUS] = {"spurious", AT(spurious), READINESS, 1, false, 0},
    [FAULT_BLOCKED] = {"blocked", AT(blocked), READINESS, 0, false, 0},
    [FAULT_CANCEL_LATE] = {"cancel-late", AT(cancel_late), COMPLETION, 0, false, 0},
    [FAULT_LOSS] = {"loss", AT(loss), ANY, 1, false, 0},
    [FAULT_ACCEPT_EXHAUSTED] = {"accept-exhausted", AT(accept_exhausted), ANY, 1, false, 0},
    [FAULT_RESET] = {"reset", AT(reset), ANY, 1, true, ENDS(CLIENT_RESET) | ENDS(SERVER_RESET)},
    [FAULT_TIMEOUT] = {"timeout", AT(timeout), ANY, 1, true,
                       ENDS(CLIENT_RESET) | ENDS(SERVER_RESET) | ENDS_LATE},
    [FAULT_CONNECT_REFUSED] = {"connect-refused", AT(connect_refused), ANY, 1, true,
                               ENDS(CONNECT_REFUSED)},
    [FAULT_CONNECT_TIMEOUT] = {"connect-timeout", AT(connect_timeout), ANY, 1, true,
                               ENDS(CONNECT_TIMEOUT)},
    [FAULT_CONNECT_UNREACHABLE] = {"connect-unreachable", AT(connect_unreachable), ANY, 1, true,
                                   ENDS(CONNECT_UNREACHABLE)},
    [FAULT_SOCKET_EXHAUSTED] = {"socket-exhausted", AT(socket_exhausted), ANY, 1, true,
                                ENDS(RESOURCE)},
    [FAULT_SEND_EXHAUSTED] = {"send-exhausted", AT(send_exhausted), ANY, 1, true,
                              ENDS(CLIENT_RESET) | ENDS(SERVER_RESET)},
    [FAULT_SILENCE] = {"silence", AT(stall), ANY, 1, true, ENDS_LATE},
    [FAULT_CLIENT_DIES] = {"client-dies", NOWHERE, ANY, 1, false, ENDS(CLIENT_RESET)},
    [FAULT_SERVER_DIES] = {"server-dies", NOWHERE, ANY, 1, false, ENDS(SERVER_RESET)},
    [FAULT_CLIENT_TRUNCATES] = {"client-truncates", NOWHERE, ANY, 1, false,
                                ENDS(TLS_TRUNCATED) | ENDS(PROXY_HEADER_INVALID)},
    [FAULT_CLIENT_TEARS] = {"client-tears", NOWHERE, ANY, 1, false,
                            ENDS(TLS_TRUNCATED) | ENDS(PROXY_HEADER_INVALID)},
    [FAULT_KILL] = {"kill", NOWHERE, ANY, 1, true, ENDS(KILLED)},
    [FAULT_DRAIN] = {"drain", NOWHERE, ANY, 1, false, 0},
};

void fault_number(struct sim_faults *faults, bool is_readiness)
{
    enum model other = is_readiness ? COMPLETION : READINESS;

    for (unsigned i = 0; i < FAULTS_COUNT; i++) {
        if (kinds[i].at != NOWHERE && kinds[i].model != other) {
            *(unsigned *)(void *)((char *)faults + kinds[i].at) = i;
        }
    }
}

const char *fault_name(enum fault fault)
{
    require(fault < FAULTS_COUNT);
    return kinds[fault].name;
}

enum fault fault_named(const char *name)
{
    for (unsigned i = 0; i < FAULTS_COUNT; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return (enum fault)i;
        }
    }
    return FAULT_NONE;
}

unsigned fault_price(enum fault fault)
{
    require(fault < FAULTS_COUNT);
    return kinds[fault].price;
}

bool fault_breaks(enum fault fault)
{
    require(fault < FAULTS_COUNT);
    return kinds[fault].breaks;
}

uint64_t fault_lasting(void)
{
    uint64_t lasting = UINT64_C(1) << FAULT_DRAIN;

    for (unsigned i = 0; i < FAULTS_COUNT; i++) {
        lasting |= kinds[i].ends != 0 ? UINT64_C(1) << i : 0;
    }
    return lasting;
}

bool fault_explains(const struct fault_facts *facts, enum end_reason reason)
{
    uint32_t legal = (facts->client_ended ? ENDS(CLIENT_CLOSE) : 0) |
                     (facts->server_ended ? ENDS(SERVER_CLOSE) : 0);

    for (unsigned i = 0; i < FAULTS_COUNT; i++) {
        legal |= (facts->faults >> i & 1) != 0 ? kinds[i].ends : 0;
    }
    return (legal >> reason & 1) != 0;
}
