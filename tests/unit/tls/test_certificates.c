/* Which certificate a name gets, and what is wrong with files. */
#include "certificates.h"
#include "pair.h"
#include "suites.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PEMS_MAX = 4 };

/* A server with several certificates, told apart by their common names. */
struct shop {
    char                      *texts[PEMS_MAX];
    struct tls_pem             pems[PEMS_MAX];
    struct tls_context_options server;
    struct pair               *pair;
};

static void shop_add(struct shop *shop, enum certificate_kind kind, const char *common_name,
                     const char *names)
{
    size_t at = shop->server.pems_count;

    shop->texts[at] = certificate_make(&(struct certificate_options){
        .kind = kind, .common_name = common_name, .names = names, .days = 2});
    shop->pems[at] = pem_of(common_name, shop->texts[at]);
    shop->server.pems_count++;
}

static void shop_init(struct shop *shop)
{
    *shop = (struct shop){.server = server_options()};
    shop->server.pems = shop->pems;
    shop->server.pems_count = 0;
    shop_add(shop, CERTIFICATE_EC_P256, "default", "DNS:www.example.org,DNS:Example.ORG");
    shop_add(shop, CERTIFICATE_EC_P256, "wild", "DNS:*.example.net");
    shop_add(shop, CERTIFICATE_EC_P256, "exact", "DNS:a.example.net");
}

static void shop_open(struct shop *shop)
{
    shop->pair = pair_new(&shop->server, NULL);
}

static void shop_close(struct shop *shop)
{
    pair_free(&shop->pair);
    for (size_t i = 0; i < shop->server.pems_count; i++) {
        free(shop->texts[i]);
    }
}

static void check_certificate(const struct pair *pair, const char *common_name)
{
    char  text[64] = "";
    X509 *certificate = SSL_get1_peer_certificate(pair->client.engine.ssl);

    ck_assert_ptr_nonnull(certificate);
    (void)X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, text,
                                    sizeof(text));
    ck_assert_str_eq(text, common_name);
    X509_free(certificate);
}

static void check_served(struct shop *shop, const char *name, const char *common_name)
{
    pair_restart(shop->pair);
    ck_assert(SSL_set_tlsext_host_name(shop->pair->client.engine.ssl, name) == 1);
    pair_shake(shop->pair);
    check_established(shop->pair);
    check_certificate(shop->pair, common_name);
}

START_TEST(a_name_gets_its_own_certificate_then_a_wildcards_then_the_default)
{
    struct shop shop;

    shop_init(&shop);
    shop_open(&shop);
    check_served(&shop, "www.example.org", "default");
    check_served(&shop, "example.org", "default");
    check_served(&shop, "a.example.net", "exact");
    check_served(&shop, "A.EXAMPLE.NET", "exact");
    check_served(&shop, "b.example.net", "wild");
    check_served(&shop, "a.b.example.net", "default");
    check_served(&shop, "example.net", "default");
    check_served(&shop, "elsewhere.example", "default");
    check_served(&shop, NULL, "default");
    shop_close(&shop);
}
END_TEST

START_TEST(of_two_kinds_of_key_the_client_gets_the_one_it_can_use)
{
    struct tls_context_options client = client_options();
    struct shop                shop;

    shop_init(&shop);
    shop_add(&shop, CERTIFICATE_RSA_2048, "exact-rsa", "DNS:a.example.net");
    shop_open(&shop);
    check_served(&shop, "a.example.net", "exact");
    client.max_version = "TLSv1.2";
    client.ciphers = "ECDHE-RSA-AES128-GCM-SHA256";
    tls_context_free(&shop.pair->client_context);
    end_fini(&shop.pair->client);
    shop.pair->client_context = context_new(shop.pair->library, &client);
    check_served(&shop, "a.example.net", "exact-rsa");
    client.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256";
    end_fini(&shop.pair->client);
    tls_context_free(&shop.pair->client_context);
    shop.pair->client_context = context_new(shop.pair->library, &client);
    check_served(&shop, "a.example.net", "exact");
    shop_close(&shop);
}
END_TEST

START_TEST(a_certificate_without_alternative_names_serves_its_common_name)
{
    struct shop shop;

    shop_init(&shop);
    shop_add(&shop, CERTIFICATE_EC_P256, "old.example", NULL);
    shop_open(&shop);
    check_served(&shop, "old.example", "old.example");
    check_served(&shop, "wild", "default");
    shop_close(&shop);
}
END_TEST

/* --- strict names -------------------------------------------------------------------------- */

START_TEST(strict_names_end_with_unrecognized_name)
{
    struct shop shop;

    shop_init(&shop);
    shop.server.strict_sni = true;
    shop_open(&shop);
    check_served(&shop, "b.example.net", "wild");
    check_served(&shop, NULL, "default");
    pair_restart(shop.pair);
    ck_assert(tls_client_ask(&shop.pair->client.engine, "no.where", (struct bytes_const){0}));
    pair_shake(shop.pair);
    ck_assert_int_eq(tls_engine_failure(&shop.pair->server.engine), TLS_FAILURE_NAME_UNKNOWN);
    ck_assert_str_eq(tls_engine_alert(&shop.pair->server.engine).name, "unrecognized_name");
    ck_assert_int_eq(tls_engine_alert(&shop.pair->server.engine).by, TLS_ALERT_SENT);
    ck_assert_str_eq(tls_engine_reason(&shop.pair->server.engine), "no certificate for the name");
    ck_assert_str_eq(tls_engine_alert(&shop.pair->client.engine).name, "unrecognized_name");
    shop_close(&shop);
}
END_TEST

/* --- names that are none ------------------------------------------------------------------- */

static void add_to(uint8_t *at, int bytes, size_t more)
{
    size_t number = 0;

    for (int i = 0; i < bytes; i++) {
        number = number << 8 | at[i];
    }
    number += more;
    for (int i = bytes; i > 0; i--) {
        at[i - 1] = (uint8_t)number;
        number >>= 8;
    }
}

/* Makes the name in the client's hello longer by `more` bytes, and every length around it. */
static void lengthen_name(struct end *client, const char *name, size_t more)
{
    enum { EXTENSIONS_AFTER = 5 + 4 + 2 + 32 };
    uint8_t *hello = client->wire_memory;
    size_t   len = buffer_len(&client->wire);
    uint8_t *at = memmem(hello, len, name, strlen(name));
    size_t   session_len = hello[EXTENSIONS_AFTER];
    size_t   ciphers_at = EXTENSIONS_AFTER + 1 + session_len;
    size_t   ciphers_len = (size_t)hello[ciphers_at] << 8 | hello[ciphers_at + 1];
    size_t   extensions_at = ciphers_at + 2 + ciphers_len + 2;

    ck_assert_ptr_nonnull(at);
    memmove(at + more, at, len - (size_t)(at - hello));
    memset(at, 'a', more);
    buffer_produced(&client->wire, more);
    add_to(hello + 3, 2, more);
    add_to(hello + 6, 3, more);
    add_to(hello + extensions_at, 2, more);
    add_to(at - 2, 2, more);
    add_to(at - 5, 2, more);
    add_to(at - 7, 2, more);
}

static void check_no_name(const struct end *server)
{
    struct tls_facts facts;

    tls_engine_facts(&server->engine, &facts);
    ck_assert_uint_eq(facts.sni.len, 0);
}

START_TEST(a_name_with_a_line_end_or_other_bytes_is_none)
{
    static const char *const names[] = {"www.example.org\nx", "a b",    "www..org",
                                        "ex\xc3\xa4mple",     "-\"=\\", "192.0.2.1:443"};
    struct pair             *pair = pair_new(NULL, NULL);

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        pair_restart(pair);
        ck_assert(tls_client_ask(&pair->client.engine, names[i], (struct bytes_const){0}));
        pair_shake(pair);
        check_established(pair);
        check_no_name(&pair->server);
    }
    pair_free(&pair);
}
END_TEST

START_TEST(a_name_with_a_nul_is_refused)
{
    struct pair *pair = pair_new(NULL, NULL);

    ck_assert_int_eq(tls_engine_handshake(&pair->client.engine), TLS_FEED_ME);
    uint8_t *at =
        memmem(pair->client.wire_memory, buffer_len(&pair->client.wire), "www.example.org", 15);

    ck_assert_ptr_nonnull(at);
    at[3] = '\0';
    ck_assert_int_eq(end_step(&pair->server, &pair->client, WIRE_BYTES), TLS_FAILED);
    ck_assert_int_eq(tls_engine_failure(&pair->server.engine), TLS_FAILURE_HANDSHAKE);
    check_no_name(&pair->server);
    pair_free(&pair);
}
END_TEST

START_TEST(a_name_of_300_bytes_is_refused)
{
    struct pair       *pair = pair_new(NULL, NULL);
    struct tls_offered offered;

    ck_assert_int_eq(tls_engine_handshake(&pair->client.engine), TLS_FEED_ME);
    lengthen_name(&pair->client, "www.example.org", 285);
    ck_assert_int_eq(end_step(&pair->server, &pair->client, WIRE_BYTES), TLS_FAILED);
    ck_assert_str_eq(tls_engine_alert(&pair->server.engine).name, "unrecognized_name");
    check_no_name(&pair->server);
    tls_engine_offered(&pair->server.engine, &offered);
    ck_assert_uint_le(offered.sni.len, TLS_SNI_BYTES);
    pair_restart(pair);
    ck_assert_int_eq(tls_engine_handshake(&pair->client.engine), TLS_FEED_ME);
    lengthen_name(&pair->client, "www.example.org", 5);
    ck_assert_int_ne(end_step(&pair->server, &pair->client, WIRE_BYTES), TLS_FAILED);
    tls_engine_offered(&pair->server.engine, &offered);
    ck_assert_uint_eq(offered.sni.len, 20);
    pair_free(&pair);
}
END_TEST

/* --- files --------------------------------------------------------------------------------- */

static void check_pem_problem(struct tls_pem pem, const char *words)
{
    struct tls_context_options server = server_options();

    server.pems = &pem;
    check_problem(&server, words);
}

/* Certificate and key of a text, the key under a password. */
static char *encrypt_key(const char *text)
{
    unsigned char password[] = "secret";
    BIO          *in = BIO_new_mem_buf(text, -1);
    BIO          *out = BIO_new(BIO_s_mem());
    char         *leaf = certificate_only_leaf(text);
    EVP_PKEY     *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
    char         *data = NULL;

    ck_assert_int_gt(BIO_puts(out, leaf), 0);
    ck_assert_int_eq(PEM_write_bio_PrivateKey(out, key, EVP_aes_128_cbc(), password, 6, NULL, NULL),
                     1);
    size_t len = (size_t)BIO_get_mem_data(out, &data);
    char  *result = strndup(data, len);

    EVP_PKEY_free(key);
    BIO_free(in);
    BIO_free(out);
    free(leaf);
    return result;
}

static char *join(const char *first, const char *second)
{
    char *text = NULL;

    ck_assert_int_gt(asprintf(&text, "%s%s", first, second), 0);
    return text;
}

START_TEST(what_is_wrong_with_a_file_is_said_with_its_path)
{
    char          *leaf = certificate_only_leaf(ec_pem());
    char          *key = certificate_only_key(ec_pem());
    char          *other = certificate_only_key(rsa_pem());
    char          *encrypted = encrypt_key(ec_pem());
    char          *broken = join(ec_pem(), "-----BEGIN CERTIFICATE-----\nMIIB\n"
                                                    "-----END CERTIFICATE-----\n");
    struct tls_pem pem = pem_of("dir/www.pem", leaf);

    check_pem_problem(pem_of("dir/www.pem", leaf), "dir/www.pem: no private key in it");
    check_pem_problem(pem_of("dir/www.pem", key), "dir/www.pem: no certificate in it");
    check_pem_problem(pem_of("dir/www.pem", ""), "dir/www.pem: no certificate in it");
    check_pem_problem(pem_of("dir/www.pem", "garbage\n"), "dir/www.pem: no certificate in it");
    check_pem_problem((struct tls_pem){.certificate_path = "dir/www.pem"},
                      "dir/www.pem: no certificate in it");
    check_pem_problem(pem_of("dir/www.pem", encrypted), "dir/www.pem: the key is encrypted");
    check_pem_problem(pem_of("dir/www.pem", broken), "dir/www.pem: a broken chain");
    pem.key_path = "dir/www.key";
    pem.key = bytes_of(other);
    check_pem_problem(pem, "dir/www.key: the key does not belong to the certificate");
    pem.key = bytes_of("");
    check_pem_problem(pem, "dir/www.key: no private key in it");
    pem.key = (struct bytes_const){0};
    check_pem_problem(pem, "dir/www.key: no private key in it");
    free(leaf);
    free(key);
    free(other);
    free(encrypted);
    free(broken);
}
END_TEST

START_TEST(a_server_without_certificates_is_a_problem_and_a_client_is_none)
{
    struct tls_context_options server = server_options();
    struct pair               *pair = pair_new(NULL, NULL);

    server.pems_count = 0;
    check_problem(&server, "a server needs a certificate");
    pair_free(&pair);
}
END_TEST

START_TEST(the_key_may_stand_in_a_file_of_its_own)
{
    char                      *leaf = certificate_only_leaf(ec_pem());
    char                      *key = certificate_only_key(ec_pem());
    struct tls_pem             pem = pem_of("www.pem", leaf);
    struct tls_context_options server = server_options();

    pem.key_path = "www.key";
    pem.key = bytes_of(key);
    server.pems = &pem;
    struct pair *pair = pair_new(&server, NULL);

    pair_shake(pair);
    check_established(pair);
    pair_free(&pair);
    free(leaf);
    free(key);
}
END_TEST

START_TEST(the_chain_is_sent_with_the_certificate)
{
    char                      *issuer = certificate_only_leaf(rsa_pem());
    char                      *text = join(ec_pem(), issuer);
    struct tls_pem             pem = pem_of("www.pem", text);
    struct tls_context_options server = server_options();

    server.pems = &pem;
    struct pair *pair = pair_new(&server, NULL);

    pair_shake(pair);
    check_established(pair);
    ck_assert_int_eq(sk_X509_num(SSL_get_peer_cert_chain(pair->client.engine.ssl)), 2);
    pair_free(&pair);
    free(issuer);
    free(text);
}
END_TEST

Suite *certificates_suite(void)
{
    return suite_of(
        "certificates",
        (const TTest *const[]){
            a_name_gets_its_own_certificate_then_a_wildcards_then_the_default,
            of_two_kinds_of_key_the_client_gets_the_one_it_can_use,
            a_certificate_without_alternative_names_serves_its_common_name,
            strict_names_end_with_unrecognized_name, a_name_with_a_line_end_or_other_bytes_is_none,
            a_name_with_a_nul_is_refused, a_name_of_300_bytes_is_refused,
            what_is_wrong_with_a_file_is_said_with_its_path,
            a_server_without_certificates_is_a_problem_and_a_client_is_none,
            the_key_may_stand_in_a_file_of_its_own, the_chain_is_sent_with_the_certificate, NULL});
}
