/* Options about client certificates that only make sense together. */
#include "loading.h"
#include "suites.h"

#define CLIENTS(more)                                                                              \
    "frontends = ( { listen = \"*:443\"; backend = \"b\"; pem-file = \"x\";\n" more                \
    " } );\n" BACKENDS
#define ROUTE(more) "routes = ( { sni = \"a.example\"; backend = \"b\";\n" more " } );"
#define REQUIRED    "client-verify = \"required\"; "
#define OPTIONAL    "client-verify = \"optional\"; "
#define CA          "ca-file = \"ca\"; "

static void accepts(const char *text)
{
    struct config *config = check_accepted(text);

    config_free(&config);
}

START_TEST(who_asks_for_certificates_names_an_authority)
{
    check_refused(CLIENTS(REQUIRED),
                  "test:1: error: client-verify = \"required\" needs ca-file or ca-dir");
    check_refused(CLIENTS(OPTIONAL),
                  "test:1: error: client-verify = \"optional\" needs ca-file or ca-dir");
    accepts(CLIENTS(REQUIRED CA));
    accepts(CLIENTS(REQUIRED "ca-dir = \"cas\";"));
}
END_TEST

START_TEST(a_route_names_one_or_has_its_frontends)
{
    check_refused(CLIENTS(ROUTE(REQUIRED)),
                  "test:2: error: client-verify = \"required\" needs ca-file or ca-dir");
    accepts(CLIENTS(ROUTE(REQUIRED CA)));
    accepts(CLIENTS(CA ROUTE(REQUIRED)));
    accepts(CLIENTS(REQUIRED CA ROUTE("client-verify = \"none\";")));
    accepts(CLIENTS(REQUIRED CA ROUTE("allow-cn = \"alice\";")));
}
END_TEST

START_TEST(lists_that_keep_nobody_out_are_errors)
{
    check_refused(CLIENTS("\nallow-cn = \"alice\";"),
                  "test:3: error: allow-cn keeps nobody out: client-verify is \"none\"");
    check_refused(CLIENTS("allow-uri = \"spiffe://a/b\";"),
                  "test:2: error: allow-uri keeps nobody out: client-verify is \"none\"");
    check_refused(CLIENTS("crl-file = \"crl\";"),
                  "test:2: error: crl-file keeps nobody out: client-verify is \"none\"");
    check_refused(CLIENTS(REQUIRED CA ROUTE("client-verify = \"none\"; allow-ou = \"ops\";")),
                  "test:3: error: allow-ou keeps nobody out: client-verify is \"none\"");
    check_refused(CLIENTS(ROUTE("allow-spki-pin = \"sha256:0\";")),
                  "test:3: error: allow-spki-pin keeps nobody out: client-verify is \"none\"");
    accepts(CLIENTS(CA "allow-cn = \"alice\"; crl-dir = \"crls\"; " ROUTE(OPTIONAL)));
}
END_TEST

START_TEST(an_authority_that_is_not_used_is_warned_of)
{
    check_warned(CLIENTS(CA), "test:1: warning: ca-file and ca-dir are not used, client-verify is "
                              "\"none\"");
}
END_TEST

START_TEST(what_a_route_asks_for_is_its_own_or_its_frontends)
{
    struct config *config = check_accepted(
        CLIENTS(REQUIRED CA "routes = ( { sni = \"a\"; backend = \"b\"; },"
                            "{ sni = \"b\"; backend = \"b\"; client-verify = \"none\"; },"
                            "{ sni = \"c\"; backend = \"b\"; client-verify = \"optional\"; },"
                            "{ sni = \"d\"; backend = \"b\"; client-verify = \"required\"; } );"));
    static const enum config_verify wanted[] = {CONFIG_VERIFY_REQUIRED, CONFIG_VERIFY_NONE,
                                                CONFIG_VERIFY_OPTIONAL, CONFIG_VERIFY_REQUIRED};

    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        ck_assert_int_eq(
            config_verify_of_route(&config->frontends[0], &config->frontends[0].routes[i]),
            wanted[i]);
    }
    config_free(&config);
}
END_TEST

Suite *check_clients_suite(void)
{
    return suite_of("check_clients", (const TTest *const[]){
                                         who_asks_for_certificates_names_an_authority,
                                         a_route_names_one_or_has_its_frontends,
                                         lists_that_keep_nobody_out_are_errors,
                                         an_authority_that_is_not_used_is_warned_of,
                                         what_a_route_asks_for_is_its_own_or_its_frontends, NULL});
}
