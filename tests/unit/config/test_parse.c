#include "loading.h"
#include "suites.h"

#include <string.h>

#define FRONTEND_WITH(more)                                                                        \
    "frontends = ( { listen = \"*:443\"; pem-file = \"x.pem\"; backend = \"b\";\n" more " } );\n"

START_TEST(curves_is_another_name_of_groups)
{
    struct config *config = check_accepted(FRONTEND_WITH("curves = \"X25519\";") BACKENDS);

    ck_assert_str_eq(config->frontends[0].policy.groups.text, "X25519");
    config_free(&config);
}
END_TEST

START_TEST(an_option_and_its_other_name_are_not_set_together)
{
    check_refused(FRONTEND_WITH("groups = \"X25519\";\ncurves = \"P-256\";") BACKENDS,
                  "test:3: error: curves is another name of groups, which is set as well");
    check_refused(FRONTEND_WITH("curves = \"P-256\";\ngroups = \"X25519\";") BACKENDS,
                  "test:2: error: curves is another name of groups, which is set as well");
}
END_TEST

START_TEST(another_name_counts_only_in_its_own_group)
{
    check_refused(SMALLEST "curves = \"P-256\";",
                  "test:3: error: unknown option \"curves\" in the configuration");
}
END_TEST

START_TEST(an_entry_of_another_kind_is_named_and_left_out)
{
    struct loaded loaded =
        load_text("frontends = (\n"
                  " { listen = \"*:443\"; pem-file = \"x.pem\"; backend = \"b\"; },\n"
                  " 7,\n"
                  " ( )\n"
                  ");\n" BACKENDS);

    ck_assert_str_eq(loaded_problem(&loaded, 0),
                     "test:3: error: frontends: a list of groups ( { ... }, { ... } ) is wanted");
    ck_assert_str_eq(loaded_problem(&loaded, 1),
                     "test:4: error: frontends: a list of groups ( { ... }, { ... } ) is wanted");
    ck_assert_str_eq(loaded_problem(&loaded, 2), "");
    loaded_fini(&loaded);
}
END_TEST

START_TEST(syntax_errors_have_file_and_line)
{
    check_refused(SMALLEST "\nworkers = ;\n", "test:4: error: syntax error");
    check_refused(SMALLEST "workers = 1;\n}\n", "test:4: error: syntax error");
    check_refused(SMALLEST "timeouts = {\n", "test:3: error: syntax error");
    check_refused("frontends", "test:1: error: syntax error");
    check_refused("\n\n= 1;\n", "test:3: error: syntax error");
    check_refused(SMALLEST "workers = \"x", "test:3: error: the file ends inside a string");
    check_refused(SMALLEST "\n\n/* workers = 1;\n",
                  "test:5: error: the file ends inside a comment");
    check_refused(SMALLEST "user = [ 1, \"x\" ];\n",
                  "test:3: error: mismatched element type in array");
}
END_TEST

START_TEST(separators_may_be_colons_commas_or_nothing)
{
    struct config *config = check_accepted(SMALLEST "timeouts: { hello: \"1s\", idle: \"2s\" }\n");

    ck_assert_uint_eq(config->timeouts.idle_ns, 2000000000);
    config_free(&config);
}
END_TEST

START_TEST(keys_mind_their_case)
{
    check_refused(SMALLEST "Workers = 1;",
                  "test:3: error: unknown option \"Workers\" in the configuration, did you mean "
                  "\"workers\"?");
}
END_TEST

START_TEST(options_of_one_group_are_unknown_in_another)
{
    check_refused(SMALLEST "listen = \"*:443\";",
                  "test:3: error: unknown option \"listen\" in the configuration");
    check_refused(FRONTEND_WITH("routes = ( { sni = \"x\"; backend = \"b\"; tickets = 1; } );")
                      BACKENDS,
                  "test:2: error: unknown option \"tickets\" in route");
}
END_TEST

Suite *parse_suite(void)
{
    return suite_of("parse", (const TTest *const[]){
                                 curves_is_another_name_of_groups,
                                 an_option_and_its_other_name_are_not_set_together,
                                 another_name_counts_only_in_its_own_group,
                                 an_entry_of_another_kind_is_named_and_left_out,
                                 syntax_errors_have_file_and_line,
                                 separators_may_be_colons_commas_or_nothing, keys_mind_their_case,
                                 options_of_one_group_are_unknown_in_another, NULL});
}
