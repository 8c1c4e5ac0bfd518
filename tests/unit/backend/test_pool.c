#include "backend/pool.h"

#include "suites.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SERVERS_MAX = 12 };

static struct config_server  servers[SERVERS_MAX];
static struct config_backend backend;
static struct pool_target    targets[SERVERS_MAX];
static struct pool          *pool;

/* Servers of weight 1, of which the last `backups` are backups. */
static void begin(size_t count, size_t backups, unsigned retries, enum config_balance balance)
{
    struct error error;

    memset(targets, 0, sizeof(targets));
    for (size_t i = 0; i < count; i++) {
        servers[i] = (struct config_server){.weight = 1, .backup = i >= count - backups};
        targets[i].config = &servers[i];
    }
    backend = (struct config_backend){
        .balance = (int)balance, .retries = retries, .servers = servers, .servers_count = count};
    pool = pool_new(&backend, targets, &error);
    ck_assert_ptr_nonnull(pool);
    ck_assert_int_eq(error_kind(&error), ERROR_NONE);
    ck_assert_ptr_eq(pool_config(pool), &backend);
}

static void end(void)
{
    ck_assert_uint_eq(pool_active(pool), 0);
    pool_free(&pool);
    ck_assert_ptr_null(pool);
    pool_free(&pool);
}

/* Picks and gives back; the server's number, or -1. */
static int try_next(struct pool_tries *tries)
{
    const struct pool_target *target = pool_pick(pool, tries);

    if (target == NULL) {
        return -1;
    }
    pool_return(pool, target);
    return (int)(target - targets);
}

static void check_tries(const int *expected, size_t count)
{
    struct pool_tries tries = {0};

    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(try_next(&tries), expected[i]);
    }
}

START_TEST(sessions_take_turns)
{
    begin(3, 0, 2, CONFIG_BALANCE_ROUNDROBIN);
    for (int i = 0; i < 6; i++) {
        check_tries((const int[]){i % 3}, 1);
    }
    end();
}
END_TEST

START_TEST(a_session_tries_other_servers_only)
{
    begin(3, 0, 7, CONFIG_BALANCE_ROUNDROBIN);
    check_tries((const int[]){0, 1, 2, -1, -1}, 5);
    end();
}
END_TEST

START_TEST(retries_limit_the_attempts)
{
    begin(3, 0, 1, CONFIG_BALANCE_FIRST);
    check_tries((const int[]){0, 1, -1}, 3);
    end();
    begin(3, 0, 0, CONFIG_BALANCE_FIRST);
    check_tries((const int[]){0, -1}, 2);
    end();
}
END_TEST

START_TEST(no_session_tries_more_than_fit_its_memory)
{
    struct pool_tries tries = {0};

    begin(12, 0, 100, CONFIG_BALANCE_FIRST);
    for (int i = 0; i < POOL_TRIES_MAX; i++) {
        ck_assert_int_eq(try_next(&tries), i);
    }
    ck_assert_int_eq(try_next(&tries), -1);
    end();
}
END_TEST

START_TEST(backups_come_last_and_only_when_all_others_were_tried)
{
    begin(4, 2, 7, CONFIG_BALANCE_FIRST);
    check_tries((const int[]){0}, 1);
    check_tries((const int[]){0, 1, 2, 3, -1}, 5);
    end();
}
END_TEST

START_TEST(a_pool_of_backups_alone_works)
{
    begin(2, 2, 7, CONFIG_BALANCE_ROUNDROBIN);
    check_tries((const int[]){0, 1, -1}, 3);
    end();
}
END_TEST

START_TEST(a_pool_counts_who_holds_a_server)
{
    struct pool_tries         one = {0}, other = {0};
    const struct pool_target *first, *second;

    begin(1, 0, 2, CONFIG_BALANCE_ROUNDROBIN);
    first = pool_pick(pool, &one);
    second = pool_pick(pool, &other);
    ck_assert_ptr_eq(first, second);
    ck_assert_uint_eq(pool_active(pool), 2);
    pool_return(pool, first);
    ck_assert_uint_eq(pool_active(pool), 1);
    pool_return(pool, second);
    end();
}
END_TEST

/* Whether giving it back aborts, in a process of its own. */
static bool aborts(const struct pool_target *target)
{
    int   status = 0;
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        (void)close(STDERR_FILENO);
        (void)signal(SIGABRT, SIG_DFL);
        pool_return(pool, target);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

START_TEST(giving_back_what_nobody_holds_aborts)
{
    struct pool_tries         tries = {0};
    const struct pool_target *target;

    begin(2, 0, 2, CONFIG_BALANCE_FIRST);
    ck_assert(aborts(&targets[0]));
    target = pool_pick(pool, &tries);
    ck_assert(!aborts(target));
    ck_assert(aborts(&targets[1]));
    ck_assert(aborts(&targets[2]));
    pool_return(pool, target);
    ck_assert(aborts(target));
    end();
}
END_TEST

/* --- addresses of servers ------------------------------------------------------------------- */

static const char *problem;

static bool reads(const char *text, struct pool_target *target)
{
    static struct config_server server;

    server = (struct config_server){.address.text = text};
    problem = NULL;
    bool is_read = pool_target_read(&server, target, &problem);

    ck_assert_ptr_eq(target->config, &server);
    return is_read;
}

static void check_address(const char *text, const char *expected)
{
    struct pool_target target;
    char               written[ADDRESS_TEXT_BYTES];

    ck_assert(reads(text, &target));
    ck_assert_int_eq(target.service, POOL_SERVICE_NONE);
    ck_assert_str_eq(address_text(&target.address, written), expected);
}

static void check_problem(const char *text, const char *expected)
{
    struct pool_target target;

    memset(&target, 0xab, sizeof(target));
    ck_assert(!reads(text, &target));
    ck_assert_str_eq(problem, expected);
    ck_assert_int_eq(target.service, POOL_SERVICE_NONE);
    ck_assert_uint_eq(target.address.len, 0);
}

START_TEST(a_server_is_an_address_of_any_family)
{
    check_address("192.0.2.1:80", "192.0.2.1:80");
    check_address("[2001:db8::1]:80", "[2001:db8::1]:80");
    check_address("unix:/run/app", "unix:/run/app");
    check_address("unix@/run/app", "unix:/run/app");
    check_address("/run/app", "unix:/run/app");
}
END_TEST

START_TEST(a_server_may_be_a_service_inside_the_daemon)
{
    struct pool_target target;

    ck_assert(reads("builtin:hello", &target));
    ck_assert_int_eq(target.service, POOL_SERVICE_HELLO);
    ck_assert_uint_eq(target.address.len, 0);
    ck_assert(reads("builtin:echo", &target));
    ck_assert_int_eq(target.service, POOL_SERVICE_ECHO);
}
END_TEST

START_TEST(what_is_wrong_with_an_address_is_said_and_nothing_is_kept_of_it)
{
    check_problem("builtin:", "the services inside the daemon are builtin:hello and builtin:echo");
    check_problem("builtin:hell", "the services inside the daemon are builtin:hello and "
                                  "builtin:echo");
    check_problem("*:80", "a server needs one address, not \"*\"");
    check_problem("", "the port is missing");
    check_problem("192.0.2.1", "the port is missing");
    check_problem("192.0.2.1:", "the port is not a number from 0 to 65535");
    check_problem("192.0.2.1:65536", "the port is not a number from 0 to 65535");
    check_problem("localhost:80", "not an IP address (names are not looked up)");
    check_problem("2001:db8::1:80", "an IPv6 address stands in brackets: [2001:db8::1]:443");
    check_problem("[2001:db8::1]", "an IPv6 address with a port looks like [2001:db8::1]:443");
    check_problem("[2001:db8::g]:80", "not an IPv6 address");
    check_problem("unix:app", "the path of a UNIX socket begins with /");
}
END_TEST

Suite *pool_suite(void)
{
    return suite_of("pool",
                    (const TTest *const[]){
                        sessions_take_turns, a_session_tries_other_servers_only,
                        retries_limit_the_attempts, no_session_tries_more_than_fit_its_memory,
                        backups_come_last_and_only_when_all_others_were_tried,
                        a_pool_of_backups_alone_works, a_pool_counts_who_holds_a_server,
                        giving_back_what_nobody_holds_aborts, a_server_is_an_address_of_any_family,
                        a_server_may_be_a_service_inside_the_daemon,
                        what_is_wrong_with_an_address_is_said_and_nothing_is_kept_of_it, NULL});
}
