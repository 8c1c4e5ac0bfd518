/* TLS of a frontend and of its routes: what applies to a name, and what makes no sense. */
#include "config/config.h"

#include "loading.h"
#include "suites.h"

#include <string.h>

#define FRONTEND(more)                                                                             \
    "frontends = ( { listen = \"*:443\"; backend = \"b\"; pem-file = \"x\";\n" more                \
    " } );\n" BACKENDS
#define ROUTE(more) "routes = ( { sni = \"a.example\"; backend = \"b\";\n" more " } );"
#define OVERRIDES                                                                                  \
    "min-version = \"TLSv1.1\"; max-version = \"TLSv1.2\"; ciphers = \"C\"; ciphersuites = "       \
    "\"S\"; "                                                                                      \
    "groups = \"G\"; security-level = 3; ssl-conf = { Options = \"O\"; }; "                        \
    "prefer-server-ciphers = false; alpn = [ \"h2\" ]; alpn-mismatch = \"ignore\"; "

static struct config *config;

static struct config_policy applied(const char *text)
{
    config = check_accepted(text);
    return config_policy_of_route(&config->frontends[0], &config->frontends[0].routes[0]);
}

static void check_overrides(const struct config_policy *policy)
{
    ck_assert_str_eq(policy->min_version.text, "TLSv1.1");
    ck_assert_str_eq(policy->max_version.text, "TLSv1.2");
    ck_assert_str_eq(policy->ciphers.text, "C");
    ck_assert_str_eq(policy->ciphersuites.text, "S");
    ck_assert_str_eq(policy->groups.text, "G");
    ck_assert_int_eq(policy->security_level, CONFIG_SECURITY_0 + 3);
    ck_assert_uint_eq(policy->ssl_conf.count, 1);
    ck_assert_str_eq(policy->ssl_conf.items[0].name, "Options");
    ck_assert(!policy->prefer_server_ciphers);
    ck_assert_uint_eq(policy->alpn.count, 1);
    ck_assert_int_eq(policy->alpn_mismatch, CONFIG_MISMATCH_IGNORE);
}

START_TEST(a_route_without_anything_has_what_its_frontend_has)
{
    struct config_policy policy = applied(FRONTEND("tls-policy = \"old\"; " OVERRIDES ROUTE("")));

    ck_assert(!config_route_has_policy(&config->frontends[0].routes[0]));
    ck_assert_int_eq(policy.tls_policy, CONFIG_POLICY_OLD);
    check_overrides(&policy);
    config_free(&config);
}
END_TEST

START_TEST(a_route_has_each_option_of_its_own)
{
    struct config_policy policy = applied(FRONTEND(ROUTE("tls-policy = \"old-5.8\"; " OVERRIDES)));

    ck_assert(config_route_has_policy(&config->frontends[0].routes[0]));
    ck_assert_int_eq(policy.tls_policy, CONFIG_POLICY_OLD_5_8);
    check_overrides(&policy);
    config_free(&config);
}
END_TEST

START_TEST(a_route_with_one_option_has_the_rest_of_its_frontend)
{
    static const char *const texts[] = {
        FRONTEND("tls-policy = \"old\"; " OVERRIDES ROUTE("groups = \"G\";")),
        FRONTEND("tls-policy = \"old\"; " OVERRIDES ROUTE("security-level = 3;")),
        FRONTEND("tls-policy = \"old\"; " OVERRIDES ROUTE("prefer-server-ciphers = false;")),
        FRONTEND("tls-policy = \"old\"; " OVERRIDES ROUTE("alpn-mismatch = \"ignore\";")),
        FRONTEND("tls-policy = \"old\"; " OVERRIDES ROUTE("alpn = \"h3\";")),
        FRONTEND("tls-policy = \"old\"; " OVERRIDES ROUTE("ssl-conf = { Options = \"P\"; };")),
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct config_policy policy = applied(texts[i]);

        ck_assert(config_route_has_policy(&config->frontends[0].routes[0]));
        ck_assert_int_eq(policy.tls_policy, CONFIG_POLICY_OLD);
        check_overrides(&policy);
        config_free(&config);
    }
}
END_TEST

/* Or a frontend's max-version would narrow a policy it was never meant for. */
START_TEST(a_policy_of_its_own_leaves_behind_what_replaces_parts_of_the_frontends)
{
    struct config_policy policy =
        applied(FRONTEND("tls-policy = \"old\"; " OVERRIDES ROUTE("tls-policy = \"modern\";")));

    ck_assert_int_eq(policy.tls_policy, CONFIG_POLICY_MODERN);
    ck_assert_str_eq(policy.min_version.text, "");
    ck_assert_str_eq(policy.max_version.text, "");
    ck_assert_str_eq(policy.ciphers.text, "");
    ck_assert_str_eq(policy.ciphersuites.text, "");
    ck_assert_str_eq(policy.groups.text, "");
    ck_assert_int_eq(policy.security_level, CONFIG_SECURITY_AUTO);
    ck_assert_uint_eq(policy.ssl_conf.count, 0);
    ck_assert(!policy.prefer_server_ciphers);
    ck_assert_uint_eq(policy.alpn.count, 1);
    ck_assert_int_eq(policy.alpn_mismatch, CONFIG_MISMATCH_IGNORE);
    config_free(&config);
}
END_TEST

START_TEST(a_level_of_a_frontend_can_be_taken_back)
{
    struct config_policy policy =
        applied(FRONTEND("security-level = 3; " ROUTE("security-level = \"auto\";")));

    ck_assert_int_eq(policy.security_level, CONFIG_SECURITY_AUTO);
    config_free(&config);
    policy = applied(FRONTEND(ROUTE("prefer-server-ciphers = true;")));
    ck_assert(policy.prefer_server_ciphers);
    config_free(&config);
}
END_TEST

START_TEST(versions_of_a_route_exist_and_are_in_order)
{
    check_refused(FRONTEND(ROUTE("min-version = \"TLSv1.4\";")),
                  "test:3: error: min-version: one of TLSv1.0|TLSv1.1|TLSv1.2|TLSv1.3 is wanted, "
                  "found \"TLSv1.4\", did you mean \"TLSv1.3\"?");
    check_refused(FRONTEND(ROUTE("\nmin-version = \"TLSv1.3\"; max-version = \"TLSv1.2\";")),
                  "test:4: error: min-version is above max-version");
    check_refused(FRONTEND("min-version = \"TLSv1.3\"; " ROUTE("max-version = \"TLSv1.2\";")),
                  "test:3: error: min-version is above max-version");
    check_refused(FRONTEND("max-version = \"TLSv1.2\"; " ROUTE("min-version = \"TLSv1.3\";")),
                  "test:3: error: min-version is above max-version");
    check_refused(
        FRONTEND("min-version = \"TLSv1.3\"; max-version = \"TLSv1.2\"; " ROUTE("groups = \"G\";")),
        "test:2: error: min-version is above max-version");
    config = check_accepted(FRONTEND(
        "min-version = \"TLSv1.3\"; " ROUTE("tls-policy = \"old\"; max-version = \"TLSv1.2\";")));
    config_free(&config);
}
END_TEST

START_TEST(mistakes_in_a_route_have_their_line_and_a_suggestion)
{
    check_refused(FRONTEND(ROUTE("tls-polcy = \"modern\";")),
                  "test:3: error: unknown option \"tls-polcy\" in route, did you mean "
                  "\"tls-policy\"?");
    check_refused(FRONTEND(ROUTE("tls-policy = \"modren\";")),
                  "test:3: error: tls-policy: one of frontend|modern|intermediate|old|modern-5.8|"
                  "intermediate-5.8|old-5.8 is wanted, found \"modren\", did you mean \"modern\"?");
}
END_TEST

Suite *check_policy_suite(void)
{
    return suite_of(
        "check_policy",
        (const TTest *const[]){
            a_route_without_anything_has_what_its_frontend_has, a_route_has_each_option_of_its_own,
            a_route_with_one_option_has_the_rest_of_its_frontend,
            a_policy_of_its_own_leaves_behind_what_replaces_parts_of_the_frontends,
            a_level_of_a_frontend_can_be_taken_back, versions_of_a_route_exist_and_are_in_order,
            mistakes_in_a_route_have_their_line_and_a_suggestion, NULL});
}
