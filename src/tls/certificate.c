/* PEM text becomes certificates and keys. */
#include "tls/openssl_error.h"
#include "tls/tls_internal.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static BIO  *open_text(struct bytes_const pem);
static X509 *read_one(struct tls_library *library, BIO *bio);
static bool  read_chain(struct tls_context *context, struct certificate *certificate, BIO *bio);
static bool  read_key(struct tls_context *context, const struct tls_pem *pem,
                      struct certificate *certificate, struct text *problem);
static void warn_of_dates(struct tls_context *context, const struct tls_pem *pem, const X509 *leaf);
static void context_warn(struct tls_context *context, const char *path, const char *what);
static int  refuse_password(char *into, int into_bytes, int is_write, void *has_asked);
static bool common_name(const X509 *leaf, certificate_name *each, void *owner);

bool certificate_read(struct tls_context *context, const struct tls_pem *pem,
                      struct certificate *certificate, struct text *problem)
{
    BIO *bio = open_text(pem->certificate);

    *certificate = (struct certificate){0};
    certificate->leaf = bio == NULL ? NULL : read_one(context->library, bio);
    bool is_read = certificate->leaf != NULL && read_chain(context, certificate, bio);

    BIO_free(bio);
    if (!is_read) {
        struct error error = error_from_openssl("certificate");

        text_format(problem, "%s: %s (%s)", pem->certificate_path,
                    certificate->leaf == NULL ? "no certificate in it" : "a broken chain",
                    openssl_error_reason(&error));
        certificate_fini(certificate);
        return false;
    }
    if (!read_key(context, pem, certificate, problem)) {
        certificate_fini(certificate);
        return false;
    }
    warn_of_dates(context, pem, certificate->leaf);
    return true;
}

void certificate_fini(struct certificate *certificate)
{
    X509_free(certificate->leaf);
    EVP_PKEY_free(certificate->key);
    sk_X509_pop_free(certificate->chain, X509_free);
    *certificate = (struct certificate){0};
}

static BIO *open_text(struct bytes_const pem)
{
    return pem.len > INT_MAX ? NULL : BIO_new_mem_buf(pem.data, (int)pem.len);
}

/* The next certificate in the text; NULL when there is none left, or it is broken. */
static X509 *read_one(struct tls_library *library, BIO *bio)
{
    X509 *certificate = X509_new_ex(library->openssl, NULL);

    if (certificate != NULL && PEM_read_bio_X509(bio, &certificate, NULL, NULL) == NULL) {
        X509_free(certificate);
        return NULL;
    }
    return certificate;
}

static bool read_chain(struct tls_context *context, struct certificate *certificate, BIO *bio)
{
    X509 *issuer = NULL;

    certificate->chain = sk_X509_new_null();
    while (certificate->chain != NULL && (issuer = read_one(context->library, bio)) != NULL) {
        if (sk_X509_push(certificate->chain, issuer) <= 0) {
            X509_free(issuer);
            return false;
        }
    }
    bool is_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;

    if (certificate->chain == NULL || !is_end) {
        return false;
    }
    openssl_error_drop();
    return true;
}

static bool read_key(struct tls_context *context, const struct tls_pem *pem,
                     struct certificate *certificate, struct text *problem)
{
    const char        *path = pem->key_path != NULL ? pem->key_path : pem->certificate_path;
    struct bytes_const text = pem->key_path != NULL ? pem->key : pem->certificate;
    bool               is_encrypted = false;

    certificate->key = key_read(context->library, text, &is_encrypted);
    struct error error = error_from_openssl("key");

    if (certificate->key == NULL && is_encrypted) {
        text_format(problem, "%s: the key is encrypted, and there is nobody to ask", path);
        return false;
    }
    if (certificate->key == NULL) {
        text_format(problem, "%s: no private key in it (%s)", path, openssl_error_reason(&error));
        return false;
    }
    if (X509_check_private_key(certificate->leaf, certificate->key) != 1) {
        openssl_error_drop();
        text_format(problem, "%s: the key does not belong to the certificate", path);
        return false;
    }
    return true;
}

EVP_PKEY *key_read(struct tls_library *library, struct bytes_const pem, bool *is_encrypted)
{
    BIO      *bio = open_text(pem);
    EVP_PKEY *key = NULL;

    *is_encrypted = false;
    if (bio != NULL) {
        key = PEM_read_bio_PrivateKey_ex(bio, NULL, refuse_password, is_encrypted, library->openssl,
                                         NULL);
    }
    BIO_free(bio);
    return key;
}

/* OpenSSL would ask the terminal. */
static int refuse_password(char *into, int into_bytes, int is_write, void *has_asked)
{
    (void)into;
    (void)into_bytes;
    (void)is_write;
    *(bool *)has_asked = true;
    return -1;
}

/* --- names -------------------------------------------------------------------------------- */

bool certificate_names(const struct certificate *certificate, certificate_name *each, void *owner)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate->leaf, NID_subject_alt_name, NULL, NULL);
    bool           is_done = true;

    if (names == NULL) {
        openssl_error_drop();
        return common_name(certificate->leaf, each, owner);
    }
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && is_done; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (name->type == GEN_DNS) {
            int len = ASN1_STRING_length(name->d.dNSName);

            is_done = each(owner, (struct bytes_const){ASN1_STRING_get0_data(name->d.dNSName),
                                                       len > 0 ? (size_t)len : 0});
        }
    }
    GENERAL_NAMES_free(names);
    return is_done;
}

/* Only where there are no alternative names at all (RFC 6125 section 6.4.4). */
static bool common_name(const X509 *leaf, certificate_name *each, void *owner)
{
    X509_NAME *subject = X509_get_subject_name(leaf);
    int        at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

    if (at < 0) {
        return true;
    }
    const ASN1_STRING *name = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    int                len = ASN1_STRING_length(name);

    return each(owner,
                (struct bytes_const){ASN1_STRING_get0_data(name), len > 0 ? (size_t)len : 0});
}

/* --- warnings ----------------------------------------------------------------------------- */

static void warn_of_dates(struct tls_context *context, const struct tls_pem *pem, const X509 *leaf)
{
    if (X509_cmp_current_time(X509_get0_notAfter(leaf)) < 0) {
        context_warn(context, pem->certificate_path, "the certificate has expired");
    } else if (X509_cmp_current_time(X509_get0_notBefore(leaf)) > 0) {
        context_warn(context, pem->certificate_path, "the certificate is not valid yet");
    }
    openssl_error_drop();
}

static void context_warn(struct tls_context *context, const char *path, const char *what)
{
    size_t room = context->warnings_len + strlen(path) + strlen(what) + sizeof(": \n");
    char  *grown = realloc(context->warnings, room);

    if (grown == NULL) {
        return;
    }
    struct text text;

    text_init(&text, grown + context->warnings_len, room - context->warnings_len);
    text_format(&text, "%s: %s\n", path, what);
    context->warnings = grown;
    context->warnings_len += text_len(&text);
}
