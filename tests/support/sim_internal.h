/*
 * The inside of the simulator, shared by its files:
 *
 *     sim_net.c     the clock, chance, descriptors, addresses
 *     sim_link.c    a connection's two ends and the two pipes between them
 *     sim_connect.c from a connecting socket to an accepted one
 *     sim_actor.c   the calls of scripted peers
 *     driver_sim.c  io operations become attempts, now or later
 *     sim_choose.c  what comes next, when a chooser decides it (sim_choice.h)
 *     sim_attempt.c one operation tries to end
 */
#ifndef SALLYPORT_TESTS_SIM_INTERNAL_H
#define SALLYPORT_TESTS_SIM_INTERNAL_H

#include "driver_sim.h"
#include "io/io_internal.h"
#include "sim_pipe.h"
#include "sim_queue.h"
#include "sim_trace.h"

enum { SIM_ACCEPTS_MAX = 64, SIM_BACKLOG_MAX = 128, SIM_ANSWERS_MAX = 256 };

struct sim_link;
struct sim_lent;
struct sim_chooser;

/* Of an event, for a chooser. */
enum sim_event_kind { SIM_EVENT_OTHER, SIM_EVENT_ARRIVAL, SIM_EVENT_LOOK, SIM_EVENT_ATTEMPT };

/* One place for an operation that is lent to the driver. */
struct sim_slot {
    struct io_op      *op; /* NULL: free */
    struct io_op      *last;
    struct sim_event   event;
    struct sim_driver *driver;
    struct io_op       lent; /* as it was submitted, to see that nobody touched it */
    uint64_t           lent_hash;
    size_t             sent; /* a send in parts: bytes already taken */
    bool               is_in_parts;
};

/* One end of a connection; in the hands of a descriptor, of an actor, or of a backlog. */
struct sim_endpoint {
    struct sim_net      *net;
    struct sim_link     *link;
    struct sim_endpoint *peer;
    struct sim_pipe      in;      /* towards this end */
    struct sim_event     arrival; /* of the first segment in that pipe */
    struct sim_actor    *actor;
    struct sim_event     ready; /* the actor will be called */
    struct sim_slot      connect, recv, send, poll, close;
    struct address       address; /* this end's */
    enum sim_state       state;
    int                  fd; /* -1: not a descriptor */
    enum error_kind      failure;
    enum error_kind      reset_kind; /* what is told of the reset; ERROR_NONE: ERROR_RESET */
    bool                 is_closed;  /* nobody holds it; the other end may live on */
    bool                 is_reset;
    bool                 is_reset_told;
    bool                 has_reset;       /* RST was sent from here */
    bool                 is_shut;         /* for reading */
    bool                 is_reset_wanted; /* close sends RST */
};

struct sim_link {
    struct list_link    link;    /* of the net */
    struct sim_endpoint ends[2]; /* the one that dials, the one that is dialled */
    struct sim_event    handshake;
    struct list_link    waiting; /* in a listener's backlog */
    struct address      target;
    uint64_t            latency_ns;
    uint64_t            last_arrival_ns[2]; /* segments do not overtake each other */
    bool                is_answered;        /* the handshake's way back */
    bool                is_cut;
};

/* A listening descriptor, or an actor's service. */
struct sim_listener {
    struct list_link    link; /* of the net */
    struct address      address;
    struct sim_service *service; /* NULL: a descriptor */
    int                 fd;
    struct list         backlog;
    size_t              backlog_count;
    bool                is_shut;
    struct sim_slot     accepts[SIM_ACCEPTS_MAX];
    struct sim_slot     close;
};

enum sim_fd_kind { SIM_FD_FREE, SIM_FD_ENDPOINT, SIM_FD_LISTENER, SIM_FD_EVENT };

struct sim_raised {
    bool            is_raised;
    struct sim_slot poll, close;
};

struct sim_fd {
    enum sim_fd_kind     kind;
    struct sim_endpoint *endpoint;
    struct sim_listener *listener;
    struct sim_raised   *raised;
};

struct sim_net {
    struct sim_queue    queue;
    struct sim_faults   faults;
    uint64_t            now_ns;
    uint64_t            chance; /* the state of the stream */
    uint64_t            order;
    struct sim_trace    trace;
    uint64_t            completions; /* of all loops, ever */
    unsigned            loops;
    bool                is_readiness;
    struct sim_chooser *chooser;         /* NULL: chance decides */
    uint64_t            deadline_ns;     /* of the present wait */
    uint64_t            silent_until_ns; /* nobody does anything until then, or the loop does */
    struct list         links;
    size_t              links_count;
    struct list         listeners;
    struct sim_fd      *fds; /* from SIM_FD_FIRST on */
    size_t              fds_open;
    size_t              fds_max;
    uint16_t            dialled; /* for the next client's port */
    struct {
        struct address  address;
        enum sim_answer answer;
    } answers[SIM_ANSWERS_MAX];
    size_t answers_count;
};

/* A loop on the net: the driver's state. */
struct sim_driver {
    struct io_loop  *loop;
    struct sim_net  *net;
    struct sim_lent *lent;
    bool             is_woken;
};

/* sim_net.c */
bool            sim_chance(struct sim_net *net, unsigned in_a_thousand);
uint64_t        sim_between(struct sim_net *net, uint64_t min, uint64_t max);
void            sim_note(struct sim_net *net, uint64_t what, uint64_t which, uint64_t result);
int             sim_fd_take(struct sim_net *net); /* -1: none left */
void            sim_fd_give(struct sim_net *net, int fd);
struct sim_fd  *sim_fd_of(struct sim_net *net, int fd);
enum sim_answer sim_answer_of(const struct sim_net *net, const struct address *address);

/* sim_link.c */
struct sim_link *sim_link_new(struct sim_net *net);
/* Something happened at this end: whoever holds it looks again. */
void sim_end_changed(struct sim_endpoint *end);
/* Nothing arrives before the answer to the handshake. */
bool sim_can_arrive(const struct sim_endpoint *end);
/* Puts on the way what this end has to send. */
void sim_end_push(struct sim_endpoint *end);
void sim_end_shut(struct sim_endpoint *end, bool is_reading_too);
void sim_end_reset(struct sim_endpoint *end);
/* The holder lets go, as close(2) does; may free the link. */
void sim_end_close(struct sim_endpoint *end);
bool sim_end_closes_by_reset(const struct sim_endpoint *end);
/* What this end is told of its reset, once. */
enum error_kind sim_end_reset_kind(const struct sim_endpoint *end);
/* Is there something to receive, an end and an error included? */
bool sim_end_is_readable(const struct sim_endpoint *end);
/* Frees the link if both ends let go and nothing is on its way. */
void sim_link_settle(struct sim_link *link);
void sim_link_free(struct sim_link *link);

/* sim_connect.c */
struct sim_listener *sim_listener_new(struct sim_net *net, const struct address *address);
/* Those who wait in the backlog are reset. */
void sim_listener_free(struct sim_listener *listener);
void sim_connect(struct sim_endpoint *end, const struct address *address);
void sim_connect_forget(struct sim_link *link);
/* The oldest waiting connection's server end, or NULL. */
struct sim_endpoint *sim_backlog_take(struct sim_listener *listener);
void                 sim_listener_changed(struct sim_listener *listener);

void sim_choose_wait(struct sim_driver *driver, uint64_t wait_ns); /* sim_choose.c */
/* driver_sim.c */
void sim_slot_poke(struct sim_slot *slot);
/* Aborts when the descriptor is none of a connection. */
struct sim_endpoint *sim_end_of(struct sim_net *net, int fd);

/* sim_attempt.c */
/* Would an attempt end it now? And if nobody had called it off? */
bool sim_can_end(const struct sim_slot *slot);
bool sim_can_succeed(const struct sim_slot *slot);
/* False for all but one of several accepts that wait for the same connection. */
bool        sim_can_attempt(const struct sim_slot *slot);
const char *sim_slot_word(const struct sim_slot *slot);
/* True: it ended, and the slot may be gone. */
bool sim_attempt(struct sim_slot *slot);
/* False: there is nothing to be had yet. */
bool sim_receive(struct sim_driver *driver, struct io_op *op, int64_t *result, struct error *error);
/* What was already taken counts more than the reason why the rest was not. */
bool sim_send_end(struct sim_slot *slot, enum error_kind kind);
bool sim_slot_end(struct sim_slot *slot, int64_t result, struct error error);
/* Nobody may have touched what was lent. */
void sim_check_lent(const struct sim_slot *slot);

#endif
