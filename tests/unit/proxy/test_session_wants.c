/* A session that lacks something in the midst of its work: an engine that does as it should, a send
 * that is taken. Buffers and descriptors are test_shortage.c's. */
#include "base/clock.h"
#include "stage.h"
#include "suites_sim.h"

enum { PER_MILLE_ALWAYS = 1000 };

static struct stage_client  client;
static struct stage_server *server;

static void begin_relaying(void)
{
    client = (struct stage_client){0};
    mock_set_trouble(MOCK_NO_TROUBLE);
    stage_open(&(struct stage_options){0});
    stage_establish(&client);
    server = &stage.servers[0];
}

static void check_end(enum end_reason reason)
{
    stage_until_reports(1);
    ck_assert_str_eq(end_reason_word(stage.last.reason), end_reason_word(reason));
    mock_set_trouble(MOCK_NO_TROUBLE);
    stage_close();
}

/* --- the engine ----------------------------------------------------------------------------- */

START_TEST(a_handshake_without_memory_is_want_of_resources)
{
    client = (struct stage_client){0};
    stage_open(&(struct stage_options){0});
    mock_set_trouble(MOCK_HANDSHAKE_FAILS);
    stage_dial(&client);
    client_send(&client, MOCK_HELLO, "");
    stage_pass(NS_PER_MS);
    sim_close(&client.actor);
    check_end(END_RESOURCE);
}
END_TEST

START_TEST(bytes_that_cannot_be_encrypted_end_the_session_with_an_alert)
{
    begin_relaying();
    mock_set_trouble(MOCK_ENCRYPT_FAILS);
    server_send(server, "lost");
    stage_pass(NS_PER_MS);
    ck_assert(client.has_alert && client.has_end && !client.has_goodbye);
    ck_assert_uint_eq(client.bytes, 0);
    sim_close(&client.actor);
    stage_until_reports(1);
    stage_pass(NS_PER_MS);
    ck_assert(server->has_reset && !server->has_end);
    check_end(END_TLS_ERROR);
}
END_TEST

START_TEST(a_goodbye_that_cannot_be_made_is_an_alert_instead)
{
    begin_relaying();
    mock_set_trouble(MOCK_GOODBYE_FAILS);
    sim_fin(server->actor.endpoint);
    stage_pass(NS_PER_MS);
    ck_assert(client.has_alert && client.has_end && !client.has_goodbye);
    sim_close(&client.actor);
    check_end(END_TLS_ERROR);
}
END_TEST

/* --- sends ---------------------------------------------------------------------------------- */

/* Whatever the error was, the server missed bytes: an end of its stream is not taken for a clean
 * one, but what it sent arrives. */
START_TEST(a_server_that_could_not_be_sent_to_has_no_clean_end)
{
    begin_relaying();
    sim_faults(stage.net)->send_exhausted = PER_MILLE_ALWAYS;
    client_send(&client, MOCK_DATA, "lost");
    stage_pass(NS_PER_MS);
    sim_faults(stage.net)->send_exhausted = 0;
    ck_assert_uint_eq(stage.reports, 0);
    server_send(server, "answer");
    sim_fin(server->actor.endpoint);
    stage_until_reports(1);
    stage_pass(NS_PER_MS);
    ck_assert_uint_eq(client.bytes, 6);
    ck_assert(client.has_reset && !client.has_goodbye);
    ck_assert_uint_eq(stage.last.bytes_in, 0);
    check_end(END_SERVER_RESET);
}
END_TEST

Suite *session_wants_suite(void)
{
    return suite_of(
        "session_wants",
        (const TTest *const[]){a_handshake_without_memory_is_want_of_resources,
                               bytes_that_cannot_be_encrypted_end_the_session_with_an_alert,
                               a_goodbye_that_cannot_be_made_is_an_alert_instead,
                               a_server_that_could_not_be_sent_to_has_no_clean_end, NULL});
}
