/*
 * A model of one session, to be laid beside the code. Names are the code's names.
 *
 *   here                                              there
 *   typedef Side, session_receive, session_send       src/proxy/side.h, session.c
 *   flow_run_up, flow_run_down and what they call     src/proxy/flow.c
 *   session_move, session_end, session_finish,
 *   on_client_recv ... on_backend_send, expire        src/proxy/session.c
 *   step_handshaking ... step_closing                 src/proxy/session_steps.c
 *   step_connecting, on_connect                       src/proxy/session_connect.c
 *   status of operations, io_cancel, was_reset        src/io/io.h, loop.c, descriptors.c
 *   typedef Socket, kernel_recv, kernel_send, Kernel  Linux, as the drivers show it
 *   Client, Backend                                   the peers: they do whatever peers may do
 *
 * A unit stands for some bytes; units are numbered, so that a receiver sees loss, doubling and
 * disorder. The reactor is one thread: whatever a `done`, a timer or a turn does is one atomic step
 * of process Session. Between steps the kernel may execute any pending operation, in any order, and
 * an executed operation waits for its `done` as long as it likes: that covers io_uring, epoll and
 * kqueue. With DRIVER_READY a receive is executed just before its `done`, as driver_ready.c does it.
 *
 * Time: a deadline that is watched may pass at any moment, and passes in the end if nothing else
 * happens. Left out: how far deadlines are; more than one server tried in CONNECTING; running out
 * of buffers; the server's flight of the handshake and its wants_room; what the engine holds back
 * (is_held), which counts as input here; access log and counters. The mailbox and the drain touch
 * no session until the operator cuts it: that is worker_cut here.
 *
 * To be set: UNITS each peer may send, BUFFER units of output a side, RECV units one receive brings,
 * WIRE units a socket holds, TRUNCATION_FIN for truncation = "fin", KEY_UPDATE for a client that
 * asks once for new keys, LIVENESS for peers that may fall silent for ever and an operator who
 * never cuts (for safety a process that takes no further step is silence enough), and one BUG_ at a
 * time.
 *
 * The properties are those of src/README.md, under their names. I5 is the LTL formula at the end;
 * it also fails as an invalid end state: a session that waits for nothing.
 */
#ifndef UNITS
#define UNITS 2
#endif
#ifndef BUFFER
#define BUFFER 1
#endif
#ifndef RECV
#define RECV 2
#endif
#ifndef WIRE
#define WIRE 1
#endif

/* What travels beside numbered units. CLOSE_NOTIFY and FIN take no room in buffers and sockets. */
#define HELLO 20
#define CLOSE_NOTIFY 21
#define BAD_RECORD 22
#define NEW_KEYS 23
#define ALERT 24
#define FIN 25

mtype = { HANDSHAKING, CONNECTING, RELAYING, FINISHING, CLOSING, CLOSED };
mtype = { OPEN, DRAINING, SHUT };
mtype = { FINISH_CLEAN, FINISH_ALERT, FINISH_RESET };
mtype = { IDLE, PENDING, CANCELLING, COMPLETED };
mtype = { RECEIVE, CLOSE, SEND, CONNECT };
mtype = { NONE, RESET, BROKEN, CANCELLED, REFUSED };

/* With ONLY, all but that property are looked away from. An assertion's text is all that a failed
 * run shows: it must name the property. */
#ifdef ONLY
#define IS_CHECKED(number) (number == ONLY)
#else
#define IS_CHECKED(number) 1
#endif
hidden byte I1 = IS_CHECKED(1), I2 = IS_CHECKED(2), I3 = IS_CHECKED(3), I4 = IS_CHECKED(4);
hidden byte I6 = IS_CHECKED(6), I7 = IS_CHECKED(7), I12 = IS_CHECKED(12);
#define HOLDS(property, condition) assert(!(property) || (condition))

typedef Side {
    mtype recv = IDLE;
    mtype recv_kind = RECEIVE;
    mtype recv_error = NONE;
    mtype send = IDLE;
    mtype send_kind = SEND;
    mtype send_error = NONE;
    byte sent; /* units the kernel took and `done` has not yet consumed */
    bool is_open; /* fd >= 0 */
    bool has_ended;
    bool has_reset;
    bool has_our_fin;
};

typedef Socket {
    bool fin;      /* the peer's FIN came */
    bool rst;      /* the peer's RST came */
    bool error;    /* ... and no call was told yet (sk_err) */
    bool was_reset; /* descriptors.c: a call was told */
    bool cut;      /* our RST went out: the peer sees it at once, what it did not read is lost */
};

Side client;
Side backend;
Socket client_socket;
Socket backend_socket;

/* side.lent, side.in, side.out; the socket's two queues. */
chan client_lent = [RECV] of { byte };
chan backend_lent = [RECV] of { byte };
chan client_in = [RECV] of { byte };
chan backend_in = [RECV] of { byte };
chan client_out = [BUFFER + 2] of { byte };
chan backend_out = [BUFFER] of { byte };
chan client_from = [WIRE] of { byte };
chan backend_from = [WIRE] of { byte };
chan client_to = [WIRE + 2] of { byte };
chan backend_to = [WIRE + 1] of { byte };

mtype session_state = HANDSHAKING;
mtype up = OPEN;
mtype down = OPEN;
mtype finish = FINISH_CLEAN;
bool up_is_truncated, up_is_lost;
bool turn_is_queued, has_turn;
bool is_established, is_connected, has_failed_to_connect, attempt_is_over;
bool is_watched;  /* the timer is set */
bool is_polling;  /* ... to look at what was acknowledged */
bool is_late;     /* poll_ns == CLOCK_NEVER */
bool has_said_goodbye; /* the engine wrote our close_notify */

#ifdef LIVENESS
bool is_unanswered; /* the server's host is silent */
#else
#define is_unanswered false
#endif

/* The truth, which only the peers and the properties know. */
byte client_wrote, backend_wrote, client_got, backend_got;
byte backend_brought; /* units of the backend that a receive brought us */
bool client_said_goodbye, client_misbehaved, client_got_goodbye, client_got_alert;
bool is_out_of_time; /* a deadline passed, or the operator cut the session */
bool owes_alert;

/* Used within one atomic step only. */
hidden byte unit;
hidden byte waits, was_received;

#define PEER_RESET (client_socket.rst)
#ifdef TRUNCATION_FIN
#define ENDED_WELL client_socket.fin
#else
#define ENDED_WELL false
#endif
#define CLIENT_EXCUSE (is_out_of_time || PEER_RESET || backend_socket.rst || client_misbehaved || \
                       has_failed_to_connect || !is_established)
#define BACKEND_EXCUSE (CLIENT_EXCUSE || !(client_said_goodbye || ENDED_WELL))

#define is_flushed(side, out) ((len(out) == 0) && side.sent == 0)
#define is_busy(side) (side.recv != IDLE || side.send != IDLE)
#define is_ending(state) (state == CLOSING || state == CLOSED)

inline drop(queue)
{
    do
    :: (len(queue) > 0) -> queue?_
    :: else -> break
    od
}

/* --- the kernel ---------------------------------------------------------------------------- */

/* Bytes that came before a FIN or an RST are received first. The error is told once; after that a
 * receive reads an end, which descriptors_outcome turns into ERROR_RESET. A peer that ended in good
 * order before it reset has ended in good order, for a receive. */
inline kernel_recv(side, socket, wire, lent)
{
    side.recv_error = NONE;
    if
    :: (len(wire) > 0) ->
        wire?unit;
        lent!unit;
        do
        :: (len(wire) > 0) && len(lent) < RECV -> wire?unit; lent!unit
        :: true -> break
        od
    :: (len(wire) == 0) && !socket.fin && socket.error ->
        socket.error = false;
        socket.was_reset = true;
        side.recv_error = RESET
    :: (len(wire) == 0) && !socket.fin && !socket.error && socket.was_reset ->
#if !defined(BUG_LOOP_FORGETS_RESET) && !defined(BUG_RESET_IS_END)
        side.recv_error = RESET
#else
        skip
#endif
    :: else -> skip
    fi
}

#define can_recv(socket, wire) ((len(wire) > 0) || socket.fin || socket.rst)

/* A send that went out in part may tell of the part and swallow the error (MSG_WAITALL did). */
#ifdef BUG_SEND_HIDES_RESET
#define hides_reset(side) (side.sent > 0)
#else
#define hides_reset(side) false
#endif

/* An RST after the peer's FIN is EPIPE (CLOSE_WAIT), before it ECONNRESET, once. */
inline kernel_send(side, socket, output, wire)
{
    side.send_error = NONE;
    if
    :: socket.rst && hides_reset(side) -> socket.error = false
    :: socket.rst && !hides_reset(side) && (socket.fin || !socket.error) ->
        side.send_error = BROKEN
    :: socket.rst && !hides_reset(side) && !socket.fin && socket.error ->
        socket.error = false;
        socket.was_reset = true;
        side.send_error = RESET
    :: !socket.rst && side.has_our_fin -> side.send_error = BROKEN
    :: !socket.rst && !side.has_our_fin ->
        do
        :: (len(output) > 0) && len(wire) < WIRE -> output?unit; wire!unit; side.sent++
        :: side.sent > 0 -> break
        od
    fi
}

#define can_send(side, socket, wire) (socket.rst || side.has_our_fin || len(wire) < WIRE)

/* FIN needs no room: it stands behind whatever the socket holds. */
inline shutdown_send(side, socket, wire)
{
    if
    :: !side.has_our_fin && !socket.rst -> wire!FIN
    :: else -> skip
    fi;
    side.has_our_fin = true
}

/* An RST of ours loses what the peer did not take. The kernel sends one also when it closes over
 * bytes nobody received. */
inline kernel_close(side, socket, source, wire, is_gentle, excuse)
{
    if
    :: !socket.rst && is_gentle && (len(source) == 0) -> shutdown_send(side, socket, wire)
    :: !socket.rst && !(is_gentle && (len(source) == 0)) ->
        HOLDS(I6, excuse);
        socket.cut = true;
        drop(wire)
    :: socket.rst -> skip
    fi
}

active proctype Kernel()
{
    end:
    do
#ifndef DRIVER_READY
    :: atomic { (client.recv == PENDING || client.recv == CANCELLING) &&
                client.recv_kind == RECEIVE && can_recv(client_socket, client_from) ->
        kernel_recv(client, client_socket, client_from, client_lent);
        client.recv = COMPLETED }
    :: atomic { (backend.recv == PENDING || backend.recv == CANCELLING) &&
                backend.recv_kind == RECEIVE && can_recv(backend_socket, backend_from) ->
        kernel_recv(backend, backend_socket, backend_from, backend_lent);
        backend.recv = COMPLETED }
#endif
    :: atomic { (client.send == PENDING || client.send == CANCELLING) &&
                can_send(client, client_socket, client_to) ->
        kernel_send(client, client_socket, client_out, client_to);
        client.send = COMPLETED }
    :: atomic { (backend.send == PENDING || backend.send == CANCELLING) &&
                backend.send_kind == SEND && can_send(backend, backend_socket, backend_to) ->
        kernel_send(backend, backend_socket, backend_out, backend_to);
        backend.send = COMPLETED }
#ifdef BUG_SEND_HIDES_RESET
    :: atomic { backend.send == PENDING && backend.send_kind == SEND && !backend_socket.rst &&
                len(backend_out) > 1 && len(backend_to) < WIRE ->
        backend_out?unit; backend_to!unit; backend.sent++ }
#endif
#ifdef LIVENESS
    :: atomic { backend.send == PENDING && backend.send_kind == CONNECT && !is_unanswered ->
        is_unanswered = true }
#endif
    :: atomic { backend.send_kind == CONNECT &&
                (backend.send == CANCELLING || (backend.send == PENDING && !is_unanswered)) ->
        if
        :: backend.send_error = NONE; is_connected = true
        :: backend.send_error = REFUSED
        fi;
        backend.send = COMPLETED }
    /* Cancelled, in any order. */
    :: atomic { client.recv == CANCELLING && client.recv_kind == RECEIVE ->
        client.recv_error = CANCELLED; client.recv = COMPLETED }
    :: atomic { backend.recv == CANCELLING && backend.recv_kind == RECEIVE ->
        backend.recv_error = CANCELLED; backend.recv = COMPLETED }
    :: atomic { client.send == CANCELLING ->
        client.send_error = CANCELLED; client.send = COMPLETED }
    :: atomic { backend.send == CANCELLING ->
        backend.send_error = CANCELLED; backend.send = COMPLETED }
    od
}

/* --- session.c ----------------------------------------------------------------------------- */

inline io_cancel(status)
{
    if
    :: status == PENDING -> status = CANCELLING
    :: else -> skip
    fi
}

/* What session_move does besides is done before the next step, in one place: it is the same atomic
 * step, and pan stays small. */
inline session_move(to)
{
    session_state = to
}

inline session_moved()
{
    if
#ifndef BUG_TURN_OUTLIVES_HANDSHAKE
    :: session_state != HANDSHAKING && turn_is_queued -> turn_is_queued = false
#endif
    :: else -> skip
    fi;
    if
    :: session_state == CLOSING ->
        is_watched = false;
        is_polling = false;
        io_cancel(client.recv);
        io_cancel(client.send);
        io_cancel(backend.recv);
        io_cancel(backend.send)
    :: else -> skip
    fi
}

inline session_end()
{
    if
    :: !is_ending(session_state) -> finish = FINISH_RESET; session_move(CLOSING)
    :: else -> skip
    fi
}

inline session_finish(how)
{
    if
    :: session_state != FINISHING && !is_ending(session_state) ->
        finish = how;
        session_move(FINISHING)
    :: else -> skip
    fi
}

inline session_watch()
{
    if
#ifdef BUG_FINISHING_NOT_WATCHED
    :: session_state == FINISHING -> is_watched = false
#endif
#ifdef BUG_CONNECTING_NOT_WATCHED
    :: session_state == CONNECTING -> is_watched = false
#endif
    :: else -> is_watched = true
    fi
}

inline session_receive(side)
{
    if
    :: side.is_open && !side.has_ended && side.recv == IDLE ->
        side.recv_kind = RECEIVE;
        side.recv = PENDING
    :: else -> skip
    fi
}

inline session_send(side, output)
{
    if
    :: (len(output) > 0) && side.send == IDLE -> side.send_kind = SEND; side.send = PENDING
    :: else -> skip
    fi
}

/* --- flow.c: client to backend -------------------------------------------------------------- */

inline up_source_ended(is_truncated)
{
    up_is_truncated = is_truncated;
    up = DRAINING
}

/* Unit by unit, until the input or the room runs out. What stands behind a close_notify is nothing
 * we may look at. */
inline up_decrypt()
{
    if
    :: (len(client_in) > 0) && is_flushed(backend, backend_out) ->
        do
        :: (len(client_in) > 0) && len(backend_out) < BUFFER ->
            client_in?unit;
            if
            :: unit < UNITS || unit == HELLO -> backend_out!unit
            :: unit == NEW_KEYS ->
                if
#ifndef BUG_ANSWER_AFTER_GOODBYE
                :: has_said_goodbye -> skip
#endif
                :: else -> client_out!NEW_KEYS
                fi
            :: unit == CLOSE_NOTIFY -> drop(client_in); up_source_ended(false); break
            :: unit == BAD_RECORD ->
                drop(client_in);
                if
                :: !has_said_goodbye -> client_out!ALERT; owes_alert = true
                :: else -> skip
                fi;
                session_finish(FINISH_ALERT);
                break
            fi
        :: else -> break
        od;
        session_send(client, client_out)
    :: else -> skip
    fi
}

inline up_finish()
{
    if
#ifdef TRUNCATION_FIN
    :: true ->
#elif defined(BUG_FIN_ON_TRUNCATION)
    :: true ->
#else
    :: !up_is_truncated ->
#endif
        shutdown_send(backend, backend_socket, backend_to)
    :: else -> skip
    fi;
    up = SHUT
}

inline flow_run_up()
{
    if
    :: up == OPEN -> up_decrypt()
    :: else -> skip
    fi;
    if
    :: session_state == RELAYING ->
        if
        :: up == OPEN && client.has_ended && (len(client_in) == 0) -> up_source_ended(true)
        :: else -> skip
        fi;
        if
        :: up != OPEN -> drop(client_in)
        :: else -> skip
        fi;
        session_send(backend, backend_out);
        if
#ifdef BUG_FIN_BEFORE_LAST_BYTE
        :: up == DRAINING -> up_finish()
#else
        :: up == DRAINING && is_flushed(backend, backend_out) -> up_finish()
#endif
        :: else -> skip
        fi;
        if
#ifdef BUG_RECEIVE_OVER_OUTPUT
        :: true ->
#else
        :: (len(client_in) == 0) && is_flushed(backend, backend_out) ->
#endif
            session_receive(client)
        :: else -> skip
        fi
    :: else -> skip
    fi
}

/* --- flow.c: backend to client -------------------------------------------------------------- */

/* The room an engine keeps free for its own records is the last two places of the output. */
inline down_encrypt()
{
    do
    :: (len(backend_in) > 0) && len(client_out) + client.sent < BUFFER ->
        backend_in?unit;
        client_out!unit
    :: else -> break
    od
}

inline down_finish()
{
    if
    :: !has_said_goodbye && len(client_out) < BUFFER + 2 ->
        client_out!CLOSE_NOTIFY;
        has_said_goodbye = true
    :: else -> skip
    fi;
    if
    :: has_said_goodbye && is_flushed(client, client_out) ->
        shutdown_send(client, client_socket, client_to);
        down = SHUT
    :: else -> skip
    fi
}

inline flow_run_down()
{
    if
    :: down == OPEN -> down_encrypt()
    :: else -> skip
    fi;
    if
#ifdef BUG_GOODBYE_BEFORE_LAST_BYTE
    :: down == OPEN && backend_socket.fin -> /* EPOLLRDHUP taken for the end */
#else
    :: down == OPEN && backend.has_ended && (len(backend_in) == 0) ->
#endif
        if
#ifndef BUG_RESET_IS_END
        :: backend.has_reset -> session_finish(FINISH_RESET)
#endif
        :: else -> down = DRAINING
        fi
    :: else -> skip
    fi;
    if
    :: down == DRAINING -> down_finish()
    :: else -> skip
    fi;
    if
    :: session_state == RELAYING ->
        session_send(client, client_out);
        if
#ifdef BUG_RECEIVE_OVER_OUTPUT
        :: true ->
#else
        :: (len(backend_in) == 0) && is_flushed(client, client_out) ->
#endif
            session_receive(backend)
        :: else -> skip
        fi
    :: else -> skip
    fi
}

/* --- session_steps.c ------------------------------------------------------------------------ */

inline handshake_compute()
{
    has_turn = false;
    client_in?unit;
    if
    :: unit == HELLO -> is_established = true; session_move(CONNECTING)
    :: else ->
        drop(client_in);
        client_out!ALERT;
        owes_alert = true;
        session_finish(FINISH_ALERT)
    fi;
    session_send(client, client_out)
}

inline step_handshaking()
{
    if
    :: has_turn -> handshake_compute(); waits = false
    :: else ->
        if
#ifdef BUG_CONNECT_BEFORE_HANDSHAKE
        :: (len(client_in) > 0) -> session_move(CONNECTING); waits = false
#else
        :: (len(client_in) > 0) -> turn_is_queued = true; session_watch()
#endif
        :: (len(client_in) == 0) && client.has_ended -> session_finish(FINISH_ALERT); waits = false
        :: else -> session_receive(client); session_watch()
        fi
    fi
}

/* One server stands for all: it answers, or none does. */
inline step_connecting()
{
    if
    :: !is_busy(backend) && is_connected ->
        attempt_is_over = false;
        session_move(RELAYING);
        waits = false
    :: !is_busy(backend) && !is_connected && has_failed_to_connect ->
        attempt_is_over = false;
        session_finish(FINISH_RESET);
        waits = false
    :: !is_busy(backend) && !is_connected && !has_failed_to_connect ->
        backend.is_open = true;
        backend.send_kind = CONNECT;
        backend.send = PENDING;
        waits = false
    :: is_busy(backend) ->
        session_send(client, client_out);
        if
        :: (len(client_in) == 0) -> session_receive(client)
        :: else -> skip
        fi;
        session_watch()
    fi
}

inline step_relaying()
{
    flow_run_up();
    if
    :: session_state == RELAYING -> flow_run_down()
    :: else -> skip
    fi;
    if
    :: session_state != RELAYING -> waits = false
#ifdef BUG_FINISH_ON_FIRST_END
    :: session_state == RELAYING && (up == SHUT || down == SHUT) ->
#else
    :: session_state == RELAYING && up == SHUT && down == SHUT ->
#endif
        if
        :: up_is_lost -> session_finish(FINISH_RESET)
        :: else -> session_finish(FINISH_CLEAN)
        fi;
        waits = false
    :: else -> session_watch()
    fi
}

inline finish_alert()
{
    shutdown_send(client, client_socket, client_to);
    if
#ifdef BUG_ALERT_WITHOUT_LINGER
    :: true ->
#else
    :: client.has_ended ->
#endif
        session_move(CLOSING);
        waits = false
    :: else -> session_receive(client); session_watch()
    fi
}

/* What the peer took is acknowledged. */
#define IS_ACKNOWLEDGED (len(client_to) == 0 || client_socket.rst)

inline finish_reset()
{
    if
#ifdef BUG_RESET_BEFORE_ACKNOWLEDGED
    :: true ->
#else
    :: IS_ACKNOWLEDGED ->
#endif
        session_move(CLOSING);
        waits = false
    :: else ->
        is_polling = true;
        session_watch()
    fi
}

inline step_finishing()
{
    drop(client_in);
    drop(backend_in);
    if
    :: is_late -> session_move(CLOSING); waits = false
    :: else ->
        session_send(client, client_out);
        if
        :: !is_flushed(client, client_out) -> session_watch()
        :: else ->
            if
            :: finish == FINISH_CLEAN -> session_move(CLOSING); waits = false
            :: finish == FINISH_ALERT -> finish_alert()
            :: finish == FINISH_RESET -> finish_reset()
            fi
        fi
    fi
}

#ifdef BUG_CLOSE_OVER_RECEIVE
#define MAY_CLOSE (client.send == IDLE && backend.send == IDLE)
#elif defined(BUG_CLOSE_OVER_SEND)
#define MAY_CLOSE (client.recv == IDLE && backend.recv == IDLE)
#else
#define MAY_CLOSE (!is_busy(client) && !is_busy(backend))
#endif

inline close_side(side, socket, input, output, source, wire, is_gentle, excuse)
{
    if
    :: side.is_open ->
        HOLDS(I4, !is_busy(side));
        drop(input);
        drop(output);
        kernel_close(side, socket, source, wire, is_gentle, excuse);
        side.is_open = false;
        side.recv_kind = CLOSE;
        side.recv = PENDING
    :: else -> skip
    fi
}

/* Every unit that came is with the client, or on a way that no RST cuts off. */
#ifdef BUG_CLEAN_CLOSE_AFTER_ABORT
#define CLIENT_IS_GENTLE true
#define BACKEND_IS_GENTLE true
#else
#define CLIENT_IS_GENTLE (finish != FINISH_RESET && (client.has_our_fin || client.has_ended))
#define BACKEND_IS_GENTLE (finish == FINISH_CLEAN && backend.has_our_fin && backend.has_ended)
#endif

#define IS_DELIVERED (CLIENT_IS_GENTLE -> is_flushed(client, client_out) && (len(backend_in) == 0) : \
                                          client_got == backend_brought)

inline step_closing()
{
    if
    :: MAY_CLOSE ->
        if
        :: client.is_open || backend.is_open ->
            HOLDS(I6, is_out_of_time || PEER_RESET || client_misbehaved || IS_DELIVERED);
            HOLDS(I6, is_out_of_time || PEER_RESET || !owes_alert || client_got_alert ||
                      (CLIENT_IS_GENTLE && (len(client_from) == 0)));
            close_side(client, client_socket, client_in, client_out, client_from, client_to,
                       CLIENT_IS_GENTLE, CLIENT_EXCUSE);
            close_side(backend, backend_socket, backend_in, backend_out, backend_from, backend_to,
                       BACKEND_IS_GENTLE, BACKEND_EXCUSE)
        :: else ->
            HOLDS(I4, !is_busy(client) && !is_busy(backend) && !turn_is_queued && !is_watched);
            HOLDS(I6, CLIENT_EXCUSE || (client.has_our_fin && down == SHUT));
            HOLDS(I6, BACKEND_EXCUSE || (backend.has_our_fin && up == SHUT));
            session_move(CLOSED)
        fi
    :: else -> skip
    fi
}

inline session_advance()
{
    do
    :: waits = true;
        session_moved();
        if
        :: session_state == HANDSHAKING -> step_handshaking()
        :: session_state == CONNECTING -> step_connecting()
        :: session_state == RELAYING -> step_relaying()
        :: session_state == FINISHING -> step_finishing()
        :: session_state == CLOSING -> step_closing()
        :: session_state == CLOSED -> skip
        fi;
        if
        :: waits -> break
        :: else -> skip
        fi
    od
}

/* --- session.c: events ----------------------------------------------------------------------- */

inline received(side, lent, input)
{
    side.recv = IDLE;
    if
    :: side.recv_kind == CLOSE -> skip
    :: side.recv_kind == RECEIVE && (len(lent) == 0) -> side.has_ended = true
    :: side.recv_kind == RECEIVE && (len(lent) > 0) ->
        HOLDS(I7, len(input) == 0);
        drop(input);
        was_received = true;
        do
        :: (len(lent) > 0) -> lent?unit; input!unit
        :: else -> break
        od
    fi
}

/* After the advance: what nobody will want is not kept. */
inline keep_lent(input)
{
    if
#ifdef BUG_LENT_IS_NOT_KEPT
    :: was_received && session_state == CONNECTING -> drop(input)
#endif
    :: session_state == FINISHING || is_ending(session_state) -> drop(input)
    :: else -> skip
    fi
}

inline on_client_recv()
{
    if
    :: client.recv_kind == RECEIVE && client.recv_error != NONE -> session_end()
    :: else -> skip
    fi;
    received(client, client_lent, client_in);
    client.recv_error = NONE;
    client.recv_kind = RECEIVE
}

inline on_backend_recv()
{
    if
    :: backend.recv_kind == RECEIVE && backend.recv_error != NONE -> session_finish(FINISH_RESET)
    :: else -> skip
    fi;
    backend_brought = backend_brought + len(backend_lent);
    received(backend, backend_lent, backend_in);
    backend.recv_error = NONE;
    backend.recv_kind = RECEIVE
}

inline on_client_send()
{
    client.send = IDLE;
    client.sent = 0;
    if
    :: client.send_error != NONE -> session_end()
    :: else ->
#ifdef BUG_SENT_IS_WHAT_WAS_ASKED
        drop(client_out)
#else
        skip
#endif
    fi;
    client.send_error = NONE
}

inline on_connect()
{
    backend.send = IDLE;
    if
    :: session_state != CONNECTING -> skip
    :: session_state == CONNECTING && backend.send_error != NONE ->
        has_failed_to_connect = true;
        backend.is_open = false;
        backend.recv_kind = CLOSE;
        backend.recv = PENDING
    :: else -> skip
    fi;
    backend.send_error = NONE;
    backend.send_kind = SEND
}

inline on_backend_send()
{
    backend.send = IDLE;
    backend.sent = 0;
    if
    :: backend.send_error == NONE || is_ending(session_state) -> skip
    :: else ->
        backend.has_reset = (backend.send_error != BROKEN);
        drop(backend_out);
#ifdef BUG_SEND_ERROR_ENDS_SESSION
        session_end();
#endif
        if
        :: up != SHUT -> up_is_lost = true; up = SHUT
        :: else -> skip
        fi
    fi;
    backend.send_error = NONE
}

inline on_turn()
{
    turn_is_queued = false;
    HOLDS(I4, session_state == HANDSHAKING);
    has_turn = true
}

/* Due, and past the deadline: expire. Every step that waits watches again. */
inline on_due()
{
    is_watched = false;
    is_out_of_time = true;
    if
    :: session_state == HANDSHAKING || session_state == RELAYING -> session_end()
    :: session_state == CONNECTING -> io_cancel(backend.send); attempt_is_over = true
    :: session_state == FINISHING -> is_late = true
    fi
}

/* A close cannot be called off. */
#define is_done(side) (side.recv == COMPLETED || (side.recv != IDLE && side.recv_kind == CLOSE))
#define is_ready(side, socket, wire) \
    (side.recv == PENDING && side.recv_kind == RECEIVE && can_recv(socket, wire))

/* One event, then the advance, in one atomic step: the reactor is one thread. */
active proctype Session()
{
    atomic { client.is_open = true; session_advance() }
    do
    :: session_state == CLOSED -> break
    :: atomic {
        if
        :: is_done(client) -> on_client_recv()
        :: is_done(backend) -> on_backend_recv()
#ifdef DRIVER_READY
        :: is_ready(client, client_socket, client_from) ->
            kernel_recv(client, client_socket, client_from, client_lent);
            on_client_recv()
        :: is_ready(backend, backend_socket, backend_from) ->
            kernel_recv(backend, backend_socket, backend_from, backend_lent);
            on_backend_recv()
#endif
        :: client.send == COMPLETED -> on_client_send()
        :: backend.send == COMPLETED && backend.send_kind == CONNECT -> on_connect()
        :: backend.send == COMPLETED && backend.send_kind == SEND -> on_backend_send()
        :: turn_is_queued -> on_turn()
        :: is_watched && !attempt_is_over -> on_due()
        :: is_polling && IS_ACKNOWLEDGED -> is_polling = false
#ifndef LIVENESS
        /* worker_cut. I5 is to hold without it. */
        :: !is_ending(session_state) -> is_out_of_time = true; session_end()
#endif
        fi;
        session_advance();
        keep_lent(client_in);
        keep_lent(backend_in);
        unit = 0;
        waits = false;
        was_received = false
       }
    od
}

/* --- the peers ------------------------------------------------------------------------------- */

/* A write to a socket that is closed is answered with RST, and what was not yet read is lost. */
inline client_write(what)
{
    if
    :: client.is_open -> client_from!what
    :: else ->
        HOLDS(I6, is_out_of_time || !owes_alert || client_got_alert);
        client_socket.cut = true;
        drop(client_to)
    fi
}

inline client_read()
{
    client_to?unit;
    if
    :: unit < UNITS ->
        HOLDS(I1, unit == client_got && !client_got_goodbye);
        client_got++
    :: unit == CLOSE_NOTIFY ->
        HOLDS(I2, backend_socket.fin && client_got == backend_wrote);
        client_got_goodbye = true
    :: unit == ALERT -> client_got_alert = true
    :: else -> skip
    fi
}

#define client_can_write (len(client_from) < WIRE && !client_has_ended && !client_socket.fin)

active proctype Client()
{
    bool has_begun, client_has_ended;
#ifdef KEY_UPDATE
    bool has_new_keys;
#endif

    end:
    client.is_open;
    end_accepted:
    do
    :: client_socket.cut -> break
    :: atomic { !client_socket.cut && (len(client_to) > 0) -> client_read() }
    :: atomic { !client_socket.cut && client_can_write && !has_begun ->
        has_begun = true; client_write(HELLO) }
    :: atomic { !client_socket.cut && client_can_write && has_begun && client_wrote < UNITS ->
        client_write(client_wrote); client_wrote++ }
    :: atomic { !client_socket.cut && client_can_write && has_begun ->
        client_has_ended = true; client_said_goodbye = true; client_write(CLOSE_NOTIFY) }
    :: atomic { !client_socket.cut && client_can_write && !client_misbehaved ->
        has_begun = true; client_misbehaved = true; client_write(BAD_RECORD) }
#ifdef KEY_UPDATE
    :: atomic { !client_socket.cut && client_can_write && has_begun && !has_new_keys ->
        has_new_keys = true; client_write(NEW_KEYS) }
#endif
    :: atomic { !client_socket.cut && !client_socket.fin -> client_socket.fin = true }
    :: atomic { !client_socket.cut ->
        client_socket.rst = true; client_socket.error = true; drop(client_to); break }
#ifdef LIVENESS
    :: break
#endif
    od
}

inline backend_read()
{
    backend_to?unit;
    if
    :: unit == FIN ->
        HOLDS(I3, (client_said_goodbye || ENDED_WELL) && backend_got == client_wrote)
    :: else ->
        HOLDS(I12, is_established && unit < UNITS);
        HOLDS(I1, unit == backend_got);
        backend_got++
    fi
}

active proctype Backend()
{
    end:
    is_connected;
    end_connected:
    do
    :: backend_socket.cut -> break
    :: atomic { !backend_socket.cut && (len(backend_to) > 0) -> backend_read() }
    :: atomic { backend.is_open && !backend_socket.fin && len(backend_from) < WIRE &&
                backend_wrote < UNITS -> backend_from!backend_wrote; backend_wrote++ }
    :: atomic { !backend_socket.cut && !backend_socket.fin -> backend_socket.fin = true }
    :: atomic { !backend_socket.cut ->
        backend_socket.rst = true; backend_socket.error = true; drop(backend_to); break }
#ifdef LIVENESS
    :: break
#endif
    od
}

/* I5: every session ends. To be checked with LIVENESS, under weak fairness. */
ltl I5 { <> (session_state == CLOSED) }
