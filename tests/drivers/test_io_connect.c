/* Connecting, waiting and waking, on every driver that works here. */
#include "suites.h"
#include "world.h"
#include "world_sim.h"

#include "base/clock.h"
#include "io/socket.h"

#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

START_TEST(connecting_where_nobody_listens_is_refused)
{
    struct world world = world_open((size_t)_i);
    struct call  connecting = {0};
    int          fd = world_socket(&world);

    if (world.is_simulated) {
        sim_answer(world_sim_net(), &world.address, SIM_REFUSES);
        world_connect(&world, &connecting, fd);
    } else {
        struct world other = world_open((size_t)_i);
        struct world gone = world;

        gone.address = other.address;
        world_close(&other);
        world_connect(&gone, &connecting, fd);
        connecting.world = &world;
    }
    world_finish(&world, &connecting);

    ck_assert_int_eq(call_error(&connecting), ERROR_REFUSED);
    world_close_fd(&world, fd);
    world_close(&world);
}
END_TEST

START_TEST(connecting_to_a_unix_path_that_is_not_there_is_refused)
{
    struct world   world = world_open((size_t)_i);
    struct address addresses[ADDRESSES_PER_TEXT_MAX];
    struct call    connecting = {.world = &world};
    const char    *problem;
    struct error   error;

    ck_assert_uint_eq(address_parse("unix:/nonexistent/socket", addresses, &problem), 1);
    int          fd = io_socket(world.loop, &addresses[0], &error);
    struct world there = world;

    ck_assert_int_ge(fd, 0);
    there.address = addresses[0];
    world_connect(&there, &connecting, fd);
    world_finish(&world, &connecting);

    ck_assert_int_eq(call_error(&connecting), ERROR_REFUSED);
    world_close_fd(&world, fd);
    world_close(&world);
}
END_TEST

/* Connections to a listener that takes none, until one has to wait. */
enum { UNANSWERED_MAX = 8 };

struct unanswered {
    struct world elsewhere; /* whose address is lent to the connects */
    int          listen_fd;
    int          fds[UNANSWERED_MAX];
    size_t       count;
    struct call  last;
};

static void leave_unanswered(struct world *world, struct unanswered *unanswered)
{
    struct error error;

    memset(unanswered, 0, sizeof(*unanswered));
    unanswered->elsewhere = *world;
    unanswered->listen_fd = -1;
    if (world->is_simulated) {
        sim_answer(world_sim_net(), &world->address, SIM_IS_SILENT);
    } else {
        struct address *address = &unanswered->elsewhere.address;

        address->socket.ip4.sin_port = 0;
        unanswered->listen_fd =
            socket_listen(address, &(struct listen_options){.backlog = 0}, &error);
        ck_assert_int_ge(unanswered->listen_fd, 0);
        socket_local(unanswered->listen_fd, address);
    }
    do {
        ck_assert_uint_lt(unanswered->count, UNANSWERED_MAX);
        unanswered->fds[unanswered->count] = world_socket(world);
        memset(&unanswered->last, 0, sizeof(unanswered->last));
        world_connect(&unanswered->elsewhere, &unanswered->last,
                      unanswered->fds[unanswered->count]);
        unanswered->count++;
        world_settle(world);
    } while (!io_op_is_pending(&unanswered->last.op));
}

static void close_unanswered(struct world *world, struct unanswered *unanswered)
{
    for (size_t i = 0; i < unanswered->count; i++) {
        world_close_fd(world, unanswered->fds[i]);
    }
    if (unanswered->listen_fd >= 0) {
        (void)close(unanswered->listen_fd);
    }
}

START_TEST(a_connect_that_waits_can_be_cancelled)
{
    struct world      world = world_open((size_t)_i);
    struct unanswered unanswered;

    leave_unanswered(&world, &unanswered);
    io_cancel(world.loop, &unanswered.last.op);
    world_finish(&world, &unanswered.last);

    ck_assert_int_eq(call_error(&unanswered.last), ERROR_CANCELLED);
    close_unanswered(&world, &unanswered);
    world_close(&world);
}
END_TEST

START_TEST(shutdown_both_ends_a_connect_that_waits)
{
    struct world      world = world_open((size_t)_i);
    struct unanswered unanswered;

    leave_unanswered(&world, &unanswered);
    io_shutdown_both(world.loop, unanswered.fds[unanswered.count - 1]);
    world_finish(&world, &unanswered.last);

    ck_assert_int_ne(call_error(&unanswered.last), ERROR_NONE);
    close_unanswered(&world, &unanswered);
    world_close(&world);
}
END_TEST

START_TEST(a_descriptor_of_any_kind_can_be_waited_for_again_and_again)
{
    struct world world = world_open((size_t)_i);
    int          fd =
        world.is_simulated ? sim_event_fd(world_sim_net()) : eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

    for (int round = 0; round < 3; round++) {
        struct call polling = {0};
        eventfd_t   count;

        world_poll(&world, &polling, fd);
        world_settle(&world);
        ck_assert(io_op_is_pending(&polling.op));
        if (world.is_simulated) {
            sim_event_set(world_sim_net(), fd, true);
        } else {
            ck_assert_int_eq(eventfd_write(fd, 1), 0);
        }
        world_finish(&world, &polling);
        ck_assert_int_eq(call_error(&polling), ERROR_NONE);
        if (world.is_simulated) {
            sim_event_set(world_sim_net(), fd, false);
        } else {
            ck_assert_int_eq(eventfd_read(fd, &count), 0);
            ck_assert_uint_eq(count, 1); /* the loop had read nothing */
        }
    }
    world_close_fd(&world, fd);
    world_close(&world);
}
END_TEST

/* Its owner may close a polled descriptor; the number may come back as another file. */
START_TEST(a_polled_descriptor_may_be_closed_by_its_owner)
{
    struct world world = world_open((size_t)_i);
    int          first = -1;

    for (int round = 0; round < 10 && !world.is_simulated; round++) {
        struct call polling = {0}, waiting = {0};
        int         fd = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);

        first = round == 0 ? fd : first;
        ck_assert_int_eq(fd, first);
        world_poll(&world, &polling, fd);
        world_finish(&world, &polling);
        ck_assert_int_eq(eventfd_read(fd, &(eventfd_t){0}), 0);
        world_poll(&world, &waiting, fd);
        world_settle(&world);
        ck_assert(io_op_is_pending(&waiting.op));
        io_cancel(world.loop, &waiting.op);
        world_finish(&world, &waiting);
        ck_assert_int_eq(close(fd), 0);
    }
    world_close(&world);
}
END_TEST

static void *wake_later(void *argument)
{
    struct io_loop *loop = argument;

    (void)usleep(20000);
    io_wake(loop);
    return NULL;
}

START_TEST(a_wake_from_another_thread_ends_the_wait)
{
    struct world world = world_open((size_t)_i);

    if (world.is_simulated) {
        io_wake(world.loop); /* one thread: that is all it can promise */
        uint64_t begin_ns = clock_now_ns();

        io_turn(world.loop, 60 * NS_PER_S);
        ck_assert_uint_lt(clock_now_ns() - begin_ns, NS_PER_S);
    }
    for (int round = 0; round < 3 && !world.is_simulated; round++) {
        pthread_t thread;
        uint64_t  begin_ns = clock_now_ns();

        ck_assert_int_eq(pthread_create(&thread, NULL, wake_later, world.loop), 0);
        io_turn(world.loop, 60 * NS_PER_S);
        ck_assert_uint_lt(clock_now_ns() - begin_ns, 30 * NS_PER_S);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
    }
    world_close(&world);
}
END_TEST

START_TEST(a_wake_before_the_turn_is_not_lost)
{
    struct world world = world_open((size_t)_i);
    uint64_t     begin_ns = clock_now_ns();

    io_turn(world.loop, 0);
    io_wake(world.loop);
    io_wake(world.loop);
    io_turn(world.loop, 60 * NS_PER_S);

    ck_assert_uint_lt(clock_now_ns() - begin_ns, 30 * NS_PER_S);
    world_close(&world);
}
END_TEST

START_TEST(a_number_that_comes_back_is_a_fresh_connection)
{
    struct world world = world_open((size_t)_i);
    struct pair  first = {0};

    for (int round = 0; round < 50; round++) {
        struct pair pair = world_pair(&world);
        struct call receiving = {0};

        if (round == 0) {
            first = pair;
        }
        ck_assert_int_eq(pair.client, first.client);
        ck_assert_int_eq(pair.server, first.server);
        world_send_all(&world, pair.client, world_pattern(10));
        world_expect_bytes(&world, pair.server, 10, 0);
        world_recv(&world, &receiving, pair.server);
        io_turn(world.loop, 0);
        if (round % 2 == 0) {
            io_cancel(world.loop, &receiving.op);
        } else {
            io_reset_on_close(world.loop, pair.client);
            world_close_fd(&world, pair.client);
        }
        world_finish(&world, &receiving);
        world_close_fd(&world, pair.server);
        if (round % 2 == 0) {
            world_expect_end(&world, pair.client);
            world_close_fd(&world, pair.client);
        }
    }
    world_close(&world);
}
END_TEST

START_TEST(both_ends_know_who_the_other_is_and_who_they_are)
{
    struct world   world = world_open((size_t)_i);
    struct pair    pair = world_pair(&world);
    struct address client, server, own;

    io_peer(world.loop, pair.client, &server);
    io_peer(world.loop, pair.server, &client);

    ck_assert(address_is_equal(&server, &world.address));
    ck_assert_uint_gt(client.len, 0);
    ck_assert(!address_is_equal(&client, &server));
    io_local(world.loop, pair.client, &own);
    ck_assert(address_is_equal(&own, &client));
    io_local(world.loop, pair.server, &own);
    ck_assert(address_is_equal(&own, &server));
    world_close_pair(&world, pair);
    world_close(&world);
}
END_TEST

Suite *connect_suite(void)
{
    return world_suite("io connect", (const TTest *const[]){
                                         connecting_where_nobody_listens_is_refused,
                                         connecting_to_a_unix_path_that_is_not_there_is_refused,
                                         a_connect_that_waits_can_be_cancelled,
                                         shutdown_both_ends_a_connect_that_waits,
                                         a_descriptor_of_any_kind_can_be_waited_for_again_and_again,
                                         a_polled_descriptor_may_be_closed_by_its_owner,
                                         a_wake_from_another_thread_ends_the_wait,
                                         a_wake_before_the_turn_is_not_lost,
                                         a_number_that_comes_back_is_a_fresh_connection,
                                         both_ends_know_who_the_other_is_and_who_they_are,
                                         NULL,
                                     });
}
