/*
 * OpenSSL alone, in memory: what a server cannot avoid. Prints the CPU time of the server's side
 * of full and resumed handshakes (microseconds), of sealing and opening (seconds per GiB) and the
 * memory of an idle connection (KiB of PSS), as one line of JSON.
 *
 *   floor CERTIFICATE_AND_KEY.pem CIPHERSUITE [ROUNDS]
 */
#include "base/clock.h"

#include <inttypes.h>
#include <malloc.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    HANDSHAKES_DEFAULT = 500,
    FLIGHTS_MAX = 8,
    RECORD_BYTES = 16384,
    RECORDS = 8192, /* 128 MiB */
    IDLE_COUNT = 2000,
    CLOCK_CALLS = 20000
};

struct pair {
    SSL *client;
    SSL *server;
};

struct floor {
    SSL_CTX     *client;
    SSL_CTX     *server;
    SSL_SESSION *session;        /* the last one given */
    uint64_t     clock_ns;       /* what one reading of the clock costs */
    uint64_t     server_ns;      /* of the run in progress */
    unsigned     handshakes_max; /* a run */
};

static bool     open_contexts(struct floor *floor, const char *pem, const char *suite);
static int      on_session(SSL *ssl, SSL_SESSION *session);
static bool     open_pair(const struct floor *floor, struct pair *pair, SSL_SESSION *session);
static void     free_client(struct pair *pair);
static void     close_pair(struct pair *pair);
static bool     shake_hands(struct floor *floor, struct pair *pair);
static double   handshake_us(struct floor *floor, bool resumed);
static double   transfer_seconds(struct floor *floor, bool server_sends);
static double   idle_kib(struct floor *floor);
static uint64_t pss_kib(void);
static uint64_t cpu_ns(void);
static void     measure_clock(struct floor *floor);

int main(int count, char **arguments)
{
    struct floor floor = {.handshakes_max = HANDSHAKES_DEFAULT};
    double       full;
    double       resumed;

    if (count < 3 || !open_contexts(&floor, arguments[1], arguments[2])) {
        fprintf(stderr, "usage: floor CERTIFICATE_AND_KEY.pem CIPHERSUITE [HANDSHAKES]\n");
        return 2;
    }
    if (count > 3) {
        floor.handshakes_max = (unsigned)strtoul(arguments[3], NULL, 10);
    }
    measure_clock(&floor);
    (void)SSL_CTX_set_num_tickets(floor.server, 0);
    full = handshake_us(&floor, false);
    (void)SSL_CTX_set_num_tickets(floor.server, 1);
    (void)handshake_us(&floor, false);
    resumed = handshake_us(&floor, true);
    printf("{\"handshake_us\":%.2f,\"resumed_us\":%.2f,", full, resumed);
    printf("\"seal_s_per_gib\":%.4f,", transfer_seconds(&floor, true));
    printf("\"open_s_per_gib\":%.4f,", transfer_seconds(&floor, false));
    printf("\"idle_kib\":%.2f}\n", idle_kib(&floor));
    SSL_SESSION_free(floor.session);
    SSL_CTX_free(floor.client);
    SSL_CTX_free(floor.server);
    return 0;
}

static bool open_contexts(struct floor *floor, const char *pem, const char *suite)
{
    floor->client = SSL_CTX_new(TLS_client_method());
    floor->server = SSL_CTX_new(TLS_server_method());
    if (floor->client == NULL || floor->server == NULL ||
        SSL_CTX_use_certificate_chain_file(floor->server, pem) != 1 ||
        SSL_CTX_use_PrivateKey_file(floor->server, pem, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_set_ciphersuites(floor->client, suite) != 1 ||
        SSL_CTX_set_min_proto_version(floor->client, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set1_groups_list(floor->client, "X25519") != 1) {
        ERR_print_errors_fp(stderr);
        return false;
    }
    (void)SSL_CTX_set_mode(floor->server, SSL_MODE_RELEASE_BUFFERS);
    (void)SSL_CTX_set_mode(floor->client, SSL_MODE_RELEASE_BUFFERS);
    (void)SSL_CTX_set_session_cache_mode(floor->server, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_session_cache_mode(floor->client,
                                         SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(floor->client, on_session);
    return SSL_CTX_set_app_data(floor->client, floor) == 1;
}

static int on_session(SSL *ssl, SSL_SESSION *session)
{
    struct floor *floor = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    SSL_SESSION_free(floor->session);
    floor->session = session;
    return 1;
}

static bool open_pair(const struct floor *floor, struct pair *pair, SSL_SESSION *session)
{
    BIO *to_client = BIO_new(BIO_s_mem());
    BIO *to_server = BIO_new(BIO_s_mem());

    *pair = (struct pair){.client = SSL_new(floor->client), .server = SSL_new(floor->server)};
    if (pair->client == NULL || pair->server == NULL || to_client == NULL || to_server == NULL ||
        BIO_up_ref(to_client) != 1 || BIO_up_ref(to_server) != 1 ||
        (session != NULL && SSL_set_session(pair->client, session) != 1)) {
        return false;
    }
    SSL_set_bio(pair->client, to_client, to_server);
    SSL_set_bio(pair->server, to_server, to_client);
    SSL_set_connect_state(pair->client);
    SSL_set_accept_state(pair->server);
    return true;
}

/* OpenSSL never resumes the session of a connection that was freed without a goodbye. */
static void free_client(struct pair *pair)
{
    SSL_set_shutdown(pair->client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(pair->client);
}

static void close_pair(struct pair *pair)
{
    free_client(pair);
    SSL_free(pair->server);
}

static bool shake_hands(struct floor *floor, struct pair *pair)
{
    char nothing;

    for (int i = 0; i < FLIGHTS_MAX; i++) {
        uint64_t before_ns;

        (void)SSL_do_handshake(pair->client);
        before_ns = cpu_ns();
        (void)SSL_do_handshake(pair->server);
        floor->server_ns += cpu_ns() - before_ns - floor->clock_ns;
        ERR_clear_error();
        if (SSL_is_init_finished(pair->server) && SSL_is_init_finished(pair->client)) {
            (void)SSL_read(pair->client, &nothing, 1); /* takes the ticket */
            ERR_clear_error();
            return true;
        }
    }
    return false;
}

/* Making and freeing the server's SSL object belongs to a handshake's cost. */
static double handshake_us(struct floor *floor, bool resumed)
{
    floor->server_ns = 0;
    for (unsigned i = 0; i < floor->handshakes_max; i++) {
        struct pair pair;
        uint64_t    before_ns;

        if (!open_pair(floor, &pair, resumed ? floor->session : NULL) ||
            !shake_hands(floor, &pair) || SSL_session_reused(pair.server) != resumed) {
            fprintf(stderr, "floor: a handshake failed\n");
            exit(1);
        }
        free_client(&pair);
        before_ns = cpu_ns();
        SSL_free(pair.server);
        floor->server_ns += cpu_ns() - before_ns - floor->clock_ns;
    }
    return (double)floor->server_ns / (double)NS_PER_US / (double)floor->handshakes_max;
}

static double transfer_seconds(struct floor *floor, bool server_sends)
{
    static uint8_t record[RECORD_BYTES];
    struct pair    pair;
    SSL           *sender;
    SSL           *receiver;
    uint64_t       server_ns = 0;

    if (!open_pair(floor, &pair, NULL) || !shake_hands(floor, &pair)) {
        exit(1);
    }
    sender = server_sends ? pair.server : pair.client;
    receiver = server_sends ? pair.client : pair.server;
    for (int i = 0; i < RECORDS; i++) {
        uint64_t began_ns = cpu_ns();
        uint64_t sealed_ns;
        uint64_t opened_ns;

        if (SSL_write(sender, record, RECORD_BYTES) != RECORD_BYTES) {
            exit(1);
        }
        sealed_ns = cpu_ns();
        if (SSL_read(receiver, record, RECORD_BYTES) != RECORD_BYTES) {
            exit(1);
        }
        opened_ns = cpu_ns();
        server_ns +=
            (server_sends ? sealed_ns - began_ns : opened_ns - sealed_ns) - floor->clock_ns;
    }
    close_pair(&pair);
    return (double)server_ns / (double)NS_PER_S * (1024.0 * 1024 * 1024) /
           ((double)RECORDS * RECORD_BYTES);
}

/* The clients are freed, so that what is left belongs to servers that have nothing to do. */
static double idle_kib(struct floor *floor)
{
    static SSL *idle[IDLE_COUNT];
    uint64_t    before_kib;
    uint64_t    after_kib;

    (void)malloc_trim(0);
    before_kib = pss_kib();
    for (int i = 0; i < IDLE_COUNT; i++) {
        struct pair pair;

        if (!open_pair(floor, &pair, NULL) || !shake_hands(floor, &pair)) {
            exit(1);
        }
        idle[i] = pair.server;
        SSL_set_bio(pair.server, NULL, NULL);
        free_client(&pair);
    }
    (void)malloc_trim(0);
    after_kib = pss_kib();
    for (int i = 0; i < IDLE_COUNT; i++) {
        SSL_free(idle[i]);
    }
    return (double)(after_kib - before_kib) / IDLE_COUNT;
}

static uint64_t pss_kib(void)
{
    FILE    *rollup = fopen("/proc/self/smaps_rollup", "r");
    char     line[256];
    uint64_t kib = 0;

    while (rollup != NULL && fgets(line, sizeof(line), rollup) != NULL) {
        if (strncmp(line, "Pss:", 4) == 0) {
            kib = strtoull(line + 4, NULL, 10);
        }
    }
    if (rollup != NULL) {
        (void)fclose(rollup);
    }
    return kib;
}

static uint64_t cpu_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void measure_clock(struct floor *floor)
{
    uint64_t before_ns = cpu_ns();

    for (int i = 0; i < CLOCK_CALLS; i++) {
        (void)cpu_ns();
    }
    floor->clock_ns = (cpu_ns() - before_ns) / (CLOCK_CALLS + 1);
}
