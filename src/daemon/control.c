#include "daemon/control.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/require.h"
#include "daemon/control_client.h"
#include "daemon/control_rows.h"

#include <stdlib.h>
#include <unistd.h>

#define ACCEPT_AGAIN_NS (200 * NS_PER_MS)
#define LAST_WORDS_NS   NS_PER_S

enum { SAID_BYTES = 16 * 1024 };

struct control {
    struct control_options      options;
    struct control_client_hooks hooks;
    struct control_socket       socket;
    struct control_socket       next; /* of the coming configuration */
    bool                        has_next;
    bool                        is_moving; /* to `next`, once the accept has ended */
    bool                        is_stopping;
    bool                        is_reloading;
    struct io_op                accept;
    struct timer                again; /* accept, after there were no descriptors */
    struct list                 clients;
    size_t                      clients_count;
    struct control_client      *spare; /* for who comes next */
    struct task                 reload;
    char                        said_memory[SAID_BYTES];
    struct text                 said; /* during a reload */
};

static void tell_socket(struct control *control);
static void accept_next(struct control *control);
static void on_accepted(struct io_op *op);
static bool has_spare(struct control *control);
static void accept_later(struct control *control);
static void leave_accept(struct control *control, bool is_cancelled);
static void take(struct control *control, int fd);
static void make_room(struct control *control);
static void on_again(struct timer *timer);
static void leave_socket(struct control *control);
static void move(struct control *control);
static void on_command(struct control_client *client, const struct control_command *command);
static void log_command(const struct control_client *client, const struct control_command *command);
static void walk(struct control_client *client, const struct control_command *command);
static void on_go_on(struct control_client *client);
static void on_came(void *owner);
static void on_too_long(struct control_client *client);
static void on_over(struct control_client *client);
static void reload(struct control_client *client);
static void drain(struct control_client *client);
static void on_reload(struct task *task);
static void tell_reload(struct control *control, struct control_client *client, bool is_done);
static struct control *control_of(const struct control_client *client);

struct control *control_start(const struct control_options *options)
{
    struct control *control = calloc(1, sizeof(*control));

    if (control == NULL) {
        return NULL;
    }
    control->options = *options;
    control->socket = *options->socket;
    options->socket->fd = -1;
    control->hooks = (struct control_client_hooks){.command = on_command,
                                                   .go_on = on_go_on,
                                                   .too_long = on_too_long,
                                                   .over = on_over,
                                                   .owner = control};
    control->again.due = on_again;
    control->reload.run = on_reload;
    list_init(&control->clients);
    tell_socket(control);
    accept_next(control);
    return control;
}

static void tell_socket(struct control *control)
{
    if (control->socket.fd >= 0) {
        io_adopt(reactor_loop(control->options.reactor), control->socket.fd);
        log_info("control socket path=%s", control->socket.path);
    }
}

/* --- connections -------------------------------------------------------------------------- */

/* Memory for a client is there before it is accepted. */
static void accept_next(struct control *control)
{
    bool has_room = control->clients_count < CONTROL_CLIENTS_MAX + CONTROL_CLIENTS_ENDING_MAX;

    if (control->socket.fd < 0 || control->is_stopping || control->is_moving || !has_room ||
        io_op_is_pending(&control->accept) || timer_is_set(&control->again)) {
        return;
    }
    if (has_spare(control)) {
        io_accept(reactor_loop(control->options.reactor), &control->accept, control->socket.fd,
                  on_accepted);
    } else {
        accept_later(control);
    }
}

static bool has_spare(struct control *control)
{
    if (control->spare == NULL) {
        control->spare = control_client_new(control->options.reactor, &control->hooks);
    }
    return control->spare != NULL;
}

static void accept_later(struct control *control)
{
    reactor_timer_set(control->options.reactor, &control->again,
                      reactor_now_ns(control->options.reactor) + ACCEPT_AGAIN_NS);
}

static void on_accepted(struct io_op *op)
{
    struct control *control = container_of(op, struct control, accept);
    enum error_kind kind = error_kind(&op->error);

    if (kind == ERROR_NONE) {
        take(control, (int)op->result);
    }
    if (control->is_stopping || control->is_moving) {
        leave_accept(control, kind == ERROR_CANCELLED);
    } else if (kind == ERROR_EXHAUSTED) {
        accept_later(control);
    } else {
        accept_next(control);
    }
}

/* A connection that came before the cancel was served, and the cancel is repeated until there is
 * none; or until there is no memory to take one. */
static void leave_accept(struct control *control, bool is_cancelled)
{
    struct io_loop *loop = reactor_loop(control->options.reactor);

    if (is_cancelled || !has_spare(control)) {
        leave_socket(control);
    } else {
        io_accept(loop, &control->accept, control->socket.fd, on_accepted);
        io_cancel(loop, &control->accept);
    }
}

static void take(struct control *control, int fd)
{
    struct control_peer    peer = control_socket_peer(&control->socket, fd);
    struct control_client *client = control->spare;

    control->spare = NULL;
    make_room(control);
    list_append(&control->clients, &client->link);
    control->clients_count++;
    control_client_begin(client, fd, &peer, control->socket.timeout_ns);
    if (control->is_stopping) {
        control_client_end(client);
    } else {
        control_client_advance(client);
    }
}

/* Whoever idles cannot keep others out. */
static void make_room(struct control *control)
{
    struct control_client *longest = NULL;
    size_t                 count = 0;

    for (struct list_link *link = list_first(&control->clients); link != NULL;
         link = list_after(&control->clients, link)) {
        struct control_client *client = container_of(link, struct control_client, link);
        bool                   is_longer = longest == NULL || control_client_idle_since_ns(client) <
                                                control_client_idle_since_ns(longest);

        count += control_client_is_ending(client) ? 0 : 1;
        if (control_client_is_idle(client) && is_longer) {
            longest = client;
        }
    }
    if (count >= CONTROL_CLIENTS_MAX && longest != NULL) {
        control_client_end(longest);
    }
}

static void on_again(struct timer *timer)
{
    accept_next(container_of(timer, struct control, again));
}

static void on_over(struct control_client *client)
{
    struct control *control = control_of(client);

    control_sessions_leave(&client->sessions, control->is_stopping);
    list_remove(&client->link);
    control->clients_count--;
    control_client_free(&client);
    accept_next(control);
}

/* --- commands ----------------------------------------------------------------------------- */

static void on_command(struct control_client *client, const struct control_command *command)
{
    struct control     *control = control_of(client);
    struct control_view view = {.state = "running"};

    log_command(client, command);
    switch (command->verb) {
    case CONTROL_HELP:
        control_show_help(&client->answer, client->peer.level);
        control_client_answered(client);
        return;
    case CONTROL_SHOW_SESS:
    case CONTROL_SHUTDOWN_SESSION:
        walk(client, command);
        return;
    case CONTROL_RELOAD:
        reload(client);
        return;
    case CONTROL_DRAIN:
        drain(client);
        return;
    case CONTROL_SHOW_VERSION:
    case CONTROL_SHOW_INFO:
    case CONTROL_SHOW_STAT:
    case CONTROL_SHOW_SERVERS:
    case CONTROL_SHOW_CERTS:
    case CONTROL_SHOW_TICKETS:
    case CONTROL_SHOW_CRL:
    case CONTROL_SHOW_CONFIG:
    case CONTROL_VERBS:
        break;
    }
    control->options.look(control->options.owner, &view);
    require(control_show(&client->answer, command->verb, &view));
    control_client_answered(client);
}

/* Who changed something, for who asks later. */
static void log_command(const struct control_client *client, const struct control_command *command)
{
    bool is_change = command->verb == CONTROL_RELOAD || command->verb == CONTROL_DRAIN ||
                     command->verb == CONTROL_SHUTDOWN_SESSION;
    char id[SESSION_ID_BYTES] = "-";

    if (!is_change) {
        return;
    }
    if (command->verb == CONTROL_SHUTDOWN_SESSION) {
        session_id_text(&command->session, id);
    }
    log_info("control command=\"%s\" id=%s uid=%lu pid=%ld", control_row(command->verb)->words, id,
             (unsigned long)client->peer.uid, (long)client->peer.pid);
}

/* --- sessions ----------------------------------------------------------------------------- */

static void walk(struct control_client *client, const struct control_command *command)
{
    struct control *control = control_of(client);
    bool            is_list = command->verb == CONTROL_SHOW_SESS;

    client->sessions = control_sessions_new(
        &(struct control_sessions_options){.crew = control->options.crew,
                                           .ended = is_list ? NULL : &command->session,
                                           .came = on_came,
                                           .owner = client});
    if (client->sessions == NULL) {
        control_answer_line(&client->answer, "error: out of memory");
        control_client_answered(client);
        return;
    }
    client->is_walk_listed = is_list;
    if (is_list) {
        control_answer_list_begin(&client->answer, NULL);
    }
    control_client_advance(client);
}

static void on_go_on(struct control_client *client)
{
    if (!control_of(client)->is_stopping && control_sessions_go_on(client->sessions)) {
        return;
    }
    bool has_ended = control_sessions_has_ended(client->sessions);

    control_sessions_leave(&client->sessions, control_of(client)->is_stopping);
    if (client->is_walk_listed) {
        control_answer_list_end(&client->answer);
    } else if (has_ended) {
        control_answer_line(&client->answer, "ended");
    } else {
        control_answer_line(&client->answer, "error: there is no such session, it may have ended");
    }
    control_client_answered(client);
}

static void on_came(void *owner)
{
    struct control_client    *client = owner;
    const struct session_row *row = NULL;

    for (size_t i = 0; (row = control_sessions_row(client->sessions, i)) != NULL; i++) {
        control_row_put(&client->answer, row);
    }
    control_client_advance(client);
}

/* --- reload and drain --------------------------------------------------------------------- */

/* Later, and not inside what tells of the last one. */
static void reload(struct control_client *client)
{
    struct control *control = control_of(client);

    client->waits_for_reload = true;
    client->is_in_reload = false;
    reactor_defer(control->options.reactor, &control->reload);
}

static void on_reload(struct task *task)
{
    struct control *control = container_of(task, struct control, reload);

    if (!control->options.reload(control->options.owner)) {
        control_reload_given_up(control);
    }
}

void control_reload_given_up(struct control *control)
{
    if (control == NULL) {
        return;
    }
    log_copy_to(NULL);
    control->is_reloading = false;
    for (struct list_link *link = list_first(&control->clients); link != NULL;
         link = list_after(&control->clients, link)) {
        struct control_client *client = container_of(link, struct control_client, link);

        if (client->waits_for_reload) {
            client->waits_for_reload = false;
            control_answer_line(&client->answer, "error: no reload, the daemon is stopping");
            control_client_answered(client);
        }
    }
}

void control_reload_begins(struct control *control)
{
    if (control == NULL) {
        return;
    }
    control->is_reloading = true;
    for (struct list_link *link = list_first(&control->clients); link != NULL;
         link = list_after(&control->clients, link)) {
        struct control_client *client = container_of(link, struct control_client, link);

        client->is_in_reload = client->waits_for_reload;
    }
    text_init(&control->said, control->said_memory, sizeof(control->said_memory));
    log_copy_to(&control->said);
}

void control_reload_over(struct control *control, bool is_done)
{
    if (control == NULL || !control->is_reloading) {
        return;
    }
    log_copy_to(NULL);
    control->is_reloading = false;
    for (struct list_link *link = list_first(&control->clients); link != NULL;
         link = list_after(&control->clients, link)) {
        struct control_client *client = container_of(link, struct control_client, link);

        if (client->waits_for_reload && client->is_in_reload) {
            client->waits_for_reload = false;
            tell_reload(control, client, is_done);
        }
    }
}

static void tell_reload(struct control *control, struct control_client *client, bool is_done)
{
    struct control_view view = {.state = "running"};

    control->options.look(control->options.owner, &view);
    if (is_done) {
        control_answer_line(&client->answer, "reloaded count=%u workers=%u connections_max=%u",
                            view.reloads, crew_workers(view.crew), view.connections_max);
    } else {
        control_answer_line(&client->answer,
                            "error: the reload failed, the configuration in use stays");
    }
    control_answer_lines(&client->answer, text_chars(&control->said));
    if (text_is_cut(&control->said)) {
        control_answer_line(&client->answer, "... and more, see the log");
    }
    control_client_answered(client);
}

static void drain(struct control_client *client)
{
    struct control     *control = control_of(client);
    struct control_view view = {.state = "running"};

    control->options.look(control->options.owner, &view);
    uint64_t connections = crew_metric(view.crew, METRIC_CONNECTIONS_ACTIVE);

    if (control->options.drain(control->options.owner)) {
        control_answer_line(&client->answer, "draining connections=%llu",
                            (unsigned long long)connections);
    } else {
        control_answer_line(&client->answer, "error: the daemon is stopping already");
    }
    control_client_answered(client);
}

static void on_too_long(struct control_client *client)
{
    struct control *control = control_of(client);

    client->waits_for_reload = false;
    control_sessions_leave(&client->sessions, control->is_stopping);
    control_answer_line(&client->answer,
                        "error: it takes longer than a minute, and goes on; see the log");
    control_client_answered(client);
}

/* --- other sockets ------------------------------------------------------------------------ */

bool control_prepare(struct control *control, const struct config_control *config)
{
    if (control == NULL) {
        return true;
    }
    control_forget(control);
    if (control->is_moving) {
        log_error("the control socket is still being moved");
        return false;
    }
    control->has_next = control_socket_open(&control->next, config, getegid(), &control->socket);
    return control->has_next;
}

void control_forget(struct control *control)
{
    if (control != NULL && control->has_next && !control->is_moving) {
        control_socket_close(&control->next, &control->socket);
        control->has_next = false;
    }
}

void control_adopt(struct control *control)
{
    if (control == NULL || !control->has_next || control->is_moving) {
        return;
    }
    if (control->next.fd == control->socket.fd) {
        control_socket_settle(&control->next, &control->socket);
        control->socket = control->next;
        control->has_next = false;
        return;
    }
    control->is_moving = true;
    if (io_op_is_pending(&control->accept)) {
        io_cancel(reactor_loop(control->options.reactor), &control->accept);
    } else {
        leave_socket(control);
    }
}

/* No accept is inside. */
static void leave_socket(struct control *control)
{
    reactor_timer_clear(control->options.reactor, &control->again);
    control_socket_close(&control->socket, NULL);
    if (control->is_moving) {
        move(control);
    }
}

static void move(struct control *control)
{
    control->is_moving = false;
    control->has_next = false;
    control->socket = control->next;
    if (control->is_stopping) {
        control_socket_close(&control->socket, NULL);
    }
    tell_socket(control);
    accept_next(control);
}

/* --- the end ------------------------------------------------------------------------------ */

void control_stop(struct control *control)
{
    struct list_link *link = control != NULL ? list_first(&control->clients) : NULL;

    if (control == NULL) {
        return;
    }
    control_reload_given_up(control);
    control_forget(control);
    control->is_stopping = true;
    reactor_forget(control->options.reactor, &control->reload);
    if (io_op_is_pending(&control->accept)) {
        io_cancel(reactor_loop(control->options.reactor), &control->accept);
    } else {
        leave_socket(control);
    }
    while (link != NULL) {
        struct control_client *client = container_of(link, struct control_client, link);

        link = list_after(&control->clients, link);
        control_client_end_after(client, LAST_WORDS_NS);
    }
}

bool control_is_over(const struct control *control)
{
    return control == NULL || (control->clients_count == 0 && control_sessions_left() == 0 &&
                               control->socket.fd < 0 && !io_op_is_pending(&control->accept));
}

void control_free(struct control **control)
{
    if (*control != NULL) {
        require(control_is_over(*control));
        control_client_free(&(*control)->spare);
        free(*control);
        *control = NULL;
    }
}

static struct control *control_of(const struct control_client *client)
{
    return client->hooks->owner;
}
