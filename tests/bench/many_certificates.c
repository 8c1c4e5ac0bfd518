/*
 * What many certificates cost: to load a directory of them, to load it again unchanged, in memory,
 * and in handshakes. Prints one line of JSON; times are CPU time of this thread.
 *
 *   bench-many-certificates [COUNT [staples]]
 *
 * Each file has a leaf with an EC key and the issuer that all share; with `staples` there is an
 * OCSP answer beside each. Handshakes are full ones in TLS 1.3, the server's side alone; `cold` is
 * the first with each certificate, which parses it.
 */
#include "authority.h"
#include "base/clock.h"
#include "base/require.h"
#include "proxy/snapshot.h"
#include "responder.h"
#include "tls/client.h"
#include "tls/context.h"
#include "tls/engine.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    COUNT_DEFAULT = 10000,
    WIRE_BYTES = 64 * 1024,
    NAME_BYTES = 64,
    PATH_BYTES = 128,
    CONFIG_BYTES = 1024,
    FLIGHTS_MAX = 8,
    SETTLE_US = 1200000, /* files younger than a second are read again */
};

struct end {
    struct tls_engine engine;
    struct buffer     wire;
    uint8_t           memory[WIRE_BYTES];
};

struct bench {
    char                      directory[NAME_BYTES];
    size_t                    count;
    bool                      has_staples;
    struct certificate_store *store;
    struct snapshot          *snapshot;
    struct tls_library       *library; /* a worker's */
    struct tls_context       *server;
    struct tls_context       *client;
    uint64_t                  server_ns; /* of the run in progress */
};

static void   write_files(const struct bench *bench);
static void   write_file(const struct bench *bench, size_t index, const struct credential *issuer);
static void   write_text(const char *path, const char *suffix, char *text);
static void   path_of(const struct bench *bench, size_t index, char into[static PATH_BYTES]);
static double load(struct bench *bench);
static double open_contexts(struct bench *bench);
static double handshakes_us(struct bench *bench, size_t first, size_t names, size_t count);
static void   shake_hands(struct bench *bench, const char *name);
static bool   step(struct end *end, struct end *from);
static void   end_open(struct end *end, const struct tls_context *context, enum tls_role role);
static void   close_all(struct bench *bench);
static uint64_t cpu_ns(void);
static double   heap_kib(void);

int main(int arguments_count, char **arguments)
{
    struct bench bench = {.count = COUNT_DEFAULT};
    struct error error;
    double       loads_ms[2];

    if (arguments_count > 1) {
        bench.count = strtoul(arguments[1], NULL, 10);
    }
    bench.has_staples = arguments_count > 2 && strcmp(arguments[2], "staples") == 0;
    require(bench.count > 0);
    (void)snprintf(bench.directory, sizeof(bench.directory), "/tmp/sallyport-bench-XXXXXX");
    require(mkdtemp(bench.directory) != NULL);
    write_files(&bench);
    (void)usleep(SETTLE_US);
    bench.store = certificate_store_new(&error);
    require(bench.store != NULL);
    double heap_before = heap_kib();

    for (size_t i = 0; i < 2; i++) {
        loads_ms[i] = load(&bench);
    }
    double heap_loaded = heap_kib();
    double context_ms = open_contexts(&bench);
    double heap_opened = heap_kib();
    double one_us = handshakes_us(&bench, 0, 1, bench.count < 1000 ? bench.count : 1000);
    double cold_us = handshakes_us(&bench, 1, bench.count, bench.count - 1);
    double warm_us = handshakes_us(&bench, 0, bench.count, bench.count);

    (void)printf("{\"certificates\": %zu, \"load_ms\": %.1f, \"unchanged_ms\": %.1f, "
                 "\"context_ms\": %.2f, \"stored_kib_each\": %.2f, \"parsed_kib_each\": %.2f, "
                 "\"handshake_one_us\": %.1f, \"handshake_cold_us\": %.1f, "
                 "\"handshake_warm_us\": %.1f}\n",
                 bench.count, loads_ms[0], loads_ms[1], context_ms,
                 (heap_loaded - heap_before) / (double)bench.count,
                 (heap_kib() - heap_opened) / (double)bench.count, one_us, cold_us, warm_us);
    close_all(&bench);
    return 0;
}

static void write_files(const struct bench *bench)
{
    struct credential issuer = authority_make(NULL, "issuer");

    for (size_t i = 0; i < bench->count; i++) {
        write_file(bench, i, &issuer);
    }
    credential_fini(&issuer);
}

static void write_file(const struct bench *bench, size_t index, const struct credential *issuer)
{
    char name[NAME_BYTES], path[PATH_BYTES];

    (void)snprintf(name, sizeof(name), "n%zu.example.org", index);
    path_of(bench, index, path);
    struct credential leaf = credential_make(
        issuer, &(struct credential_options){.subject = {{.kind = NID_commonName, .bytes = "n"}},
                                             .names = {{.kind = GEN_DNS, .bytes = name}},
                                             .ends_days = 2});

    write_text(path, "", credential_pem_with_key(&leaf, issuer));
    if (bench->has_staples) {
        struct bytes der = answer_make(&(struct answer_options){.issuer = issuer, .about = &leaf});

        write_text(path, STAPLE_SUFFIX, answer_pem(der));
        free(der.data);
    }
    credential_fini(&leaf);
}

/* Takes the text. */
static void write_text(const char *path, const char *suffix, char *text)
{
    char  whole[PATH_BYTES + 8];
    FILE *file = NULL;

    (void)snprintf(whole, sizeof(whole), "%s%s", path, suffix);
    file = fopen(whole, "w");
    require(file != NULL && fputs(text, file) >= 0);
    require(fclose(file) == 0);
    free(text);
}

static void path_of(const struct bench *bench, size_t index, char into[static PATH_BYTES])
{
    (void)snprintf(into, PATH_BYTES, "%s/n%08zu.pem", bench->directory, index);
}

/* The first time they are read, then they are there. */
static double load(struct bench *bench)
{
    struct config_report report = {0};
    char                 text[CONFIG_BYTES];
    uint64_t             begun_ns = cpu_ns();

    (void)snprintf(
        text, sizeof(text),
        "frontends = ( { listen = \"127.0.0.1:0\"; backend = \"b\"; pem-dir = \"%s\"; } );"
        "backends = ( { name = \"b\"; servers = ( { address = \"builtin:echo\"; } ); } );",
        bench->directory);
    struct config   *config = config_load_text(text, "bench", &report);
    struct snapshot *snapshot = snapshot_build(&config, bench->store, &report);

    require(snapshot != NULL && snapshot->certificates.count == bench->count);
    require(snapshot->staples.count == (bench->has_staples ? bench->count : 0));
    snapshot_free(&bench->snapshot);
    bench->snapshot = snapshot;
    config_report_fini(&report);
    return (double)(cpu_ns() - begun_ns) / NS_PER_MS;
}

static double open_contexts(struct bench *bench)
{
    struct tls_context_options options = {.role = TLS_FOR_CLIENT,
                                          .policy = TLS_POLICY_INTERMEDIATE};
    char                       memory[TLS_PROBLEM_BYTES];
    struct text                problem;
    struct error               error;

    text_init(&problem, memory, sizeof(memory));
    bench->library = tls_library_new(&error);
    require(bench->library != NULL);
    bench->client = tls_context_new(bench->library, &options, &problem);
    uint64_t begun_ns = cpu_ns();

    bench->server = tls_context_new(bench->library, &bench->snapshot->frontends[0].tls, &problem);
    require(bench->client != NULL && bench->server != NULL);
    return (double)(cpu_ns() - begun_ns) / NS_PER_MS;
}

/* `count` of them, for the names from `first` on, going round after `names`. */
static double handshakes_us(struct bench *bench, size_t first, size_t names, size_t count)
{
    bench->server_ns = 0;
    for (size_t i = 0; i < count; i++) {
        char name[NAME_BYTES];

        (void)snprintf(name, sizeof(name), "n%zu.example.org", (first + i) % names);
        shake_hands(bench, name);
    }
    return count == 0 ? 0 : (double)bench->server_ns / (double)count / 1000;
}

static void shake_hands(struct bench *bench, const char *name)
{
    static struct end server, client;
    bool              is_client_done = false;
    bool              is_server_done = false;
    uint64_t          begun_ns = cpu_ns();

    end_open(&server, bench->server, TLS_SERVER);
    bench->server_ns += cpu_ns() - begun_ns;
    end_open(&client, bench->client, TLS_CLIENT);
    require(tls_client_ask(&client.engine, name, (struct bytes_const){0}));
    for (int i = 0; i < FLIGHTS_MAX && !(is_client_done && is_server_done); i++) {
        is_client_done = step(&client, &server);
        begun_ns = cpu_ns();
        is_server_done = step(&server, &client);
        bench->server_ns += cpu_ns() - begun_ns;
    }
    require(is_client_done && is_server_done);
    tls_engine_fini(&client.engine);
    begun_ns = cpu_ns();
    tls_engine_fini(&server.engine);
    bench->server_ns += cpu_ns() - begun_ns;
}

static bool step(struct end *end, struct end *from)
{
    struct bytes_const wire = buffer_readable(&from->wire);

    tls_engine_feed(&end->engine, wire);
    enum tls_next next = tls_engine_handshake(&end->engine);

    require(next != TLS_FAILED);
    buffer_consumed(&from->wire, wire.len - tls_engine_unread(&end->engine));
    buffer_compact(&from->wire);
    tls_engine_feed(&end->engine, (struct bytes_const){0});
    return next == TLS_DONE;
}

static void end_open(struct end *end, const struct tls_context *context, enum tls_role role)
{
    struct error error;

    memset(end, 0, offsetof(struct end, memory));
    buffer_attach(&end->wire, end->memory, sizeof(end->memory));
    require(tls_engine_init(&end->engine, context, role, &error));
    tls_engine_drain(&end->engine, &end->wire);
}

static void close_all(struct bench *bench)
{
    tls_context_free(&bench->server);
    tls_context_free(&bench->client);
    tls_library_free(&bench->library);
    snapshot_free(&bench->snapshot);
    certificate_store_free(&bench->store);
    for (size_t i = 0; i < bench->count; i++) {
        char path[PATH_BYTES];

        path_of(bench, i, path);
        (void)unlink(path);
        (void)snprintf(path + strlen(path), sizeof(path) - strlen(path), STAPLE_SUFFIX);
        (void)unlink(path);
    }
    (void)rmdir(bench->directory);
}

static uint64_t cpu_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static double heap_kib(void)
{
    struct mallinfo2 info = mallinfo2();

    return (double)(info.uordblks + info.hblkhd) / 1024;
}
