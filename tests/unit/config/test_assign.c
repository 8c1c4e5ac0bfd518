#include "loading.h"
#include "suites.h"

#include <string.h>

START_TEST(the_line_of_a_value_is_that_of_its_key)
{
    check_refused(
        SMALLEST "\nworkers\n=\n\"many\"\n;\n",
        "test:4: error: workers: a whole number from 1 to 1024 or \"auto\" is wanted, found "
        "\"many\"");
}
END_TEST

START_TEST(the_line_of_a_string_in_a_list_is_its_own)
{
    static const char             text[] = "frontends = ( {\n"
                                           "  listen = [\n"
                                           "    \"*:443\",\n"
                                           "    \"*:444\"\n"
                                           "  ];\n"
                                           "  pem-file = ( \"x.pem\" # ours\n"
                                           "\n"
                                           "  , \"y.pem\"\n"
                                           "\n"
                                           "  );\n"
                                           "  backend = \"b\";\n"
                                           "} );\n" BACKENDS;
    struct config                *config = check_accepted(text);
    const struct config_frontend *frontend = &config->frontends[0];

    ck_assert_uint_eq(frontend->at.line, 1);
    ck_assert_uint_eq(frontend->listen.items[0].at.line, 3);
    ck_assert_uint_eq(frontend->listen.items[1].at.line, 4);
    ck_assert_uint_eq(frontend->pem_file.items[1].at.line, 8);
    ck_assert_uint_eq(frontend->backend.at.line, 11);
    ck_assert_uint_eq(config->backends[0].at.line, 13);
    config_free(&config);
}
END_TEST

START_TEST(an_entry_that_is_wrong_is_named_at_its_own_line)
{
    check_refused("frontends = ( {\n"
                  "  listen = [ \"*:443\",\n"
                  "    \"\"\n"
                  "  ];\n"
                  "  pem-file = \"x.pem\"; backend = \"b\"; } );\n" BACKENDS,
                  "test:3: error: listen: a list of strings is wanted, found an empty one in it");
}
END_TEST

START_TEST(a_list_of_one_string_may_be_the_string_itself)
{
    struct config *config = check_accepted(SMALLEST);

    ck_assert_uint_eq(config->frontends[0].listen.count, 1);
    ck_assert_str_eq(config->frontends[0].listen.items[0].text, "*:443");
    config_free(&config);
}
END_TEST

START_TEST(a_bare_number_is_seconds)
{
    struct config *config = check_accepted(SMALLEST "timeouts = { idle = 90; connect = \"7\"; };");

    ck_assert_uint_eq(config->timeouts.idle_ns, 90000000000);
    ck_assert_uint_eq(config->timeouts.connect_ns, 7000000000);
    config_free(&config);
    config = check_accepted(SMALLEST "timeouts = { idle = 999; };");
    config_free(&config);
}
END_TEST

START_TEST(a_bare_number_that_may_be_milliseconds_is_warned_of)
{
    check_warned(
        SMALLEST "timeouts = {\nidle = 1000; };",
        "test:4: warning: idle: 1000 without a unit is seconds, write \"1000s\" or \"1000ms\"");
    check_warned(SMALLEST "timeouts = { connect = \"5000\"; };",
                 "test:3: warning: connect: 5000 without a unit is seconds, write \"5000s\" or "
                 "\"5000ms\"");
    struct config *config =
        check_accepted(SMALLEST "timeouts = { idle = \"1000s\"; connect = \"1h\"; };");

    config_free(&config);
}
END_TEST

START_TEST(numbers_and_true_may_stand_in_quotes)
{
    struct config *config = check_accepted(
        SMALLEST "workers = \"4\"; allow-root = \"true\"; memory-max = \"5000000000\";");

    ck_assert_uint_eq(config->workers, 4);
    ck_assert(config->allow_root);
    ck_assert_uint_eq(config->memory_max_bytes, 5000000000);
    config_free(&config);
}
END_TEST

/* The parser cuts hexadecimal numbers to 32 bits: 0x100000004 would be 4. */
START_TEST(hexadecimal_numbers_are_refused)
{
    check_refused(
        SMALLEST "workers = 0x100000004;",
        "test:3: error: workers: a whole number from 1 to 1024 or \"auto\" is wanted, found a "
        "hexadecimal number");
    check_refused(
        SMALLEST "memory-max = 0x10000000L;",
        "test:3: error: memory-max: a size from 1m to 1024g is wanted, found a hexadecimal "
        "number");
}
END_TEST

START_TEST(a_number_with_leading_zeros_is_decimal)
{
    struct config *config = check_accepted(SMALLEST "workers = 010;");

    ck_assert_uint_eq(config->workers, 10);
    config_free(&config);
}
END_TEST

START_TEST(a_wrong_value_leads_to_no_second_complaint)
{
    check_refused(
        SMALLEST "timeouts = { handshake = 0; };",
        "test:3: error: handshake: a duration from 1ms to 1d is wanted, found the number 0");
}
END_TEST

START_TEST(numbers_beyond_every_bound_are_named_as_they_are)
{
    check_refused(
        SMALLEST "timeouts = { lifetime = 9223372036854775807L; };",
        "test:3: error: lifetime: a duration from 1ms to 365d or \"never\" is wanted, found the "
        "number 9223372036854775807");
    check_refused(
        SMALLEST "workers = 4294967297L;",
        "test:3: error: workers: a whole number from 1 to 1024 or \"auto\" is wanted, found "
        "the number 4294967297");
}
END_TEST

START_TEST(control_characters_of_a_value_do_not_reach_the_message)
{
    check_refused(
        SMALLEST "workers = \"\\x1b[2J\\n\\x7f\";",
        "test:3: error: workers: a whole number from 1 to 1024 or \"auto\" is wanted, found "
        "\"?[2J??\"");
}
END_TEST

Suite *assign_suite(void)
{
    return suite_of(
        "assign",
        (const TTest *const[]){
            the_line_of_a_value_is_that_of_its_key, the_line_of_a_string_in_a_list_is_its_own,
            an_entry_that_is_wrong_is_named_at_its_own_line,
            a_list_of_one_string_may_be_the_string_itself, a_bare_number_is_seconds,
            a_bare_number_that_may_be_milliseconds_is_warned_of,
            numbers_and_true_may_stand_in_quotes, hexadecimal_numbers_are_refused,
            a_number_with_leading_zeros_is_decimal, a_wrong_value_leads_to_no_second_complaint,
            numbers_beyond_every_bound_are_named_as_they_are,
            control_characters_of_a_value_do_not_reach_the_message, NULL});
}
