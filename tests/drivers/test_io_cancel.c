/*
 * Cancels that race with what they cancel (F-58): whichever comes first, `done` comes once, and
 * what came meanwhile is either handed out or still there.
 *
 * A ring has four ends for a cancel: the operation ends cancelled, at once or a while later; it
 * succeeds although it was asked to end; or it had already succeeded and the cancel found nothing.
 */
#include "suites.h"
#include "world.h"
#include "world_sim.h"

#include "base/clock.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum {
    ROUNDS = 20,
    THREAD_ROUNDS = 2000,
    SPINS_FIRST = 10000,
    SPINS_MAX = 1000000,
    SEEDS = 200,
    FILL_BYTES = 1 << 20,
    FILLS_MAX = 1000
};

/* What is cancelled, and when what it waits for comes. */
enum target { RECEIVE, POLL, ACCEPT, SEND, TARGETS };
enum moment { LONG_BEFORE, JUST_BEFORE, JUST_AFTER, IN_BETWEEN, NEVER, MOMENTS };

/* The four ends. */
enum {
    CANCELLED_AT_ONCE = 1 << 0,
    CANCELLED_LATER = 1 << 1,
    DONE_ALTHOUGH_ASKED = 1 << 2,
    DONE_BEFORE = 1 << 3,
    ALL_FOUR = 15,
};

struct race {
    struct world *world;
    enum target   target;
    struct pair   pair;   /* not for ACCEPT */
    struct call   call;   /* the one that is cancelled */
    int           caller; /* ACCEPT: who connects; -1 before that */
    struct call   calling;
    size_t        sent; /* SEND: what filled the socket */
};

static void race_submit(struct race *race)
{
    switch (race->target) {
    case RECEIVE:
        world_recv(race->world, &race->call, race->pair.server);
        break;
    case POLL:
        world_poll(race->world, &race->call, race->pair.server);
        break;
    case ACCEPT:
        world_accept(race->world, &race->call);
        break;
    case SEND:
    case TARGETS:
        break; /* waits already: see race_fill */
    }
}

/* Sends until one has to wait: that is the one. */
static void race_fill(struct race *race)
{
    for (int sends = 0; sends < FILLS_MAX; sends++) {
        memset(&race->call, 0, sizeof(race->call));
        world_send(race->world, &race->call, race->pair.client, world_pattern(FILL_BYTES));
        world_settle(race->world);
        if (io_op_is_pending(&race->call.op)) {
            return;
        }
        race->sent += (size_t)race->call.op.result;
    }
    ck_abort_msg("the socket takes bytes without end");
}

static void race_open(struct race *race, struct world *world, enum target target)
{
    *race = (struct race){.world = world, .target = target, .caller = -1};
    if (target != ACCEPT) {
        race->pair = world_pair(world);
    }
    if (target == SEND) {
        race_fill(race);
    }
}

static size_t receive_some(struct world *world, int fd)
{
    struct call receiving = {0};

    world_recv(world, &receiving, fd);
    world_finish(world, &receiving);
    ck_assert_int_eq(call_error(&receiving), ERROR_NONE);
    return receiving.len;
}

/* What the operation waits for. */
static void race_trigger(struct race *race)
{
    if (race->target == ACCEPT) {
        race->caller = world_socket(race->world);
        world_connect(race->world, &race->calling, race->caller);
    } else if (race->target == SEND) {
        for (size_t room = 0; room < FILL_BYTES && room < race->sent;) {
            room += receive_some(race->world, race->pair.server);
        }
    } else {
        world_send_all(race->world, race->pair.client, world_pattern(1));
    }
}

/* Nothing came twice, nothing is gone. */
static void race_check_accept(struct race *race, bool is_cancelled)
{
    struct call again = {0};

    if (race->caller < 0) {
        ck_assert(is_cancelled);
        return;
    }
    world_finish(race->world, &race->calling);
    if (is_cancelled) {
        world_accept(race->world, &again);
        world_finish(race->world, &again);
    }
    world_close_fd(race->world, (int)(is_cancelled ? again : race->call).op.result);
    world_close_fd(race->world, race->caller);
}

static void race_check(struct race *race, bool has_come)
{
    bool is_cancelled = call_error(&race->call) == ERROR_CANCELLED;

    ck_assert_uint_eq(race->call.done_count, 1);
    ck_assert(is_cancelled || call_error(&race->call) == ERROR_NONE);
    if (race->target == ACCEPT) {
        race_check_accept(race, is_cancelled);
        return;
    }
    if (race->target == SEND) {
        ck_assert(is_cancelled || race->call.op.result > 0);
    } else if (has_come && (is_cancelled || race->target == POLL)) {
        world_expect_bytes(race->world, race->pair.server, 1, 0);
    } else {
        ck_assert(has_come || is_cancelled);
    }
    world_close_pair(race->world, race->pair);
}

static void race_run(struct world *world, enum target target, enum moment moment)
{
    struct race race;

    race_open(&race, world, target);
    if (moment == LONG_BEFORE) {
        race_trigger(&race);
        world_settle(world);
    }
    race_submit(&race);
    if (moment == JUST_BEFORE) {
        race_trigger(&race);
    }
    if (moment == IN_BETWEEN) {
        io_turn(world->loop, 0);
        race_trigger(&race);
        io_turn(world->loop, 0);
    }
    io_cancel(world->loop, &race.call.op);
    if (moment == JUST_AFTER) {
        race_trigger(&race);
    }
    world_finish(world, &race.call);
    race_check(&race, moment != NEVER);
}

START_TEST(whichever_comes_first_done_comes_once_and_nothing_is_lost)
{
    struct world world = world_open((size_t)_i);

    for (enum target target = RECEIVE; target < TARGETS; target++) {
        for (enum moment moment = LONG_BEFORE; moment < MOMENTS; moment++) {
            for (int round = 0; round < (target == SEND ? 1 : ROUNDS); round++) {
                race_run(&world, target, moment);
            }
        }
    }
    world_close(&world);
}
END_TEST

static void *send_a_byte(void *fd)
{
    return write(*(int *)fd, "", 1) == 1 ? fd : NULL;
}

static void spin(unsigned count)
{
    for (volatile unsigned i = 0; i < count; i++) {
    }
}

/* The kernel wakes the operation on one processor while another cancels it. The wait before the
 * cancel follows the outcomes, so that it comes ever closer to the byte. */
START_TEST(a_cancel_that_races_with_another_processor_ends_its_op)
{
    struct world world = world_open((size_t)_i);
    struct pair  pair = world_pair(&world);
    unsigned     wait = SPINS_FIRST;

    for (int round = 0; round < THREAD_ROUNDS && !world.is_simulated; round++) {
        struct call receiving = {0};
        pthread_t   thread;
        void       *has_sent;

        world_recv(&world, &receiving, pair.server);
        io_turn(world.loop, 0);
        ck_assert_int_eq(pthread_create(&thread, NULL, send_a_byte, &pair.client), 0);
        spin(wait);
        io_cancel(world.loop, &receiving.op);
        world_finish(&world, &receiving);
        ck_assert_int_eq(pthread_join(thread, &has_sent), 0);
        ck_assert_ptr_nonnull(has_sent);
        ck_assert_uint_eq(receiving.done_count, 1);
        if (call_error(&receiving) == ERROR_CANCELLED) {
            ck_assert_uint_eq(receive_some(&world, pair.server), 1);
            wait = wait < SPINS_MAX ? wait + wait / 8 : wait;
        } else {
            ck_assert_int_eq(call_error(&receiving), ERROR_NONE);
            wait -= wait / 8;
        }
    }
    world_close_pair(&world, pair);
    world_close(&world);
}
END_TEST

/* One race on the simulator: which of the four ends it came to. */
static unsigned simulated_end(struct world *world, enum target target, enum moment moment)
{
    struct race race;
    unsigned    end;

    race_open(&race, world, target);
    race_submit(&race);
    if (moment == LONG_BEFORE || moment == JUST_BEFORE) {
        race_trigger(&race);
    }
    if (moment == LONG_BEFORE) {
        world_settle(world);
    }
    bool was_done = race.call.op.status != IO_PENDING;

    io_cancel(world->loop, &race.call.op);
    bool is_at_once = race.call.op.status != IO_CANCELLING;

    if (moment == JUST_AFTER) {
        race_trigger(&race);
    }
    world_finish(world, &race.call);
    if (call_error(&race.call) == ERROR_CANCELLED) {
        end = is_at_once ? CANCELLED_AT_ONCE : CANCELLED_LATER;
    } else {
        end = was_done ? DONE_BEFORE : DONE_ALTHOUGH_ASKED;
    }
    race_check(&race, moment != NEVER);
    return end;
}

START_TEST(on_the_simulator_a_cancel_comes_to_each_of_its_four_ends)
{
    static const enum moment moments[] = {LONG_BEFORE, JUST_BEFORE, JUST_AFTER, NEVER};
    unsigned                 ends = 0;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world world = {0};

        world_sim_open_with(&world, &(struct sim_options){.seed = seed,
                                                          .faults = {.cancel_late = 500,
                                                                     .delay = 300,
                                                                     .shuffle = 500,
                                                                     .socket_bytes_min = 1000,
                                                                     .socket_bytes_max = 9000}});
        ends |= simulated_end(&world, (enum target)_i, moments[seed % 4]);
        world_close(&world);
    }
    ck_assert_uint_eq(ends, ALL_FOUR);
}
END_TEST

Suite *cancel_suite(void)
{
    Suite *suite =
        world_suite("io cancel", (const TTest *const[]){
                                     whichever_comes_first_done_comes_once_and_nothing_is_lost,
                                     a_cancel_that_races_with_another_processor_ends_its_op,
                                     NULL,
                                 });
    TCase *tcase = tcase_create("every operation");

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, on_the_simulator_a_cancel_comes_to_each_of_its_four_ends, 0,
                        TARGETS);
    suite_add_tcase(suite, tcase);
    return suite;
}
