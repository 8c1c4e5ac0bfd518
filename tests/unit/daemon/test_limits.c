#include "daemon/limits.h"

#include "base/log.h"
#include "suites.h"

#include <string.h>
#include <sys/resource.h>

static char said[LOG_LINE_BYTES];

static void remember(enum log_level level, const char *line, size_t line_len)
{
    (void)level;
    memcpy(said, line, line_len);
    said[line_len] = '\0';
}

static unsigned connections(struct limits_options options)
{
    log_set_sink(remember);
    unsigned allowed = limits_connections(&options);

    log_set_sink(NULL);
    return allowed;
}

START_TEST(a_connection_takes_two_descriptors_and_three_with_a_builtin)
{
    struct limits_options options = {.descriptors = 1024, .workers = 2, .listeners = 4};
    unsigned              two = connections(options);

    options.has_builtin = true;
    unsigned three = connections(options);

    ck_assert_uint_gt(two, 450);
    ck_assert_uint_le(two, 512);
    ck_assert_uint_gt(three, 300);
    ck_assert_uint_le(three, 341);
    ck_assert_ptr_nonnull(strstr(said, "connections max="));
}
END_TEST

START_TEST(a_few_descriptors_still_serve_someone)
{
    ck_assert_uint_ge(connections((struct limits_options){.descriptors = 3, .workers = 64}), 1);
    ck_assert_uint_ge(connections((struct limits_options){.descriptors = 64, .workers = 2}), 10);
}
END_TEST

START_TEST(more_than_descriptors_allow_is_taken_with_a_warning)
{
    struct limits_options options = {.descriptors = 64, .workers = 1, .configured = 1000};

    ck_assert_uint_eq(connections(options), 1000);
    ck_assert_ptr_nonnull(strstr(said, "more than the descriptor limit"));
    options.configured = 5;
    ck_assert_uint_eq(connections(options), 5);
    ck_assert_ptr_null(strstr(said, "more than the descriptor limit"));
}
END_TEST

START_TEST(the_soft_limit_of_descriptors_is_raised_to_the_hard_one)
{
    struct rlimit before, after;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit low = {.rlim_cur = 256, .rlim_max = before.rlim_max};

    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
    unsigned raised = limits_raise_descriptors();

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &after), 0);
    ck_assert_uint_eq(after.rlim_cur, before.rlim_max);
    ck_assert_uint_eq(raised, after.rlim_cur);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
}
END_TEST

Suite *limits_suite(void)
{
    return suite_of("limits", (const TTest *const[]){
                                  a_connection_takes_two_descriptors_and_three_with_a_builtin,
                                  a_few_descriptors_still_serve_someone,
                                  more_than_descriptors_allow_is_taken_with_a_warning,
                                  the_soft_limit_of_descriptors_is_raised_to_the_hard_one, NULL});
}
