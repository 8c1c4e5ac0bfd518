#include "proxy/access_line.h"

#include "flat_json.h"
#include "sample.h"
#include "suites.h"

#include <string.h>

/* 2025-10-09T08:53:20 and a bit, the accept of the sample. */
#define ENDED_US UINT64_C(1760000015147456)

static const struct access_style text_style = {.is_json = false};
static const struct access_style json_style = {.is_json = true, .wall_us = ENDED_US};

static char memory[ACCESS_LINE_BYTES];

static const char *conn_line(const struct access_style    *style,
                             const struct session_summary *summary)
{
    struct text text;

    text_init(&text, memory, sizeof(memory));
    access_line_conn(&text, style, summary);
    ck_assert(!text_is_cut(&text));
    return memory;
}

static const char *failure_line(const struct access_style    *style,
                                const struct session_summary *summary, uint32_t suppressed)
{
    struct text text;

    text_init(&text, memory, sizeof(memory));
    access_line_failure(&text, style, summary, suppressed);
    ck_assert(!text_is_cut(&text));
    return memory;
}

static void id_of(uint64_t time_us, unsigned reactor, uint32_t number, char *into)
{
    struct session_summary summary = {
        .id_time_us = time_us, .id_reactor = reactor, .id_number = number};

    access_line_id(&summary, into);
}

/* Every byte there is, as a client might send them in a name. */
static struct bytes_const all_bytes(void)
{
    static uint8_t bytes[256];

    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)i;
    }
    return (struct bytes_const){bytes, sizeof(bytes)};
}

static void check_one_line(const char *line)
{
    for (; *line != '\0'; line++) {
        ck_assert_int_ge(*line, 0x20);
        ck_assert_int_lt(*line, 0x7f);
    }
}

START_TEST(a_session_is_one_line_of_text)
{
    struct session_summary summary = sample_session();

    ck_assert_str_eq(conn_line(&text_style, &summary),
                     "conn id=01K742SG3VE800000010000011 client=192.0.2.1:55123 fe=https be=app "
                     "srv=10.0.0.2:80 sni=www.example.com alpn=h2 tls=TLSv1.3 "
                     "cipher=TLS_AES_128_GCM_SHA256 group=x25519 resumed=0 verify=none hs_ms=4.1 "
                     "wait_ms=0 conn_ms=0.7 dur_ms=15023 in=1834 out=99120 ktls=- "
                     "end=client_close ts=--");
}
END_TEST

START_TEST(a_session_is_one_line_of_json_with_the_same_keys)
{
    struct session_summary summary = sample_session();

    ck_assert_str_eq(
        conn_line(&json_style, &summary),
        "{\"event\":\"conn\",\"time\":\"2025-10-09T08:53:35.147456Z\","
        "\"id\":\"01K742SG3VE800000010000011\",\"client\":\"192.0.2.1:55123\",\"fe\":\"https\","
        "\"be\":\"app\",\"srv\":\"10.0.0.2:80\",\"sni\":\"www.example.com\",\"alpn\":\"h2\","
        "\"tls\":\"TLSv1.3\",\"cipher\":\"TLS_AES_128_GCM_SHA256\",\"group\":\"x25519\","
        "\"resumed\":0,\"verify\":\"none\",\"hs_ms\":4.1,\"wait_ms\":0,\"conn_"
        "ms\":0.7,"
        "\"dur_ms\":15023,\"in\":1834,\"out\":99120,\"ktls\":null,\"end\":\"client_close\","
        "\"ts\":\"--\"}");
    ck_assert(flat_json_is_valid(memory));
}
END_TEST

START_TEST(what_did_not_come_about_is_a_dash_or_null)
{
    struct session_summary summary = sample_failure();

    summary.has_tls_failure = false;
    summary.client.len = 0;
    summary.reason = END_CLIENT_RESET;
    ck_assert_str_eq(conn_line(&text_style, &summary),
                     "conn id=01K742SG3VE800000010000011 client=- fe=https be=- srv=- sni=- alpn=- "
                     "tls=- cipher=- group=- resumed=0 verify=none hs_ms=- wait_ms=0 conn_ms=- "
                     "dur_ms=12 in=0 out=0 ktls=- end=client_reset ts=CD");
    ck_assert_str_eq(
        conn_line(&json_style, &summary),
        "{\"event\":\"conn\",\"time\":\"2025-10-09T08:53:35.147456Z\","
        "\"id\":\"01K742SG3VE800000010000011\",\"client\":null,\"fe\":\"https\",\"be\":null,"
        "\"srv\":null,\"sni\":null,\"alpn\":null,\"tls\":null,\"cipher\":null,\"group\":null,"
        "\"resumed\":0,\"verify\":\"none\",\"hs_ms\":null,\"wait_ms\":0,\"conn_"
        "ms\":null,"
        "\"dur_ms\":12,\"in\":0,\"out\":0,\"ktls\":null,\"end\":\"client_reset\",\"ts\":\"CD\"}");
    ck_assert(flat_json_is_valid(memory));
}
END_TEST

START_TEST(durations_are_cut_never_rounded_up)
{
    static const struct {
        uint64_t    ns;
        const char *words;
    } rows[] = {{0, " hs_ms=0.0 "},       {99999, " hs_ms=0.0 "},
                {100000, " hs_ms=0.1 "},  {999999, " hs_ms=0.9 "},
                {9950000, " hs_ms=9.9 "}, {UINT64_C(3600000000000), " hs_ms=3600000.0 "}};
    struct session_summary summary = sample_session();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        summary.handshake_ns = rows[i].ns;
        ck_assert_ptr_nonnull(strstr(conn_line(&text_style, &summary), rows[i].words));
    }
}
END_TEST

START_TEST(an_error_past_the_handshake_says_why)
{
    struct session_summary summary = sample_session();

    summary.reason = END_TLS_ERROR;
    summary.has_tls_failure = true;
    summary.tls_reason = "decryption failed or bad record mac";
    summary.alert =
        (struct tls_alert){.by = TLS_ALERT_RECEIVED, .description = 20, .name = "bad_record_mac"};
    ck_assert_ptr_nonnull(strstr(conn_line(&text_style, &summary),
                                 " end=tls_error ts=PD alert=recv:bad_record_mac(20) "
                                 "ssl_reason=\"decryption failed or bad record mac\""));
    ck_assert_ptr_nonnull(strstr(conn_line(&json_style, &summary),
                                 "\"ts\":\"PD\",\"alert\":\"recv:bad_record_mac(20)\","
                                 "\"ssl_reason\":\"decryption failed or bad record mac\"}"));
    ck_assert(flat_json_is_valid(memory));
}
END_TEST

START_TEST(a_refused_proxy_header_says_what_is_wrong_with_it)
{
    struct session_summary summary = sample_session();

    summary.reason = END_PROXY_HEADER_INVALID;
    summary.proxy_fault = PROXY_FAULT_LINE_PORT;
    ck_assert_ptr_nonnull(
        strstr(conn_line(&text_style, &summary),
               " end=proxy_header_invalid ts=PR proxy_reason=\"a malformed port\""));
    ck_assert_ptr_nonnull(
        strstr(conn_line(&json_style, &summary), "\"proxy_reason\":\"a malformed port\"}"));
    ck_assert(flat_json_is_valid(memory));
}
END_TEST

START_TEST(a_failed_handshake_says_what_was_offered)
{
    struct session_summary summary = sample_failure();

    ck_assert_str_eq(failure_line(&text_style, &summary, 0),
                     "hs_fail id=01K742SG3VE800000010000011 client=192.0.2.1:55123 fe=https "
                     "sni=www.example.com alpn_offered=h2,http/1.1 "
                     "versions_offered=TLSv1.3,TLSv1.2 alert=sent:handshake_failure(40) "
                     "ssl_reason=\"no shared cipher\" dur_ms=12 end=hs_failed");
    ck_assert_str_eq(failure_line(&json_style, &summary, 3),
                     "{\"event\":\"hs_fail\",\"time\":\"2025-10-09T08:53:35.147456Z\","
                     "\"id\":\"01K742SG3VE800000010000011\",\"client\":\"192.0.2.1:55123\","
                     "\"fe\":\"https\",\"sni\":\"www.example.com\","
                     "\"alpn_offered\":\"h2,http/1.1\","
                     "\"versions_offered\":\"TLSv1.3,TLSv1.2\","
                     "\"alert\":\"sent:handshake_failure(40)\","
                     "\"ssl_reason\":\"no shared cipher\",\"dur_ms\":12,\"end\":\"hs_failed\","
                     "\"suppressed\":3}");
    ck_assert(flat_json_is_valid(memory));
}
END_TEST

START_TEST(a_client_that_said_nothing_offered_nothing)
{
    struct session_summary summary = sample_failure();

    summary.reason = END_HELLO_TIMEOUT;
    summary.has_tls_failure = false;
    summary.tls_reason = "-";
    summary.alert = (struct tls_alert){0};
    summary.offered = (struct tls_offered){.versions = "-"};
    ck_assert_str_eq(failure_line(&text_style, &summary, 7),
                     "hs_fail id=01K742SG3VE800000010000011 client=192.0.2.1:55123 fe=https sni=- "
                     "alpn_offered=- versions_offered=- alert=none ssl_reason=- dur_ms=12 "
                     "end=hello_timeout suppressed=7");
}
END_TEST

START_TEST(a_summary_tells_how_many_were_held_back)
{
    struct text text;

    text_init(&text, memory, sizeof(memory));
    access_line_suppressed(&text, &text_style, END_HS_FAILED, 490);
    ck_assert_str_eq(memory, "hs_fail_suppressed end=hs_failed suppressed=490");
    text_init(&text, memory, sizeof(memory));
    access_line_suppressed(&text, &json_style, END_HS_FAILED, 490);
    ck_assert_str_eq(memory, "{\"event\":\"hs_fail_suppressed\","
                             "\"time\":\"2025-10-09T08:53:35.147456Z\",\"end\":\"hs_failed\","
                             "\"suppressed\":490}");
}
END_TEST

START_TEST(peers_cannot_break_out_of_their_word)
{
    struct session_summary summary = sample_failure();

    summary.offered.sni = sample_bytes("a\nconn id=1 \"x\\y\x80\xff");
    summary.offered.alpn = sample_bytes("h2,a b,=,\",");
    ck_assert_ptr_nonnull(strstr(failure_line(&text_style, &summary, 0),
                                 " sni=a\\x0aconn\\x20id\\x3d1\\x20\\x22x\\x5cy\\x80\\xff "
                                 "alpn_offered=h2,a\\x20b,\\x3d,\\x22,- "));
    ck_assert_ptr_nonnull(strstr(failure_line(&json_style, &summary, 0),
                                 "\"sni\":\"a\\u000aconn id=1 \\\"x\\\\y\\u0080\\u00ff\","
                                 "\"alpn_offered\":\"h2,a b,=,\\\",\","));
    ck_assert(flat_json_is_valid(memory));
}
END_TEST

START_TEST(a_client_that_was_verified_is_named)
{
    struct session_summary summary = sample_session();

    summary.facts.verify = "ok";
    summary.facts.subject = sample_bytes("CN=J\xc3\xbcrg \\\"x\\\", end=,O=Example");
    ck_assert_ptr_nonnull(strstr(conn_line(&text_style, &summary),
                                 " verify=ok subject=\"CN=J\\xc3\\xbcrg "
                                 "\\x5c\\x22x\\x5c\\x22, end=,O=Example\" hs_ms="));
    ck_assert_ptr_nonnull(strstr(conn_line(&json_style, &summary),
                                 "\"verify\":\"ok\",\"subject\":\"CN=J\\u00c3\\u00bcrg "
                                 "\\\\\\\"x\\\\\\\", end=,O=Example\","));
    ck_assert(flat_json_is_valid(memory));
    ck_assert_ptr_nonnull(
        strstr(failure_line(&text_style, &summary, 0), " subject=\"CN=J\\xc3\\xbcrg "));
}
END_TEST

START_TEST(whatever_is_sent_a_line_stays_a_line)
{
    struct session_summary summary = sample_failure();
    char                   name[2000];

    memset(name, '\xe4', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    summary.frontend = name;
    summary.backend = name;
    summary.server = name;
    summary.facts.sni = all_bytes();
    summary.facts.alpn = all_bytes();
    summary.facts.subject = all_bytes();
    summary.facts.cipher = name;
    summary.offered.sni = all_bytes();
    summary.offered.alpn = all_bytes();
    summary.offered.versions = name;
    summary.tls_reason = name;
    check_one_line(conn_line(&text_style, &summary));
    check_one_line(failure_line(&text_style, &summary, UINT32_MAX));
    check_one_line(conn_line(&json_style, &summary));
    ck_assert(flat_json_is_valid(memory));
    check_one_line(failure_line(&json_style, &summary, UINT32_MAX));
    ck_assert(flat_json_is_valid(memory));
}
END_TEST

START_TEST(ids_sort_by_time_then_reactor_then_number)
{
    static const struct {
        uint64_t time_us;
        unsigned reactor;
        uint32_t number;
    } rows[] = {{0, 0, 0},
                {999, 7, 9},
                {1000, 0, 0},
                {1000, 0, 31},
                {1000, 0, 32},
                {1000, 0, UINT32_MAX},
                {1000, 1, 0},
                {1000, UINT32_MAX, 0},
                {1001, 0, 0},
                {UINT64_C(1760000000123456), 3, 1},
                {UINT64_C(1760000000123457), 0, 0},
                {(UINT64_C(1) << 48) * 1000 - 1, UINT32_MAX, UINT32_MAX}};
    char last[ACCESS_ID_BYTES] = "";
    char next[ACCESS_ID_BYTES];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        id_of(rows[i].time_us, rows[i].reactor, rows[i].number, next);
        ck_assert_uint_eq(strlen(next), 26);
        ck_assert_uint_eq(strspn(next, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), 26);
        ck_assert_int_lt(strcmp(last, next), 0);
        (void)memcpy(last, next, sizeof(last));
    }
    ck_assert_int_eq(last[0], '7');
}
END_TEST

Suite *access_line_suite(void)
{
    return suite_of(
        "access_line",
        (const TTest *const[]){
            a_session_is_one_line_of_text, a_session_is_one_line_of_json_with_the_same_keys,
            what_did_not_come_about_is_a_dash_or_null, durations_are_cut_never_rounded_up,
            a_refused_proxy_header_says_what_is_wrong_with_it, an_error_past_the_handshake_says_why,
            a_failed_handshake_says_what_was_offered, a_client_that_said_nothing_offered_nothing,
            a_summary_tells_how_many_were_held_back, peers_cannot_break_out_of_their_word,
            a_client_that_was_verified_is_named, whatever_is_sent_a_line_stays_a_line,
            ids_sort_by_time_then_reactor_then_number, NULL});
}
