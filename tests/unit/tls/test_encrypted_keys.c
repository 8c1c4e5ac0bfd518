/* Keys under a passphrase, in the forms that there are, and chains in files of their own. */
#include "certificates.h"
#include "pair.h"
#include "suites.h"
#include "tls/certificate.h"
#include "tls/selection.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

enum { PROBLEM_BYTES = 512 };

static struct tls_library *library;
static char               *leaf;
static char                problem[PROBLEM_BYTES];

static void set_up(void)
{
    library = library_new();
    leaf = certificate_only_leaf(ec_pem());
}

static void tear_down(void)
{
    free(leaf);
    tls_library_free(&library);
}

enum form { PKCS8, TRADITIONAL };

/* The key of a text under a passphrase; to be freed with free. */
static char *seal(const char *text, enum form form, const EVP_CIPHER *cipher,
                  const char *passphrase)
{
    BIO          *in = BIO_new_mem_buf(text, -1);
    BIO          *out = BIO_new(BIO_s_mem());
    EVP_PKEY     *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
    unsigned char bytes[64];
    int           len = (int)strlen(passphrase);
    char         *data = NULL;

    memcpy(bytes, passphrase, (size_t)len);
    ck_assert_int_eq(
        form == PKCS8
            ? PEM_write_bio_PKCS8PrivateKey(out, key, cipher, passphrase, len, NULL, NULL)
            : PEM_write_bio_PrivateKey_traditional(out, key, cipher, bytes, len, NULL, NULL),
        1);
    size_t data_len = (size_t)BIO_get_mem_data(out, &data);
    char  *sealed = strndup(data, data_len);

    EVP_PKEY_free(key);
    BIO_free(in);
    BIO_free(out);
    return sealed;
}

/* NULL passphrase: none is given. "" when the key is opened, else what is wrong. */
static const char *opens(const char *certificate, const char *key, const char *passphrase)
{
    struct tls_pem pem = {.certificate_path = "www.crt",
                          .certificate = bytes_of(certificate),
                          .key_path = "www.key",
                          .key = bytes_of(key),
                          .passphrase =
                              passphrase != NULL ? bytes_of(passphrase) : (struct bytes_const){0}};
    struct text    text;

    text_init(&text, problem, sizeof(problem));
    struct tls_certificate *made = tls_certificate_new(library, &pem, &text);

    ck_assert((made == NULL) == (problem[0] != '\0'));
    tls_certificate_free(&made);
    return problem;
}

static void check_said(const char *said, const char *words)
{
    ck_assert_msg(strstr(said, words) != NULL, "\"%s\" lacks \"%s\"", said, words);
}

START_TEST(a_key_in_every_form_is_opened_by_its_passphrase_and_by_no_other)
{
    const struct {
        enum form         form;
        const EVP_CIPHER *cipher;
    } forms[] = {{PKCS8, EVP_aes_256_cbc()},
                 {PKCS8, EVP_des_ede3_cbc()},
                 {TRADITIONAL, EVP_aes_128_cbc()},
                 {TRADITIONAL, EVP_des_ede3_cbc()}};

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        char *key = seal(ec_pem(), forms[i].form, forms[i].cipher, "open sesame");

        ck_assert_str_eq(opens(leaf, key, "open sesame"), "");
        check_said(opens(leaf, key, "open barley"), "www.key: wrong passphrase for the key");
        check_said(opens(leaf, key, ""), "www.key: wrong passphrase for the key");
        check_said(opens(leaf, key, NULL), "www.key: the key is encrypted, and no passphrase");
        free(key);
    }
}
END_TEST

START_TEST(a_key_in_the_clear_needs_no_passphrase_and_minds_none)
{
    char *key = certificate_only_key(ec_pem());

    ck_assert_str_eq(opens(leaf, key, NULL), "");
    ck_assert_str_eq(opens(leaf, key, "whatever"), "");
    free(key);
}
END_TEST

START_TEST(an_encrypted_key_of_another_certificate_is_told_from_a_wrong_passphrase)
{
    char *key = seal(rsa_pem(), PKCS8, EVP_aes_256_cbc(), "open sesame");

    check_said(opens(leaf, key, "open sesame"), "www.key: the key does not belong");
    free(key);
}
END_TEST

START_TEST(an_encrypted_key_that_is_cut_off_or_in_an_unknown_cipher_is_refused)
{
    static const char unknown[] = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
                                  "DEK-Info: ROT-13,0011223344556677\n\nMHcCAQEEIA==\n"
                                  "-----END EC PRIVATE KEY-----\n";
    static const char broken[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIHsMFcGCSqGSIb3\n"
                                 "-----END ENCRYPTED PRIVATE KEY-----\n";
    char             *key = seal(ec_pem(), PKCS8, EVP_aes_256_cbc(), "open sesame");

    check_said(opens(leaf, unknown, "open sesame"), "www.key: wrong passphrase for the key, or a");
    check_said(opens(leaf, broken, "open sesame"), "www.key: wrong passphrase for the key, or a");
    key[strlen(key) / 2] = '\0';
    check_said(opens(leaf, key, "open sesame"), "www.key: no private key in it");
    free(key);
}
END_TEST

START_TEST(a_passphrase_longer_than_openssl_takes_is_wrong_and_no_more)
{
    static char long_one[TLS_PASSPHRASE_BYTES_MAX + 2];
    char       *key = seal(ec_pem(), TRADITIONAL, EVP_aes_128_cbc(), "open sesame");

    memset(long_one, 'x', sizeof(long_one) - 1);
    check_said(opens(leaf, key, long_one), "www.key: wrong passphrase for the key");
    free(key);
}
END_TEST

START_TEST(what_a_text_has_in_it_is_seen_by_its_labels)
{
    static const struct {
        const char *text;
        bool        has_certificate, has_key, has_encrypted_key;
    } cases[] = {
        {"", false, false, false},
        {"nonsense", false, false, false},
        {"-----BEGIN ", false, false, false},
        {"-----BEGIN CERTIFICATE-----", true, false, false},
        {"-----BEGIN TRUSTED CERTIFICATE-----\n", true, false, false},
        {"-----BEGIN EC PARAMETERS-----\n", false, false, false},
        {"-----BEGIN PRIVATE KEY-----", false, true, false},
        {"-----BEGIN RSA PRIVATE KEY-----\nMII", false, true, false},
        {"-----BEGIN PUBLIC KEY-----\n", false, false, false},
        {"-----BEGIN ENCRYPTED PRIVATE KEY-----\n", false, true, true},
        {"-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n", false, true, true},
        {"-----BEGIN EC PRIVATE KEY-----\r\nProc-Type: 4,ENCRYPTED\r\n", false, true, true},
        {"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n",
         true, true, false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tls_pem_facts facts;
        size_t               len = strlen(cases[i].text);
        char                *exact = malloc(len > 0 ? len : 1); /* whoever reads on is caught */

        memcpy(exact, cases[i].text, len);
        tls_pem_look((struct bytes_const){(const uint8_t *)exact, len}, &facts);
        ck_assert_msg(facts.has_certificate == cases[i].has_certificate &&
                          facts.has_key == cases[i].has_key &&
                          facts.has_encrypted_key == cases[i].has_encrypted_key,
                      "\"%s\"", cases[i].text);
        free(exact);
    }
    struct tls_pem_facts none;

    tls_pem_look((struct bytes_const){0}, &none);
    ck_assert(!none.has_certificate && !none.has_key);
}
END_TEST

/* --- chains -------------------------------------------------------------------------------- */

/* Of ec_pem with that chain: the number of certificates shown, or 0 and a problem. */
static int chain_shown(const char *chain)
{
    struct tls_pem             pem = {.certificate_path = "www.pem",
                                      .certificate = bytes_of(ec_pem()),
                                      .chain_path = "chain.pem",
                                      .chain = bytes_of(chain)};
    struct tls_context_options server = server_options();
    struct text                text;

    server.pems = &pem;
    text_init(&text, problem, sizeof(problem));
    struct tls_certificate *made = tls_certificate_new(library, &pem, &text);

    if (made == NULL) {
        return 0;
    }
    tls_certificate_free(&made);
    struct pair *pair = pair_new(&server, NULL);

    pair_shake(pair);
    check_established(pair);
    int count = sk_X509_num(SSL_get_peer_cert_chain(pair->client.engine.ssl));

    pair_free(&pair);
    return count;
}

START_TEST(a_chain_of_its_own_file_is_shown_behind_the_certificate)
{
    char *issuer = certificate_only_leaf(rsa_pem());
    char *full = NULL;

    ck_assert_int_gt(asprintf(&full, "%s%s", leaf, issuer), 0);
    ck_assert_int_eq(chain_shown(issuer), 2);
    ck_assert_int_eq(chain_shown(full), 2);
    free(full);
    free(issuer);
}
END_TEST

START_TEST(a_chain_without_a_certificate_or_with_a_broken_one_is_refused_by_its_path)
{
    ck_assert_int_eq(chain_shown("nonsense"), 0);
    check_said(problem, "chain.pem: no certificate in it");
    ck_assert_int_eq(chain_shown(""), 0);
    check_said(problem, "chain.pem: no certificate in it");
    ck_assert_int_eq(chain_shown("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"),
                     0);
    check_said(problem, "chain.pem: a broken chain");
}
END_TEST

START_TEST(each_part_has_a_say_in_the_digest)
{
    uint8_t            digests[5][TLS_PEM_DIGEST_BYTES];
    struct bytes_const part = bytes_of("x");
    struct tls_pem     pems[] = {{.certificate = {0}},
                                 {.certificate = part},
                                 {.key_path = "k", .key = part},
                                 {.chain_path = "c", .chain = part},
                                 {.passphrase = part}};

    for (size_t i = 0; i < 5; i++) {
        ck_assert(tls_pem_digest(library, &pems[i], digests[i]));
        for (size_t j = 0; j < i; j++) {
            ck_assert_mem_ne(digests[i], digests[j], TLS_PEM_DIGEST_BYTES);
        }
    }
}
END_TEST

Suite *encrypted_keys_suite(void)
{
    Suite *suite = suite_create("encrypted keys");
    TCase *tcase = tcase_create("keys");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_key_in_every_form_is_opened_by_its_passphrase_and_by_no_other);
    tcase_add_test(tcase, a_key_in_the_clear_needs_no_passphrase_and_minds_none);
    tcase_add_test(tcase, an_encrypted_key_of_another_certificate_is_told_from_a_wrong_passphrase);
    tcase_add_test(tcase, an_encrypted_key_that_is_cut_off_or_in_an_unknown_cipher_is_refused);
    tcase_add_test(tcase, a_passphrase_longer_than_openssl_takes_is_wrong_and_no_more);
    tcase_add_test(tcase, what_a_text_has_in_it_is_seen_by_its_labels);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("chains");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_chain_of_its_own_file_is_shown_behind_the_certificate);
    tcase_add_test(tcase,
                   a_chain_without_a_certificate_or_with_a_broken_one_is_refused_by_its_path);
    tcase_add_test(tcase, each_part_has_a_say_in_the_digest);
    suite_add_tcase(suite, tcase);
    return suite;
}
