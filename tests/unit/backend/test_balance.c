#include "backend/balance.h"

#include "suites.h"

#include <stdbool.h>

enum { SERVERS_MAX = 12, SETS = 200, WEIGHT_MAX = 256 };

static struct balance_candidate servers[SERVERS_MAX];
static size_t                   servers_count;

static void make(const int *weights, size_t count)
{
    servers_count = count;
    for (size_t i = 0; i < count; i++) {
        servers[i] = (struct balance_candidate){.weight = weights[i], .is_eligible = true};
    }
}

static uint64_t chance(uint64_t below)
{
    static uint64_t state = 7;

    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (state >> 33) % below;
}

static int pick(void)
{
    return balance_roundrobin(servers, servers_count);
}

/* Each is chosen exactly as often as its weight says, and at the end all is as at the start. */
static void check_full_round(void)
{
    int chosen[SERVERS_MAX] = {0};
    int weights = 0;

    for (size_t i = 0; i < servers_count; i++) {
        weights += servers[i].is_eligible ? servers[i].weight : 0;
    }
    for (int i = 0; i < weights; i++) {
        chosen[pick()]++;
    }
    for (size_t i = 0; i < servers_count; i++) {
        ck_assert_int_eq(chosen[i], servers[i].is_eligible ? servers[i].weight : 0);
        ck_assert_int_eq(servers[i].credit, 0);
    }
}

START_TEST(a_full_round_chooses_each_as_often_as_its_weight)
{
    for (int set = 0; set < SETS; set++) {
        int    weights[SERVERS_MAX];
        size_t count = 1 + (size_t)chance(SERVERS_MAX);

        for (size_t i = 0; i < count; i++) {
            weights[i] = 1 + (int)chance(set % 2 == 0 ? 5 : WEIGHT_MAX);
        }
        make(weights, count);
        check_full_round();
        check_full_round();
    }
}
END_TEST

START_TEST(equal_weights_take_turns_in_the_order_of_the_configuration)
{
    make((const int[]){3, 3, 3}, 3);
    for (int i = 0; i < 9; i++) {
        ck_assert_int_eq(pick(), i % 3);
    }
}
END_TEST

START_TEST(the_choices_of_a_heavy_server_are_spread_out)
{
    static const int expected[] = {0, 0, 1, 0, 2, 0, 0};

    make((const int[]){5, 1, 1}, 3);
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        ck_assert_int_eq(pick(), expected[i]);
    }
}
END_TEST

START_TEST(a_server_that_is_not_eligible_is_skipped)
{
    make((const int[]){2, 3, 4}, 3);
    servers[1].is_eligible = false;
    check_full_round();
    servers[1].is_eligible = true;
    check_full_round();
}
END_TEST

START_TEST(a_server_that_comes_back_gets_no_more_than_its_share)
{
    int chosen = 0;

    make((const int[]){1, 1}, 2);
    servers[1].is_eligible = false;
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(pick(), 0);
    }
    servers[1].is_eligible = true;
    for (int i = 0; i < 100; i++) {
        chosen += pick() == 1 ? 1 : 0;
    }
    ck_assert_int_eq(chosen, 50);
}
END_TEST

START_TEST(without_an_eligible_server_none_is_chosen)
{
    make((const int[]){1, 1}, 2);
    servers[0].is_eligible = false;
    servers[1].is_eligible = false;
    ck_assert_int_eq(pick(), BALANCE_NONE);
    ck_assert_int_eq(balance_first(servers, 2), BALANCE_NONE);
    ck_assert_int_eq(balance_roundrobin(servers, 0), BALANCE_NONE);
    ck_assert_int_eq(balance_first(servers, 0), BALANCE_NONE);
}
END_TEST

START_TEST(first_is_the_first_eligible_whatever_its_weight)
{
    make((const int[]){1, 9, 9}, 3);
    ck_assert_int_eq(balance_first(servers, 3), 0);
    ck_assert_int_eq(balance_first(servers, 3), 0);
    servers[0].is_eligible = false;
    ck_assert_int_eq(balance_first(servers, 3), 1);
}
END_TEST

Suite *balance_suite(void)
{
    return suite_of("balance", (const TTest *const[]){
                                   a_full_round_chooses_each_as_often_as_its_weight,
                                   equal_weights_take_turns_in_the_order_of_the_configuration,
                                   the_choices_of_a_heavy_server_are_spread_out,
                                   a_server_that_is_not_eligible_is_skipped,
                                   a_server_that_comes_back_gets_no_more_than_its_share,
                                   without_an_eligible_server_none_is_chosen,
                                   first_is_the_first_eligible_whatever_its_weight, NULL});
}
