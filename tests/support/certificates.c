#include "certificates.h"

#include "base/require.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum { SECONDS_PER_DAY = 86400, X509_VERSION_3_VALUE = 2 };

static EVP_PKEY *make_key(enum certificate_kind kind);
static void      add_names(X509 *certificate, const char *names);
static void      add_challenge(X509 *certificate, const char *value);
static char     *text_of(BIO *bio);
static char     *part(const char *pem, const char *begin_mark, const char *end_mark);

char *certificate_make(const struct certificate_options *options)
{
    EVP_PKEY  *key = make_key(options->kind);
    X509      *certificate = X509_new();
    X509_NAME *subject = X509_NAME_new();
    BIO       *bio = BIO_new(BIO_s_mem());

    require(certificate != NULL && subject != NULL && bio != NULL);
    if (options->common_name != NULL) {
        require(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                           (const unsigned char *)options->common_name, -1, -1,
                                           0) == 1);
    }
    require(X509_set_version(certificate, X509_VERSION_3_VALUE) == 1);
    require(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1);
    require(X509_gmtime_adj(X509_getm_notBefore(certificate), -2L * SECONDS_PER_DAY) != NULL);
    require(X509_gmtime_adj(X509_getm_notAfter(certificate),
                            (long)options->days * SECONDS_PER_DAY) != NULL);
    require(X509_set_subject_name(certificate, subject) == 1);
    require(X509_set_issuer_name(certificate, subject) == 1);
    require(X509_set_pubkey(certificate, key) == 1);
    add_names(certificate, options->names);
    add_challenge(certificate, options->challenge);
    require(X509_sign(certificate, key, EVP_sha256()) > 0);
    require(PEM_write_bio_X509(bio, certificate) == 1);
    require(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
    X509_NAME_free(subject);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return text_of(bio);
}

char *certificate_in_old_form(const char *pem)
{
    BIO      *in = BIO_new_mem_buf(pem, -1);
    BIO      *out = BIO_new(BIO_s_mem());
    char     *leaf = certificate_only_leaf(pem);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);

    require(out != NULL && key != NULL);
    require(BIO_puts(out, leaf) > 0);
    require(PEM_write_bio_PrivateKey_traditional(out, key, NULL, NULL, 0, NULL, NULL) == 1);
    EVP_PKEY_free(key);
    BIO_free(in);
    free(leaf);
    return text_of(out);
}

char *certificate_sealed(const char *pem, const char *passphrase)
{
    BIO      *in = BIO_new_mem_buf(pem, -1);
    BIO      *out = BIO_new(BIO_s_mem());
    char     *leaf = certificate_only_leaf(pem);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);

    require(out != NULL && key != NULL);
    require(BIO_puts(out, leaf) > 0);
    require(PEM_write_bio_PKCS8PrivateKey(out, key, EVP_aes_256_cbc(), passphrase,
                                          (int)strlen(passphrase), NULL, NULL) == 1);
    EVP_PKEY_free(key);
    BIO_free(in);
    free(leaf);
    return text_of(out);
}

char *certificate_only_key(const char *pem)
{
    return part(pem, "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----");
}

char *certificate_only_leaf(const char *pem)
{
    return part(pem, "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
}

static EVP_PKEY *make_key(enum certificate_kind kind)
{
    static const size_t rsa_bits[] = {[CERTIFICATE_RSA_2048] = 2048, [CERTIFICATE_RSA_1024] = 1024};
    EVP_PKEY *key = kind == CERTIFICATE_EC_P256 ? EVP_EC_gen("P-256") : EVP_RSA_gen(rsa_bits[kind]);

    require(key != NULL);
    return key;
}

static void add_names(X509 *certificate, const char *names)
{
    if (names == NULL) {
        return;
    }
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);

    require(extension != NULL);
    require(X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

static void add_challenge(X509 *certificate, const char *value)
{
    if (value == NULL) {
        return;
    }
    X509_EXTENSION *extension = X509V3_EXT_nconf(NULL, NULL, "1.3.6.1.5.5.7.1.31", value);

    require(extension != NULL);
    require(X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

static char *text_of(BIO *bio)
{
    char *data = NULL;
    long  len = BIO_get_mem_data(bio, &data);
    char *text = strndup(data, (size_t)len);

    require(text != NULL);
    BIO_free(bio);
    return text;
}

static char *part(const char *pem, const char *begin_mark, const char *end_mark)
{
    const char *begin = strstr(pem, begin_mark);
    const char *end = begin != NULL ? strstr(begin, end_mark) : NULL;

    require(end != NULL);
    size_t len = (size_t)(end - begin) + strlen(end_mark);
    char  *text = malloc(len + 2);

    require(text != NULL);
    memcpy(text, begin, len);
    memcpy(text + len, "\n", 2);
    return text;
}
