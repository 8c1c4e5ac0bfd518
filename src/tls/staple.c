/* Answers of OCSP responders: read, checked against the certificate, and handed to handshakes. */
#include "tls/staple.h"

#include "base/require.h"
#include "tls/openssl_error.h"
#include "tls/tls_internal.h"

#include <limits.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How far the responder's clock may be ahead of ours. */
enum { CLOCK_TOLERANCE_S = 300 };

/* Who asks on behalf of a certificate, and what has been found so far. */
struct reading {
    const struct tls_certificate *certificate;
    int64_t                       now_s;
    struct text                  *problem;
    X509                         *leaf;
    X509                         *issuer;  /* of the chain, or the leaf; NULL: not in the chain */
    unsigned char                *decoded; /* from PEM */
    struct bytes_const            der;
    OCSP_RESPONSE                *response;
    OCSP_BASICRESP               *basic;
    OCSP_SINGLERESP              *single; /* of basic, about the leaf */
    int64_t                       good_until_s;
    bool                          is_revoked;
};

static bool  read_answer(struct reading *reading, struct bytes_const file);
static bool  read_pem(struct reading *reading, struct bytes_const file);
static bool  read_der(struct reading *reading);
static X509 *issuer_of(const struct tls_certificate *certificate, X509 *leaf);
static bool  find_single(struct reading *reading);
static bool  is_about(const struct reading *reading, const OCSP_SINGLERESP *single);
static bool  is_digest(const ASN1_OCTET_STRING *string, const uint8_t *digest, unsigned len);
static bool  check_signature(struct reading *reading);
static bool  check_status(struct reading *reading);
static bool  check_dates(struct reading *reading, const ASN1_GENERALIZEDTIME *begins,
                         const ASN1_GENERALIZEDTIME *ends);
static bool  time_of(const ASN1_GENERALIZEDTIME *time, int64_t *into_s);
static bool  complain_of_date(struct reading *reading, const char *what, int64_t at_s);
static bool  complain(struct reading *reading, const char *what);
static struct tls_staple *staple_of(const struct reading *reading);
static void               reading_close(struct reading *reading);

struct tls_staple *tls_staple_new(const struct tls_certificate *certificate,
                                  struct bytes_const file, int64_t now_s, struct text *problem)
{
    struct reading     reading = {.certificate = certificate, .now_s = now_s, .problem = problem};
    struct tls_staple *staple = NULL;

    openssl_error_drop();
    reading.leaf = x509_read(certificate->library,
                             (struct bytes_const){certificate->leaf.data, certificate->leaf.len});
    if (reading.leaf == NULL) {
        text_string(problem, "out of memory");
    } else {
        reading.issuer = issuer_of(certificate, reading.leaf);
        if (read_answer(&reading, file) && find_single(&reading) && check_status(&reading) &&
            check_signature(&reading)) {
            staple = staple_of(&reading);
        }
    }
    reading_close(&reading);
    return staple;
}

struct tls_staple *tls_staple_hold(struct tls_staple *staple)
{
    require(staple->holds > 0);
    staple->holds++;
    return staple;
}

void tls_staple_free(struct tls_staple **staple)
{
    struct tls_staple *freed = *staple;

    *staple = NULL;
    if (freed == NULL) {
        return;
    }
    require(freed->holds > 0);
    if (--freed->holds == 0) {
        free(freed->der.data);
        free(freed);
    }
}

bool tls_staple_is_about(const struct tls_staple *staple, const struct tls_certificate *certificate)
{
    return staple->certificate_id == certificate->id;
}

bool tls_staple_is_equal(const struct tls_staple *one, const struct tls_staple *other)
{
    return one->certificate_id == other->certificate_id && one->der.len == other->der.len &&
           memcmp(one->der.data, other->der.data, one->der.len) == 0;
}

bool tls_staple_is_revoked(const struct tls_staple *staple)
{
    return staple->is_revoked;
}

int64_t tls_staple_good_until(const struct tls_staple *staple)
{
    return staple->good_until_s;
}

static struct tls_staple *staple_of(const struct reading *reading)
{
    struct tls_staple *staple = calloc(1, sizeof(*staple));

    if (staple != NULL) {
        staple->der.data = malloc(reading->der.len);
    }
    if (staple == NULL || staple->der.data == NULL) {
        text_string(reading->problem, "out of memory");
        free(staple);
        return NULL;
    }
    memcpy(staple->der.data, reading->der.data, reading->der.len);
    staple->der.len = reading->der.len;
    staple->holds = 1;
    staple->certificate_id = reading->certificate->id;
    staple->good_until_s = reading->good_until_s;
    staple->is_revoked = reading->is_revoked;
    return staple;
}

static void reading_close(struct reading *reading)
{
    OCSP_BASICRESP_free(reading->basic);
    OCSP_RESPONSE_free(reading->response);
    OPENSSL_free(reading->decoded);
    X509_free(reading->leaf);
    openssl_error_drop();
}

/* --- reading ------------------------------------------------------------------------------ */

static bool read_answer(struct reading *reading, struct bytes_const file)
{
    enum { ASN1_SEQUENCE = 0x30 };

    reading->der = file;
    if (file.len == 0) {
        text_string(reading->problem, "the file is empty");
        return false;
    }
    if (file.data[0] != ASN1_SEQUENCE && !read_pem(reading, file)) {
        return complain(reading, "no OCSP answer in it");
    }
    if (reading->der.len > TLS_STAPLE_BYTES_MAX) {
        text_format(reading->problem, "an OCSP answer of %zu bytes, and clients take %d at most",
                    reading->der.len, TLS_STAPLE_BYTES_MAX);
        return false;
    }
    return read_der(reading);
}

static bool read_pem(struct reading *reading, struct bytes_const file)
{
    BIO  *bio = file.len <= INT_MAX ? BIO_new_mem_buf(file.data, (int)file.len) : NULL;
    char *name = NULL, *header = NULL;
    long  len = 0;
    bool  is_read = bio != NULL && PEM_read_bio(bio, &name, &header, &reading->decoded, &len) == 1;

    reading->der = (struct bytes_const){reading->decoded, (size_t)len};
    is_read = is_read && strcmp(name, "OCSP RESPONSE") == 0;
    OPENSSL_free(name);
    OPENSSL_free(header);
    BIO_free(bio);
    return is_read;
}

/* What follows the answer would be sent with it. */
static bool read_der(struct reading *reading)
{
    const unsigned char *at = reading->der.data;

    reading->response = d2i_OCSP_RESPONSE(NULL, &at, (long)reading->der.len);
    if (reading->response == NULL) {
        return complain(reading, "a broken OCSP answer");
    }
    if (at != reading->der.data + reading->der.len) {
        text_string(reading->problem, "something follows the OCSP answer in it");
        return false;
    }
    int status = OCSP_response_status(reading->response);

    if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
        text_format(reading->problem, "the responder gave no answer but \"%s\"",
                    OCSP_response_status_str(status));
        return false;
    }
    reading->basic = OCSP_response_get1_basic(reading->response);
    return reading->basic != NULL || complain(reading, "a broken OCSP answer");
}

/* --- about whom --------------------------------------------------------------------------- */

static X509 *issuer_of(const struct tls_certificate *certificate, X509 *leaf)
{
    for (size_t i = 0; i < certificate->issuers_count; i++) {
        if (X509_check_issued(certificate->issuers[i]->x509, leaf) == X509_V_OK) {
            return certificate->issuers[i]->x509;
        }
    }
    return X509_check_issued(leaf, leaf) == X509_V_OK ? leaf : NULL;
}

/* A responder may answer for several certificates at once. */
static bool find_single(struct reading *reading)
{
    int count = OCSP_resp_count(reading->basic);

    for (int i = 0; i < count && reading->single == NULL; i++) {
        OCSP_SINGLERESP *single = OCSP_resp_get0(reading->basic, i);

        reading->single = is_about(reading, single) ? single : NULL;
    }
    if (reading->single == NULL) {
        text_string(reading->problem, "the OCSP answer is about another certificate");
    }
    return reading->single != NULL;
}

/* Serial number, issuer's name and key (RFC 6960 section 4.1.1); the key, if the issuer is there.
 */
static bool is_about(const struct reading *reading, const OCSP_SINGLERESP *single)
{
    ASN1_OCTET_STRING *name = NULL, *key = NULL;
    ASN1_OBJECT       *algorithm = NULL;
    ASN1_INTEGER      *serial = NULL;
    uint8_t            digest[EVP_MAX_MD_SIZE];
    unsigned           len = 0;
    OCSP_CERTID       *id = (OCSP_CERTID *)(uintptr_t)OCSP_SINGLERESP_get0_id(single);

    if (OCSP_id_get0_info(&name, &algorithm, &key, &serial, id) != 1 ||
        ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(reading->leaf)) != 0) {
        return false;
    }
    EVP_MD *hash = EVP_MD_fetch(reading->certificate->library->openssl,
                                OBJ_nid2sn(OBJ_obj2nid(algorithm)), NULL);
    bool    is_same =
        hash != NULL &&
        X509_NAME_digest(X509_get_issuer_name(reading->leaf), hash, digest, &len) == 1 &&
        is_digest(name, digest, len) &&
        (reading->issuer == NULL || (X509_pubkey_digest(reading->issuer, hash, digest, &len) == 1 &&
                                     is_digest(key, digest, len)));

    EVP_MD_free(hash);
    return is_same;
}

static bool is_digest(const ASN1_OCTET_STRING *string, const uint8_t *digest, unsigned len)
{
    return ASN1_STRING_length(string) == (int)len &&
           memcmp(ASN1_STRING_get0_data(string), digest, len) == 0;
}

/* --- what it is worth --------------------------------------------------------------------- */

/* The issuer is trusted here, whoever stands above it; a responder of its own must have been made
 * one by it (RFC 6960 section 4.2.2.2). */
static bool check_signature(struct reading *reading)
{
    X509_STORE *store = X509_STORE_new();
    STACK_OF(X509) *certificates = sk_X509_new_null();
    bool is_good = reading->issuer == NULL;

    if (!is_good && store != NULL && certificates != NULL &&
        X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1 &&
        X509_STORE_add_cert(store, reading->issuer) == 1 &&
        sk_X509_push(certificates, reading->issuer) > 0) {
        X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), (time_t)reading->now_s);
        is_good = OCSP_basic_verify(reading->basic, certificates, store, 0) == 1;
    }
    sk_X509_free(certificates);
    X509_STORE_free(store);
    return is_good ||
           complain(reading, "the OCSP answer is not signed by the certificate's issuer");
}

static bool check_status(struct reading *reading)
{
    ASN1_GENERALIZEDTIME *begins = NULL, *ends = NULL;
    int status = OCSP_single_get0_status(reading->single, NULL, NULL, &begins, &ends);

    if (status != V_OCSP_CERTSTATUS_GOOD && status != V_OCSP_CERTSTATUS_REVOKED) {
        text_string(reading->problem, "the responder does not know the certificate");
        return false;
    }
    reading->is_revoked = status == V_OCSP_CERTSTATUS_REVOKED;
    return check_dates(reading, begins, ends);
}

static bool check_dates(struct reading *reading, const ASN1_GENERALIZEDTIME *begins,
                        const ASN1_GENERALIZEDTIME *ends)
{
    int64_t begins_s = 0, ends_s = 0;

    if (ends == NULL) {
        text_string(reading->problem, "the OCSP answer does not say until when it is good");
        return false;
    }
    if (!time_of(begins, &begins_s) || !time_of(ends, &ends_s) || ends_s < begins_s) {
        text_string(reading->problem, "the OCSP answer has dates that are none");
        return false;
    }
    reading->good_until_s = ends_s;
    if (ends_s <= reading->now_s) {
        return complain_of_date(reading, "the OCSP answer has expired, on", ends_s);
    }
    return begins_s <= reading->now_s + CLOCK_TOLERANCE_S ||
           complain_of_date(reading, "the OCSP answer is not good before", begins_s);
}

static bool time_of(const ASN1_GENERALIZEDTIME *time, int64_t *into_s)
{
    struct tm parts;

    if (time == NULL || ASN1_TIME_to_tm(time, &parts) != 1) {
        return false;
    }
    *into_s = (int64_t)timegm(&parts);
    return true;
}

static bool complain_of_date(struct reading *reading, const char *what, int64_t at_s)
{
    time_t    at = (time_t)at_s;
    struct tm parts;
    char      date[sizeof("2026-01-01T00:00:00Z") + 8] = "-";

    if (gmtime_r(&at, &parts) != NULL) {
        (void)strftime(date, sizeof(date), "%FT%TZ", &parts);
    }
    text_format(reading->problem, "%s %s", what, date);
    return false;
}

static bool complain(struct reading *reading, const char *what)
{
    struct error error = error_from_openssl("staple");

    text_format(reading->problem, "%s (%s)", what, openssl_error_reason(&error));
    return false;
}
