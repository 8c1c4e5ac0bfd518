#include "stand.h"

#include "base/clock.h"
#include "base/require.h"
#include "certificates.h"
#include "io/socket.h"
#include "proxy/snapshot.h"
#include "proxy/worker.h"
#include "steady.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 64, CONFIG_BYTES = 1024, CONNECTIONS_MAX = 64, BUFFERS_MAX = 64, BACKLOG = 64 };

static char                      directory[] = "/tmp/sallyport-count-XXXXXX";
static struct reactor           *reactor;
static struct worker            *worker;
static struct snapshot          *snapshot;
static struct certificate_store *store;
static struct quota              connections;
static struct address            front_address;
static int                       backend_fd;
static bool                      is_empty;

static void           path_of(const char *name, char into[static PATH_BYTES]);
static void           write_certificate(void);
static struct config *configure(struct config_report *report);
static int            listen_at(const char *name, struct address *address);
static void           start_worker(void);
static void           on_report(void *owner, const struct session_summary *summary);
static void           on_empty(void *owner);

bool stand_open(const char *driver)
{
    struct config_report report = {0};
    struct error         error = ERROR_OK;

    reactor =
        reactor_new(&(struct reactor_options){.name = "count", .io = {.driver = driver}}, &error);
    require(reactor != NULL);
    if (!reactor_open(reactor, &error)) {
        fprintf(stderr, "count: %s cannot be had\n", driver);
        reactor_free(&reactor);
        return false;
    }
    require(mkdtemp(directory) != NULL);
    write_certificate();
    struct config *config = configure(&report);

    require(config != NULL);
    store = certificate_store_new(&error);
    require(store != NULL);
    snapshot = snapshot_build(&config, store, &report);
    config_report_print(&report, stderr);
    require(snapshot != NULL);
    config_report_fini(&report);
    start_worker();
    return true;
}

static void path_of(const char *name, char into[static PATH_BYTES])
{
    int len = snprintf(into, PATH_BYTES, "%s/%s", directory, name);

    require(len > 0 && len < PATH_BYTES);
}

static void write_certificate(void)
{
    char  path[PATH_BYTES];
    FILE *file;
    char *pem = certificate_make(&(struct certificate_options){
        .kind = CERTIFICATE_EC_P256, .names = "DNS:www.example.org", .days = 2});

    path_of("www.pem", path);
    file = fopen(path, "w");
    require(file != NULL && fputs(pem, file) >= 0 && fchmod(fileno(file), S_IRUSR) == 0);
    require(fclose(file) == 0);
    free(pem);
}

static struct config *configure(struct config_report *report)
{
    static char text[CONFIG_BYTES];

    (void)snprintf(text, sizeof(text),
                   "allow-root = true;\n"
                   "frontends = ( { name = \"front\"; listen = [ \"unix:%s/front\" ];\n"
                   "  pem-file = [ \"%s/www.pem\" ]; backend = \"back\"; } );\n"
                   "backends = ( { name = \"back\";\n"
                   "  servers = ( { address = \"unix:%s/back\"; } ); } );\n",
                   directory, directory, directory);
    return config_load_text(text, "count.conf", report);
}

static void start_worker(void)
{
    struct address         back_address;
    struct tls_ticket_keys keys = {0};
    struct error           error = ERROR_OK;

    require(tls_ticket_keys_rotate(&keys));
    quota_init(&connections, CONNECTIONS_MAX);
    worker = worker_new(&(struct worker_options){.reactor = reactor,
                                                 .snapshot = snapshot,
                                                 .ticket_keys = &keys,
                                                 .connections = &connections,
                                                 .buffers_max = BUFFERS_MAX,
                                                 .report = on_report},
                        &error);
    require(worker != NULL);
    backend_fd = listen_at("back", &back_address);
    require(worker_listen(worker, 0, listen_at("front", &front_address)));
}

static int listen_at(const char *name, struct address *address)
{
    struct address addresses[ADDRESSES_PER_TEXT_MAX];
    char           path[PATH_BYTES];
    const char    *problem = NULL;
    struct error   error = ERROR_OK;
    int            fd;

    path_of(name, path);
    require(address_parse(path, addresses, &problem) == 1);
    *address = addresses[0];
    fd = socket_listen(address, &(struct listen_options){.backlog = BACKLOG}, &error);
    require(fd >= 0);
    return fd;
}

void stand_close(void)
{
    static const char *const names[] = {"www.pem", "front", "back"};
    char                     path[PATH_BYTES];

    worker_drain(worker, on_empty);
    (void)worker_cut(worker, END_KILLED);
    while (!is_empty) {
        steady_pass(NS_PER_S);
        reactor_turn(reactor, 0);
    }
    worker_free(&worker);
    snapshot_free(&snapshot);
    certificate_store_free(&store);
    reactor_close(reactor);
    reactor_free(&reactor);
    require(close(backend_fd) == 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        path_of(names[i], path);
        (void)unlink(path);
    }
    (void)rmdir(directory);
}

static void on_report(void *owner, const struct session_summary *summary)
{
    (void)owner;
    (void)summary;
}

static void on_empty(void *owner)
{
    (void)owner;
    is_empty = true;
}

void stand_turn(uint64_t wait_ns)
{
    reactor_turn(reactor, wait_ns);
}

size_t stand_sessions(void)
{
    return worker_sessions(worker);
}

int stand_dial(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    require(fd >= 0 && connect(fd, &front_address.socket.any, front_address.len) == 0);
    return fd;
}

int stand_accept(void)
{
    return accept4(backend_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}
