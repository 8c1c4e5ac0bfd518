#include "tls/client_names.h"

#include "tls/openssl_error.h"

#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static bool find_in_subject(const X509 *certificate, client_name *is_it, const void *owner);
static bool is_in_entry(const X509_NAME *subject, int at, enum tls_allow_kind kind,
                        client_name *is_it, const void *owner);
static bool find_in_alternatives(const X509 *certificate, client_name *is_it, const void *owner);
static bool is_alternative(const GENERAL_NAME *name, client_name *is_it, const void *owner);
static bool is_clean(struct bytes_const name, bool is_ascii);

bool client_names_find(const X509 *certificate, client_name *is_it, const void *owner)
{
    bool is_found = find_in_subject(certificate, is_it, owner) ||
                    find_in_alternatives(certificate, is_it, owner);

    openssl_error_drop();
    return is_found;
}

static bool find_in_subject(const X509 *certificate, client_name *is_it, const void *owner)
{
    const X509_NAME *subject = X509_get_subject_name(certificate);
    int              common = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    int              unit = -1;

    if (common >= 0 && X509_NAME_get_index_by_NID(subject, NID_commonName, common) < 0 &&
        is_in_entry(subject, common, TLS_ALLOW_CN, is_it, owner)) {
        return true;
    }
    for (int i = 0; i < CLIENT_NAMES_MAX; i++) {
        unit = X509_NAME_get_index_by_NID(subject, NID_organizationalUnitName, unit);
        if (unit < 0) {
            return false;
        }
        if (is_in_entry(subject, unit, TLS_ALLOW_OU, is_it, owner)) {
            return true;
        }
    }
    return false;
}

/* In UTF-8, whatever the certificate has it in. */
static bool is_in_entry(const X509_NAME *subject, int at, enum tls_allow_kind kind,
                        client_name *is_it, const void *owner)
{
    const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    unsigned char     *utf8 = NULL;
    int                len = ASN1_STRING_to_UTF8(&utf8, value);

    if (len < 0) {
        return false;
    }
    struct bytes_const name = {utf8, (size_t)len};
    bool               is_found = is_clean(name, false) && is_it(owner, kind, name);

    OPENSSL_free(utf8);
    return is_found;
}

static bool find_in_alternatives(const X509 *certificate, client_name *is_it, const void *owner)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    int            count = names != NULL ? sk_GENERAL_NAME_num(names) : 0;
    bool           is_found = false;

    for (int i = 0; i < count && i < CLIENT_NAMES_MAX && !is_found; i++) {
        is_found = is_alternative(sk_GENERAL_NAME_value(names, i), is_it, owner);
    }
    GENERAL_NAMES_free(names);
    return is_found;
}

static bool is_alternative(const GENERAL_NAME *name, client_name *is_it, const void *owner)
{
    if (name->type != GEN_DNS && name->type != GEN_URI) {
        return false;
    }
    const ASN1_STRING *value =
        name->type == GEN_DNS ? name->d.dNSName : name->d.uniformResourceIdentifier;
    int                len = ASN1_STRING_length(value);
    struct bytes_const bytes = {ASN1_STRING_get0_data(value), len > 0 ? (size_t)len : 0};

    return is_clean(bytes, true) &&
           is_it(owner, name->type == GEN_DNS ? TLS_ALLOW_DNS : TLS_ALLOW_URI, bytes);
}

/* Host names and URIs are visible ASCII; other names may have spaces and other letters. */
static bool is_clean(struct bytes_const name, bool is_ascii)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t byte = name.data[i];

        if (byte < 0x20 || byte == 0x7f || (is_ascii && (byte == 0x20 || byte > 0x7f))) {
            return false;
        }
    }
    return name.len > 0;
}

/* --- subject ------------------------------------------------------------------------------ */

struct bytes client_names_subject(const X509 *certificate, size_t len_max)
{
    unsigned long flags = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
    struct bytes  subject = {0};
    BIO          *bio = BIO_new(BIO_s_mem());
    char         *text = NULL;

    if (bio != NULL && X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, flags) >= 0) {
        long   len = BIO_get_mem_data(bio, &text);
        size_t kept = len <= 0 ? 0 : (size_t)len < len_max ? (size_t)len : len_max;

        subject.data = kept > 0 ? malloc(kept) : NULL;
        if (subject.data != NULL) {
            memcpy(subject.data, text, kept);
            subject.len = kept;
        }
    }
    BIO_free(bio);
    openssl_error_drop();
    return subject;
}
