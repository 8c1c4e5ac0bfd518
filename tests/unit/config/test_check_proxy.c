#include "config/config.h"
#include "loading.h"
#include "suites.h"

#define IN(options)                                                                                \
    "frontends = ( { listen = \"*:443\"; pem-file = \"x.pem\"; backend = \"b\";\n" options         \
    " } );\n" BACKENDS
#define OUT(options) FRONTENDS "backends = ( { name = \"b\";\n" options " } );\n"
#define SERVER       "servers = ( { address = \"127.0.0.1:1\"; } );"

static unsigned options_of(const char *text)
{
    struct config *config = check_accepted(text);
    unsigned       options = config->backends[0].proxy_options;

    config_free(&config);
    return options;
}

START_TEST(who_accepts_headers_says_from_whom)
{
    check_refused(IN("accept-proxy = \"required\";"),
                  "test:1: error: accept-proxy = \"required\" needs accept-proxy-from: the proxies "
                  "to believe");
    check_refused(IN("accept-proxy = \"optional\"; accept-proxy-from = [];"),
                  "test:1: error: accept-proxy = \"optional\" needs accept-proxy-from: the proxies "
                  "to believe");
    struct config *config =
        check_accepted(IN("accept-proxy = \"optional\"; accept-proxy-from = \"192.0.2.0/24\";"));

    ck_assert_int_eq(config->frontends[0].accept_proxy, CONFIG_ACCEPT_PROXY_OPTIONAL);
    ck_assert_uint_eq(config->frontends[0].accept_proxy_from.count, 1);
    config_free(&config);
}
END_TEST

START_TEST(proxies_that_nobody_asks_are_warned_of)
{
    check_warned(IN("accept-proxy-from = \"192.0.2.0/24\";"),
                 "test:2: warning: accept-proxy-from is not used, accept-proxy is \"off\"");
}
END_TEST

START_TEST(nothing_is_accepted_or_sent_unless_asked_for)
{
    struct config *config = check_accepted(SMALLEST);

    ck_assert_int_eq(config->frontends[0].accept_proxy, CONFIG_ACCEPT_PROXY_OFF);
    ck_assert_int_eq(config->backends[0].send_proxy, CONFIG_SEND_PROXY_OFF);
    config_free(&config);
}
END_TEST

START_TEST(version_2_tells_the_usual_unless_told_otherwise)
{
    ck_assert_uint_eq(options_of(OUT("send-proxy = \"v2\";" SERVER)),
                      CONFIG_PROXY_SSL | CONFIG_PROXY_AUTHORITY | CONFIG_PROXY_ALPN);
    ck_assert_uint_eq(options_of(OUT("send-proxy = \"v2\"; proxy-v2-options = [];" SERVER)), 0);
    ck_assert_uint_eq(
        options_of(OUT("send-proxy = \"v2\"; proxy-v2-options = [ \"ssl\", \"cert-cn\", "
                       "\"authority\", \"alpn\", \"crc32c\", \"unique-id\" ];" SERVER)),
        CONFIG_PROXY_SSL | CONFIG_PROXY_CERT_CN | CONFIG_PROXY_AUTHORITY | CONFIG_PROXY_ALPN |
            CONFIG_PROXY_CRC32C | CONFIG_PROXY_UNIQUE_ID);
}
END_TEST

START_TEST(an_unknown_fact_is_refused_with_the_nearest)
{
    check_refused(OUT("send-proxy = \"v2\"; proxy-v2-options = \"autority\";" SERVER),
                  "test:3: error: proxy-v2-options: there is no \"autority\", did you mean "
                  "\"authority\"?");
    check_refused(OUT("send-proxy = \"v2\"; proxy-v2-options = \"everything\";" SERVER),
                  "test:3: error: proxy-v2-options: there is no \"everything\"");
}
END_TEST

START_TEST(facts_that_are_not_told_are_warned_of)
{
    check_warned(OUT("send-proxy = \"v1\"; proxy-v2-options = \"ssl\";" SERVER),
                 "test:3: warning: proxy-v2-options is not used, send-proxy is not \"v2\"");
}
END_TEST

START_TEST(a_server_inside_gets_no_header)
{
    check_refused(OUT("send-proxy = \"v1\"; servers = ( { address = \"builtin:hello\"; } );"),
                  "test:3: error: address \"builtin:hello\": a server inside the daemon reads no "
                  "PROXY header, and send-proxy is not \"off\"");
}
END_TEST

Suite *check_proxy_suite(void)
{
    return suite_of("check_proxy",
                    (const TTest *const[]){who_accepts_headers_says_from_whom,
                                           proxies_that_nobody_asks_are_warned_of,
                                           nothing_is_accepted_or_sent_unless_asked_for,
                                           version_2_tells_the_usual_unless_told_otherwise,
                                           an_unknown_fact_is_refused_with_the_nearest,
                                           facts_that_are_not_told_are_warned_of,
                                           a_server_inside_gets_no_header, NULL});
}
