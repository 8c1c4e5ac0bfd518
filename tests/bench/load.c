/*
 * The load generator: opens connections to a TLS server (or, with --plain, any TCP server), does
 * one kind of work on them, checks every byte, and prints what happened as one line of JSON.
 *
 *   load handshake|request|echo|download|upload|idle|flood --port N [options]
 *
 * With --gate, held modes print "ready" when all connections are up and wait for a line on stdin
 * before they work, and again, after the result, before they close: whoever reads the server's
 * CPU time can do so around the work alone. With --names, connection after connection asks for
 * another of the names bench-certificates makes certificates of.
 */
#include "fleet.h"
#include "flood.h"
#include "http.h"
#include "pattern.h"

#include "base/clock.h"

#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum mode {
    MODE_HANDSHAKE,
    MODE_REQUEST,
    MODE_ECHO,
    MODE_DOWNLOAD,
    MODE_UPLOAD,
    MODE_IDLE,
    MODE_FLOOD
};

enum { OPENING_MAX = 64, TICKET_WAIT_MS = 3000, END_SECONDS = 15 };

struct load_options {
    enum mode             mode;
    struct target_options target;
    unsigned              connections; /* in all */
    unsigned              concurrency; /* at a time, where they are not held */
    unsigned              rounds;
    unsigned              flood_connections;
    uint64_t              bytes; /* a round, or a transfer */
    double                rate;  /* exchanges a second, all connections together; 0: no pace */
    unsigned              seconds;
    bool                  resumed;
    bool                  http; /* an exchange is a request and its answer */
    bool                  gate;
};

static const char *const mode_names[] = {"handshake", "request", "echo", "download",
                                         "upload",    "idle",    "flood"};

static const struct option option_names[] = {{"host", required_argument, NULL, 'h'},
                                             {"port", required_argument, NULL, 'p'},
                                             {"plain", no_argument, NULL, 'P'},
                                             {"tls", required_argument, NULL, 't'},
                                             {"ciphers", required_argument, NULL, 'c'},
                                             {"groups", required_argument, NULL, 'g'},
                                             {"connections", required_argument, NULL, 'n'},
                                             {"concurrency", required_argument, NULL, 'C'},
                                             {"rounds", required_argument, NULL, 'r'},
                                             {"bytes", required_argument, NULL, 'b'},
                                             {"rate", required_argument, NULL, 'R'},
                                             {"seconds", required_argument, NULL, 's'},
                                             {"flood", required_argument, NULL, 'f'},
                                             {"names", required_argument, NULL, 'N'},
                                             {"resumed", no_argument, NULL, 'u'},
                                             {"http", no_argument, NULL, 'H'},
                                             {"gate", no_argument, NULL, 'G'},
                                             {NULL, 0, NULL, 0}};

static bool              read_options(struct load_options *options, int count, char **arguments);
static bool              read_mode(struct load_options *options, const char *name);
static bool              set_option(struct load_options *options, int name, const char *value);
static bool              set_number(struct load_options *options, int name, const char *value);
static struct fleet_plan plan_of(const struct load_options *options);
static int               load(const struct load_options *options, struct target *target);
static void     work(const struct load_options *options, struct fleet *fleet, struct flood *flood);
static void     wait_at_gate(const struct load_options *options, const char *word);
static void     print(const struct load_options *options, struct fleet *fleet,
                      const struct flood *flood, double seconds);
static uint64_t seconds_from_now(unsigned seconds);

int main(int count, char **arguments)
{
    struct load_options options = {
        .target = {.host = "127.0.0.1", .version = "1.3", .ciphers = "", .groups = ""},
        .connections = 100,
        .concurrency = 16,
        .rounds = 1,
        .flood_connections = 128,
        .bytes = 47,
        .seconds = 60,
    };
    struct target target;
    int           status;

    (void)signal(SIGPIPE, SIG_IGN);
    /* A pace of half a millisecond needs timers that are not rounded up to 50 microseconds. */
    (void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    if (!read_options(&options, count, arguments) || !target_init(&target, &options.target)) {
        fprintf(stderr, "usage: load handshake|request|echo|download|upload|idle|flood --port N\n"
                        "  [--host A] [--plain] [--tls 1.2|1.3] [--ciphers L] [--groups L]\n"
                        "  [--connections N] [--concurrency N] [--rounds N] [--bytes N]\n"
                        "  [--rate N] [--seconds N] [--flood N] [--resumed] [--gate]\n"
                        "  [--names N] [--http]\n");
        return 2;
    }
    pattern_init();
    status = load(&options, &target);
    target_fini(&target);
    return status;
}

static bool read_options(struct load_options *options, int count, char **arguments)
{
    int name;

    if (count < 2 || !read_mode(options, arguments[1])) {
        return false;
    }
    while ((name = getopt_long(count - 1, arguments + 1, "", option_names, NULL)) != -1) {
        if (!set_option(options, name, optarg)) {
            return false;
        }
    }
    if (options->mode == MODE_FLOOD && options->target.plain) {
        return false;
    }
    return optind == count - 1 && options->target.port > 0 && options->connections > 0 &&
           options->concurrency > 0 && options->rounds > 0;
}

static bool read_mode(struct load_options *options, const char *name)
{
    for (size_t i = 0; i < sizeof(mode_names) / sizeof(*mode_names); i++) {
        if (strcmp(mode_names[i], name) == 0) {
            options->mode = (enum mode)i;
            return true;
        }
    }
    return false;
}

static bool set_option(struct load_options *options, int name, const char *value)
{
    switch (name) {
    case 'h':
        options->target.host = value;
        return true;
    case 'P':
        options->target.plain = true;
        return true;
    case 't':
        options->target.version = value;
        return true;
    case 'c':
        options->target.ciphers = value;
        return true;
    case 'g':
        options->target.groups = value;
        return true;
    case 'u':
        options->resumed = true;
        return true;
    case 'H':
        options->http = true;
        return true;
    case 'G':
        options->gate = true;
        return true;
    default:
        return value != NULL && set_number(options, name, value);
    }
}

static bool set_number(struct load_options *options, int name, const char *value)
{
    char              *end;
    unsigned long long number = strtoull(value, &end, 10);
    unsigned           narrow = (unsigned)number;

    if (*value == '\0' || *end != '\0' || (name != 'b' && number > 10000000)) {
        return false;
    }
    switch (name) {
    case 'p':
        options->target.port = narrow;
        return narrow < 65536;
    case 'n':
        options->connections = narrow;
        return true;
    case 'C':
        options->concurrency = narrow;
        return true;
    case 'r':
        options->rounds = narrow;
        return true;
    case 'b':
        options->bytes = number;
        return true;
    case 'R':
        options->rate = (double)number;
        return true;
    case 's':
        options->seconds = narrow;
        return true;
    case 'N':
        options->target.names_count = narrow;
        return true;
    case 'f':
        options->flood_connections = narrow;
        return true;
    default:
        return false;
    }
}

static struct fleet_plan plan_of(const struct load_options *options)
{
    struct fleet_plan plan = {.clients_count = options->connections,
                              .connections_total = options->connections,
                              .opening_max = OPENING_MAX,
                              .exchanges_each = 1,
                              .held = true};

    switch (options->mode) {
    case MODE_HANDSHAKE:
    case MODE_REQUEST:
        plan.held = false;
        plan.clients_count = options->concurrency;
        plan.opening_max = options->concurrency;
        plan.exchanges_each = options->mode == MODE_REQUEST;
        plan.exchange.send_bytes = options->bytes;
        plan.exchange.receive_bytes = options->bytes;
        break;
    case MODE_ECHO:
    case MODE_FLOOD:
        plan.exchanges_each = options->rounds;
        plan.exchange.send_bytes = options->bytes;
        plan.exchange.receive_bytes = options->bytes;
        plan.interval_ns = options->rate > 0 ? (uint64_t)((double)NS_PER_S / options->rate) : 0;
        break;
    case MODE_DOWNLOAD:
        plan.server_ends = true;
        plan.exchange.receive_bytes = options->bytes;
        snprintf(plan.exchange.header, EXCHANGE_WORD_BYTES, "%" PRIu64 "\n", options->bytes);
        break;
    case MODE_UPLOAD:
        plan.server_ends = true;
        plan.exchange.send_bytes = options->bytes;
        snprintf(plan.exchange.header, EXCHANGE_WORD_BYTES, "%" PRIu64 "\n", options->bytes);
        snprintf(plan.exchange.answer, EXCHANGE_WORD_BYTES, "%" PRIu64 "\n", options->bytes);
        break;
    case MODE_IDLE:
        plan.exchanges_each = 0;
        break;
    }
    if (options->http) {
        plan.exchange = (struct exchange){.header = HTTP_REQUEST, .answer = HTTP_ANSWER};
    }
    return plan;
}

/* 0: all as asked; 1: failures, a deadline passed, or full handshakes where resumed were asked. */
static int load(const struct load_options *options, struct target *target)
{
    struct fleet_plan plan = plan_of(options);
    struct flood      flood = {0};
    struct fleet      fleet;
    uint64_t          began_ns;
    double            seconds;
    bool              is_good;

    if (options->resumed && (target->tls == NULL || !target_take_session(target, TICKET_WAIT_MS))) {
        fprintf(stderr, "load: the server gave no session to resume\n");
        return 1;
    }
    if (!fleet_init(&fleet, &plan, target)) {
        fprintf(stderr, "load: no memory for %u clients\n", plan.clients_count);
        return 1;
    }
    fleet_open(&fleet, seconds_from_now(options->seconds));
    wait_at_gate(options, "ready");
    began_ns = clock_now_ns();
    work(options, &fleet, &flood);
    seconds = (double)(clock_now_ns() - began_ns) / (double)NS_PER_S;
    print(options, &fleet, &flood, seconds);
    wait_at_gate(options, NULL);
    is_good = fleet.failures_count == 0 && !fleet.timed_out &&
              (!options->resumed || fleet.resumed_count == fleet.handshakes_count);
    fleet_end(&fleet, seconds_from_now(END_SECONDS));
    fleet_fini(&fleet);
    return is_good ? 0 : 1;
}

static void work(const struct load_options *options, struct fleet *fleet, struct flood *flood)
{
    uint64_t deadline_ns = seconds_from_now(options->seconds);

    if (options->mode == MODE_IDLE) {
        fleet_listen(fleet);
        return;
    }
    if (options->mode == MODE_FLOOD) {
        if (!flood_start(flood, fleet->target, options->flood_connections)) {
            fprintf(stderr, "load: no flood\n");
            return;
        }
        fleet_work(fleet, deadline_ns);
        flood_stop(flood);
        return;
    }
    fleet_work(fleet, deadline_ns);
}

/* Bounded by --seconds, too, so that nothing waits for a reader that is gone. */
static void wait_at_gate(const struct load_options *options, const char *word)
{
    struct pollfd gate = {.fd = STDIN_FILENO, .events = POLLIN};
    char          line[64];

    if (!options->gate) {
        return;
    }
    if (word != NULL) {
        puts(word);
        (void)fflush(stdout);
    }
    if (poll(&gate, 1, (int)options->seconds * 1000) > 0) {
        (void)!read(STDIN_FILENO, line, sizeof(line));
    }
}

static void print(const struct load_options *options, struct fleet *fleet,
                  const struct flood *flood, double seconds)
{
    printf("{\"mode\":\"%s\",\"connections\":%" PRIu64 ",\"handshakes\":%" PRIu64
           ",\"resumed\":%" PRIu64 ",\"tickets\":%" PRIu64 ",\"operations\":%" PRIu64
           ",\"failures\":%" PRIu64 ",\"timed_out\":%s,\"seconds\":%.6f",
           mode_names[options->mode], fleet->opened_count, fleet->handshakes_count,
           fleet->resumed_count, fleet->target->tickets_count, fleet->exchanges_count,
           fleet->failures_count, fleet->timed_out ? "true" : "false", seconds);
    if (options->mode == MODE_FLOOD) {
        printf(",\"flood\":{\"flights\":%" PRIu64 ",\"failures\":%" PRIu64 "}",
               flood->flights_count, flood->failures_count);
    }
    printf(",\"handshake_us\":");
    samples_print(&fleet->handshakes, stdout);
    printf(",\"exchange_us\":");
    samples_print(&fleet->exchanges, stdout);
    printf("}\n");
    (void)fflush(stdout);
}

static uint64_t seconds_from_now(unsigned seconds)
{
    return clock_now_ns() + seconds * NS_PER_S;
}
