/* Which routes have a policy of their own, and which share one. */
#include "proxy/frontend_policies.h"

#include "suites.h"

#include <stdio.h>
#include <string.h>

enum { CONFIG_BYTES = 4096 };

static struct config            *config;
static struct frontend_policies *policies;

/* Of an intermediate frontend with these routes. */
static struct tls_named_options options_of(const char *routes)
{
    static char          text[CONFIG_BYTES];
    struct config_report report = {0};

    (void)snprintf(text, sizeof(text),
                   "frontends = ( { listen = \"*:1\"; backend = \"b\"; pem-file = \"x\"; "
                   "alpn = [ \"h2\", \"http/1.1\" ]; max-version = \"TLSv1.2\"; routes = ( %s ); } "
                   "); backends = ( { name = \"b\"; servers = ( { address = \"127.0.0.1:1\"; } ); "
                   "} );",
                   routes);
    config = config_load_text(text, "test", &report);
    ck_assert_ptr_nonnull(config);
    config_report_fini(&report);
    policies = frontend_policies_new(&config->frontends[0]);
    ck_assert_ptr_nonnull(policies);
    return frontend_policies_options(policies);
}

static void tear_down(void)
{
    frontend_policies_free(&policies);
    config_free(&config);
}

static const struct tls_context_options *policy_of(const struct tls_named_options *options,
                                                   const char                     *name)
{
    struct bytes_const bytes = {(const uint8_t *)name, strlen(name)};
    int                found = name_table_find(options->names, bytes);

    return found == NAME_TABLE_NONE || found == 0 ? NULL : &options->policies[found - 1];
}

START_TEST(without_routes_that_differ_there_is_nothing)
{
    struct tls_named_options options = options_of("{ sni = \"a\"; backend = \"b\"; }");

    ck_assert_uint_eq(options.policies_count, 0);
    ck_assert_ptr_null(options.names);
}
END_TEST

START_TEST(routes_that_come_to_the_same_share_a_policy)
{
    struct tls_named_options options =
        options_of("{ sni = \"a\"; backend = \"b\"; tls-policy = \"modern\"; },"
                   "{ sni = \"b\"; backend = \"b\"; tls-policy = \"modern-5.8\"; },"
                   "{ sni = \"c\"; backend = \"b\"; tls-policy = \"old\"; },"
                   "{ sni = \"d\"; backend = \"b\"; tls-policy = \"old\"; alpn = [ \"h2\" ]; },"
                   "{ sni = \"e\"; backend = \"b\"; max-version = \"TLSv1.2\"; }");

    ck_assert_uint_eq(options.policies_count, 3);
    ck_assert_ptr_eq(policy_of(&options, "a"), policy_of(&options, "b"));
    ck_assert_int_eq(policy_of(&options, "a")->policy, TLS_POLICY_MODERN);
    ck_assert_ptr_null(policy_of(&options, "a")->max_version);
    ck_assert_uint_eq(policy_of(&options, "a")->alpn_count, 2);
    ck_assert_ptr_ne(policy_of(&options, "c"), policy_of(&options, "d"));
    ck_assert_uint_eq(policy_of(&options, "d")->alpn_count, 1);
    ck_assert_ptr_null(policy_of(&options, "e"));
}
END_TEST

START_TEST(an_exact_name_of_a_route_without_a_policy_wins_over_a_wildcard_with_one)
{
    struct tls_named_options options =
        options_of("{ sni = \"*.example\"; backend = \"b\"; tls-policy = \"old\"; },"
                   "{ sni = \"www.example\"; backend = \"b\"; }");

    ck_assert_int_eq(policy_of(&options, "api.example")->policy, TLS_POLICY_OLD);
    ck_assert_ptr_null(policy_of(&options, "www.example"));
    ck_assert_ptr_null(policy_of(&options, "example"));
}
END_TEST

START_TEST(a_policy_tells_the_first_route_that_has_it)
{
    struct frontend_policy policy;

    (void)options_of("{ sni = \"a\"; backend = \"b\"; },"
                     "{ sni = \"b\"; backend = \"b\"; groups = \"P-256\"; },"
                     "{ sni = \"c\"; backend = \"b\"; groups = \"P-256\"; }");
    const struct config_route *routes = config->frontends[0].routes;

    ck_assert(frontend_policies_at(policies, 0, &policy));
    ck_assert_ptr_eq(policy.route, &routes[1]);
    ck_assert_str_eq(policy.options->groups, "P-256");
    ck_assert_str_eq(policy.options->max_version, "TLSv1.2");
    ck_assert(!frontend_policies_at(policies, 1, &policy));
    ck_assert(!frontend_policies_of_route(policies, &routes[0], &policy));
    ck_assert(frontend_policies_of_route(policies, &routes[2], &policy));
    ck_assert_ptr_eq(policy.route, &routes[1]);
}
END_TEST

Suite *frontend_policies_suite(void)
{
    Suite *suite = suite_create("frontend_policies");
    TCase *policies_case = tcase_create("frontend_policies");

    tcase_add_checked_fixture(policies_case, NULL, tear_down);
    tcase_add_test(policies_case, without_routes_that_differ_there_is_nothing);
    tcase_add_test(policies_case, routes_that_come_to_the_same_share_a_policy);
    tcase_add_test(policies_case,
                   an_exact_name_of_a_route_without_a_policy_wins_over_a_wildcard_with_one);
    tcase_add_test(policies_case, a_policy_tells_the_first_route_that_has_it);
    suite_add_tcase(suite, policies_case);
    return suite;
}
