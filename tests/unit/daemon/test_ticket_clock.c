/* When ticket keys change, by the clock and by a new configuration. */
#include "daemon/ticket_clock.h"

#include "base/clock.h"
#include "suites.h"

#include <string.h>

enum { TURNS_MAX = 200 };

static struct ticket_clock    ticket_clock;
static struct reactor        *control;
static struct tls_ticket_keys told;
static unsigned               told_count;
static unsigned               refusals; /* to come */

static bool on_told(void *owner, const struct tls_ticket_keys *keys)
{
    (void)owner;
    if (refusals > 0) {
        refusals--;
        return false;
    }
    told = *keys;
    told_count++;
    return true;
}

static void set_up(void)
{
    struct error error;

    control = reactor_new(
        &(struct reactor_options){.name = "control",
                                  .io = {.driver = "epoll", .ring_entries = 8, .recv_buffers = 2}},
        &error);
    ck_assert_ptr_nonnull(control);
    ck_assert(reactor_open(control, &error));
    told_count = 0;
    refusals = 0;
}

static void tear_down(void)
{
    ticket_clock_stop(&ticket_clock);
    reactor_close(control);
    reactor_free(&control);
}

static void begin(const struct ticket_source *source)
{
    ck_assert(ticket_clock_init(&ticket_clock, source));
    told = *ticket_clock_keys(&ticket_clock);
    ticket_clock_start(&ticket_clock, control, on_told, NULL);
}

static void turn_until_told(unsigned count)
{
    for (int i = 0; i < TURNS_MAX && told_count < count; i++) {
        reactor_turn(control, 100 * NS_PER_MS);
    }
    ck_assert_uint_eq(told_count, count);
}

static struct ticket_source derived(uint64_t period_s)
{
    struct ticket_source source = {.kind = TICKETS_DERIVED, .period_s = period_s};

    source.secrets.count = 1;
    source.secrets.secrets[0].len = TLS_TICKET_SECRET_BYTES_MIN;
    memset(source.secrets.secrets[0].bytes, 7, TLS_TICKET_SECRET_BYTES_MIN);
    return source;
}

static struct ticket_source filed(uint8_t name)
{
    struct ticket_source source = {.kind = TICKETS_FILED, .period_s = 1};

    source.filed.count = 1;
    source.filed.keys[0] = (struct tls_ticket_key){.name = {name}, .key_bytes = 32};
    return source;
}

START_TEST(random_keys_rotate_and_the_last_ones_are_still_accepted)
{
    struct ticket_source source = {.kind = TICKETS_RANDOM, .period_s = 1};

    begin(&source);
    struct tls_ticket_keys before = told;

    ck_assert_uint_eq(before.count, 1);
    turn_until_told(1);
    ck_assert_uint_eq(told.count, 2);
    ck_assert_mem_eq(&told.keys[1], &before.keys[0], sizeof(before.keys[0]));
    turn_until_told(2);
    ck_assert_uint_eq(told.count, 3);
}
END_TEST

START_TEST(a_key_that_stays_grows_older_and_a_new_one_is_young)
{
    struct ticket_source source = {.kind = TICKETS_RANDOM, .period_s = 1};

    begin(&source);
    turn_until_told(1);
    ck_assert_uint_ge(ticket_clock_age_ns(&ticket_clock, 1), NS_PER_S / 2);
    ck_assert_uint_lt(ticket_clock_age_ns(&ticket_clock, 0), ticket_clock_age_ns(&ticket_clock, 1));
    ck_assert_int_eq(ticket_clock_source(&ticket_clock)->kind, TICKETS_RANDOM);
}
END_TEST

START_TEST(derived_keys_follow_the_clock)
{
    struct ticket_source source = derived(1);

    begin(&source);
    struct tls_ticket_keys before = told;

    turn_until_told(1);
    ck_assert_uint_eq(told.count, 3);
    ck_assert_mem_ne(&told.keys[0], &before.keys[0], sizeof(before.keys[0]));
}
END_TEST

START_TEST(keys_of_a_file_change_with_the_configuration_only)
{
    struct ticket_source source = filed(1);

    begin(&source);
    ck_assert_uint_eq(told.keys[0].name[0], 1);
    for (int i = 0; i < 12; i++) {
        reactor_turn(control, 100 * NS_PER_MS);
    }
    ck_assert_uint_eq(told_count, 0);
    source = filed(2);
    ticket_clock_change(&ticket_clock, &source);
    ck_assert_uint_eq(told_count, 1);
    ck_assert_uint_eq(told.keys[0].name[0], 2);
    ticket_clock_change(&ticket_clock, &source);
    ck_assert_uint_eq(told_count, 1);
}
END_TEST

START_TEST(random_keys_survive_a_new_configuration)
{
    struct ticket_source source = {.kind = TICKETS_RANDOM, .period_s = 3600};

    begin(&source);
    struct tls_ticket_keys before = told;

    source.period_s = 7200;
    ticket_clock_change(&ticket_clock, &source);
    ck_assert_uint_eq(told_count, 0);
    ck_assert_mem_eq(ticket_clock_keys(&ticket_clock), &before, sizeof(before));
}
END_TEST

START_TEST(another_source_brings_its_keys_at_once)
{
    struct ticket_source random = {.kind = TICKETS_RANDOM, .period_s = 3600};
    struct ticket_source file = filed(9);

    begin(&random);
    ticket_clock_change(&ticket_clock, &file);
    ck_assert_uint_eq(told_count, 1);
    ck_assert_uint_eq(told.count, 1);
    ck_assert_uint_eq(told.keys[0].name[0], 9);
}
END_TEST

START_TEST(workers_that_are_busy_are_told_again)
{
    struct ticket_source random = {.kind = TICKETS_RANDOM, .period_s = 3600};
    struct ticket_source file = filed(9);

    begin(&random);
    refusals = 2;
    ticket_clock_change(&ticket_clock, &file);
    ck_assert_uint_eq(told_count, 0);
    turn_until_told(1);
    ck_assert_uint_eq(told.keys[0].name[0], 9);
}
END_TEST

/* Linked in the place of OpenSSL's. */
static bool has_no_randomness;

int __real_RAND_priv_bytes(unsigned char *into, int len);
int __wrap_RAND_priv_bytes(unsigned char *into, int len);
int __wrap_RAND_priv_bytes(unsigned char *into, int len)
{
    return has_no_randomness ? 0 : __real_RAND_priv_bytes(into, len);
}

START_TEST(without_randomness_nothing_begins_and_old_keys_stay)
{
    struct ticket_source source = {.kind = TICKETS_RANDOM, .period_s = 1};

    has_no_randomness = true;
    ck_assert(!ticket_clock_init(&ticket_clock, &source));
    has_no_randomness = false;
    begin(&source);
    struct tls_ticket_keys before = told;

    has_no_randomness = true;
    for (int i = 0; i < 12; i++) {
        reactor_turn(control, 100 * NS_PER_MS);
    }
    ck_assert_uint_eq(told_count, 0);
    ck_assert_mem_eq(ticket_clock_keys(&ticket_clock), &before, sizeof(before));
    has_no_randomness = false;
    turn_until_told(1);
    ck_assert_mem_eq(&told.keys[1], &before.keys[0], sizeof(before.keys[0]));
}
END_TEST

START_TEST(keys_are_wiped_when_the_clock_stops)
{
    struct ticket_source                random = {.kind = TICKETS_RANDOM, .period_s = 3600};
    static const struct tls_ticket_keys none;

    begin(&random);
    ticket_clock_stop(&ticket_clock);
    ck_assert_mem_eq(ticket_clock_keys(&ticket_clock), &none, sizeof(none));
}
END_TEST

Suite *ticket_clock_suite(void)
{
    Suite *suite = suite_create("ticket_clock");
    TCase *clocks = tcase_create("clocks");

    tcase_set_timeout(clocks, 60);
    tcase_add_checked_fixture(clocks, set_up, tear_down);
    tcase_add_test(clocks, random_keys_rotate_and_the_last_ones_are_still_accepted);
    tcase_add_test(clocks, a_key_that_stays_grows_older_and_a_new_one_is_young);
    tcase_add_test(clocks, derived_keys_follow_the_clock);
    tcase_add_test(clocks, keys_of_a_file_change_with_the_configuration_only);
    tcase_add_test(clocks, random_keys_survive_a_new_configuration);
    tcase_add_test(clocks, another_source_brings_its_keys_at_once);
    tcase_add_test(clocks, workers_that_are_busy_are_told_again);
    tcase_add_test(clocks, without_randomness_nothing_begins_and_old_keys_stay);
    tcase_add_test(clocks, keys_are_wiped_when_the_clock_stops);
    suite_add_tcase(suite, clocks);
    return suite;
}
