/*
 * A worker on the simulator, with the mock of room tls: one frontend, one backend of up to three
 * servers, clients and servers that do what a test tells them, and virtual time.
 *
 *     stage_open(&(struct stage_options){0});
 *     stage_establish(&client);             // dialled, shaken hands, connected to a server
 *     client_send(&client, MOCK_DATA, "x"); // one thing happens
 *     stage_pass(NS_PER_MS);
 *     ck_assert(...);                       // stage.reports, client.has_goodbye, server.bytes
 *     stage_close();                        // drains; nothing may be left
 */
#ifndef SALLYPORT_TESTS_STAGE_H
#define SALLYPORT_TESTS_STAGE_H

#include "driver_sim.h"
#include "engine_mock.h"
#include "proxy/worker.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STAGE_SERVERS_MAX = 3, STAGE_CLIENTS_MAX = 64, STAGE_FIRST_BYTES = 1024 };

/* Zeroes are: a perfect network, ordinary timeouts, one server, no limits in the way. */
struct stage_options {
    struct sim_faults      faults;
    size_t                 descriptors_max;
    struct config_timeouts timeouts; /* each 0: 5 s, 10 s, 4 s, 60 s, 30 s, and no lifetime */
    int                    truncation;
    unsigned               connections; /* 0: 64 */
    unsigned               frontend_connections;
    size_t                 buffers_max; /* 0: 64 */
    unsigned               servers;
    unsigned               retries;
    int                    accept_proxy;      /* enum config_accept_proxy */
    const char            *accept_proxy_from; /* one network; NULL: none */
    int                    send_proxy;        /* enum config_send_proxy */
    unsigned               proxy_options;
    bool                   has_neighbour;
};

struct stage_client {
    struct sim_actor   actor;
    struct mock_reader reader;
    bool               is_slow; /* does not answer the server's flight */
    bool               is_deaf; /* reads nothing */
    bool               is_established;
    size_t             bytes; /* of application data */
    bool               has_goodbye, has_alert, has_end, has_reset;
};

struct stage_server {
    struct sim_service service;
    struct sim_actor   actor;
    struct address     address;
    unsigned           accepted;
    size_t             bytes;
    size_t             first_bytes; /* of those, what came with the first receive */
    char               first[STAGE_FIRST_BYTES];
    bool               is_deaf;
    bool               has_end, has_reset;
};

struct stage {
    struct sim_net        *net;
    struct reactor        *reactor;
    struct worker         *worker;
    struct worker         *neighbour; /* without a socket, on the same reactor; or NULL */
    struct address         address;   /* clients dial it */
    struct stage_server    servers[STAGE_SERVERS_MAX];
    unsigned               reports;
    struct session_summary last; /* of the session that was reported last; its facts are gone */
    size_t                 last_name_len; /* of the name its client offered */
    unsigned               empty;         /* workers that have drained */
    bool                   is_empty;
};

extern struct stage stage;

void                   stage_open(const struct stage_options *options);
const struct snapshot *stage_snapshot(void);
/* Ends what is left; fails when anything remains: sessions, descriptors, buffers. */
void stage_close(void);

/* Virtual time goes on by this much. */
void stage_pass(uint64_t ns);
/* ... until `count` sessions were reported; fails after ten virtual minutes. */
void stage_until_reports(unsigned count);

/* A client dials, whether or not anyone will accept. */
void stage_knock(struct stage_client *client);
/* ... and its connection is accepted. */
void stage_dial(struct stage_client *client);
/* ... and its session is relaying, with a server that accepted. */
void stage_establish(struct stage_client *client);

/* One record, with a string as its payload. */
void client_send(struct stage_client *client, enum mock_type type, const char *payload);
void client_send_raw(struct stage_client *client, const char *bytes, size_t len);

/* Sends the string as it is. */
void server_send(struct stage_server *server, const char *bytes);

#endif
