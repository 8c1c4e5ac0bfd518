#include "responder.h"

#include "base/require.h"

#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

enum { HOUR_S = 3600 };

static void tell_status(OCSP_BASICRESP *basic, const struct answer_options *options,
                        const struct credential *about)
{
    long         begins_s = options->begins_s != 0 ? options->begins_s : -HOUR_S;
    long         ends_s = options->ends_s != 0 ? options->ends_s : HOUR_S;
    ASN1_TIME   *begins = X509_gmtime_adj(NULL, begins_s);
    ASN1_TIME   *ends = options->has_no_end ? NULL : X509_gmtime_adj(NULL, ends_s);
    OCSP_CERTID *id =
        OCSP_cert_to_id(EVP_get_digestbyname(options->digest != NULL ? options->digest : "SHA1"),
                        about->certificate, options->issuer->certificate);

    require(id != NULL && begins != NULL);
    require(OCSP_basic_add1_status(basic, id, options->status, OCSP_REVOKED_STATUS_NOSTATUS, begins,
                                   begins, ends) != NULL);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(begins);
    ASN1_TIME_free(ends);
}

static void add_ballast(OCSP_BASICRESP *basic, size_t bytes)
{
    ASN1_OCTET_STRING *ballast = ASN1_OCTET_STRING_new();
    uint8_t           *zeros = calloc(1, bytes);
    X509_EXTENSION    *extension = NULL;

    require(ballast != NULL && zeros != NULL);
    require(ASN1_OCTET_STRING_set(ballast, zeros, (int)bytes) == 1);
    extension = X509_EXTENSION_create_by_NID(NULL, NID_id_pkix_OCSP_Nonce, 0, ballast);
    require(extension != NULL && OCSP_BASICRESP_add_ext(basic, extension, -1) == 1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(ballast);
    free(zeros);
}

static struct bytes der_of(const struct answer_options *options, OCSP_BASICRESP *basic)
{
    OCSP_RESPONSE *response = options->refusal != 0
                                  ? OCSP_response_create(options->refusal, NULL)
                                  : OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    unsigned char *at = NULL;
    struct bytes   der = {0};

    require(response != NULL);
    der.len = (size_t)i2d_OCSP_RESPONSE(response, NULL);
    der.data = malloc(der.len);
    require(der.data != NULL);
    at = der.data;
    require(i2d_OCSP_RESPONSE(response, &at) == (int)der.len);
    OCSP_RESPONSE_free(response);
    return der;
}

struct bytes answer_make(const struct answer_options *options)
{
    const struct credential *signer = options->signer != NULL ? options->signer : options->issuer;
    OCSP_BASICRESP          *basic = OCSP_BASICRESP_new();

    require(basic != NULL);
    if (options->also_about != NULL) {
        tell_status(basic, options, options->also_about);
    }
    tell_status(basic, options, options->about);
    if (options->ballast_bytes > 0) {
        add_ballast(basic, options->ballast_bytes);
    }
    require(OCSP_basic_sign(basic, signer->certificate, signer->key, EVP_sha256(), NULL, 0) == 1);
    struct bytes der = der_of(options, basic);

    OCSP_BASICRESP_free(basic);
    return der;
}

char *answer_pem(struct bytes der)
{
    BIO  *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    char *text = NULL;

    require(bio != NULL && PEM_write_bio(bio, "OCSP RESPONSE", "", der.data, (long)der.len) > 0);
    long len = BIO_get_mem_data(bio, &data);

    text = strndup(data, (size_t)len);
    require(text != NULL);
    BIO_free(bio);
    return text;
}
