/* PEM text becomes a certificate: DER of the leaf, its issuers and the key, and what is to be known
 * of them. What handshakes need is parsed anew in each reactor's library (certified_key.c). */
#include "tls/certificate.h"

#include "base/require.h"
#include "tls/challenge_internal.h"
#include "tls/openssl_error.h"
#include "tls/tls_internal.h"

#include <assert.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* One pass over a text: what it holds, in the order of the file. */
struct reading {
    struct tls_library     *library;
    struct tls_certificate *certificate;
    struct bytes_const      passphrase;
    X509                   *leaf;
    EVP_PKEY               *key;
    bool                    has_broken_chain;
    bool                    is_encrypted;
    bool                    is_wrong_passphrase; /* or a broken key: they look alike */
    struct error            error;               /* of what could not be read */
};

enum { NAME_LEN_BYTES = 1 };

static bool read_pem(struct reading *reading, const struct tls_pem *pem, struct text *problem);
static void read_text(struct reading *reading, struct bytes_const text, bool wants_certificates,
                      bool wants_key);
static void read_block(struct reading *reading, const char *name, const char *header,
                       struct bytes_const der, bool wants_certificates, bool wants_key);
static void read_leaf(struct reading *reading, struct bytes_const der);
static void read_issuer(struct reading *reading, struct bytes_const der);
static void read_encrypted_key(struct reading *reading, const char *header, struct bytes_const der);
static void read_key(struct reading *reading, struct bytes_const der);
static bool read_chain(struct reading *reading, const struct tls_pem *pem, struct text *problem);
static bool is_certificate_name(const char *name);
static bool check_key(const struct reading *reading, const struct tls_pem *pem,
                      struct text *problem);
static bool fill(struct reading *reading);
static const EVP_MD *sha256_of(struct tls_library *library);
static void          fill_staple_facts(struct tls_certificate *certificate, X509 *leaf);
static bool          wants_status(const X509 *leaf);
static bool          fill_names(struct tls_certificate *certificate, const X509 *leaf);
static bool          common_name(struct tls_certificate *certificate, const X509 *leaf);
static bool          add_name(struct tls_certificate *certificate, const ASN1_STRING *name);
static int64_t       time_of(const ASN1_TIME *time);
static bool          copy(struct bytes_const bytes, struct bytes *into);

struct tls_certificate *tls_certificate_new(struct tls_library *library, const struct tls_pem *pem,
                                            struct text *problem)
{
    struct reading reading = {.library = library,
                              .passphrase = pem->passphrase,
                              .certificate = calloc(1, sizeof(*reading.certificate))};

    if (reading.certificate == NULL) {
        text_string(problem, "out of memory");
        return NULL;
    }
    reading.certificate->library = library;
    reading.certificate->holds = 1;
    openssl_error_drop();
    if (!read_pem(&reading, pem, problem)) {
        tls_certificate_free(&reading.certificate);
    } else if (!fill(&reading)) {
        text_format(problem, "%s: out of memory", pem->certificate_path);
        tls_certificate_free(&reading.certificate);
    }
    X509_free(reading.leaf);
    EVP_PKEY_free(reading.key);
    openssl_error_drop();
    return reading.certificate;
}

bool tls_pem_digest(struct tls_library *library, const struct tls_pem *pem,
                    uint8_t into[static TLS_PEM_DIGEST_BYTES])
{
    struct bytes_const parts[] = {pem->certificate, pem->key, pem->chain, pem->passphrase};
    EVP_MD_CTX        *hash = EVP_MD_CTX_new();
    bool               is_made = hash != NULL && sha256_of(library) != NULL &&
                   EVP_DigestInit_ex(hash, library->sha256, NULL) == 1;

    for (size_t i = 0; is_made && i < sizeof(parts) / sizeof(parts[0]); i++) {
        uint64_t len = parts[i].len;

        is_made = EVP_DigestUpdate(hash, &len, sizeof(len)) == 1 &&
                  EVP_DigestUpdate(hash, parts[i].data, parts[i].len) == 1;
    }
    is_made = is_made && EVP_DigestFinal_ex(hash, into, NULL) == 1;
    EVP_MD_CTX_free(hash);
    openssl_error_drop();
    return is_made;
}

struct tls_certificate *tls_certificate_hold(struct tls_certificate *certificate)
{
    require(certificate->holds > 0);
    certificate->holds++;
    return certificate;
}

void tls_certificate_free(struct tls_certificate **certificate)
{
    struct tls_certificate *freed = *certificate;

    *certificate = NULL;
    if (freed == NULL) {
        return;
    }
    require(freed->holds > 0);
    if (--freed->holds > 0) {
        return;
    }
    for (size_t i = 0; i < freed->issuers_count; i++) {
        issuer_give(freed->library, freed->issuers[i]);
    }
    if (freed->key.data != NULL) {
        OPENSSL_cleanse(freed->key.data, freed->key.len);
    }
    free(freed->key.data);
    free(freed->leaf.data);
    free(freed->names);
    free(freed->weakness);
    free(freed);
}

size_t tls_certificate_names(const struct tls_certificate *certificate)
{
    return certificate->names_count;
}

int64_t tls_certificate_expiry(const struct tls_certificate *certificate)
{
    return certificate->not_after_s;
}

bool tls_certificate_has_responder(const struct tls_certificate *certificate)
{
    return certificate->has_responder;
}

bool tls_certificate_needs_staple(const struct tls_certificate *certificate)
{
    return certificate->needs_staple;
}

const char *tls_certificate_warning(const struct tls_certificate *certificate, int64_t now_s)
{
    if (certificate->not_after_s < now_s) {
        return "the certificate has expired";
    }
    return certificate->not_before_s > now_s ? "the certificate is not valid yet" : NULL;
}

bool tls_certificate_each_name(const struct tls_certificate *certificate,
                               tls_certificate_name *each, void *owner)
{
    bool is_done = true;

    for (size_t at = 0; is_done && at < certificate->names_len;) {
        size_t len = certificate->names[at];

        is_done = each(owner, (struct bytes_const){certificate->names + at + NAME_LEN_BYTES, len});
        at += NAME_LEN_BYTES + len;
    }
    return is_done;
}

/* --- reading ------------------------------------------------------------------------------ */

static bool read_pem(struct reading *reading, const struct tls_pem *pem, struct text *problem)
{
    read_text(reading, pem->certificate, true, pem->key_path == NULL);
    if (reading->leaf == NULL || reading->has_broken_chain) {
        text_format(problem, "%s: %s (%s)", pem->certificate_path,
                    reading->leaf == NULL ? "no certificate in it" : "a broken chain",
                    openssl_error_reason(&reading->error));
        return false;
    }
    if (pem->chain_path != NULL && !read_chain(reading, pem, problem)) {
        return false;
    }
    if (pem->key_path != NULL) {
        read_text(reading, pem->key, false, true);
    }
    return check_key(reading, pem, problem);
}

static bool read_chain(struct reading *reading, const struct tls_pem *pem, struct text *problem)
{
    struct tls_pem_facts facts;

    tls_pem_look(pem->chain, &facts);
    reading->error = ERROR_OK;
    read_text(reading, pem->chain, true, false);
    if (!facts.has_certificate || reading->has_broken_chain) {
        text_format(problem, "%s: %s (%s)", pem->chain_path,
                    facts.has_certificate ? "a broken chain" : "no certificate in it",
                    openssl_error_reason(&reading->error));
        return false;
    }
    return true;
}

/* Ends with the text, or with the first block that is no PEM, which leaves an error. */
static void read_text(struct reading *reading, struct bytes_const text, bool wants_certificates,
                      bool wants_key)
{
    bool is_usable = text.len > 0 && text.len <= INT_MAX;
    BIO *bio =
        BIO_new_mem_buf(is_usable ? text.data : (const uint8_t *)"", is_usable ? (int)text.len : 0);
    unsigned char *der = NULL;
    char          *name = NULL;
    char          *header = NULL;
    long           len = 0;

    while (bio != NULL && PEM_read_bio(bio, &name, &header, &der, &len) == 1) {
        read_block(reading, name, header, (struct bytes_const){der, (size_t)len},
                   wants_certificates, wants_key);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(der, (size_t)len);
    }
    unsigned long last = ERR_peek_last_error();
    bool          is_end = ERR_GET_REASON(last) == PEM_R_NO_START_LINE;

    if (!is_end) {
        reading->has_broken_chain = wants_certificates;
    }
    if (error_kind(&reading->error) == ERROR_NONE) {
        reading->error = error_from_openssl("pem");
    }
    BIO_free(bio);
    openssl_error_drop();
}

static void read_block(struct reading *reading, const char *name, const char *header,
                       struct bytes_const der, bool wants_certificates, bool wants_key)
{
    bool is_key = strstr(name, "PRIVATE KEY") != NULL;

    if (wants_certificates && is_certificate_name(name)) {
        if (reading->leaf == NULL) {
            read_leaf(reading, der);
        } else {
            read_issuer(reading, der);
        }
    } else if (wants_key && is_key && reading->key == NULL) {
        if (strstr(header, "ENCRYPTED") != NULL || strstr(name, "ENCRYPTED") != NULL) {
            read_encrypted_key(reading, header, der);
        } else {
            read_key(reading, der);
        }
    }
    openssl_error_drop();
}

static bool is_certificate_name(const char *name)
{
    return strcmp(name, PEM_STRING_X509) == 0 || strcmp(name, PEM_STRING_X509_OLD) == 0 ||
           strcmp(name, PEM_STRING_X509_TRUSTED) == 0;
}

/* What follows a broken leaf must not be taken for the leaf. */
static void read_leaf(struct reading *reading, struct bytes_const der)
{
    reading->leaf = x509_read(reading->library, der);
    reading->has_broken_chain = reading->leaf == NULL;
    if (reading->leaf == NULL) {
        reading->error = error_from_openssl("certificate");
    } else if (!copy(der, &reading->certificate->leaf)) {
        reading->has_broken_chain = true;
        reading->error = error_make(ERROR_EXHAUSTED, "certificate");
    }
}

/* A chain may begin with the certificate itself, as "fullchain" files do. */
static void read_issuer(struct reading *reading, struct bytes_const der)
{
    struct tls_certificate *certificate = reading->certificate;
    struct issuer          *issuer = NULL;

    if (certificate->leaf.len == der.len &&
        memcmp(certificate->leaf.data, der.data, der.len) == 0) {
        return;
    }
    if (certificate->issuers_count < ISSUERS_MAX) {
        issuer = issuer_take(reading->library, der);
    }
    if (issuer == NULL) {
        reading->has_broken_chain = true;
        reading->error = error_from_openssl("issuer");
        return;
    }
    certificate->issuers[certificate->issuers_count++] = issuer;
}

static void read_encrypted_key(struct reading *reading, const char *header, struct bytes_const der)
{
    struct bytes plain = {0};

    reading->is_encrypted = true;
    if (reading->passphrase.data == NULL) {
        return;
    }
    if (!copy(der, &plain)) {
        reading->error = error_make(ERROR_EXHAUSTED, "key");
        return;
    }
    if (encrypted_key_open(reading->library, header, reading->passphrase, &plain)) {
        read_key(reading, (struct bytes_const){plain.data, plain.len});
    } else {
        reading->error = error_from_openssl("key");
    }
    reading->is_wrong_passphrase = reading->key == NULL;
    OPENSSL_cleanse(plain.data, der.len);
    free(plain.data);
}

static void read_key(struct reading *reading, struct bytes_const der)
{
    reading->key = key_read(reading->library, der, &reading->is_encrypted);
    if (reading->key == NULL) {
        reading->error = error_from_openssl("key");
    } else if (!copy(der, &reading->certificate->key)) {
        EVP_PKEY_free(reading->key);
        reading->key = NULL;
        reading->error = error_make(ERROR_EXHAUSTED, "key");
    }
}

static bool check_key(const struct reading *reading, const struct tls_pem *pem,
                      struct text *problem)
{
    const char *path = pem->key_path != NULL ? pem->key_path : pem->certificate_path;

    if (reading->key == NULL && reading->is_wrong_passphrase) {
        text_format(problem, "%s: wrong passphrase for the key, or a broken key (%s)", path,
                    openssl_error_reason(&reading->error));
        return false;
    }
    if (reading->key == NULL && reading->is_encrypted) {
        text_format(problem, "%s: the key is encrypted, and no passphrase is given for it", path);
        return false;
    }
    if (reading->key == NULL) {
        text_format(problem, "%s: no private key in it (%s)", path,
                    openssl_error_reason(&reading->error));
        return false;
    }
    if (X509_check_private_key(reading->leaf, reading->key) != 1) {
        openssl_error_drop();
        text_format(problem, "%s: the key does not belong to the certificate", path);
        return false;
    }
    return true;
}

/* --- what is to be known ------------------------------------------------------------------ */

static bool fill(struct reading *reading)
{
    struct tls_certificate *certificate = reading->certificate;
    const EVP_MD           *sha256 = sha256_of(reading->library);

    certificate->id = ++reading->library->ids;
    certificate->key_kind = EVP_PKEY_get_base_id(reading->key);
    certificate->not_before_s = time_of(X509_get0_notBefore(reading->leaf));
    certificate->not_after_s = time_of(X509_get0_notAfter(reading->leaf));
    certificate->is_challenge = challenge_is_marked(reading->leaf);
    fill_staple_facts(certificate, reading->leaf);
    return certified_key_weigh(certificate, reading->leaf, reading->key) && sha256 != NULL &&
           X509_digest(reading->leaf, sha256, certificate->digest, NULL) == 1 &&
           fill_names(certificate, reading->leaf);
}

/* Fetched once: a fetch costs more than the digest of a file. */
static const EVP_MD *sha256_of(struct tls_library *library)
{
    if (library->sha256 == NULL) {
        library->sha256 = EVP_MD_fetch(library->openssl, "SHA256", NULL);
    }
    return library->sha256;
}

static void fill_staple_facts(struct tls_certificate *certificate, X509 *leaf)
{
    STACK_OF(OPENSSL_STRING) *responders = X509_get1_ocsp(leaf);

    certificate->has_responder = sk_OPENSSL_STRING_num(responders) > 0;
    certificate->needs_staple = wants_status(leaf);
    X509_email_free(responders);
    openssl_error_drop();
}

/* The feature is named by the number of its TLS extension (RFC 7633 section 4.1). */
static bool wants_status(const X509 *leaf)
{
    TLS_FEATURE *features = X509_get_ext_d2i(leaf, NID_tlsfeature, NULL, NULL);
    bool         is_wanted = false;

    for (int i = 0; i < sk_ASN1_INTEGER_num(features); i++) {
        is_wanted = is_wanted || ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) ==
                                     TLSEXT_TYPE_status_request;
    }
    TLS_FEATURE_free(features);
    return is_wanted;
}

static bool fill_names(struct tls_certificate *certificate, const X509 *leaf)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    bool           is_done = true;

    if (names == NULL) {
        openssl_error_drop();
        return common_name(certificate, leaf);
    }
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && is_done; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        is_done = name->type != GEN_DNS || add_name(certificate, name->d.dNSName);
    }
    GENERAL_NAMES_free(names);
    return is_done;
}

/* Only where there are no alternative names at all (RFC 6125 section 6.4.4). */
static bool common_name(struct tls_certificate *certificate, const X509 *leaf)
{
    X509_NAME *subject = X509_get_subject_name(leaf);
    int        at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

    return at < 0 ||
           add_name(certificate, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

/* Names that are no host names cannot be asked for and are passed over. */
static bool add_name(struct tls_certificate *certificate, const ASN1_STRING *string)
{
    int                len = ASN1_STRING_length(string);
    struct bytes_const name = {ASN1_STRING_get0_data(string), len > 0 ? (size_t)len : 0};

    static_assert(NAME_LEN_MAX <= UINT8_MAX, "a length fits its byte");
    if (!name_is_valid(name)) {
        return true;
    }
    uint8_t *grown =
        realloc(certificate->names, certificate->names_len + NAME_LEN_BYTES + name.len);

    if (grown == NULL) {
        return false;
    }
    grown[certificate->names_len] = (uint8_t)name.len;
    memcpy(grown + certificate->names_len + NAME_LEN_BYTES, name.data, name.len);
    certificate->names = grown;
    certificate->names_len += NAME_LEN_BYTES + name.len;
    certificate->names_count++;
    return true;
}

static int64_t time_of(const ASN1_TIME *time)
{
    struct tm parts;

    return ASN1_TIME_to_tm(time, &parts) == 1 ? (int64_t)timegm(&parts) : 0;
}

static bool copy(struct bytes_const bytes, struct bytes *into)
{
    into->data = malloc(bytes.len > 0 ? bytes.len : 1);
    if (into->data == NULL) {
        return false;
    }
    memcpy(into->data, bytes.data, bytes.len);
    into->len = bytes.len;
    return true;
}
