/* Where ticket keys come from: files in the two formats there are, and secrets with the clock. */
#include "suites.h"
#include "tls/ticket_keys.h"

#include <stdio.h>
#include <string.h>

enum { PROBLEM_BYTES = 256, SHORT_FILE = 48, LONG_FILE = 80 };

static char problem_memory[PROBLEM_BYTES];

static bool reads(struct tls_ticket_keys *keys, const void *data, size_t len)
{
    struct text problem;

    text_init(&problem, problem_memory, sizeof(problem_memory));
    return tls_ticket_keys_read(keys, (struct bytes_const){data, len}, &problem);
}

static bool reads_text(struct tls_ticket_keys *keys, const char *text)
{
    return reads(keys, text, strlen(text));
}

static void check_refused(const void *data, size_t len, const char *words)
{
    struct tls_ticket_keys keys = {0};

    ck_assert(!reads(&keys, data, len));
    ck_assert_msg(strstr(problem_memory, words) != NULL, "\"%s\" lacks \"%s\"", problem_memory,
                  words);
}

/* Bytes that say where they stood. */
static void fill(uint8_t *file, size_t len, uint8_t first)
{
    for (size_t i = 0; i < len; i++) {
        file[i] = (uint8_t)(first + i);
    }
}

/* --- files --------------------------------------------------------------------------------- */

START_TEST(a_file_of_80_bytes_is_a_name_a_mac_key_and_a_cipher_key)
{
    struct tls_ticket_keys keys = {0};
    uint8_t                file[LONG_FILE];

    fill(file, sizeof(file), 1);
    ck_assert(reads(&keys, file, sizeof(file)));
    ck_assert_uint_eq(keys.count, 1);
    ck_assert_uint_eq(keys.keys[0].key_bytes, 32);
    ck_assert_mem_eq(keys.keys[0].name, file, 16);
    ck_assert_mem_eq(keys.keys[0].mac_key, file + 16, 32);
    ck_assert_mem_eq(keys.keys[0].cipher_key, file + 48, 32);
}
END_TEST

START_TEST(a_file_of_48_bytes_is_a_name_a_cipher_key_and_a_mac_key)
{
    struct tls_ticket_keys keys = {0};
    uint8_t                file[SHORT_FILE];

    fill(file, sizeof(file), 1);
    ck_assert(reads(&keys, file, sizeof(file)));
    ck_assert_uint_eq(keys.keys[0].key_bytes, 16);
    ck_assert_mem_eq(keys.keys[0].name, file, 16);
    ck_assert_mem_eq(keys.keys[0].cipher_key, file + 16, 16);
    ck_assert_mem_eq(keys.keys[0].mac_key, file + 32, 16);
}
END_TEST

/* 48 bytes from 1 to 48, and from 101 to 148. */
#define LINE_1 "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8w"
#define LINE_2 "ZWZnaGlqa2xtbm9wcXJzdHV2d3h5ent8fX5/gIGCg4SFhoeIiYqLjI2Oj5CRkpOU"
/* 80 bytes from 1 to 80. */
#define LONG_LINE                                                                                  \
    "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4/QEFCQ0R"  \
    "FRkdISUpLTE1OT1A="

START_TEST(a_text_has_a_key_a_line_and_the_first_line_comes_first)
{
    struct tls_ticket_keys keys = {0};
    uint8_t                file[LONG_FILE];

    fill(file, sizeof(file), 1);
    ck_assert(reads_text(&keys, "# made by hand\n\n" LONG_LINE "\r\n" LINE_2));
    ck_assert_uint_eq(keys.count, 2);
    ck_assert_mem_eq(keys.keys[0].name, file, 16);
    ck_assert_mem_eq(keys.keys[0].cipher_key, file + 48, 32);
    ck_assert_uint_eq(keys.keys[1].name[0], 101);
    ck_assert_uint_eq(keys.keys[1].key_bytes, 16);
}
END_TEST

START_TEST(keys_of_further_files_come_behind)
{
    struct tls_ticket_keys keys = {0};
    uint8_t                file[LONG_FILE];

    fill(file, sizeof(file), 33);
    ck_assert(reads_text(&keys, LINE_2 "\n"));
    ck_assert(reads(&keys, file, sizeof(file)));
    ck_assert_uint_eq(keys.count, 2);
    ck_assert_uint_eq(keys.keys[0].name[0], 101);
    ck_assert_uint_eq(keys.keys[1].name[0], 33);
}
END_TEST

START_TEST(what_is_no_key_is_refused_with_its_line_and_without_its_bytes)
{
    static const char secret[] = LINE_1 "\nc2VjcmV0\n";

    check_refused(secret, strlen(secret), "line 2 is not base64");
    ck_assert_ptr_null(strstr(problem_memory, "c2Vj"));
    check_refused("????", 4, "line 1 is not base64");
    check_refused(LINE_1 LINE_1 LINE_1, 3 * strlen(LINE_1), "line 1 is not base64");
    check_refused("", 0, "no key");
    check_refused("# nothing\n\n\r\n", 13, "no key");
}
END_TEST

START_TEST(keys_of_one_name_and_keys_of_zeros_are_refused)
{
    uint8_t zeros[LONG_FILE] = {1};

    check_refused(LINE_1 "\n" LINE_1, 2 * strlen(LINE_1) + 1, "the same name");
    check_refused(zeros, sizeof(zeros), "all zeros");
    check_refused(zeros, SHORT_FILE, "all zeros");
}
END_TEST

START_TEST(more_keys_than_there_is_room_for_are_refused)
{
    struct tls_ticket_keys keys = {0};
    uint8_t                file[LONG_FILE];

    for (unsigned i = 0; i < TLS_TICKET_KEYS_MAX; i++) {
        fill(file, sizeof(file), (uint8_t)(1 + 16 * i));
        ck_assert(reads(&keys, file, sizeof(file)));
    }
    fill(file, sizeof(file), 200);
    ck_assert(!reads(&keys, file, sizeof(file)));
    ck_assert_uint_eq(keys.count, TLS_TICKET_KEYS_MAX);
}
END_TEST

/* --- secrets ------------------------------------------------------------------------------- */

static const char SECRET[] = "0123456789abcdef0123456789abcdef";
static const char OTHER[] = "fedcba9876543210fedcba9876543210";

static bool adds(struct tls_ticket_secrets *secrets, const void *data, size_t len)
{
    struct text problem;

    text_init(&problem, problem_memory, sizeof(problem_memory));
    return tls_ticket_secrets_add(secrets, (struct bytes_const){data, len}, &problem);
}

static struct tls_ticket_secrets secrets_of(const char *first, const char *second)
{
    struct tls_ticket_secrets secrets = {.fleet = "edge"};

    ck_assert(adds(&secrets, first, strlen(first)));
    ck_assert(second == NULL || adds(&secrets, second, strlen(second)));
    return secrets;
}

static struct tls_ticket_keys derived(const struct tls_ticket_secrets *secrets, uint64_t period)
{
    struct tls_ticket_keys keys;

    ck_assert(tls_ticket_keys_derive(&keys, secrets, period));
    return keys;
}

/* Of a hand-made HKDF in another language: HMAC-SHA256, salt "edge", 80 bytes. */
START_TEST(a_derived_key_is_the_one_the_header_describes)
{
    static const uint8_t expected[LONG_FILE] = {
        0x86, 0xfb, 0xeb, 0xab, 0x7b, 0x45, 0xb2, 0x8a, 0x9a, 0xd8, 0x23, 0x2b, 0xf4, 0xcc,
        0x31, 0x83, 0x6e, 0xf4, 0xf2, 0xb3, 0xa7, 0x6b, 0x3c, 0x20, 0x7f, 0x75, 0x56, 0x59,
        0xbc, 0x78, 0xa4, 0xac, 0xe2, 0x83, 0x62, 0xba, 0xd3, 0xaf, 0x15, 0x61, 0xa3, 0x14,
        0xa8, 0x8c, 0xf0, 0x54, 0xf2, 0xde, 0x01, 0x93, 0xef, 0x74, 0x96, 0x53, 0x75, 0x3d,
        0x96, 0xfb, 0x1c, 0x8e, 0xb1, 0x5a, 0x37, 0x9b, 0xc9, 0x01, 0x73, 0x12, 0x3c, 0xcb,
        0xee, 0x06, 0xa4, 0xbe, 0x2f, 0xda, 0xd2, 0x90, 0x2c, 0x3c};
    struct tls_ticket_secrets secrets = secrets_of(SECRET, NULL);
    struct tls_ticket_keys    keys = derived(&secrets, 40000);

    ck_assert_uint_eq(keys.count, 3);
    ck_assert_mem_eq(keys.keys[0].name, expected, 16);
    ck_assert_mem_eq(keys.keys[0].mac_key, expected + 16, 32);
    ck_assert_mem_eq(keys.keys[0].cipher_key, expected + 48, 32);
}
END_TEST

START_TEST(neighbouring_periods_accept_each_others_keys)
{
    struct tls_ticket_secrets secrets = secrets_of(SECRET, NULL);
    struct tls_ticket_keys    now = derived(&secrets, 7);
    struct tls_ticket_keys    next = derived(&secrets, 8);

    ck_assert_mem_eq(&now.keys[2], &next.keys[0], sizeof(now.keys[0]));
    ck_assert_mem_eq(&now.keys[0], &next.keys[1], sizeof(now.keys[0]));
    ck_assert_mem_ne(&now.keys[0], &next.keys[0], sizeof(now.keys[0]));
}
END_TEST

START_TEST(another_secret_or_another_fleet_has_other_keys)
{
    struct tls_ticket_secrets secrets = secrets_of(SECRET, NULL);
    struct tls_ticket_secrets others = secrets_of(OTHER, NULL);
    struct tls_ticket_secrets elsewhere = secrets_of(SECRET, NULL);
    struct tls_ticket_keys    keys = derived(&secrets, 7);

    memcpy(elsewhere.fleet, "core", sizeof("core"));
    struct tls_ticket_keys others_keys = derived(&others, 7);
    struct tls_ticket_keys elsewhere_keys = derived(&elsewhere, 7);

    ck_assert_mem_ne(&keys.keys[0], &others_keys.keys[0], sizeof(keys.keys[0]));
    ck_assert_mem_ne(&keys.keys[0], &elsewhere_keys.keys[0], sizeof(keys.keys[0]));
}
END_TEST

START_TEST(a_new_secret_encrypts_while_the_old_one_is_accepted)
{
    struct tls_ticket_secrets changing = secrets_of(OTHER, SECRET);
    struct tls_ticket_secrets before = secrets_of(SECRET, NULL);
    struct tls_ticket_secrets after = secrets_of(OTHER, NULL);
    struct tls_ticket_keys    keys = derived(&changing, 7);
    struct tls_ticket_keys    old_keys = derived(&before, 7);
    struct tls_ticket_keys    new_keys = derived(&after, 7);

    ck_assert_uint_eq(keys.count, 6);
    ck_assert_mem_eq(&keys.keys[0], &new_keys.keys[0], sizeof(keys.keys[0]));
    ck_assert_mem_eq(&keys.keys[3], &old_keys.keys[0], sizeof(keys.keys[0]));
}
END_TEST

START_TEST(a_line_end_behind_a_secret_is_not_part_of_it)
{
    struct tls_ticket_secrets secrets = secrets_of(SECRET, NULL);
    struct tls_ticket_secrets same = {.fleet = "edge"};
    char                      text[64];

    (void)snprintf(text, sizeof(text), "%s\r\n", SECRET);
    ck_assert(adds(&same, text, strlen(text)));
    ck_assert_uint_eq(same.secrets[0].len, secrets.secrets[0].len);
}
END_TEST

START_TEST(short_long_empty_and_surplus_secrets_are_refused)
{
    static const uint8_t      zeros[TLS_TICKET_SECRET_BYTES_MAX + 1];
    struct tls_ticket_secrets secrets = {0};

    ck_assert(!adds(&secrets, SECRET, TLS_TICKET_SECRET_BYTES_MIN - 1));
    ck_assert_ptr_nonnull(strstr(problem_memory, "32 to 1024 bytes, this one 31"));
    ck_assert(!adds(&secrets, zeros, sizeof(zeros)));
    ck_assert(!adds(&secrets, zeros, TLS_TICKET_SECRET_BYTES_MIN));
    ck_assert_ptr_nonnull(strstr(problem_memory, "all zeros"));
    ck_assert(adds(&secrets, SECRET, strlen(SECRET)));
    ck_assert(adds(&secrets, OTHER, strlen(OTHER)));
    ck_assert(!adds(&secrets, SECRET, strlen(SECRET)));
    ck_assert_ptr_nonnull(strstr(problem_memory, "over 2 secrets"));
}
END_TEST

Suite *ticket_keys_suite(void)
{
    return suite_of(
        "ticket_keys",
        (const TTest *const[]){a_file_of_80_bytes_is_a_name_a_mac_key_and_a_cipher_key,
                               a_file_of_48_bytes_is_a_name_a_cipher_key_and_a_mac_key,
                               a_text_has_a_key_a_line_and_the_first_line_comes_first,
                               keys_of_further_files_come_behind,
                               what_is_no_key_is_refused_with_its_line_and_without_its_bytes,
                               keys_of_one_name_and_keys_of_zeros_are_refused,
                               more_keys_than_there_is_room_for_are_refused,
                               a_derived_key_is_the_one_the_header_describes,
                               neighbouring_periods_accept_each_others_keys,
                               another_secret_or_another_fleet_has_other_keys,
                               a_new_secret_encrypts_while_the_old_one_is_accepted,
                               a_line_end_behind_a_secret_is_not_part_of_it,
                               short_long_empty_and_surplus_secrets_are_refused, NULL});
}
