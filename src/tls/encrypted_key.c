/*
 * Private keys as PEM files have them: which are there, which are encrypted, and how those are
 * opened. OpenSSL is never left to ask the terminal: without a passphrase it is not asked at all.
 */
#include "base/require.h"
#include "tls/openssl_error.h"
#include "tls/tls_internal.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <string.h>

#define BEGIN "-----BEGIN "
#define END   "-----"

static bool has_label(struct bytes_const label, const char *ending);
static bool open_traditional(const char *header, struct bytes_const passphrase, struct bytes *der);
static int  give_passphrase(char *into, int into_bytes, int is_to_encrypt, void *passphrase);
static bool open_pkcs8(struct tls_library *library, struct bytes_const passphrase,
                       struct bytes *der);

void tls_pem_look(struct bytes_const text, struct tls_pem_facts *facts)
{
    static const char  mark[] = "Proc-Type: 4,ENCRYPTED";
    const uint8_t     *end = text.data + text.len;
    const uint8_t     *at = text.data;
    struct bytes_const label = {0};

    *facts = (struct tls_pem_facts){0};
    while (at != NULL && at < end &&
           (at = memmem(at, (size_t)(end - at), BEGIN, strlen(BEGIN))) != NULL) {
        at += strlen(BEGIN);
        const uint8_t *rest = memmem(at, (size_t)(end - at), END, strlen(END));

        if (rest == NULL) {
            return;
        }
        label = (struct bytes_const){at, (size_t)(rest - at)};
        at = rest + strlen(END);
        facts->has_certificate = facts->has_certificate || has_label(label, "CERTIFICATE");
        if (has_label(label, "PRIVATE KEY")) {
            size_t left = (size_t)(end - at);
            size_t len = left < sizeof(mark) + 1 ? left : sizeof(mark) + 1;

            facts->has_key = true;
            facts->has_encrypted_key = facts->has_encrypted_key ||
                                       has_label(label, "ENCRYPTED PRIVATE KEY") ||
                                       memmem(at, len, mark, strlen(mark)) != NULL;
        }
    }
}

static bool has_label(struct bytes_const label, const char *ending)
{
    size_t len = strlen(ending);

    return label.len >= len && memcmp(label.data + label.len - len, ending, len) == 0;
}

bool encrypted_key_open(struct tls_library *library, const char *header,
                        struct bytes_const passphrase, struct bytes *der)
{
    require(passphrase.data != NULL);
    return header[0] != '\0' ? open_traditional(header, passphrase, der)
                             : open_pkcs8(library, passphrase, der);
}

/* RFC 1421's way: a header names the cipher, and what it opens to takes the place of the bytes. */
static bool open_traditional(const char *header, struct bytes_const passphrase, struct bytes *der)
{
    char            copy[256];
    EVP_CIPHER_INFO cipher;
    long            len = (long)der->len;

    if (strlen(header) >= sizeof(copy) || der->len > LONG_MAX) {
        return false;
    }
    memcpy(copy, header, strlen(header) + 1);
    if (PEM_get_EVP_CIPHER_INFO(copy, &cipher) != 1 ||
        PEM_do_header(&cipher, der->data, &len, give_passphrase, &passphrase) != 1) {
        return false;
    }
    der->len = (size_t)len;
    return true;
}

static int give_passphrase(char *into, int into_bytes, int is_to_encrypt, void *passphrase)
{
    const struct bytes_const *bytes = passphrase;

    (void)is_to_encrypt;
    if (into_bytes < 0 || bytes->len > (size_t)into_bytes) {
        return -1;
    }
    memcpy(into, bytes->data, bytes->len);
    return (int)bytes->len;
}

/* RFC 5958. What it opens to is shorter, so there is room for it. */
static bool open_pkcs8(struct tls_library *library, struct bytes_const passphrase,
                       struct bytes *der)
{
    const unsigned char *at = der->data;
    unsigned char       *plain = NULL;
    X509_SIG *sealed = der->len <= LONG_MAX ? d2i_X509_SIG(NULL, &at, (long)der->len) : NULL;
    PKCS8_PRIV_KEY_INFO *key = sealed != NULL && passphrase.len <= INT_MAX
                                   ? PKCS8_decrypt_ex(sealed, (const char *)passphrase.data,
                                                      (int)passphrase.len, library->openssl, NULL)
                                   : NULL;
    int                  len = key != NULL ? i2d_PKCS8_PRIV_KEY_INFO(key, &plain) : 0;
    bool                 is_open = len > 0 && (size_t)len <= der->len;

    if (is_open) {
        memcpy(der->data, plain, (size_t)len);
        der->len = (size_t)len;
    }
    OPENSSL_clear_free(plain, len > 0 ? (size_t)len : 0);
    PKCS8_PRIV_KEY_INFO_free(key);
    X509_SIG_free(sealed);
    return is_open;
}
