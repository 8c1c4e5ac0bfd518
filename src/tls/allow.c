/* Lists of who is let in: patterns for the names in a certificate, and digests of public keys. */
#include "tls/glob.h"
#include "tls/openssl_error.h"
#include "tls/tls_internal.h"
#include "tls/verify_internal.h"

#include <openssl/x509.h>
#include <string.h>

static bool is_name_allowed(const void *owner, enum tls_allow_kind kind, struct bytes_const name);
static bool is_key_allowed(const struct verify_policy *policy, const X509 *certificate,
                           OSSL_LIB_CTX *openssl);
static bool read_hexadecimal(const char *text, uint8_t pin[static TLS_PIN_BYTES]);
static bool read_base64(const char *text, uint8_t pin[static TLS_PIN_BYTES]);
static int  value_of(char digit);

/* Separators of parts, by kind. */
static const struct glob_options globs[] = {
    [TLS_ALLOW_CN] = {.separator = '\0'},
    [TLS_ALLOW_OU] = {.separator = '\0'},
    [TLS_ALLOW_DNS] = {.separator = '.', .ignores_case = true},
    [TLS_ALLOW_URI] = {.separator = '/'}};

bool allow_matches(const struct verify_policy *policy, const X509 *certificate,
                   OSSL_LIB_CTX *openssl)
{
    return policy->allows_count == 0 || client_names_find(certificate, is_name_allowed, policy) ||
           is_key_allowed(policy, certificate, openssl);
}

static bool is_name_allowed(const void *owner, enum tls_allow_kind kind, struct bytes_const name)
{
    const struct verify_policy *policy = owner;

    for (size_t i = 0; i < policy->allows_count; i++) {
        const struct tls_allow *allow = &policy->allows[i];

        if (allow->kind == kind && glob_matches(allow->pattern, name, &globs[kind])) {
            return true;
        }
    }
    return false;
}

static bool is_key_allowed(const struct verify_policy *policy, const X509 *certificate,
                           OSSL_LIB_CTX *openssl)
{
    unsigned char *der = NULL;
    int            len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    uint8_t        digest[TLS_PIN_BYTES];
    size_t         digest_len = 0;
    bool is_hashed = len > 0 && EVP_Q_digest(openssl, "SHA256", NULL, der, (size_t)len, digest,
                                             &digest_len) == 1;
    bool is_allowed = false;

    for (size_t i = 0; is_hashed && i < policy->allows_count && !is_allowed; i++) {
        const struct tls_allow *allow = &policy->allows[i];

        is_allowed =
            allow->kind == TLS_ALLOW_SPKI_PIN && memcmp(allow->pin, digest, sizeof(digest)) == 0;
    }
    OPENSSL_free(der);
    openssl_error_drop();
    return is_allowed;
}

/* --- pins --------------------------------------------------------------------------------- */

bool tls_pin_read(const char *text, uint8_t pin[static TLS_PIN_BYTES])
{
    static const char *const heads[] = {"sha256:", "sha256//"};

    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        size_t len = strlen(heads[i]);

        if (strncmp(text, heads[i], len) == 0) {
            return read_hexadecimal(text + len, pin) || read_base64(text + len, pin);
        }
    }
    return false;
}

static bool read_hexadecimal(const char *text, uint8_t pin[static TLS_PIN_BYTES])
{
    if (strlen(text) != (size_t)2 * TLS_PIN_BYTES) {
        return false;
    }
    for (size_t i = 0; i < TLS_PIN_BYTES; i++) {
        int high = value_of(text[2 * i]);
        int low = value_of(text[2 * i + 1]);

        if (high < 0 || low < 0) {
            return false;
        }
        pin[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static int value_of(char digit)
{
    static const char digits[] = "0123456789abcdef";
    char              lower = digit >= 'A' && digit <= 'F' ? (char)(digit - 'A' + 'a') : digit;
    const char       *found = lower != '\0' ? strchr(digits, lower) : NULL;

    return found != NULL ? (int)(found - digits) : -1;
}

/* 32 bytes are 43 characters and one "=". */
static bool read_base64(const char *text, uint8_t pin[static TLS_PIN_BYTES])
{
    enum { TEXT_LEN = 44, PADDED_BYTES = 33 };
    unsigned char bytes[PADDED_BYTES];
    bool          is_whole = strlen(text) == TEXT_LEN && strcspn(text, "=") == TEXT_LEN - 1;

    if (!is_whole ||
        EVP_DecodeBlock(bytes, (const unsigned char *)text, TEXT_LEN) != PADDED_BYTES) {
        openssl_error_drop();
        return false;
    }
    memcpy(pin, bytes, TLS_PIN_BYTES);
    return true;
}
