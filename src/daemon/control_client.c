#include "daemon/control_client.h"

#include "base/clock.h"
#include "base/require.h"

#include <stdlib.h>
#include <string.h>

/* For a command to be carried out. */
#define RUN_NS (60 * NS_PER_S)

static bool            step(struct control_client *client);
static bool            take_line(struct control_client *client);
static void            read_command(struct control_client *client);
static void            wait_for_input(struct control_client *client);
static void            refuse(struct control_client *client, const char *why);
static void            finish_answer(struct control_client *client);
static void            close_down(struct control_client *client);
static size_t          unsent(const struct control_client *client);
static void            on_received(struct io_op *op);
static void            on_sent(struct io_op *op);
static void            on_closed(struct io_op *op);
static void            on_due(struct timer *timer);
static void            timer_in(struct control_client *client, uint64_t in_ns);
static struct io_loop *loop_of(const struct control_client *client);

struct control_client *control_client_new(struct reactor                    *reactor,
                                          const struct control_client_hooks *hooks)
{
    struct control_client *client = calloc(1, sizeof(*client));

    if (client != NULL) {
        client->reactor = reactor;
        client->hooks = hooks;
        client->fd = -1;
        client->timer.due = on_due;
    }
    return client;
}

void control_client_free(struct control_client **client)
{
    if (*client == NULL) {
        return;
    }
    require((*client)->fd < 0 && !timer_is_set(&(*client)->timer));
    require((*client)->sessions == NULL);
    control_answer_fini(&(*client)->answer);
    free(*client);
    *client = NULL;
}

void control_client_begin(struct control_client *client, int fd, const struct control_peer *peer,
                          uint64_t timeout_ns)
{
    client->fd = fd;
    client->peer = *peer;
    client->timeout_ns = timeout_ns;
}

/* What a step calls may come back here: the loop outside goes on then. */
void control_client_advance(struct control_client *client)
{
    if (client->is_advancing) {
        return;
    }
    client->is_advancing = true;
    while (step(client)) {
    }
    client->is_advancing = false;
}

/* False: something has to come first. */
static bool step(struct control_client *client)
{
    if (client->is_ending) {
        close_down(client);
        return false;
    }
    if (unsent(client) > 0) {
        if (!io_op_is_pending(&client->send)) {
            struct bytes_const bytes = control_answer_bytes(&client->answer);

            bytes.data += client->sent;
            bytes.len -= client->sent;
            timer_in(client, client->timeout_ns);
            io_send(loop_of(client), &client->send, client->fd, bytes, on_sent);
        }
        return false;
    }
    client->sent = 0;
    control_answer_sent(&client->answer);
    if (client->is_running) {
        bool may_go_on = client->sessions != NULL && !control_sessions_are_out(client->sessions);

        timer_in(client, RUN_NS);
        if (may_go_on) {
            client->hooks->go_on(client);
        }
        return may_go_on;
    }
    if (client->is_last) {
        client->is_ending = true;
        return true;
    }
    return take_line(client);
}

static bool take_line(struct control_client *client)
{
    struct bytes_const        bytes = {client->input + client->input_at,
                                       client->input_len - client->input_at};
    enum control_line_outcome came = control_line_feed(&client->line, &bytes);

    client->input_at = client->input_len - bytes.len;
    switch (came) {
    case CONTROL_LINE_WHOLE:
        read_command(client);
        return true;
    case CONTROL_LINE_TOO_LONG:
        refuse(client, "the line is too long, 4096 bytes at most are wanted");
        client->is_last = true;
        return true;
    case CONTROL_LINE_MORE:
        break;
    }
    if (!client->has_fin) {
        wait_for_input(client);
        return false;
    }
    client->is_last = true;
    if (control_line_finish(&client->line)) {
        read_command(client);
    }
    return true;
}

static void read_command(struct control_client *client)
{
    struct control_command command;
    char                   memory[CONTROL_PROBLEM_BYTES];
    struct text            why;

    client->idle_since_ns = 0;
    text_init(&why, memory, sizeof(memory));
    if (control_command_read(control_line_bytes(&client->line), &command, &why) != CONTROL_SOUND) {
        refuse(client, text_chars(&why));
        return;
    }
    const struct control_row *row = control_row(command.verb);

    if (row->level > client->peer.level) {
        text_format(&why, "permission denied, \"%s\" is for level %s and you have %s", row->words,
                    control_level_name(row->level), control_level_name(client->peer.level));
        refuse(client, text_chars(&why));
        return;
    }
    control_answer_fini(&client->answer);
    client->answer.is_json = command.is_json;
    client->is_running = true;
    client->hooks->command(client, &command);
}

static void refuse(struct control_client *client, const char *why)
{
    control_answer_line(&client->answer, "error: %s", why);
    finish_answer(client);
}

/* Without memory for a single byte it is closed: nobody is left to wait for an answer. */
static void finish_answer(struct control_client *client)
{
    control_answer_end(&client->answer);
    client->is_last = client->is_last || unsent(client) == 0;
}

/* The deadline counts from the last answer: no byte extends it. */
static void wait_for_input(struct control_client *client)
{
    control_answer_fini(&client->answer);
    if (client->idle_since_ns == 0) {
        client->idle_since_ns = reactor_now_ns(client->reactor);
        timer_in(client, client->timeout_ns);
    }
    if (!io_op_is_pending(&client->receive)) {
        io_recv(loop_of(client), &client->receive, client->fd, on_received);
    }
}

void control_client_answered(struct control_client *client)
{
    require(client->is_running);
    client->is_running = false;
    finish_answer(client);
    control_client_advance(client);
}

/* --- the end ------------------------------------------------------------------------------ */

void control_client_end(struct control_client *client)
{
    client->is_ending = true;
    control_client_advance(client);
}

void control_client_end_after(struct control_client *client, uint64_t timeout_ns)
{
    client->is_last = true;
    if (unsent(client) == 0 || client->is_ending) {
        control_client_end(client);
    } else {
        timer_in(client, timeout_ns);
    }
}

bool control_client_is_idle(const struct control_client *client)
{
    return client->idle_since_ns != 0 && !client->is_ending;
}

uint64_t control_client_idle_since_ns(const struct control_client *client)
{
    return client->idle_since_ns;
}

bool control_client_is_ending(const struct control_client *client)
{
    return client->is_ending;
}

static void close_down(struct control_client *client)
{
    if (io_op_is_pending(&client->receive) || io_op_is_pending(&client->send)) {
        io_cancel(loop_of(client), &client->receive);
        io_cancel(loop_of(client), &client->send);
        return;
    }
    reactor_timer_clear(client->reactor, &client->timer);
    if (!io_op_is_pending(&client->close) && client->fd >= 0) {
        io_close(loop_of(client), &client->close, client->fd, on_closed);
        client->fd = -1;
    }
}

/* --- events ------------------------------------------------------------------------------- */

static size_t unsent(const struct control_client *client)
{
    return control_answer_bytes(&client->answer).len - client->sent;
}

static void on_received(struct io_op *op)
{
    struct control_client *client = container_of(op, struct control_client, receive);

    if (error_kind(&op->error) != ERROR_NONE) {
        client->is_ending = true;
    } else if (op->result == 0) {
        client->has_fin = true;
    } else {
        require(client->input_at == client->input_len);
        memcpy(client->input, op->received.data, op->received.len);
        client->input_at = 0;
        client->input_len = op->received.len;
    }
    control_client_advance(client);
}

static void on_sent(struct io_op *op)
{
    struct control_client *client = container_of(op, struct control_client, send);

    if (error_kind(&op->error) != ERROR_NONE) {
        client->is_ending = true;
    } else {
        client->sent += (size_t)op->result;
    }
    control_client_advance(client);
}

static void on_closed(struct io_op *op)
{
    struct control_client *client = container_of(op, struct control_client, close);

    client->hooks->over(client);
}

static void on_due(struct timer *timer)
{
    struct control_client *client = container_of(timer, struct control_client, timer);

    if (client->is_running && unsent(client) == 0) {
        client->hooks->too_long(client);
    } else {
        control_client_end(client);
    }
}

static void timer_in(struct control_client *client, uint64_t in_ns)
{
    reactor_timer_set(client->reactor, &client->timer, reactor_now_ns(client->reactor) + in_ns);
}

static struct io_loop *loop_of(const struct control_client *client)
{
    return reactor_loop(client->reactor);
}
