/*
 * How connections end, claim by claim: each script runs on every kernel driver and on both models
 * of the simulator, and says what each step may bring. Bytes go one at a time, so that no step
 * depends on how many come at once.
 */
#include "conform.h"
#include "suites.h"

START_TEST(bytes_come_before_the_fin_that_follows_them)
{
    conform_script((const struct step[]){
        {SERVER, SENDS, .bytes = 1, .legal = BYTES},
        {.end = SERVER, .verb = CLOSES},
        {CLIENT, RECEIVES, .legal = BYTES},
        {CLIENT, RECEIVES, .legal = END},
        {CLIENT, RECEIVES, .legal = END},
        {0},
    });
}
END_TEST

START_TEST(bytes_come_before_the_reset_that_follows_them)
{
    conform_script((const struct step[]){
        {SERVER, SENDS, .bytes = 1, .legal = BYTES},
        {.end = SERVER, .verb = RESETS},
        {CLIENT, RECEIVES, .legal = BYTES},
        {CLIENT, RECEIVES, .legal = IS_RESET},
        {CLIENT, RECEIVES, .legal = IS_RESET},
        {CLIENT, SENDS, .bytes = 1, .legal = IS_BROKEN},
        {0},
    });
}
END_TEST

/* The send may not even have left when its socket is closed. */
START_TEST(a_reset_at_once_may_take_the_bytes_before_it_along)
{
    conform_script((const struct step[]){
        {CLIENT, POLLS, .legal = IS_WELL},
        {SERVER, SENDS, .bytes = 1, .legal = BYTES | IS_CANCELLED, .pace = AT_ONCE},
        {SERVER, RESETS, .pace = AT_ONCE},
        {CLIENT, RECEIVES, .legal = BYTES | IS_RESET},
        {CLIENT, SENDS, .bytes = 1, .legal = IS_RESET | IS_BROKEN},
        {0},
    });
}
END_TEST

START_TEST(closing_with_unread_bytes_is_a_reset)
{
    conform_script((const struct step[]){
        {CLIENT, SENDS, .bytes = 1, .legal = BYTES},
        {.end = SERVER, .verb = CLOSES},
        {CLIENT, RECEIVES, .legal = IS_RESET},
        {CLIENT, SENDS, .bytes = 1, .legal = IS_BROKEN},
        {0},
    });
}
END_TEST

START_TEST(unread_bytes_of_the_peer_do_not_stop_ours_that_came_before)
{
    conform_script((const struct step[]){
        {SERVER, SENDS, .bytes = 1, .legal = BYTES},
        {CLIENT, SENDS, .bytes = 1, .legal = BYTES},
        {.end = SERVER, .verb = CLOSES},
        {CLIENT, RECEIVES, .legal = BYTES},
        {CLIENT, RECEIVES, .legal = IS_RESET},
        {0},
    });
}
END_TEST

START_TEST(a_reset_told_to_a_send_is_still_no_clean_end)
{
    conform_script((const struct step[]){
        {.end = SERVER, .verb = RESETS},
        {CLIENT, SENDS, .bytes = 1, .legal = IS_RESET},
        {CLIENT, RECEIVES, .legal = IS_RESET},
        {CLIENT, SENDS, .bytes = 1, .legal = IS_BROKEN},
        {0},
    });
}
END_TEST

START_TEST(a_reset_told_to_a_receive_breaks_the_sends_after_it)
{
    conform_script((const struct step[]){
        {CLIENT, RECEIVES, .legal = IS_RESET},
        {.end = SERVER, .verb = RESETS},
        {CLIENT, SENDS, .bytes = 1, .legal = IS_BROKEN},
        {CLIENT, POLLS, .legal = IS_WELL},
        {0},
    });
}
END_TEST

START_TEST(the_first_send_to_a_closed_peer_succeeds_and_the_next_is_broken)
{
    conform_script((const struct step[]){
        {.end = SERVER, .verb = CLOSES},
        {CLIENT, SENDS, .bytes = 1, .legal = BYTES},
        {CLIENT, SENDS, .bytes = 1, .legal = IS_BROKEN},
        {CLIENT, SENDS, .bytes = 1, .legal = IS_BROKEN},
        {CLIENT, RECEIVES, .legal = END},
        {0},
    });
}
END_TEST

/* Hence EPIPE means that the end that follows is a true one. */
START_TEST(a_fin_is_remembered_through_the_reset_that_follows_it)
{
    conform_script((const struct step[]){
        {SERVER, SENDS, .bytes = 1, .legal = BYTES},
        {.end = SERVER, .verb = ENDS_SENDING},
        {CLIENT, SENDS, .bytes = 1, .legal = BYTES},
        {.end = SERVER, .verb = CLOSES},
        {CLIENT, SENDS, .bytes = 1, .legal = IS_BROKEN},
        {CLIENT, RECEIVES, .legal = BYTES},
        {CLIENT, RECEIVES, .legal = END},
        {0},
    });
}
END_TEST

START_TEST(a_reset_after_our_own_fin_is_told)
{
    conform_script((const struct step[]){
        {.end = CLIENT, .verb = ENDS_SENDING},
        {SERVER, RECEIVES, .legal = END},
        {.end = SERVER, .verb = RESETS},
        {CLIENT, RECEIVES, .legal = IS_RESET},
        {CLIENT, SENDS, .bytes = 1, .legal = IS_BROKEN},
        {0},
    });
}
END_TEST

START_TEST(once_both_have_ended_no_reset_is_sent)
{
    conform_script((const struct step[]){
        {.end = CLIENT, .verb = ENDS_SENDING},
        {.end = SERVER, .verb = ENDS_SENDING},
        {.end = SERVER, .verb = RESETS},
        {CLIENT, RECEIVES, .legal = END},
        {CLIENT, SENDS, .bytes = 1, .legal = IS_BROKEN},
        {0},
    });
}
END_TEST

START_TEST(a_half_closed_connection_carries_the_other_way)
{
    conform_script((const struct step[]){
        {.end = CLIENT, .verb = ENDS_SENDING},
        {CLIENT, SENDS, .bytes = 1, .legal = IS_BROKEN},
        {SERVER, RECEIVES, .legal = END},
        {SERVER, SENDS, .bytes = 1, .legal = BYTES},
        {CLIENT, RECEIVES, .legal = BYTES},
        {CLIENT, RECEIVES, .legal = END},
        {.end = SERVER, .verb = CLOSES},
        {0},
    });
}
END_TEST

START_TEST(both_ways_end_one_after_the_other)
{
    conform_script((const struct step[]){
        {.end = SERVER, .verb = ENDS_SENDING},
        {CLIENT, SENDS, .bytes = 1, .legal = BYTES},
        {.end = CLIENT, .verb = ENDS_SENDING},
        {CLIENT, RECEIVES, .legal = END},
        {SERVER, RECEIVES, .legal = BYTES},
        {SERVER, RECEIVES, .legal = END},
        {SERVER, SENDS, .bytes = 1, .legal = IS_BROKEN},
        {0},
    });
}
END_TEST

START_TEST(a_receive_that_waits_goes_on_through_our_fin_and_ends_when_we_end_both)
{
    conform_script((const struct step[]){
        {CLIENT, RECEIVES, .legal = END},
        {.end = CLIENT, .verb = ENDS_SENDING},
        {CLIENT, POLLS, .legal = IS_WELL},
        {.end = CLIENT, .verb = ENDS_BOTH},
        {SERVER, RECEIVES, .legal = END},
        {0},
    });
}
END_TEST

START_TEST(bytes_for_an_end_that_ended_both_are_answered_by_a_reset)
{
    conform_script((const struct step[]){
        {.end = CLIENT, .verb = ENDS_BOTH},
        {SERVER, SENDS, .bytes = 1, .legal = BYTES},
        {SERVER, SENDS, .bytes = 1, .legal = IS_BROKEN},
        {SERVER, RECEIVES, .legal = END},
        {CLIENT, RECEIVES, .legal = IS_RESET},
        {0},
    });
}
END_TEST

START_TEST(bytes_that_came_before_we_ended_both_are_still_ours)
{
    conform_script((const struct step[]){
        {SERVER, SENDS, .bytes = 1, .legal = BYTES},
        {.end = CLIENT, .verb = ENDS_BOTH},
        {SERVER, SENDS, .bytes = 1, .legal = BYTES},
        {CLIENT, RECEIVES, .legal = BYTES},
        {CLIENT, RECEIVES, .legal = IS_RESET},
        {0},
    });
}
END_TEST

START_TEST(what_waits_is_cancelled_and_nothing_is_lost)
{
    conform_script((const struct step[]){
        {CLIENT, RECEIVES, .legal = IS_CANCELLED},
        {CLIENT, POLLS, .legal = IS_CANCELLED},
        {.end = CLIENT, .verb = CANCELS},
        {SERVER, SENDS, .bytes = 1, .legal = BYTES},
        {CLIENT, RECEIVES, .legal = BYTES},
        {CLIENT, RECEIVES, .legal = WAITS},
        {0},
    });
}
END_TEST

START_TEST(a_cancel_that_races_with_bytes_has_either_outcome)
{
    conform_script((const struct step[]){
        {SERVER, SENDS, .bytes = 1, .legal = BYTES},
        {CLIENT, RECEIVES, .legal = BYTES | IS_CANCELLED, .pace = AT_ONCE},
        {.end = CLIENT, .verb = CANCELS},
        {CLIENT, RECEIVES, .legal = BYTES | WAITS},
        {0},
    });
}
END_TEST

START_TEST(a_cancel_that_races_with_a_reset_does_not_hide_it)
{
    conform_script((const struct step[]){
        {.end = SERVER, .verb = RESETS},
        {CLIENT, RECEIVES, .legal = IS_RESET | IS_CANCELLED, .pace = AT_ONCE},
        {.end = CLIENT, .verb = CANCELS},
        {CLIENT, RECEIVES, .legal = IS_RESET},
        {0},
    });
}
END_TEST

START_TEST(a_send_that_is_cancelled_at_once_went_out_or_did_not)
{
    conform_script((const struct step[]){
        {CLIENT, SENDS, .bytes = 1, .legal = BYTES | IS_CANCELLED, .pace = AT_ONCE},
        {.end = CLIENT, .verb = CANCELS},
        {SERVER, RECEIVES, .legal = BYTES | WAITS},
        {0},
    });
}
END_TEST

START_TEST(a_client_that_left_before_the_accept_is_accepted_all_the_same)
{
    conform_script((const struct step[]){
        {CLIENT, SENDS, .bytes = 1, .legal = BYTES},
        {.end = CLIENT, .verb = CLOSES},
        {SERVER, RECEIVES, .legal = BYTES},
        {SERVER, RECEIVES, .legal = END},
        {0},
    });
}
END_TEST

START_TEST(a_client_that_reset_before_the_accept_is_accepted_all_the_same)
{
    conform_script((const struct step[]){
        {CLIENT, SENDS, .bytes = 1, .legal = BYTES},
        {.end = CLIENT, .verb = RESETS},
        {SERVER, RECEIVES, .legal = BYTES},
        {SERVER, RECEIVES, .legal = IS_RESET},
        {SERVER, SENDS, .bytes = 1, .legal = IS_BROKEN},
        {0},
    });
}
END_TEST

Suite *conformance_scripts_suite(void)
{
    return suite_of("io conformance, handwritten",
                    (const TTest *const[]){
                        bytes_come_before_the_fin_that_follows_them,
                        bytes_come_before_the_reset_that_follows_them,
                        a_reset_at_once_may_take_the_bytes_before_it_along,
                        closing_with_unread_bytes_is_a_reset,
                        unread_bytes_of_the_peer_do_not_stop_ours_that_came_before,
                        a_reset_told_to_a_send_is_still_no_clean_end,
                        a_reset_told_to_a_receive_breaks_the_sends_after_it,
                        the_first_send_to_a_closed_peer_succeeds_and_the_next_is_broken,
                        a_fin_is_remembered_through_the_reset_that_follows_it,
                        a_reset_after_our_own_fin_is_told,
                        once_both_have_ended_no_reset_is_sent,
                        a_half_closed_connection_carries_the_other_way,
                        both_ways_end_one_after_the_other,
                        a_receive_that_waits_goes_on_through_our_fin_and_ends_when_we_end_both,
                        bytes_for_an_end_that_ended_both_are_answered_by_a_reset,
                        bytes_that_came_before_we_ended_both_are_still_ours,
                        what_waits_is_cancelled_and_nothing_is_lost,
                        a_cancel_that_races_with_bytes_has_either_outcome,
                        a_cancel_that_races_with_a_reset_does_not_hide_it,
                        a_send_that_is_cancelled_at_once_went_out_or_did_not,
                        a_client_that_left_before_the_accept_is_accepted_all_the_same,
                        a_client_that_reset_before_the_accept_is_accepted_all_the_same,
                        NULL,
                    });
}
