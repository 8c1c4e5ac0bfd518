/* Files of authorities and of revoked certificates, and pins, as people write them. */
#include "authority.h"
#include "pair.h"
#include "suites.h"
#include "tls/tls_internal.h"

#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

enum { DAY_S = 86400 };

static struct tls_trust_facts look(const char *text, enum tls_trust_kind kind)
{
    struct tls_trust_facts facts;

    tls_trust_look(bytes_of(text), kind, &facts);
    return facts;
}

static char *joined(const char *one, const char *other)
{
    char  *text = NULL;
    size_t bytes = 0;
    FILE  *into = open_memstream(&text, &bytes);

    ck_assert_ptr_nonnull(into);
    ck_assert_int_ge(fprintf(into, "%s%s", one, other), 0);
    ck_assert_int_eq(fclose(into), 0);
    return text;
}

static void check_soon(int64_t found_s, int days)
{
    int64_t wanted_s = (int64_t)time(NULL) + (int64_t)days * DAY_S;

    ck_assert_int_le(llabs((long long)(found_s - wanted_s)), 60);
}

START_TEST(a_file_may_hold_several_and_the_first_to_expire_counts)
{
    struct credential      one = authority_make(NULL, "One");
    struct credential      other = client_make(&one, "Other");
    char                  *one_pem = credential_pem(&one);
    char                  *other_pem = credential_pem(&other);
    char                  *both = joined(one_pem, other_pem);
    struct tls_trust_facts facts = look(both, TLS_AUTHORITIES);

    ck_assert_uint_eq(facts.count, 2);
    ck_assert_ptr_null(facts.reason);
    check_soon(facts.good_until_s, 1);
    facts = look(both, TLS_REVOCATIONS);
    ck_assert_uint_eq(facts.count, 0);
    ck_assert_ptr_null(facts.reason);
    free(one_pem);
    free(other_pem);
    free(both);
    credential_fini(&one);
    credential_fini(&other);
}
END_TEST

START_TEST(a_list_of_revoked_ones_has_an_end)
{
    struct credential      root = authority_make(NULL, "Root");
    char                  *list = revocations_pem(&root, NULL, -2);
    struct tls_trust_facts facts = look(list, TLS_REVOCATIONS);

    ck_assert_uint_eq(facts.count, 1);
    check_soon(facts.good_until_s, -2);
    free(list);
    credential_fini(&root);
}
END_TEST

START_TEST(a_file_may_be_der)
{
    struct credential      root = authority_make(NULL, "Root");
    unsigned char         *der = NULL;
    int                    len = i2d_X509(root.certificate, &der);
    struct tls_trust_facts facts;

    ck_assert_int_gt(len, 0);
    tls_trust_look((struct bytes_const){der, (size_t)len}, TLS_AUTHORITIES, &facts);
    ck_assert_uint_eq(facts.count, 1);
    ck_assert_ptr_null(facts.reason);
    tls_trust_look((struct bytes_const){der, (size_t)len - 1}, TLS_AUTHORITIES, &facts);
    ck_assert_uint_eq(facts.count, 0);
    ck_assert_ptr_nonnull(facts.reason);
    tls_trust_look((struct bytes_const){der, (size_t)len}, TLS_REVOCATIONS, &facts);
    ck_assert_uint_eq(facts.count, 0);
    ck_assert_ptr_nonnull(facts.reason);
    OPENSSL_free(der);
    credential_fini(&root);
}
END_TEST

START_TEST(what_is_broken_is_said_to_be)
{
    struct credential root = authority_make(NULL, "Root");
    char             *pem = credential_pem(&root);
    char *broken = joined(pem, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");

    ck_assert_uint_eq(look(broken, TLS_AUTHORITIES).count, 1);
    ck_assert_ptr_nonnull(look(broken, TLS_AUTHORITIES).reason);
    ck_assert_ptr_nonnull(look("-----BEGIN X509 CRL-----\n!\n", TLS_REVOCATIONS).reason);
    free(broken);
    free(pem);
    credential_fini(&root);
}
END_TEST

START_TEST(where_there_is_nothing_there_is_nothing_broken)
{
    ck_assert_uint_eq(look("", TLS_AUTHORITIES).count, 0);
    ck_assert_ptr_null(look("", TLS_AUTHORITIES).reason);
    ck_assert_uint_eq(look("nothing\n", TLS_REVOCATIONS).count, 0);
    ck_assert_ptr_null(look("nothing\n", TLS_REVOCATIONS).reason);
}
END_TEST

/* --- pins ---------------------------------------------------------------------------------- */

#define HEX    "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
#define BASE64 "ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8="

START_TEST(a_pin_is_hexadecimal_or_base64)
{
    static const char *const texts[] = {"sha256:" HEX, "sha256:" BASE64, "sha256//" BASE64};
    uint8_t                  pin[TLS_PIN_BYTES];

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        memset(pin, 0, sizeof(pin));
        ck_assert(tls_pin_read(texts[i], pin));
        for (size_t j = 0; j < sizeof(pin); j++) {
            ck_assert_uint_eq(pin[j], j % 16 * 0x11);
        }
    }
}
END_TEST

START_TEST(anything_else_is_no_pin)
{
    static const char *const texts[] = {"",
                                        "sha256:",
                                        HEX,
                                        "sha1:" HEX,
                                        "sha256:" HEX "0",
                                        "sha256:0011",
                                        "sha256:g0112233445566778899aabbccddeeff00112233445566778"
                                        "899aabbccddeeff",
                                        "sha256:AB=iM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8=",
                                        "sha256:ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v==",
                                        "sha256:!BEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8=",
                                        "sha256:" BASE64 "=",
                                        "SHA256:" HEX};
    uint8_t                  pin[TLS_PIN_BYTES];

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ck_assert_msg(!tls_pin_read(texts[i], pin), "%s", texts[i]);
    }
}
END_TEST

/* --- shared by contexts -------------------------------------------------------------------- */

static struct tls_context *context_of(struct tls_library *library, const struct tls_trust *trust)
{
    static const struct tls_verify policy = {.mode = TLS_VERIFY_REQUIRED};
    struct tls_context_options     options = server_options();

    options.verify = (struct tls_verify_options){
        .trusts = trust, .trusts_count = 1, .policies = &policy, .policies_count = 1};
    return context_new(library, &options);
}

START_TEST(contexts_with_the_same_files_read_them_once)
{
    struct tls_library *library = library_new();
    struct credential   one = authority_make(NULL, "One");
    char               *pem = credential_pem(&one);
    char               *list = revocations_pem(&one, NULL, 1);
    char               *longer = revocations_pem(&one, &one, 1);
    struct bytes_const  authority = bytes_of(pem), revoked = bytes_of(list);
    struct bytes_const  revoked_too = bytes_of(longer);
    struct tls_trust    trust = {.authorities = &authority,
                                 .authorities_count = 1,
                                 .revocations = &revoked,
                                 .revocations_count = 1,
                                 .depth = 4};
    struct tls_context *contexts[4];

    contexts[0] = context_of(library, &trust);
    contexts[1] = context_of(library, &trust);
    ck_assert_uint_eq(id_table_count(&library->trusts), 1);
    trust.sends_names = true;
    contexts[2] = context_of(library, &trust);
    ck_assert_uint_eq(id_table_count(&library->trusts), 2);
    trust.revocations = &revoked_too;
    contexts[3] = context_of(library, &trust);
    ck_assert_uint_eq(id_table_count(&library->trusts), 3);
    tls_context_free(&contexts[0]);
    ck_assert_uint_eq(id_table_count(&library->trusts), 3);
    for (size_t i = 1; i < 4; i++) {
        tls_context_free(&contexts[i]);
    }
    ck_assert_uint_eq(id_table_count(&library->trusts), 0);
    tls_library_free(&library);
    free(pem);
    free(list);
    free(longer);
    credential_fini(&one);
}
END_TEST

Suite *trust_suite(void)
{
    return suite_of("trust",
                    (const TTest *const[]){a_file_may_hold_several_and_the_first_to_expire_counts,
                                           a_list_of_revoked_ones_has_an_end, a_file_may_be_der,
                                           what_is_broken_is_said_to_be,
                                           where_there_is_nothing_there_is_nothing_broken,
                                           a_pin_is_hexadecimal_or_base64, anything_else_is_no_pin,
                                           contexts_with_the_same_files_read_them_once, NULL});
}
