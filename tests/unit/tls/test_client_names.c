/* Names in certificates that no decent authority would sign. */
#include "authority.h"
#include "pair.h"
#include "suites.h"
#include "tls/client_names.h"

#include <stdlib.h>
#include <string.h>

enum { VERIFY_BYTES = 256 };

/* What the visitor was shown: "cn=alice dns=a.example ". */
static char   seen[8192];
static size_t seen_len;

static bool on_name(const void *owner, enum tls_allow_kind kind, struct bytes_const name)
{
    static const char *const kinds[] = {[TLS_ALLOW_CN] = "cn",
                                        [TLS_ALLOW_OU] = "ou",
                                        [TLS_ALLOW_DNS] = "dns",
                                        [TLS_ALLOW_URI] = "uri"};

    (void)owner;
    seen_len += (size_t)snprintf(seen + seen_len, sizeof(seen) - seen_len, "%s=%.*s ", kinds[kind],
                                 (int)name.len, name.data);
    return false;
}

static bool always(const void *owner, enum tls_allow_kind kind, struct bytes_const name)
{
    (void)owner;
    (void)kind;
    (void)name;
    return true;
}

static const char *names_in(const struct credential_options *options)
{
    struct credential made = credential_make(NULL, options);

    seen_len = 0;
    seen[0] = '\0';
    ck_assert(!client_names_find(made.certificate, on_name, NULL));
    credential_fini(&made);
    return seen;
}

static struct bytes subject_of(const struct credential_options *options, size_t len_max)
{
    struct credential made = credential_make(NULL, options);
    struct bytes      subject = client_names_subject(made.certificate, len_max);

    credential_fini(&made);
    return subject;
}

START_TEST(common_name_units_hosts_and_uris_are_seen)
{
    ck_assert_str_eq(names_in(&(struct credential_options){
                         .subject = {{.kind = NID_commonName, .bytes = "alice"},
                                     {.kind = NID_organizationalUnitName, .bytes = "ops"},
                                     {.kind = NID_organizationalUnitName, .bytes = "dev"},
                                     {.kind = NID_organizationName, .bytes = "Example"}},
                         .names = {{.kind = GEN_DNS, .bytes = "a.example"},
                                   {.kind = GEN_EMAIL, .bytes = "alice@example.org"},
                                   {.kind = GEN_URI, .bytes = "spiffe://example.org/a"}}}),
                     "cn=alice ou=ops ou=dev dns=a.example uri=spiffe://example.org/a ");
}
END_TEST

START_TEST(two_common_names_are_none)
{
    ck_assert_str_eq(names_in(&(struct credential_options){
                         .subject = {{.kind = NID_commonName, .bytes = "eve"},
                                     {.kind = NID_commonName, .bytes = "alice"}}}),
                     "");
}
END_TEST

START_TEST(names_with_a_nul_or_a_control_character_are_none)
{
    ck_assert_str_eq(names_in(&(struct credential_options){
                         .subject = {{.kind = NID_commonName, .bytes = "alice\0.evil", .len = 11},
                                     {.kind = NID_organizationalUnitName, .bytes = "ops\n"}},
                         .names = {{.kind = GEN_DNS, .bytes = "a.example\0.evil", .len = 15},
                                   {.kind = GEN_URI, .bytes = "spiffe://a/b\0", .len = 13},
                                   {.kind = GEN_URI, .bytes = "spiffe://a/\x7f"}}}),
                     "");
}
END_TEST

START_TEST(hosts_and_uris_that_are_not_ascii_are_none)
{
    ck_assert_str_eq(names_in(&(struct credential_options){
                         .subject = {{.kind = NID_commonName, .bytes = "x"}},
                         .names = {{.kind = GEN_DNS,
                                    .bytes = "b\xc3\xbc"
                                             "cher.example"},
                                   {.kind = GEN_DNS, .bytes = "a b"},
                                   {.kind = GEN_URI, .bytes = "spiffe://a/\xff"}}}),
                     "cn=x ");
}
END_TEST

START_TEST(common_names_of_other_alphabets_are_compared_in_utf8)
{
    static const char wide[] = {0, 'J', 0, (char)0xfc, 0, 'r', 0, 'g'};
    static const char wide_nul[] = {0, 'a', 0, 0, 0, 'b'};

    ck_assert_str_eq(
        names_in(&(struct credential_options){.subject = {{.kind = NID_commonName,
                                                           .bytes = wide,
                                                           .len = sizeof(wide),
                                                           .type = V_ASN1_BMPSTRING}}}),
        "cn=J\xc3\xbcrg ");
    ck_assert_str_eq(
        names_in(&(struct credential_options){.subject = {{.kind = NID_commonName,
                                                           .bytes = wide_nul,
                                                           .len = sizeof(wide_nul),
                                                           .type = V_ASN1_BMPSTRING}}}),
        "");
}
END_TEST

START_TEST(a_certificate_without_names_has_none)
{
    ck_assert_str_eq(names_in(&(struct credential_options){.begins_days = -1}), "");
    struct bytes subject =
        subject_of(&(struct credential_options){.begins_days = -1}, VERIFY_BYTES);

    ck_assert_ptr_null(subject.data);
    ck_assert_uint_eq(subject.len, 0);
}
END_TEST

START_TEST(the_search_ends_with_the_first_that_is_right)
{
    struct credential made = client_make(NULL, "alice");

    ck_assert(client_names_find(made.certificate, always, NULL));
    credential_fini(&made);
}
END_TEST

START_TEST(a_subject_is_written_most_specific_first_and_separators_are_escaped)
{
    struct bytes subject = subject_of(
        &(struct credential_options){
            .subject = {{.kind = NID_organizationName, .bytes = "Example"},
                        {.kind = NID_commonName, .bytes = "J\xc3\xbcrg, O=Other"}}},
        VERIFY_BYTES);
    static const char expected[] = "CN=J\xc3\xbcrg\\, O=Other,O=Example";

    ck_assert_uint_eq(subject.len, strlen(expected));
    ck_assert(memcmp(subject.data, expected, subject.len) == 0);
    free(subject.data);
}
END_TEST

START_TEST(a_long_subject_is_cut)
{
    char         name[1000];
    struct bytes subject;

    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    subject = subject_of(
        &(struct credential_options){.subject = {{.kind = NID_commonName, .bytes = name}}}, 10);
    ck_assert_uint_eq(subject.len, 10);
    ck_assert(memcmp(subject.data, "CN=aaaaaaa", 10) == 0);
    free(subject.data);
}
END_TEST

Suite *client_names_suite(void)
{
    return suite_of(
        "client_names",
        (const TTest *const[]){common_name_units_hosts_and_uris_are_seen, two_common_names_are_none,
                               names_with_a_nul_or_a_control_character_are_none,
                               hosts_and_uris_that_are_not_ascii_are_none,
                               common_names_of_other_alphabets_are_compared_in_utf8,
                               a_certificate_without_names_has_none,
                               the_search_ends_with_the_first_that_is_right,
                               a_subject_is_written_most_specific_first_and_separators_are_escaped,
                               a_long_subject_is_cut, NULL});
}
