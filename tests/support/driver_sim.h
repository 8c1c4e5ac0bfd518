/*
 * The simulator: a fourth io driver, on virtual time, with a virtual network in this process.
 *
 * A `struct sim_net` holds the clock, the network and one seeded stream of chance, so that a seed
 * replays the same run to the nanosecond (sim_trace tells runs apart). Loops opened on it carry
 * the code under test through the ordinary io.h calls. Actors are the other ends: plain calls that
 * never wait, and a callback when something changed.
 *
 *     struct sim_net *net = sim_net_new(&(struct sim_options){.seed = 1});
 *     struct io_loop *loop = sim_loop_open(net);          // give it to reactor_adopt, or turn it
 *     int             fd = sim_listen_fd(net, &address);  // a listening descriptor for io_accept
 *     sim_serve(net, &service, &backend_address);         // a backend: service.on_accept
 *     sim_dial(net, &client, &address);                   // a client: client.on_ready
 *     while (...) io_turn(loop, wait_ns);                 // time jumps from event to event
 *
 * Time moves only inside io_turn: to the next event, at most by what io_turn was told, and by one
 * microsecond a turn, so that code which turns without sleeping still gets older. clock_now_ns()
 * is the virtual clock while a net exists. One net at a time; one thread; as many loops as wanted.
 *
 * Descriptors are virtual numbers from SIM_FD_FIRST on, lowest first, and mean nothing to the
 * kernel. These mistakes abort at once: an unknown or closed descriptor, a second close, an op or
 * its bytes changed while lent, and what the loop checks for every driver. Lent receive memory is
 * overwritten with 0xDD (and poisoned under ASan) as soon as `done` returned.
 *
 * Behaves like TCP on Linux: bytes arrive before the FIN or RST that follows them; closing with
 * unread bytes sends RST; bytes that reach a closed socket, or one shut both ways, are answered by
 * RST; one call is told of a reset, after which receives read the end and sends are broken; a FIN
 * is remembered through the RST that follows it, which then breaks the next send. Held against the
 * kernel by tests/drivers/test_io_conformance.c.
 *
 * Two models of a driver. Completion, as io_uring: bytes are taken when they are there, a cancelled
 * operation may still succeed, a send may go out in parts. Readiness, as epoll: a socket is told to
 * be readable, its bytes are taken just before `done`, possibly there are none after all; sends are
 * tried at once and cancels take effect at once. What only a kernel's ring can do (full queues, too
 * few buffers, F_MORE) belongs to the drivers and is tested there, tests/drivers/test_io_cramped.c.
 */
#ifndef SALLYPORT_TESTS_DRIVER_SIM_H
#define SALLYPORT_TESTS_DRIVER_SIM_H

#include "base/bytes.h"
#include "io/io.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIM_FD_FIRST = 100, SIM_DESCRIPTORS_MAX = 16384, SIM_TURN_NS = 1000 };

struct sim_net;
struct sim_endpoint;

/*
 * What may go wrong, each as a chance in a thousand. All zero: a perfect network (10 us latency).
 * May be changed while the net runs.
 */
struct sim_faults {
    /* either model */
    unsigned short_recv; /* a receive brings 1 to all of the bytes that are there */
    unsigned short_send; /* a send takes 1 to all of the bytes that fit */
    unsigned delay;      /* an operation that could end waits up to delay_ns_max first */
    unsigned shuffle;    /* things due at the same moment happen in another order */
    unsigned loss;       /* a segment is repeated after 200 ms */
    unsigned reset;      /* a segment makes the network reset both ends */
    unsigned timeout;    /* a segment is the last that passes; its sender is told ERROR_TIMEOUT */
    unsigned stall;      /* a turn begins up to stall_ns_max late, and everything is overdue */
    unsigned connect_refused;
    unsigned connect_timeout; /* no answer: ERROR_TIMEOUT after 130 s */
    unsigned connect_unreachable;
    unsigned accept_exhausted; /* an accept ends in ERROR_EXHAUSTED; the connection stays */
    unsigned socket_exhausted; /* io_socket fails */
    unsigned send_exhausted;   /* a send takes nothing and ends in ERROR_EXHAUSTED */
    /* completion model */
    unsigned send_parts;  /* a send goes out in parts before it ends, as with MSG_WAITALL */
    unsigned cancel_late; /* a cancelled op goes on for up to delay_ns_max and may succeed */
    /* readiness model */
    unsigned spurious; /* a socket is told to be readable when it is not */
    unsigned blocked;  /* a send finds no room at first */

    uint64_t delay_ns_max;   /* 0: 1 ms */
    uint64_t stall_ns_max;   /* 0: 1 ms */
    uint64_t latency_ns_min; /* one way, each link its own between the two; 0 and 0: 10 us */
    uint64_t latency_ns_max;
    size_t   socket_bytes_min; /* both buffers, each socket its own; 0 and 0: IO_RECV_BYTES */
    size_t   socket_bytes_max;
};

struct sim_options {
    uint64_t          seed;
    struct sim_faults faults;
    size_t            descriptors_max; /* io_socket and accepts fail beyond; 0: no limit */
    bool              is_readiness;    /* the readiness model; else the completion model */
};

/* --- the net --------------------------------------------------------------------------------- */

struct sim_net *sim_net_new(const struct sim_options *options);
/* Loops must be closed. Connections and actors that are left simply cease. */
void sim_net_free(struct sim_net **net);

struct io_loop *sim_loop_open(struct sim_net *net);

/* May be written to at any time. */
struct sim_faults *sim_faults(struct sim_net *net);

uint64_t sim_now_ns(const struct sim_net *net);
/* A number from 0 to below `below`, from the net's own stream of chance. */
uint64_t sim_random(struct sim_net *net, uint64_t below);
/* A hash over all outcomes and callbacks so far, with their times; the last 200, on stderr. */
uint64_t sim_trace(const struct sim_net *net);
void     sim_tell(const struct sim_net *net);

/* Virtual descriptors that are open, listening ones included; and connections not yet forgotten. */
size_t sim_open_fds(const struct sim_net *net);
size_t sim_links(const struct sim_net *net);

/* Operations that ended, of all loops. */
uint64_t sim_completions(const struct sim_net *net);

/* A listening descriptor for io_accept; close it with io_close. Several at one address share what
 * comes, as with SO_REUSEPORT. */
int sim_listen_fd(struct sim_net *net, const struct address *address);

/* A descriptor for io_poll, readable while raised (an eventfd, say); close it with io_close. */
int  sim_event_fd(struct sim_net *net);
void sim_event_set(struct sim_net *net, int fd, bool is_raised);

/* --- virtual time for actors ----------------------------------------------------------------- */

/* Embedded in its owner; zeroed memory is idle. `run` is called once, inside some io_turn. The name
 * and the fault's number are for runs with a chooser (sim_choice.h); 0: it is no fault. */
struct sim_event {
    void (*run)(struct sim_event *event);
    const char *name;
    unsigned    fault;
    /* private */
    unsigned kind;
    uint64_t time_ns;
    uint64_t order;
    size_t   position; /* in the queue, counted from 1; 0: idle */
};

/* Setting a set event moves it. */
void sim_event_at(struct sim_net *net, struct sim_event *event, uint64_t time_ns);
void sim_event_clear(struct sim_net *net, struct sim_event *event);

/* --- actors ---------------------------------------------------------------------------------- */

/* The owner of an endpoint; embedded in the test's struct. on_ready: something changed (bytes, end,
 * reset, room, connected, refused); look again, and at everything: receive until nothing more
 * comes, for several changes may be told once. Never called inside one of the calls below. */
struct sim_actor {
    void (*on_ready)(struct sim_actor *actor);
    struct sim_endpoint *endpoint; /* set by sim_dial and sim_adopt, NULL after sim_close */
};

/* Takes connections at an address. */
struct sim_service {
    /* The endpoint is the service's now: sim_adopt it, or sim_close it. */
    void (*on_accept)(struct sim_service *service, struct sim_endpoint *endpoint);
    struct sim_net *net; /* set by sim_serve */
};

/* What an address answers to those who connect. An address nobody serves refuses. */
enum sim_answer { SIM_ACCEPTS, SIM_REFUSES, SIM_IS_SILENT, SIM_IS_UNREACHABLE };

void sim_serve(struct sim_net *net, struct sim_service *service, const struct address *address);
void sim_unserve(struct sim_net *net, struct sim_service *service);
void sim_answer(struct sim_net *net, const struct address *address, enum sim_answer answer);

/* Connects to a listening descriptor or a service. Bytes may be sent once it is open. */
void sim_dial(struct sim_net *net, struct sim_actor *actor, const struct address *address);
void sim_adopt(struct sim_actor *actor, struct sim_endpoint *endpoint);

enum sim_state { SIM_CONNECTING, SIM_OPEN, SIM_FAILED };
enum sim_state sim_state(const struct sim_endpoint *endpoint);

/* Hands bytes to the network: how many were taken; 0 when there is no room, after sim_fin, after a
 * reset, and while not open. */
size_t sim_send(struct sim_endpoint *endpoint, struct bytes_const bytes);
size_t sim_room(const struct sim_endpoint *endpoint);

/* Bytes received (1 or more), or one of these. SIM_END and SIM_RESET come again if asked again. */
enum { SIM_NOTHING = 0, SIM_END = -1, SIM_RESET = -2 };
int64_t sim_recv(struct sim_endpoint *endpoint, struct bytes into);

/* FIN after what was sent, once that has left. The other direction goes on. */
void sim_fin(struct sim_endpoint *endpoint);
bool sim_fin_has_left(const struct sim_endpoint *endpoint);
/* RST now, and the endpoint is gone. */
void sim_reset(struct sim_actor *actor);
/* Like close(2): FIN, or RST if bytes were left unread; the endpoint is gone. It is an abort when
 * RST takes the place of FIN. */
void sim_close(struct sim_actor *actor);
bool sim_close_aborts(const struct sim_endpoint *endpoint);
/* The cable is cut: from now on nothing passes, either way. */
void sim_vanish(struct sim_endpoint *endpoint);

/* Sent and not yet arrived at the other end. */
size_t sim_unacknowledged(const struct sim_endpoint *endpoint);
/* Sent and not yet received by the other end's owner. */
size_t sim_untaken(const struct sim_endpoint *endpoint);

#endif
