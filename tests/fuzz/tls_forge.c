#include "tls_forge.h"

#include "base/require.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

enum { HEAD_BYTES = 5, TAG_BYTES = 16, APPLICATION_DATA = 23 };

static void    expand(const uint8_t *secret, const char *label, uint8_t *into, size_t len);
static void    make_keys(struct tls_forge *forge);
static uint8_t hex_digit(char digit);

void tls_forge_begin(struct tls_forge *forge, const char *line)
{
    const char *hex = strrchr(line, ' ');

    require(hex != NULL && strlen(hex + 1) == 2 * (size_t)TLS_FORGE_SECRET_BYTES);
    for (size_t i = 0; i < TLS_FORGE_SECRET_BYTES; i++) {
        forge->secret[i] = (uint8_t)(hex_digit(hex[1 + 2 * i]) << 4 | hex_digit(hex[2 + 2 * i]));
    }
    make_keys(forge);
}

static uint8_t hex_digit(char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char       *at = memchr(digits, digit, sizeof(digits) - 1);

    require(at != NULL);
    return (uint8_t)(at - digits);
}

void tls_forge_next_key(struct tls_forge *forge)
{
    uint8_t next[TLS_FORGE_SECRET_BYTES];

    expand(forge->secret, "tls13 traffic upd", next, sizeof(next));
    memcpy(forge->secret, next, sizeof(next));
    make_keys(forge);
}

static void make_keys(struct tls_forge *forge)
{
    expand(forge->secret, "tls13 key", forge->key, TLS_FORGE_KEY_BYTES);
    expand(forge->secret, "tls13 iv", forge->nonce, TLS_FORGE_NONCE_BYTES);
    forge->records = 0;
}

/* HKDF-Expand-Label with an empty context, for lengths of one block (RFC 8446 section 7.1). */
static void expand(const uint8_t *secret, const char *label, uint8_t *into, size_t len)
{
    uint8_t  info[64] = {(uint8_t)(len >> 8), (uint8_t)len, (uint8_t)strlen(label)};
    uint8_t  block[EVP_MAX_MD_SIZE];
    unsigned block_len = 0;
    size_t   info_len = 3 + strlen(label);

    memcpy(info + 3, label, strlen(label));
    info[info_len++] = 0;
    info[info_len++] = 1;
    require(HMAC(EVP_sha256(), secret, TLS_FORGE_SECRET_BYTES, info, info_len, block, &block_len) !=
            NULL);
    require(len <= block_len);
    memcpy(into, block, len);
}

size_t tls_forge_record(struct tls_forge *forge, uint8_t type, struct bytes_const content,
                        size_t padding, uint8_t *into)
{
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    size_t          inner_len = content.len + 1 + padding;
    size_t          sealed_len = inner_len + TAG_BYTES;
    uint8_t         nonce[TLS_FORGE_NONCE_BYTES];
    uint8_t        *inner = into + HEAD_BYTES;
    int             len = 0;

    memcpy(nonce, forge->nonce, sizeof(nonce));
    for (size_t i = 0; i < sizeof(forge->records); i++) {
        nonce[TLS_FORGE_NONCE_BYTES - 1 - i] ^= (uint8_t)(forge->records >> (8 * i));
    }
    memcpy(into,
           (uint8_t[]){APPLICATION_DATA, 3, 3, (uint8_t)(sealed_len >> 8), (uint8_t)sealed_len},
           HEAD_BYTES);
    if (content.len > 0) {
        memcpy(inner, content.data, content.len);
    }
    inner[content.len] = type;
    memset(inner + content.len + 1, 0, padding);
    require(cipher != NULL);
    require(EVP_EncryptInit_ex(cipher, EVP_aes_128_gcm(), NULL, forge->key, nonce) == 1);
    require(EVP_EncryptUpdate(cipher, NULL, &len, into, HEAD_BYTES) == 1);
    require(EVP_EncryptUpdate(cipher, inner, &len, inner, (int)inner_len) == 1);
    require(EVP_EncryptFinal_ex(cipher, inner + inner_len, &len) == 1);
    require(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, inner + inner_len) == 1);
    EVP_CIPHER_CTX_free(cipher);
    forge->records++;
    return HEAD_BYTES + sealed_len;
}
