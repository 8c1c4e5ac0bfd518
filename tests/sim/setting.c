#include "setting.h"

#include "base/clock.h"
#include "base/require.h"
#include "setting_tls.h"

#include <stdio.h>

enum { LANES_MAX = 16, FRONTEND_PORT = 4000, BACKEND_PORT = 5000, NAME_BYTES = 8 };

static const struct config_timeouts timeouts = {
    .hello_ns = 5 * NS_PER_S,
    .handshake_ns = 10 * NS_PER_S,
    .connect_ns = 5 * NS_PER_S,
    .idle_ns = 60 * NS_PER_S,
    .half_closed_ns = 30 * NS_PER_S,
    .shutdown_ns = 30 * NS_PER_S,
};

static struct config            config;
static struct config_frontend   config_frontends[LANES_MAX];
static struct config_backend    config_backends[LANES_MAX];
static struct config_server     config_servers[LANES_MAX];
static struct snapshot_frontend frontends[LANES_MAX];
static char                     names[LANES_MAX][NAME_BYTES];

static struct edition {
    struct snapshot         snapshot;
    struct pool_target      targets[LANES_MAX];
    struct snapshot_backend backends[LANES_MAX];
} editions[SETTING_EDITIONS_MAX];

static unsigned editions_count;
static bool     is_first_proxied;

/* Every client of the simulator is believed. */
static struct network everyone = {.family = AF_INET};

static struct address address_of(const char *host, unsigned port);

struct setting_proxy setting_proxy(unsigned lane)
{
    static const struct setting_proxy kinds[] = {
        {CONFIG_ACCEPT_PROXY_OFF, CONFIG_SEND_PROXY_OFF},
        {CONFIG_ACCEPT_PROXY_REQUIRED, CONFIG_SEND_PROXY_V2},
        {CONFIG_ACCEPT_PROXY_OFF, CONFIG_SEND_PROXY_V1},
        {CONFIG_ACCEPT_PROXY_OPTIONAL, CONFIG_SEND_PROXY_OFF}};

    return kinds[lane == 0 && is_first_proxied ? 1 : lane % (sizeof(kinds) / sizeof(kinds[0]))];
}

void setting_proxy_first(bool has_both)
{
    is_first_proxied = has_both;
}

const struct snapshot *setting_init(unsigned lanes)
{
    require(lanes <= LANES_MAX);
    config = (struct config){.timeouts = timeouts,
                             .frontends = config_frontends,
                             .frontends_count = lanes,
                             .backends = config_backends,
                             .backends_count = lanes};
    for (unsigned i = 0; i < lanes; i++) {
        (void)snprintf(names[i], NAME_BYTES, "%u", i);
        config_frontends[i] = (struct config_frontend){.name = {.text = names[i]},
                                                       .accept_proxy = setting_proxy(i).accept};
        config_servers[i] = (struct config_server){.address = {.text = names[i]}, .weight = 1};
        config_backends[i] =
            (struct config_backend){.name = {.text = names[i]},
                                    .servers = &config_servers[i],
                                    .servers_count = 1,
                                    .send_proxy = setting_proxy(i).send,
                                    .proxy_options = CONFIG_PROXY_SSL | CONFIG_PROXY_CRC32C};
        frontends[i] = (struct snapshot_frontend){
            .config = &config_frontends[i], .backend = i, .proxies = &everyone, .proxies_count = 1};
        setting_tls_init(&frontends[i].tls);
    }
    editions_count = 0;
    return setting_again();
}

const struct snapshot *setting_again(void)
{
    struct edition *edition = &editions[editions_count];

    require(editions_count < SETTING_EDITIONS_MAX);
    edition->snapshot =
        (struct snapshot){.config = &config, .frontends = frontends, .backends = edition->backends};
    for (unsigned i = 0; i < config.backends_count; i++) {
        edition->targets[i] = (struct pool_target){.config = &config_servers[i],
                                                   .address = setting_backend(i, editions_count)};
        edition->backends[i] = (struct snapshot_backend){.config = &config_backends[i],
                                                         .targets = &edition->targets[i]};
    }
    editions_count++;
    return &edition->snapshot;
}

void setting_fini(void)
{
    setting_tls_fini();
}

uint64_t setting_ends_within_ns(void)
{
    return timeouts.idle_ns + NS_PER_S;
}

struct address setting_frontend(unsigned lane)
{
    return address_of("127.0.0.1", FRONTEND_PORT + lane);
}

struct address setting_backend(unsigned lane, unsigned edition)
{
    return address_of("10.0.0.1", BACKEND_PORT + lane + LANES_MAX * edition);
}

static struct address address_of(const char *host, unsigned port)
{
    struct address addresses[ADDRESSES_PER_TEXT_MAX];
    char           text[ADDRESS_TEXT_BYTES];
    const char    *problem = NULL;

    (void)snprintf(text, sizeof(text), "%s:%u", host, port);
    require(address_parse(text, addresses, &problem) == 1);
    return addresses[0];
}
