#include "daemon/listening.h"

#include "base/log.h"
#include "io/socket.h"
#include "proxy/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct opening {
    struct listening       *listening;
    const struct listening *before;
    const struct snapshot  *snapshot;
    size_t                  frontend;
    unsigned                workers;
};

static bool     open_frontend(struct opening *opening);
static bool     open_address(struct opening *opening, struct address address, struct error *error);
static bool     join(int fd, struct address *address, struct error *error);
static unsigned take_over(struct opening *opening, const struct address *address);
static bool     is_free(const struct address *address, struct error *error);
static int      open_next(const struct opening *opening, const struct address *address, int first,
                          struct error *error);
static struct listening_socket *add_socket(struct opening       *opening,
                                           const struct address *configured, int fd);
static bool is_dispensable(const struct snapshot_frontend *frontend, size_t listen,
                           const struct error *error);
static void warn_of_backlog(const struct config_frontend *config);

bool listening_open(struct listening *listening, const struct snapshot *snapshot, unsigned workers,
                    const struct listening *before)
{
    size_t addresses = 0;
    size_t room = before != NULL ? before->count : 0;

    *listening = (struct listening){0};
    for (size_t i = 0; i < snapshot->config->frontends_count; i++) {
        addresses += snapshot->frontends[i].listens_count;
    }
    if (addresses > WORKER_LISTENERS_MAX) {
        log_error("too many addresses to listen on count=%zu max=%d", addresses,
                  WORKER_LISTENERS_MAX);
        return false;
    }
    listening->sockets = calloc(room + addresses * workers + 1, sizeof(*listening->sockets));
    if (listening->sockets == NULL) {
        log_error("out of memory");
        return false;
    }
    for (size_t i = 0; i < snapshot->config->frontends_count; i++) {
        struct opening opening = {.listening = listening,
                                  .before = before,
                                  .snapshot = snapshot,
                                  .frontend = i,
                                  .workers = workers};

        if (!open_frontend(&opening)) {
            listening_abandon(listening);
            return false;
        }
    }
    return true;
}

void listening_tell(const struct listening *listening, const struct snapshot *snapshot)
{
    for (size_t i = 0; i < listening->count; i++) {
        const struct listening_socket *socket = &listening->sockets[i];
        struct address                 address;
        char                           text[ADDRESS_TEXT_BYTES];

        if (socket->is_new && socket->ordinal == 0) {
            socket_local(socket->fd, &address);
            log_info("listening frontend=%s address=%s",
                     snapshot->config->frontends[socket->frontend].name.text,
                     address_text(&address, text));
        }
    }
}

/* The kernel lets only sockets of one user share a port (socket(7), SO_REUSEPORT). */
void listening_give(const struct listening *listening, uid_t uid, gid_t gid)
{
    for (size_t i = 0; i < listening->count; i++) {
        (void)!fchown(listening->sockets[i].fd, uid, gid);
    }
}

struct listening_socket *listening_find(const struct listening *listening, int fd)
{
    for (size_t i = 0; i < listening->count; i++) {
        if (listening->sockets[i].fd == fd) {
            return &listening->sockets[i];
        }
    }
    return NULL;
}

void listening_abandon(struct listening *listening)
{
    for (size_t i = 0; i < listening->count; i++) {
        if (listening->sockets[i].is_new) {
            (void)close(listening->sockets[i].fd);
        }
    }
    free(listening->sockets);
    *listening = (struct listening){0};
}

void listening_close(struct listening *listening)
{
    for (size_t i = 0; i < listening->count; i++) {
        if (listening->sockets[i].holder == NULL && listening->sockets[i].fd >= 0) {
            (void)close(listening->sockets[i].fd);
        }
    }
    free(listening->sockets);
    *listening = (struct listening){0};
}

void listening_unlink(const struct listening *before, const struct listening *now)
{
    for (size_t i = 0; i < before->count; i++) {
        const struct address *address = &before->sockets[i].configured;
        bool                  is_kept = false;

        for (size_t j = 0; now != NULL && j < now->count; j++) {
            is_kept = is_kept || address_is_equal(address, &now->sockets[j].configured);
        }
        if (!is_kept && address_is_unix(address) && address->socket.unix_path.sun_path[0] != '\0') {
            (void)unlink(address->socket.unix_path.sun_path);
        }
    }
}

static bool open_frontend(struct opening *opening)
{
    const struct snapshot_frontend *frontend = &opening->snapshot->frontends[opening->frontend];
    char                            text[ADDRESS_TEXT_BYTES];
    char                            why[CONFIG_PROBLEM_BYTES];
    struct error                    error;

    warn_of_backlog(frontend->config);
    for (size_t i = 0; i < frontend->listens_count; i++) {
        const struct snapshot_listen *listen = &frontend->listens[i];

        if (open_address(opening, listen->address, &error)) {
            continue;
        }
        (void)address_text(&listen->address, text);
        (void)error_text(&error, why, sizeof(why));
        if (!is_dispensable(frontend, i, &error)) {
            log_error("cannot listen frontend=%s address=%s: %s", frontend->config->name.text, text,
                      why);
            return false;
        }
        log_warn("not listening on one family of \"%s\" frontend=%s address=%s: %s",
                 listen->text->text, frontend->config->name.text, text, why);
    }
    return true;
}

/* The sockets there are, and as many new ones as workers want. */
static bool open_address(struct opening *opening, struct address address, struct error *error)
{
    struct listening *listening = opening->listening;
    struct address    configured = address;
    size_t            first = listening->count;
    unsigned          there = take_over(opening, &configured);

    if (there > 0 ? !join(listening->sockets[first].fd, &address, error)
                  : !is_free(&address, error)) {
        return false;
    }
    for (unsigned i = there; i < opening->workers; i++) {
        int fd = open_next(opening, &address, i == 0 ? -1 : listening->sockets[first].fd, error);

        if (fd < 0) {
            return false;
        }
        struct listening_socket *socket = add_socket(opening, &configured, fd);

        socket->ordinal = i;
        socket->is_new = true;
        if (!join(fd, &address, error)) {
            return false;
        }
    }
    return true;
}

/* The next sockets join the port that a port of 0 became. */
static bool join(int fd, struct address *address, struct error *error)
{
    struct address local;

    socket_local(fd, &local);
    if (local.len == 0) {
        *error = error_from_errno(errno, "getsockname");
        return false;
    }
    *address = local;
    return true;
}

/* How many sockets of this address there were. Two listens on port 0 are two addresses: each takes
 * the sockets of one that no other took. */
static unsigned take_over(struct opening *opening, const struct address *address)
{
    const struct listening *before = opening->before;
    unsigned                taken = 0;

    for (size_t i = 0; before != NULL && i < before->count; i++) {
        const struct listening_socket *socket = &before->sockets[i];

        if (address_is_equal(&socket->configured, address) && socket->ordinal == taken &&
            listening_find(opening->listening, socket->fd) == NULL) {
            struct listening_socket *added = add_socket(opening, address, socket->fd);

            added->ordinal = taken;
            added->holder = socket->holder;
            taken++;
        }
    }
    return taken;
}

static struct listening_socket *add_socket(struct opening       *opening,
                                           const struct address *configured, int fd)
{
    struct listening_socket *socket = &opening->listening->sockets[opening->listening->count++];

    *socket = (struct listening_socket){
        .configured = *configured, .frontend = opening->frontend, .fd = fd};
    return socket;
}

/* With SO_REUSEPORT a second daemon could join an address unnoticed, and clients would reach the
 * one or the other by chance: a socket without it is refused then. */
static bool is_free(const struct address *address, struct error *error)
{
    if (address_is_unix(address) || address->socket.ip4.sin_port == 0) {
        return true;
    }
    int fd = socket_listen(address, &(struct listen_options){.backlog = 1}, error);

    if (fd >= 0) {
        (void)close(fd);
    }
    return fd >= 0;
}

static int open_next(const struct opening *opening, const struct address *address, int first,
                     struct error *error)
{
    const struct config_frontend *config = opening->snapshot->frontends[opening->frontend].config;
    struct listen_options         options = {.backlog = (int)config->backlog,
                                             .reuse_port = !address_is_unix(address)};

    if (first < 0 || options.reuse_port) {
        return socket_listen(address, &options, error);
    }
    int fd = fcntl(first, F_DUPFD_CLOEXEC, 0);

    if (fd < 0) {
        *error = error_from_errno(errno, "dup");
    }
    return fd;
}

/* "*" means both families, and a host may have only one. */
static bool is_dispensable(const struct snapshot_frontend *frontend, size_t listen,
                           const struct error *error)
{
    const struct config_string *text = frontend->listens[listen].text;
    bool                        is_one_of_two =
        (listen > 0 && frontend->listens[listen - 1].text == text) ||
        (listen + 1 < frontend->listens_count && frontend->listens[listen + 1].text == text);

    return is_one_of_two &&
           (error_kind(error) == ERROR_UNSUPPORTED || error_kind(error) == ERROR_UNREACHABLE);
}

static void warn_of_backlog(const struct config_frontend *config)
{
    FILE    *file = fopen("/proc/sys/net/core/somaxconn", "re");
    char     line[32] = "";
    unsigned somaxconn = 0;

    if (file == NULL) {
        return;
    }
    if (fgets(line, sizeof(line), file) != NULL) {
        somaxconn = (unsigned)strtoul(line, NULL, 10);
    }
    (void)fclose(file);
    if (somaxconn > 0 && config->backlog > somaxconn) {
        log_warn("backlog is clamped by net.core.somaxconn frontend=%s backlog=%u somaxconn=%u",
                 config->name.text, config->backlog, somaxconn);
    }
}
