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
    struct listening             *listening;
    const struct config_frontend *config;
    size_t                        frontend;
    unsigned                      workers;
};

static bool open_frontend(struct opening *opening, const struct snapshot_frontend *frontend);
static bool open_address(struct opening *opening, struct address address, struct error *error);
static bool is_free(const struct address *address, struct error *error);
static int  open_next(const struct opening *opening, const struct address *address, int first,
                      struct error *error);
static bool is_dispensable(const struct snapshot_frontend *frontend, size_t listen,
                           const struct error *error);
static void warn_of_backlog(const struct config_frontend *config);

bool listening_open(struct listening *listening, const struct snapshot *snapshot, unsigned workers)
{
    size_t addresses = 0;

    for (size_t i = 0; i < snapshot->config->frontends_count; i++) {
        addresses += snapshot->frontends[i].listens_count;
    }
    if (addresses > WORKER_LISTENERS_MAX) {
        log_error("too many addresses to listen on count=%zu max=%d", addresses,
                  WORKER_LISTENERS_MAX);
        return false;
    }
    *listening = (struct listening){0};
    listening->sockets = calloc(addresses * workers + 1, sizeof(*listening->sockets));
    if (listening->sockets == NULL) {
        log_error("out of memory");
        return false;
    }
    for (size_t i = 0; i < snapshot->config->frontends_count; i++) {
        struct opening opening = {.listening = listening,
                                  .config = snapshot->frontends[i].config,
                                  .frontend = i,
                                  .workers = workers};

        if (!open_frontend(&opening, &snapshot->frontends[i])) {
            listening_close(listening);
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

        if (socket->worker == 0) { /* the others have the same addresses */
            socket_local(socket->fd, &address);
            log_info("listening frontend=%s address=%s",
                     snapshot->config->frontends[socket->frontend].name.text,
                     address_text(&address, text));
        }
    }
}

void listening_close(struct listening *listening)
{
    for (size_t i = 0; i < listening->count; i++) {
        if (listening->sockets[i].fd >= 0) {
            (void)close(listening->sockets[i].fd);
        }
    }
    free(listening->sockets);
    *listening = (struct listening){0};
}

void listening_unlink(const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->config->frontends_count; i++) {
        for (size_t j = 0; j < snapshot->frontends[i].listens_count; j++) {
            const struct address *address = &snapshot->frontends[i].listens[j].address;

            if (address_is_unix(address) && address->socket.unix_path.sun_path[0] != '\0') {
                (void)unlink(address->socket.unix_path.sun_path);
            }
        }
    }
}

static bool open_frontend(struct opening *opening, const struct snapshot_frontend *frontend)
{
    char         text[ADDRESS_TEXT_BYTES];
    char         why[CONFIG_PROBLEM_BYTES];
    struct error error;

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

static bool open_address(struct opening *opening, struct address address, struct error *error)
{
    struct listening *listening = opening->listening;
    size_t            first = listening->count;

    if (!is_free(&address, error)) {
        return false;
    }
    for (unsigned i = 0; i < opening->workers; i++) {
        int fd = open_next(opening, &address, i == 0 ? -1 : listening->sockets[first].fd, error);

        if (fd < 0) {
            return false;
        }
        listening->sockets[listening->count++] =
            (struct listening_socket){.frontend = opening->frontend, .worker = i, .fd = fd};
        socket_local(fd, &address); /* the others join the port that a port of 0 became */
    }
    return true;
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
    struct listen_options options = {.backlog = (int)opening->config->backlog,
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
