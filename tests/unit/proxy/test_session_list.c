/* Going through a worker's sessions while they come and go. */
#include "proxy/session_list.h"

#include "base/clock.h"
#include "stage.h"
#include "suites_sim.h"

#include <string.h>

enum { CLIENTS = 5 };

static struct stage_client clients[CLIENTS];
static struct session_list list;
static struct session_row  row;

static void set_up(void)
{
    memset(clients, 0, sizeof(clients));
    list = (struct session_list){0};
    stage_open(&(struct stage_options){0});
    for (unsigned i = 0; i < CLIENTS - 1; i++) {
        stage_dial(&clients[i]);
    }
}

static void leave(struct stage_client *client)
{
    unsigned before = stage.reports;

    sim_reset(&client->actor);
    stage_until_reports(before + 1);
}

static unsigned count_rest(void)
{
    unsigned count = 0;

    while (session_list_row(&list, &row)) {
        count++;
    }
    return count;
}

START_TEST(each_session_is_met_once_in_the_order_of_accepting)
{
    session_list_open(&list, stage.worker);
    for (uint32_t i = 0; i < CLIENTS - 1; i++) {
        ck_assert(session_list_row(&list, &row));
        ck_assert_uint_eq(row.id.number, i);
        ck_assert_str_eq(row.state, "handshaking");
        ck_assert_str_eq(row.frontend, "front");
    }
    ck_assert(!session_list_row(&list, &row));
    ck_assert(!session_list_row(&list, &row));
    stage_close();
}
END_TEST

START_TEST(one_that_ends_before_its_turn_is_passed_over)
{
    session_list_open(&list, stage.worker);
    ck_assert(session_list_row(&list, &row));
    leave(&clients[1]);
    ck_assert(session_list_row(&list, &row));
    ck_assert_uint_eq(row.id.number, 2);
    leave(&clients[0]);
    leave(&clients[2]);
    ck_assert_uint_eq(count_rest(), 1);
    stage_close();
}
END_TEST

START_TEST(one_that_came_later_is_not_met)
{
    session_list_open(&list, stage.worker);
    stage_dial(&clients[CLIENTS - 1]);
    ck_assert_uint_eq(count_rest(), CLIENTS - 1);
    stage_close();
}
END_TEST

START_TEST(a_list_whose_sessions_have_all_gone_is_over)
{
    session_list_open(&list, stage.worker);
    for (unsigned i = 0; i < CLIENTS - 1; i++) {
        leave(&clients[i]);
    }
    ck_assert(!list_is_linked(&list.link));
    ck_assert(!session_list_row(&list, &row));
    stage_close();
}
END_TEST

START_TEST(a_list_that_is_closed_half_way_hears_no_more)
{
    session_list_open(&list, stage.worker);
    ck_assert(session_list_row(&list, &row));
    session_list_close(&list);
    session_list_close(&list);
    leave(&clients[1]);
    ck_assert(!session_list_row(&list, &row));
    stage_close();
}
END_TEST

START_TEST(two_lists_do_not_hinder_each_other)
{
    struct session_list other;

    session_list_open(&list, stage.worker);
    session_list_open(&other, stage.worker);
    ck_assert(session_list_row(&other, &row));
    leave(&clients[1]);
    ck_assert_uint_eq(count_rest(), CLIENTS - 2);
    ck_assert(session_list_row(&other, &row));
    ck_assert_uint_eq(row.id.number, 2);
    session_list_close(&other);
    stage_close();
}
END_TEST

START_TEST(a_session_is_found_by_its_id_and_ended)
{
    session_list_open(&list, stage.worker);
    ck_assert(session_list_row(&list, &row) && session_list_row(&list, &row));
    session_list_close(&list);
    struct session_id wrong = row.id;

    wrong.time_us++;
    session_list_open(&list, stage.worker);
    ck_assert_int_eq(session_list_end(&list, &wrong, END_KILLED, 2), SESSION_SEARCH_MORE);
    ck_assert_int_eq(session_list_end(&list, &wrong, END_KILLED, 9), SESSION_SEARCH_OVER);
    wrong = row.id;
    wrong.reactor++;
    session_list_open(&list, stage.worker);
    ck_assert_int_eq(session_list_end(&list, &wrong, END_KILLED, 9), SESSION_SEARCH_OVER);
    session_list_open(&list, stage.worker);
    ck_assert_int_eq(session_list_end(&list, &row.id, END_KILLED, 9), SESSION_SEARCH_ENDED);
    stage_until_reports(1);
    ck_assert_int_eq(stage.last.reason, END_KILLED);
    ck_assert_uint_eq(stage.last.id_number, row.id.number);
    ck_assert_uint_eq(worker_sessions(stage.worker), CLIENTS - 2);
    stage_close();
}
END_TEST

Suite *session_list_suite(void)
{
    Suite *suite = suite_create("session_list");
    TCase *tcase = tcase_create("all");

    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, each_session_is_met_once_in_the_order_of_accepting);
    tcase_add_test(tcase, one_that_ends_before_its_turn_is_passed_over);
    tcase_add_test(tcase, one_that_came_later_is_not_met);
    tcase_add_test(tcase, a_list_whose_sessions_have_all_gone_is_over);
    tcase_add_test(tcase, a_list_that_is_closed_half_way_hears_no_more);
    tcase_add_test(tcase, two_lists_do_not_hinder_each_other);
    tcase_add_test(tcase, a_session_is_found_by_its_id_and_ended);
    suite_add_tcase(suite, tcase);
    return suite;
}
