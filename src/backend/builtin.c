#include "backend/builtin.h"

#include "base/buffer.h"
#include "base/require.h"
#include "base/slab.h"
#include "io/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { INPUT_BYTES = IO_RECV_BYTES + HTTP_HELLO_HEAD_BYTES_MAX, OUTPUT_BYTES = 16 * 1024 };

struct builtin {
    struct reactor *reactor;
    struct slab    *conversations;
};

/* One conversation: receive, answer, send all of it, receive again. One op serves each direction,
 * and nothing is received while an answer is on its way: that is the backpressure. */
struct conversation {
    struct builtin   *builtin;
    struct io_op      recv;
    struct io_op      send;
    struct buffer     input;
    struct buffer     output;
    struct http_hello hello;
    enum pool_service service;
    int               fd;
    bool              is_last;   /* nothing more will be answered */
    bool              has_ended; /* our FIN is out */
    bool              is_over;   /* the peer's end came */
    char              page[BUILTIN_PAGE_BYTES];
    uint8_t           input_bytes[INPUT_BYTES];
    uint8_t           output_bytes[OUTPUT_BYTES];
};

static void conversation_start(struct builtin *builtin, struct conversation *conversation, int fd,
                               enum pool_service service, const char *page);
static void conversation_go_on(struct conversation *conversation);
static void conversation_answer(struct conversation *conversation);
static struct buffer *conversation_outgoing(struct conversation *conversation);
static void           on_recv(struct io_op *op);
static void           on_send(struct io_op *op);
static void           on_close(struct io_op *op);

struct builtin *builtin_new(struct reactor *reactor, size_t sessions_max, struct error *error)
{
    struct builtin *builtin = calloc(1, sizeof(*builtin));

    if (builtin == NULL) {
        *error = error_from_errno(ENOMEM, "builtin");
        return NULL;
    }
    builtin->reactor = reactor;
    builtin->conversations =
        slab_new(&(struct slab_options){.object_bytes = sizeof(struct conversation),
                                        .objects_max = sessions_max},
                 error);
    if (builtin->conversations == NULL) {
        free(builtin);
        return NULL;
    }
    return builtin;
}

void builtin_free(struct builtin **builtin)
{
    if (*builtin == NULL) {
        return;
    }
    slab_free(&(*builtin)->conversations);
    free(*builtin);
    *builtin = NULL;
}

int builtin_open(struct builtin *builtin, enum pool_service service, const char *page,
                 struct error *error)
{
    int                  pair[2];
    struct conversation *conversation = slab_take(builtin->conversations);

    require(service != POOL_SERVICE_NONE);
    if (conversation == NULL) {
        *error = error_make(ERROR_EXHAUSTED, "builtin");
        return -1;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
        *error = error_from_errno(errno, "socketpair");
        slab_give(builtin->conversations, conversation);
        return -1;
    }
    io_adopt(reactor_loop(builtin->reactor), pair[0]);
    io_adopt(reactor_loop(builtin->reactor), pair[1]);
    conversation_start(builtin, conversation, pair[1], service, page);
    return pair[0];
}

size_t builtin_active(const struct builtin *builtin)
{
    return slab_taken(builtin->conversations);
}

/* The byte arrays are left as they are: clearing them would touch memory that is never used. */
static void conversation_start(struct builtin *builtin, struct conversation *conversation, int fd,
                               enum pool_service service, const char *page)
{
    memset(conversation, 0, offsetof(struct conversation, page));
    conversation->builtin = builtin;
    conversation->service = service;
    conversation->fd = fd;
    (void)snprintf(conversation->page, sizeof(conversation->page), "%s", page);
    buffer_attach(&conversation->input, conversation->input_bytes, INPUT_BYTES);
    buffer_attach(&conversation->output, conversation->output_bytes, OUTPUT_BYTES);
    conversation_go_on(conversation);
}

/* Sends what there is to send, else receives, else ends. After our own FIN what still comes is
 * received and dropped until the peer ends: closing over unread bytes would look like a reset. */
static void conversation_go_on(struct conversation *conversation)
{
    struct io_loop *loop = reactor_loop(conversation->builtin->reactor);
    struct buffer  *outgoing = conversation_outgoing(conversation);

    conversation_answer(conversation);
    if (!buffer_is_empty(outgoing)) {
        io_send(loop, &conversation->send, conversation->fd, buffer_readable(outgoing), on_send);
        return;
    }
    if (conversation->is_over) {
        io_close(loop, &conversation->recv, conversation->fd, on_close);
        return;
    }
    if (conversation->is_last && !conversation->has_ended) {
        io_shutdown_send(loop, conversation->fd);
        conversation->has_ended = true;
    }
    io_recv(loop, &conversation->recv, conversation->fd, on_recv);
}

static struct buffer *conversation_outgoing(struct conversation *conversation)
{
    return conversation->service == POOL_SERVICE_ECHO ? &conversation->input
                                                      : &conversation->output;
}

static void conversation_answer(struct conversation *conversation)
{
    if (conversation->service == POOL_SERVICE_HELLO && !conversation->is_last &&
        !http_hello_answer(&conversation->hello, &conversation->input, &conversation->output,
                           conversation->page)) {
        conversation->is_last = true;
    }
}

static void on_recv(struct io_op *op)
{
    struct conversation *conversation = container_of(op, struct conversation, recv);

    if (error_kind(&op->error) != ERROR_NONE || op->result == 0) {
        conversation->is_over = true;
    } else if (!conversation->is_last) {
        /* The input is empty for an echo, and shorter than one request head for a page. */
        buffer_compact(&conversation->input);
        require(buffer_append(&conversation->input, op->received) == op->received.len);
    }
    conversation_go_on(conversation);
}

static void on_send(struct io_op *op)
{
    struct conversation *conversation = container_of(op, struct conversation, send);
    struct buffer       *outgoing = conversation_outgoing(conversation);

    if (error_kind(&op->error) != ERROR_NONE) {
        conversation->is_over = true;
        conversation->is_last = true;
        buffer_consumed(outgoing, buffer_len(outgoing));
    } else {
        buffer_consumed(outgoing, (size_t)op->result);
    }
    conversation_go_on(conversation);
}

static void on_close(struct io_op *op)
{
    struct conversation *conversation = container_of(op, struct conversation, recv);

    slab_give(conversation->builtin->conversations, conversation);
}
