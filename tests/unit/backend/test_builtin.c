/* Conversations over the simulator's network: socketpair is replaced by a connection of its. */
#include "backend/builtin.h"

#include "base/clock.h"
#include "driver_sim.h"
#include "sim_internal.h"
#include "suites.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { MEBIBYTE = 1024 * 1024, RECEIVED_MAX = MEBIBYTE + 4096, TURNS_MAX = 2000000 };
enum { SESSIONS_MAX = 2, DUMMY_FD = 0, NEVER = -1 };

static const struct sim_faults ROUGH = {
    .short_recv = 300,
    .short_send = 300,
    .delay = 200,
    .shuffle = 500,
    .loss = 5,
    .latency_ns_min = 1,
    .latency_ns_max = 1000000,
    .socket_bytes_min = 1000,
    .socket_bytes_max = 100000,
};

/* The session's end of a conversation. */
struct peer {
    struct sim_actor actor;
    const uint8_t   *sending;
    size_t           sending_len;
    size_t           sent;
    size_t           received_len;
    int              steps; /* times it was called */
    int              resets_at;
    bool             fins;    /* when all was sent */
    bool             is_deaf; /* does not receive */
    bool             has_fin;
    bool             is_over;
    uint8_t          received[RECEIVED_MAX + 1];
};

static struct sim_net *net;
static struct reactor *reactor;
static struct builtin *builtin;
static struct peer     peer;
static struct peer    *connecting; /* who gets the other end of the next pair; NULL: no pair */
static uint8_t         pattern[MEBIBYTE];

int socketpair(int domain, int type, int protocol, int fds[2])
{
    (void)domain;
    (void)type;
    (void)protocol;
    if (connecting == NULL) {
        errno = EMFILE;
        return -1;
    }
    struct sim_link *link = sim_link_new(net);
    int              fd = sim_fd_take(net);

    ck_assert_int_ge(fd, 0);
    link->ends[0].state = SIM_OPEN;
    link->ends[0].fd = fd;
    link->ends[1].state = SIM_OPEN;
    link->ends[1].is_closed = false;
    net->fds[fd - SIM_FD_FIRST] =
        (struct sim_fd){.kind = SIM_FD_ENDPOINT, .endpoint = &link->ends[0]};
    sim_adopt(&connecting->actor, &link->ends[1]);
    fds[0] = DUMMY_FD;
    fds[1] = fd;
    return 0;
}

static void receive(struct peer *of)
{
    int64_t received = 1;

    while (received > 0 && of->received_len < RECEIVED_MAX) {
        received = sim_recv(of->actor.endpoint, (struct bytes){of->received + of->received_len,
                                                               RECEIVED_MAX - of->received_len});
        of->received_len += received > 0 ? (size_t)received : 0;
    }
    of->received[of->received_len] = '\0';
    of->is_over = received == SIM_END || received == SIM_RESET;
}

static void on_ready(struct sim_actor *actor)
{
    struct peer *of = container_of(actor, struct peer, actor);

    if (of->steps++ == of->resets_at) {
        of->is_over = true;
        sim_reset(actor);
        return;
    }
    of->sent += sim_send(actor->endpoint,
                         (struct bytes_const){of->sending + of->sent, of->sending_len - of->sent});
    if (!of->is_deaf) {
        receive(of);
    }
    if (of->fins && !of->has_fin && of->sent == of->sending_len) {
        of->has_fin = true;
        sim_fin(actor->endpoint);
    }
}

static void begin(const struct sim_faults *faults, uint64_t seed)
{
    struct sim_options options = {.seed = seed};
    struct error       error;

    if (faults != NULL) {
        options.faults = *faults;
    }
    for (size_t i = 0; i < MEBIBYTE; i++) {
        pattern[i] = (uint8_t)(i * 7 + i / 251);
    }
    net = sim_net_new(&options);
    reactor = reactor_new(&(struct reactor_options){.name = "test"}, &error);
    ck_assert_ptr_nonnull(reactor);
    reactor_adopt(reactor, sim_loop_open(net));
    builtin = builtin_new(reactor, SESSIONS_MAX, &error);
    ck_assert_ptr_nonnull(builtin);
}

static void end(void)
{
    ck_assert_uint_eq(builtin_active(builtin), 0);
    builtin_free(&builtin);
    ck_assert_ptr_null(builtin);
    ck_assert_uint_eq(sim_open_fds(net), 0);
    reactor_close(reactor);
    reactor_free(&reactor);
    sim_net_free(&net);
}

static int open_for(struct peer *of, enum pool_service service, const char *page)
{
    struct error error = ERROR_OK;

    connecting = of;
    int fd = builtin_open(builtin, service, page, &error);

    connecting = NULL;
    ck_assert_int_eq(fd, DUMMY_FD);
    return fd;
}

static void script(const void *sending, size_t len, bool fins)
{
    memset(&peer, 0, offsetof(struct peer, received));
    peer.actor.on_ready = on_ready;
    peer.sending = sending;
    peer.sending_len = len;
    peer.fins = fins;
    peer.resets_at = NEVER;
}

/* Turns until the conversation is over. */
static void run(void)
{
    for (int i = 0; i < TURNS_MAX && builtin_active(builtin) > 0; i++) {
        reactor_turn(reactor, NS_PER_S);
        if (peer.is_over && peer.actor.endpoint != NULL) {
            sim_close(&peer.actor);
        }
    }
    ck_assert_uint_eq(builtin_active(builtin), 0);
    for (int i = 0; i < TURNS_MAX && !peer.is_over; i++) {
        reactor_turn(reactor, NS_PER_S);
    }
    if (peer.actor.endpoint != NULL) {
        sim_close(&peer.actor);
    }
}

static void turn(int turns)
{
    for (int i = 0; i < turns; i++) {
        reactor_turn(reactor, NS_PER_MS);
    }
}

START_TEST(echo_returns_a_mebibyte_byte_by_byte_over_a_rough_network)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        begin(&ROUGH, seed);
        script(pattern, MEBIBYTE, true);
        (void)open_for(&peer, POOL_SERVICE_ECHO, "");
        run();
        ck_assert_uint_eq(peer.received_len, MEBIBYTE);
        ck_assert_mem_eq(peer.received, pattern, MEBIBYTE);
        end();
    }
}
END_TEST

START_TEST(echo_ends_after_a_half_close_once_all_was_returned)
{
    begin(NULL, 1);
    script("last words", 10, true);
    (void)open_for(&peer, POOL_SERVICE_ECHO, "");
    run();
    ck_assert_str_eq((char *)peer.received, "last words");
    end();
}
END_TEST

START_TEST(echo_takes_no_more_than_it_has_room_for)
{
    begin(NULL, 1);
    script(pattern, MEBIBYTE, true);
    peer.is_deaf = true;
    (void)open_for(&peer, POOL_SERVICE_ECHO, "");
    turn(2000);
    ck_assert_uint_gt(peer.sent, 0);
    /* Two sockets with two buffers each, one that receives and a smaller one that sends. */
    ck_assert_uint_lt(peer.sent, 6 * IO_RECV_BYTES);
    peer.is_deaf = false;
    on_ready(&peer.actor);
    run();
    ck_assert_uint_eq(peer.received_len, MEBIBYTE);
    ck_assert_mem_eq(peer.received, pattern, MEBIBYTE);
    end();
}
END_TEST

static const char REQUEST[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
static const char LAST_REQUEST[] = "GET / HTTP/1.1\r\nConnection: close\r\n\r\n";

START_TEST(hello_answers_with_the_page_and_waits_for_the_next_request)
{
    begin(NULL, 1);
    script(REQUEST, strlen(REQUEST), false);
    (void)open_for(&peer, POOL_SERVICE_HELLO, "name: value\n");
    turn(100);
    ck_assert_ptr_nonnull(strstr((char *)peer.received, "200 OK"));
    ck_assert_ptr_nonnull(strstr((char *)peer.received, "\r\n\r\nname: value\n"));
    ck_assert(!peer.is_over);
    ck_assert_uint_eq(builtin_active(builtin), 1);
    peer.received_len = 0;
    peer.sent = 0;
    on_ready(&peer.actor);
    turn(100);
    ck_assert_ptr_nonnull(strstr((char *)peer.received, "200 OK"));
    peer.fins = true;
    on_ready(&peer.actor);
    run();
    end();
}
END_TEST

START_TEST(hello_answers_a_request_whose_client_has_already_ended)
{
    begin(&ROUGH, 2);
    script(REQUEST, strlen(REQUEST), true);
    (void)open_for(&peer, POOL_SERVICE_HELLO, "name: value\n");
    run();
    ck_assert_ptr_nonnull(strstr((char *)peer.received, "\r\n\r\nname: value\n"));
    end();
}
END_TEST

START_TEST(hello_ends_first_when_asked_and_is_over_when_the_client_is)
{
    begin(NULL, 1);
    script(LAST_REQUEST, strlen(LAST_REQUEST), false);
    (void)open_for(&peer, POOL_SERVICE_HELLO, "name: value\n");
    turn(100);
    ck_assert(peer.is_over);
    ck_assert_ptr_nonnull(strstr((char *)peer.received, "\r\n\r\nname: value\n"));
    ck_assert_uint_eq(builtin_active(builtin), 1);
    run();
    end();
}
END_TEST

START_TEST(hello_drops_what_comes_after_the_last_answer_without_a_reset)
{
    static uint8_t sending[200000];

    begin(NULL, 1);
    memset(sending, 'x', sizeof(sending));
    memcpy(sending, LAST_REQUEST, strlen(LAST_REQUEST));
    script(sending, sizeof(sending), false);
    (void)open_for(&peer, POOL_SERVICE_HELLO, "name: value\n");
    turn(1000);
    ck_assert_uint_eq(peer.sent, sizeof(sending));
    ck_assert_int_eq(sim_recv(peer.actor.endpoint, (struct bytes){pattern, 1}), SIM_END);
    ck_assert_ptr_nonnull(strstr((char *)peer.received, "\r\n\r\nname: value\n"));
    run();
    end();
}
END_TEST

START_TEST(hello_answers_more_requests_at_once_than_its_output_holds)
{
    static char sending[100 * sizeof(REQUEST)];
    unsigned    answers = 0;

    begin(&ROUGH, 3);
    for (size_t i = 0; i < 100; i++) {
        memcpy(sending + i * strlen(REQUEST), REQUEST, strlen(REQUEST));
    }
    script(sending, 100 * strlen(REQUEST), true);
    (void)open_for(&peer, POOL_SERVICE_HELLO, "name: value\n");
    run();
    for (const char *at = (char *)peer.received; (at = strstr(at, "HTTP/1.1 200")) != NULL; at++) {
        answers++;
    }
    ck_assert_uint_eq(answers, 100);
    end();
}
END_TEST

START_TEST(a_page_that_is_too_long_is_cut_and_its_length_is_true)
{
    static char page[3 * BUILTIN_PAGE_BYTES];
    char        field[64];

    begin(NULL, 1);
    memset(page, 'p', sizeof(page) - 1);
    script(REQUEST, strlen(REQUEST), true);
    (void)open_for(&peer, POOL_SERVICE_HELLO, page);
    run();
    (void)snprintf(field, sizeof(field), "Content-Length: %d\r\n", BUILTIN_PAGE_BYTES - 1);
    ck_assert_ptr_nonnull(strstr((char *)peer.received, field));
    ck_assert_uint_eq(strlen(strstr((char *)peer.received, "\r\n\r\n") + 4),
                      BUILTIN_PAGE_BYTES - 1);
    end();
}
END_TEST

/* The peer resets at its n-th step, for every n until it gets through without. */
static void reset_everywhere(enum pool_service service, const void *sending, size_t len)
{
    bool has_finished = false;

    for (int step = 0; step < 1000 && !has_finished; step++) {
        begin(&ROUGH, (uint64_t)step + 1);
        script(sending, len, true);
        peer.resets_at = step;
        (void)open_for(&peer, service, "name: value\n");
        run();
        has_finished = peer.steps <= step;
        end();
    }
    ck_assert(has_finished);
}

START_TEST(a_peer_that_resets_at_any_point_leaves_nothing_behind)
{
    reset_everywhere(POOL_SERVICE_ECHO, pattern, 100000);
    reset_everywhere(POOL_SERVICE_HELLO, REQUEST, strlen(REQUEST));
    reset_everywhere(POOL_SERVICE_HELLO, LAST_REQUEST, strlen(LAST_REQUEST));
}
END_TEST

START_TEST(a_network_that_resets_anywhere_leaves_nothing_behind)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct sim_faults faults = ROUGH;

        faults.reset = 50;
        begin(&faults, seed);
        script(pattern, 50000, true);
        (void)open_for(&peer, POOL_SERVICE_ECHO, "");
        run();
        ck_assert_mem_eq(peer.received, pattern, peer.received_len);
        end();
    }
}
END_TEST

START_TEST(no_more_conversations_than_there_is_room_for)
{
    static struct peer others[SESSIONS_MAX];
    struct error       error = ERROR_OK;

    begin(NULL, 1);
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        others[i].actor.on_ready = on_ready;
        others[i].resets_at = NEVER;
        (void)open_for(&others[i], POOL_SERVICE_ECHO, "");
    }
    ck_assert_int_eq(builtin_open(builtin, POOL_SERVICE_ECHO, "", &error), -1);
    ck_assert_int_eq(error_kind(&error), ERROR_EXHAUSTED);
    sim_close(&others[0].actor);
    turn(100);
    ck_assert_uint_eq(builtin_active(builtin), SESSIONS_MAX - 1);
    script("again", 5, true);
    (void)open_for(&peer, POOL_SERVICE_ECHO, "");
    sim_close(&others[1].actor);
    run();
    ck_assert_str_eq((char *)peer.received, "again");
    end();
}
END_TEST

START_TEST(without_descriptors_there_is_an_error_and_nothing_is_held)
{
    struct error error = ERROR_OK;

    begin(NULL, 1);
    ck_assert_int_eq(builtin_open(builtin, POOL_SERVICE_HELLO, "", &error), -1);
    ck_assert_int_eq(error_kind(&error), ERROR_EXHAUSTED);
    ck_assert_str_eq(error.step, "socketpair");
    ck_assert_uint_eq(builtin_active(builtin), 0);
    end();
}
END_TEST

Suite *builtin_suite(void)
{
    return suite_of(
        "builtin",
        (const TTest *const[]){echo_returns_a_mebibyte_byte_by_byte_over_a_rough_network,
                               echo_ends_after_a_half_close_once_all_was_returned,
                               echo_takes_no_more_than_it_has_room_for,
                               hello_answers_with_the_page_and_waits_for_the_next_request,
                               hello_answers_a_request_whose_client_has_already_ended,
                               hello_ends_first_when_asked_and_is_over_when_the_client_is,
                               hello_drops_what_comes_after_the_last_answer_without_a_reset,
                               hello_answers_more_requests_at_once_than_its_output_holds,
                               a_page_that_is_too_long_is_cut_and_its_length_is_true,
                               a_peer_that_resets_at_any_point_leaves_nothing_behind,
                               a_network_that_resets_anywhere_leaves_nothing_behind,
                               no_more_conversations_than_there_is_room_for,
                               without_descriptors_there_is_an_error_and_nothing_is_held, NULL});
}
