#include "reactor/seats.h"

#include "driver_sim.h"
#include "suites.h"

#include <string.h>

enum { SEATS = 3 };

static struct sim_net *net;
static struct reactor *reactor;
static struct seats    seats;
static struct seat     seat[SEATS];
static unsigned        arrived;

static void on_mail(struct mail *mail, struct reactor *receiver)
{
    (void)mail;
    (void)receiver;
    arrived++;
}

/* All of one reactor, since nothing here depends on which it is. */
static void begin(const int loads[SEATS])
{
    struct error error;

    net = sim_net_new(&(struct sim_options){.seed = 1});
    reactor = reactor_new(&(struct reactor_options){.name = "seats"}, &error);
    ck_assert_ptr_nonnull(reactor);
    reactor_adopt(reactor, sim_loop_open(net));
    seats_init(&seats);
    memset(seat, 0, sizeof(seat));
    arrived = 0;
    for (size_t i = 0; i < SEATS; i++) {
        seat_open(&seat[i], &seats, reactor);
        seat_load(&seat[i], loads[i]);
    }
}

static void end(void)
{
    for (size_t i = 0; i < SEATS; i++) {
        ck_assert(!seat_is_expecting(&seat[i]));
        seat_close(&seat[i]);
    }
    seats_fini(&seats);
    reactor_close(reactor);
    reactor_free(&reactor);
    sim_net_free(&net);
}

/* Who is sent something by seat 0; NULL: nobody. */
static struct seat *send_one(void)
{
    static struct mail mail;
    struct seat       *to = NULL;

    mail.deliver = on_mail;
    if (!seats_send(&seat[0], &mail, &to)) {
        return NULL;
    }
    reactor_turn(reactor, 0);
    return to;
}

START_TEST(the_one_with_least_is_sent_what_is_too_much)
{
    begin((const int[]){9, 7, 3});
    ck_assert_ptr_eq(send_one(), &seat[2]);
    ck_assert_uint_eq(arrived, 1);
    ck_assert(seat_is_expecting(&seat[2]));
    seat_arrived(&seat[2]);
    end();
}
END_TEST

START_TEST(what_is_on_its_way_counts)
{
    begin((const int[]){9, 4, 3});
    ck_assert_ptr_eq(send_one(), &seat[2]);
    ck_assert_ptr_eq(send_one(), &seat[1]);
    seat_arrived(&seat[1]);
    seat_arrived(&seat[2]);
    end();
}
END_TEST

START_TEST(who_has_hardly_more_than_its_share_keeps_it)
{
    static const int rows[][SEATS] = {{0, 0, 0}, {1, 1, 1},       {1, 2, 2},
                                      {2, 3, 1}, {110, 100, 100}, {1100, 1000, 1000}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin(rows[i]);
        ck_assert_ptr_null(send_one());
        end();
    }
}
END_TEST

START_TEST(a_closed_seat_is_sent_nothing)
{
    begin((const int[]){9, 9, 0});
    seat_close(&seat[2]);
    ck_assert_ptr_null(send_one());
    seat_load(&seat[0], 9);
    ck_assert_ptr_eq(send_one(), &seat[1]);
    seat_arrived(&seat[1]);
    seat_close(&seat[1]);
    ck_assert_ptr_null(send_one());
    end();
}
END_TEST

START_TEST(a_closed_seat_sends_nothing_and_has_no_load)
{
    begin((const int[]){9, 1, 1});
    seat_close(&seat[0]);
    seat_load(&seat[0], 5);
    ck_assert_ptr_null(send_one());
    seat_open(&seat[0], &seats, reactor);
    ck_assert_ptr_null(send_one());
    end();
}
END_TEST

Suite *seats_suite(void)
{
    return suite_of("seats",
                    (const TTest *const[]){
                        the_one_with_least_is_sent_what_is_too_much, what_is_on_its_way_counts,
                        who_has_hardly_more_than_its_share_keeps_it, a_closed_seat_is_sent_nothing,
                        a_closed_seat_sends_nothing_and_has_no_load, NULL});
}
