/*
 * One connection to the control socket: lines come in, answers go out, one after the other. Nothing
 * is read while an answer is not yet sent; every wait has a deadline.
 */
#ifndef SALLYPORT_DAEMON_CONTROL_CLIENT_H
#define SALLYPORT_DAEMON_CONTROL_CLIENT_H

#include "daemon/control_answer.h"
#include "daemon/control_command.h"
#include "daemon/control_line.h"
#include "daemon/control_sessions.h"
#include "daemon/control_socket.h"
#include "reactor/reactor.h"

#include <stdbool.h>
#include <stdint.h>

struct control_client;

/* What is done for it; on the control thread. */
struct control_client_hooks {
    /* Carries a command out: puts an answer and calls control_client_answered, now or later. */
    void (*command)(struct control_client *client, const struct control_command *command);
    /* What was put of an answer is sent and the command is not answered yet: put more. */
    void (*go_on)(struct control_client *client);
    /* It takes too long: see that it is answered. */
    void (*too_long)(struct control_client *client);
    /* It is closed, and may be freed. */
    void (*over)(struct control_client *client);
    void *owner;
};

struct control_client {
    struct list_link         link;           /* its owner's */
    struct control_answer    answer;         /* of the command being carried out */
    struct control_sessions *sessions;       /* likewise; or NULL */
    bool                     is_walk_listed; /* the sessions are listed, not one of them ended */
    struct control_peer      peer;
    bool                     waits_for_reload; /* the owner's */
    bool                     is_in_reload;     /* of these: for the one under way */
    /* private */
    struct reactor                    *reactor;
    const struct control_client_hooks *hooks;
    int                                fd;
    uint64_t                           timeout_ns;
    struct io_op                       receive;
    struct io_op                       send;
    struct io_op                       close;
    struct timer                       timer;
    struct control_line                line;
    size_t                             input_at;
    size_t                             input_len;
    size_t                             sent;
    uint64_t                           idle_since_ns;
    bool                               is_running; /* a command */
    bool                               has_fin;
    bool                               is_last; /* the present answer, then it ends */
    bool                               is_ending;
    bool                               is_advancing;
    uint8_t                            input[IO_RECV_BYTES];
};

/* One without a connection yet; NULL when memory is short. */
__attribute__((warn_unused_result)) struct control_client *
control_client_new(struct reactor *reactor, const struct control_client_hooks *hooks);
/* Of one that is over, or never began. */
void control_client_free(struct control_client **client);

/* Takes over a connection; advance follows. */
void control_client_begin(struct control_client *client, int fd, const struct control_peer *peer,
                          uint64_t timeout_ns);

/* Goes on, as after something was put into its answer. */
void control_client_advance(struct control_client *client);

/* Its answer is whole: the end is put behind it. */
void control_client_answered(struct control_client *client);

/* Closes it: at once, or when what was put is sent. `over` follows. */
void control_client_end(struct control_client *client);
void control_client_end_after(struct control_client *client, uint64_t timeout_ns);

/* True while it waits for a command; since when. */
bool     control_client_is_idle(const struct control_client *client);
uint64_t control_client_idle_since_ns(const struct control_client *client);
bool     control_client_is_ending(const struct control_client *client);

#endif
