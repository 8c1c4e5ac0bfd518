#include "loading.h"
#include "suites.h"

#include <stdlib.h>
#include <string.h>

static void check_stable(const char *text)
{
    struct config *config = check_accepted(text);
    char          *dump = dump_of(config);
    struct config *again = check_accepted(dump);
    char          *dump_again = dump_of(again);

    ck_assert_str_eq(dump, dump_again);
    free(dump);
    free(dump_again);
    config_free(&config);
    config_free(&again);
}

START_TEST(a_dump_is_read_again_and_dumped_the_same)
{
    check_stable(SMALLEST);
    check_stable(
        "frontends = ( { listen = ( \"*:1\", \"[::1]:2\" ); pem-file = ( \"a\", \"b\" ); "
        "backend = \"b\"; routes = ( { sni = \"a\"; backend = \"b\"; }, { sni = ( \"c\", "
        "\"*.d\" ); backend = \"b\"; } ); }, { listen = \"*:3\"; pem-file = \"a\"; backend = "
        "\"b\"; } );" BACKENDS "timeouts = { idle = \"1500ms\"; shutdown = 0; };"
        "memory-max = \"1025k\"; max-connections = 7;");
}
END_TEST

START_TEST(defaults_are_filled_in)
{
    struct config *config = check_accepted(SMALLEST);
    char          *dump = dump_of(config);

    ck_assert_ptr_nonnull(strstr(dump, "workers = \"auto\";\n"));
    ck_assert_ptr_nonnull(strstr(dump, "    hello = \"5s\";\n"));
    ck_assert_ptr_nonnull(strstr(dump, "    lifetime = \"never\";\n"));
    ck_assert_ptr_nonnull(strstr(dump, "memory-max = \"256m\";\n"));
    ck_assert_ptr_nonnull(strstr(dump, "        name = \"frontend1\";\n"));
    ck_assert_ptr_nonnull(strstr(dump, "        alpn = ( );\n"));
    free(dump);
    config_free(&config);
}
END_TEST

START_TEST(every_byte_a_string_may_have_is_read_again)
{
    char  *text = NULL;
    size_t bytes = 0;
    FILE  *into = open_memstream(&text, &bytes);
    char   expected[256];

    ck_assert_ptr_nonnull(into);
    (void)fputs(SMALLEST "user = \"", into);
    for (unsigned byte = 1; byte < 256; byte++) {
        (void)fprintf(into, "\\x%02x", byte);
        expected[byte - 1] = (char)byte;
    }
    expected[255] = '\0';
    (void)fputs("\";", into);
    ck_assert_int_eq(fclose(into), 0);
    struct config *config = check_accepted(text);
    char          *dump = dump_of(config);
    struct config *again = check_accepted(dump);

    ck_assert_str_eq(config->user.text, expected);
    ck_assert_str_eq(again->user.text, expected);
    config_free(&config);
    config_free(&again);
    free(dump);
    free(text);
}
END_TEST

START_TEST(a_string_is_not_taken_for_an_escape_when_it_is_read_again)
{
    check_stable(SMALLEST "user = \"\\\\n \\\\x41 \\\\\\\\ \\\\\\\" @include /* # //\";");
    struct config *config = check_accepted(SMALLEST "user = \"\\\\x41\";");
    char          *dump = dump_of(config);

    ck_assert_ptr_nonnull(strstr(dump, "user = \"\\\\x41\";\n"));
    free(dump);
    config_free(&config);
}
END_TEST

Suite *dump_suite(void)
{
    return suite_of("dump", (const TTest *const[]){
                                a_dump_is_read_again_and_dumped_the_same, defaults_are_filled_in,
                                every_byte_a_string_may_have_is_read_again,
                                a_string_is_not_taken_for_an_escape_when_it_is_read_again, NULL});
}
