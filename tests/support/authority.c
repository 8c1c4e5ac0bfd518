#include "authority.h"

#include "base/require.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ACCESS_BYTES = 128 };
enum { SECONDS_PER_DAY = 86400, X509_VERSION_3_VALUE = 2, CRL_VERSION_2_VALUE = 1 };

static int len_of(const struct name_part *part)
{
    return part->len > 0 ? part->len : (int)strlen(part->bytes);
}

static void add_subject(X509 *certificate, const struct name_part *parts)
{
    X509_NAME *subject = X509_get_subject_name(certificate);

    for (int i = 0; i < NAME_PARTS_MAX && parts[i].bytes != NULL; i++) {
        X509_NAME_ENTRY *entry = X509_NAME_ENTRY_create_by_NID(
            NULL, parts[i].kind, parts[i].type != 0 ? parts[i].type : V_ASN1_UTF8STRING,
            (const unsigned char *)parts[i].bytes, len_of(&parts[i]));

        require(entry != NULL && X509_NAME_add_entry(subject, entry, -1, 0) == 1);
        X509_NAME_ENTRY_free(entry);
    }
}

static void add_names(X509 *certificate, const struct name_part *parts)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();

    for (int i = 0; i < NAME_PARTS_MAX && parts[i].bytes != NULL; i++) {
        GENERAL_NAME   *name = GENERAL_NAME_new();
        ASN1_IA5STRING *value = ASN1_IA5STRING_new();

        require(name != NULL && value != NULL);
        require(ASN1_STRING_set(value, parts[i].bytes, len_of(&parts[i])) == 1);
        GENERAL_NAME_set0_value(name, parts[i].kind, value);
        require(sk_GENERAL_NAME_push(names, name) > 0);
    }
    if (sk_GENERAL_NAME_num(names) > 0) {
        require(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0) == 1);
    }
    GENERAL_NAMES_free(names);
}

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    require(extension != NULL && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

struct credential credential_make(const struct credential         *issuer,
                                  const struct credential_options *options)
{
    static long       serial;
    struct credential made = {.certificate = X509_new(), .key = EVP_EC_gen("P-256")};
    X509             *certificate = made.certificate;

    require(certificate != NULL && made.key != NULL);
    const struct credential *signer = issuer != NULL ? issuer : &made;
    int                      begins = options->begins_days != 0 ? options->begins_days : -1;
    int                      ends = options->ends_days != 0 ? options->ends_days : 1;

    require(X509_set_version(certificate, X509_VERSION_3_VALUE) == 1);
    require(ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial) == 1);
    require(X509_gmtime_adj(X509_getm_notBefore(certificate), begins * (long)SECONDS_PER_DAY));
    require(X509_gmtime_adj(X509_getm_notAfter(certificate), ends * (long)SECONDS_PER_DAY));
    require(X509_set_pubkey(certificate, made.key) == 1);
    add_subject(certificate, options->subject);
    require(X509_set_issuer_name(certificate, X509_get_subject_name(signer->certificate)) == 1);
    add_names(certificate, options->names);
    add_extension(certificate, NID_basic_constraints,
                  options->is_authority != 0 ? "critical,CA:TRUE" : "CA:FALSE");
    if (options->usage != NULL) {
        add_extension(certificate, NID_ext_key_usage, options->usage);
    }
    if (options->responder != NULL) {
        char access[ACCESS_BYTES];

        (void)snprintf(access, sizeof(access), "OCSP;URI:%s", options->responder);
        add_extension(certificate, NID_info_access, access);
    }
    if (options->features != NULL) {
        add_extension(certificate, NID_tlsfeature, options->features);
    }
    require(X509_sign(certificate, signer->key, EVP_sha256()) > 0);
    return made;
}

struct credential authority_make(const struct credential *issuer, const char *name)
{
    return credential_make(
        issuer, &(struct credential_options){.subject = {{.kind = NID_commonName, .bytes = name}},
                                             .ends_days = 3,
                                             .is_authority = 1});
}

struct credential client_make(const struct credential *issuer, const char *name)
{
    return credential_make(
        issuer, &(struct credential_options){.subject = {{.kind = NID_commonName, .bytes = name}}});
}

void credential_fini(struct credential *credential)
{
    X509_free(credential->certificate);
    EVP_PKEY_free(credential->key);
    *credential = (struct credential){0};
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

char *credential_pem(const struct credential *credential)
{
    BIO *bio = BIO_new(BIO_s_mem());

    require(bio != NULL && PEM_write_bio_X509(bio, credential->certificate) == 1);
    return text_of(bio);
}

char *credential_pem_with_key(const struct credential *credential, const struct credential *issuer)
{
    BIO *bio = BIO_new(BIO_s_mem());

    require(bio != NULL && PEM_write_bio_X509(bio, credential->certificate) == 1);
    require(PEM_write_bio_PrivateKey(bio, credential->key, NULL, NULL, 0, NULL, NULL) == 1);
    require(issuer == NULL || PEM_write_bio_X509(bio, issuer->certificate) == 1);
    return text_of(bio);
}

static void revoke(X509_CRL *list, const X509 *certificate)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_TIME    *now = X509_gmtime_adj(NULL, 0);

    require(entry != NULL && now != NULL);
    require(X509_REVOKED_set_serialNumber(
                entry, (ASN1_INTEGER *)(uintptr_t)X509_get0_serialNumber(certificate)) == 1);
    require(X509_REVOKED_set_revocationDate(entry, now) == 1);
    require(X509_CRL_add0_revoked(list, entry) == 1);
    ASN1_TIME_free(now);
}

char *revocations_pem(const struct credential *issuer, const struct credential *revoked,
                      int ends_days)
{
    X509_CRL  *list = X509_CRL_new();
    ASN1_TIME *begins = X509_gmtime_adj(NULL, -10L * SECONDS_PER_DAY);
    ASN1_TIME *ends = X509_gmtime_adj(NULL, ends_days * (long)SECONDS_PER_DAY);
    BIO       *bio = BIO_new(BIO_s_mem());

    require(list != NULL && begins != NULL && ends != NULL && bio != NULL);
    require(X509_CRL_set_version(list, CRL_VERSION_2_VALUE) == 1);
    require(X509_CRL_set_issuer_name(list, X509_get_subject_name(issuer->certificate)) == 1);
    require(X509_CRL_set1_lastUpdate(list, begins) == 1);
    require(X509_CRL_set1_nextUpdate(list, ends) == 1);
    if (revoked != NULL) {
        revoke(list, revoked->certificate);
    }
    require(X509_CRL_sort(list) == 1);
    require(X509_CRL_sign(list, issuer->key, EVP_sha256()) > 0);
    require(PEM_write_bio_X509_CRL(bio, list) == 1);
    ASN1_TIME_free(begins);
    ASN1_TIME_free(ends);
    X509_CRL_free(list);
    return text_of(bio);
}
