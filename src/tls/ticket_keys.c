#include "tls/ticket_keys.h"

#include "base/require.h"
#include "tls/openssl_error.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <string.h>

enum { SHORT_KEY = 16, LONG_KEY = 32, SHORT_FILE = 48, LONG_FILE = 80, KEY_LINE_MAX = 128 };

static bool read_line(struct tls_ticket_keys *keys, struct bytes_const line, unsigned number,
                      struct text *problem);
static bool is_passed_over(struct bytes_const line);
static bool append(struct tls_ticket_keys *keys, struct bytes_const bytes, struct text *problem);
static struct tls_ticket_key unpack(struct bytes_const bytes);
static bool                  is_zero(const uint8_t *bytes, size_t len);
static bool       derive(const struct tls_ticket_secret *secret, const char *fleet, uint64_t period,
                         struct tls_ticket_key *key);
static OSSL_PARAM octets(const char *key, const void *bytes, size_t len);

bool tls_ticket_keys_rotate(struct tls_ticket_keys *keys)
{
    uint8_t random[LONG_FILE];

    if (RAND_priv_bytes(random, sizeof(random)) != 1) {
        openssl_error_drop();
        return false;
    }
    memmove(&keys->keys[1], &keys->keys[0], sizeof(keys->keys[0]) * (TLS_TICKET_KEYS_KEPT - 1));
    keys->keys[0] = unpack((struct bytes_const){random, sizeof(random)});
    if (keys->count < TLS_TICKET_KEYS_KEPT) {
        keys->count++;
    }
    OPENSSL_cleanse(random, sizeof(random));
    return true;
}

/* --- files -------------------------------------------------------------------------------- */

bool tls_ticket_keys_read(struct tls_ticket_keys *keys, struct bytes_const file,
                          struct text *problem)
{
    unsigned before = keys->count;
    unsigned number = 0;

    if (file.len == SHORT_FILE || file.len == LONG_FILE) {
        return append(keys, file, problem);
    }
    while (file.len > 0) {
        const uint8_t     *end = memchr(file.data, '\n', file.len);
        size_t             len = end != NULL ? (size_t)(end - file.data) : file.len;
        struct bytes_const line = {file.data, len};

        number++;
        if (!is_passed_over(line) && !read_line(keys, line, number, problem)) {
            return false;
        }
        len += end != NULL ? 1 : 0;
        file = (struct bytes_const){file.data + len, file.len - len};
    }
    if (keys->count == before) {
        text_string(problem, "no key in it");
        return false;
    }
    return true;
}

static bool is_passed_over(struct bytes_const line)
{
    return line.len == 0 || line.data[0] == '#' || (line.len == 1 && line.data[0] == '\r');
}

/* EVP_DecodeBlock takes whole groups of four and counts padding as bytes. */
static bool read_line(struct tls_ticket_keys *keys, struct bytes_const line, unsigned number,
                      struct text *problem)
{
    uint8_t decoded[KEY_LINE_MAX];
    int     len = -1;

    while (line.len > 0 && (line.data[line.len - 1] == '\r' || line.data[line.len - 1] == ' ')) {
        line.len--;
    }
    if (line.len <= KEY_LINE_MAX) {
        len = EVP_DecodeBlock(decoded, line.data, (int)line.len);
        openssl_error_drop();
    }
    for (size_t i = line.len; len > 0 && i > 0 && line.data[i - 1] == '='; i--) {
        len--;
    }
    if (len != SHORT_FILE && len != LONG_FILE) {
        text_format(problem, "line %u is not base64 of a key of %d or %d bytes", number, SHORT_FILE,
                    LONG_FILE);
        OPENSSL_cleanse(decoded, sizeof(decoded));
        return false;
    }
    bool is_added = append(keys, (struct bytes_const){decoded, (size_t)len}, problem);

    OPENSSL_cleanse(decoded, sizeof(decoded));
    return is_added;
}

static bool append(struct tls_ticket_keys *keys, struct bytes_const bytes, struct text *problem)
{
    if (keys->count == TLS_TICKET_KEYS_MAX) {
        text_format(problem, "over %d keys", TLS_TICKET_KEYS_MAX);
        return false;
    }
    struct tls_ticket_key key = unpack(bytes);
    bool is_good = !is_zero(key.cipher_key, key.key_bytes) && !is_zero(key.mac_key, key.key_bytes);

    if (!is_good) {
        text_string(problem, "a key is all zeros");
    }
    for (unsigned i = 0; is_good && i < keys->count; i++) {
        if (memcmp(keys->keys[i].name, key.name, sizeof(key.name)) == 0) {
            text_string(problem, "two keys have the same name, their first 16 bytes");
            is_good = false;
        }
    }
    if (is_good) {
        keys->keys[keys->count++] = key;
    }
    OPENSSL_cleanse(&key, sizeof(key));
    return is_good;
}

/* nginx and HAProxy agree on where what stands, and that it differs between the lengths. */
static struct tls_ticket_key unpack(struct bytes_const bytes)
{
    bool                  is_long = bytes.len == LONG_FILE;
    struct tls_ticket_key key = {.key_bytes = is_long ? LONG_KEY : SHORT_KEY};
    const uint8_t        *first = bytes.data + sizeof(key.name);
    const uint8_t        *second = first + key.key_bytes;

    require(is_long || bytes.len == SHORT_FILE);
    memcpy(key.name, bytes.data, sizeof(key.name));
    memcpy(key.mac_key, is_long ? first : second, key.key_bytes);
    memcpy(key.cipher_key, is_long ? second : first, key.key_bytes);
    return key;
}

/* A file of zeros is what a generator that failed leaves (CVE-2020-13777 was such a key). */
static bool is_zero(const uint8_t *bytes, size_t len)
{
    uint8_t any = 0;

    for (size_t i = 0; i < len; i++) {
        any |= bytes[i];
    }
    return any == 0;
}

/* --- secrets ------------------------------------------------------------------------------ */

bool tls_ticket_secrets_add(struct tls_ticket_secrets *secrets, struct bytes_const file,
                            struct text *problem)
{
    if (secrets->count == TLS_TICKET_SECRETS_MAX) {
        text_format(problem, "over %d secrets", TLS_TICKET_SECRETS_MAX);
        return false;
    }
    while (file.len > 0 && (file.data[file.len - 1] == '\n' || file.data[file.len - 1] == '\r')) {
        file.len--;
    }
    if (file.len < TLS_TICKET_SECRET_BYTES_MIN || file.len > TLS_TICKET_SECRET_BYTES_MAX) {
        text_format(problem, "a secret has %d to %d bytes, this one %zu",
                    TLS_TICKET_SECRET_BYTES_MIN, TLS_TICKET_SECRET_BYTES_MAX, file.len);
        return false;
    }
    if (is_zero(file.data, file.len)) {
        text_string(problem, "the secret is all zeros");
        return false;
    }
    struct tls_ticket_secret *secret = &secrets->secrets[secrets->count++];

    memcpy(secret->bytes, file.data, file.len);
    secret->len = (uint16_t)file.len;
    return true;
}

bool tls_ticket_keys_derive(struct tls_ticket_keys *keys, const struct tls_ticket_secrets *secrets,
                            uint64_t period)
{
    static const int64_t offsets[] = {0, -1, 1};

    *keys = (struct tls_ticket_keys){0};
    for (unsigned i = 0; i < secrets->count; i++) {
        for (unsigned j = 0; j < sizeof(offsets) / sizeof(offsets[0]); j++) {
            if (!derive(&secrets->secrets[i], secrets->fleet, period + (uint64_t)offsets[j],
                        &keys->keys[keys->count++])) {
                OPENSSL_cleanse(keys, sizeof(*keys));
                return false;
            }
        }
    }
    return true;
}

static bool derive(const struct tls_ticket_secret *secret, const char *fleet, uint64_t period,
                   struct tls_ticket_key *key)
{
    static const char label[] = "sallyport stek";
    uint8_t           info[sizeof(label) - 1 + sizeof(period)];
    uint8_t           derived[LONG_FILE];
    char              digest[] = "SHA256";
    OSSL_PARAM        parameters[5];
    EVP_KDF          *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX      *context = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;

    memcpy(info, label, sizeof(label) - 1);
    for (size_t i = 0; i < sizeof(period); i++) {
        info[sizeof(info) - 1 - i] = (uint8_t)(period >> (8 * i));
    }
    parameters[0] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
    parameters[1] = octets(OSSL_KDF_PARAM_KEY, secret->bytes, secret->len);
    parameters[2] = octets(OSSL_KDF_PARAM_SALT, fleet, strlen(fleet));
    parameters[3] = octets(OSSL_KDF_PARAM_INFO, info, sizeof(info));
    parameters[4] = OSSL_PARAM_construct_end();
    bool is_derived =
        context != NULL && EVP_KDF_derive(context, derived, sizeof(derived), parameters) == 1;

    if (is_derived) {
        *key = unpack((struct bytes_const){derived, sizeof(derived)});
    }
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    OPENSSL_cleanse(derived, sizeof(derived));
    openssl_error_drop();
    return is_derived;
}

/* OpenSSL's parameters are not const, though these are only read. */
static OSSL_PARAM octets(const char *key, const void *bytes, size_t len)
{
    return OSSL_PARAM_construct_octet_string(key, (void *)(uintptr_t)bytes, len);
}
