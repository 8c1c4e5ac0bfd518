#include "tls/seal.h"

#include "base/require.h"

#include <linux/tls.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/ssl3.h>
#include <openssl/tls1.h>
#include <string.h>

enum { HEAD_BYTES = 5, TAG_BYTES = 16, SALT_BYTES = SEAL_IV_BYTES - 8, LENGTH_BITS_LOW = 8 };

static const char *const names[SEAL_CIPHERS] = {"AES-128-GCM", "AES-256-GCM"};

static void            take_keys(struct tls_seal *seal, const uint8_t *key, size_t key_bytes,
                                 const uint8_t *salt, const uint8_t *iv, const uint8_t *sequence);
static EVP_CIPHER_CTX *keyed(const struct tls_seal *seal, struct sealer *sealer);
static void            nonce_of(const struct tls_seal *seal, uint8_t nonce[SEAL_IV_BYTES]);
static bool            seal_into(EVP_CIPHER_CTX *context, const uint8_t nonce[SEAL_IV_BYTES],
                                 struct bytes_const content, uint8_t type, uint8_t *record);

bool sealer_init(struct sealer *sealer, OSSL_LIB_CTX *openssl)
{
    bool is_whole = true;

    for (size_t i = 0; i < SEAL_CIPHERS; i++) {
        sealer->ciphers[i] = EVP_CIPHER_fetch(openssl, names[i], NULL);
        sealer->contexts[i] = EVP_CIPHER_CTX_new();
        is_whole = is_whole && sealer->ciphers[i] != NULL && sealer->contexts[i] != NULL &&
                   EVP_EncryptInit_ex2(sealer->contexts[i], sealer->ciphers[i], NULL, NULL, NULL);
    }
    return is_whole;
}

void sealer_fini(struct sealer *sealer)
{
    for (size_t i = 0; i < SEAL_CIPHERS; i++) {
        EVP_CIPHER_CTX_free(sealer->contexts[i]);
        EVP_CIPHER_free(sealer->ciphers[i]);
    }
    *sealer = (struct sealer){0};
}

/* What the kernel would get with setsockopt(SOL_TLS, TLS_TX): linux/tls.h, which OpenSSL's own
 * structure begins with. */
bool seal_begin(struct tls_seal *seal, struct sealer *sealer, const void *crypto_info)
{
    const struct tls_crypto_info               *info = crypto_info;
    const struct tls12_crypto_info_aes_gcm_128 *gcm_128 = crypto_info;
    const struct tls12_crypto_info_aes_gcm_256 *gcm_256 = crypto_info;

    if (info->version != TLS_1_3_VERSION) {
        return false;
    }
    switch (info->cipher_type) {
    case TLS_CIPHER_AES_GCM_128:
        seal->cipher = 0;
        take_keys(seal, gcm_128->key, sizeof(gcm_128->key), gcm_128->salt, gcm_128->iv,
                  gcm_128->rec_seq);
        break;
    case TLS_CIPHER_AES_GCM_256:
        seal->cipher = 1;
        take_keys(seal, gcm_256->key, sizeof(gcm_256->key), gcm_256->salt, gcm_256->iv,
                  gcm_256->rec_seq);
        break;
    default:
        return false;
    }
    seal->type = 0;
    seal->serial = ++sealer->serials;
    return true;
}

static void take_keys(struct tls_seal *seal, const uint8_t *key, size_t key_bytes,
                      const uint8_t *salt, const uint8_t *iv, const uint8_t *sequence)
{
    memcpy(seal->key, key, key_bytes);
    memcpy(seal->iv, salt, SALT_BYTES);
    memcpy(seal->iv + SALT_BYTES, iv, SEAL_IV_BYTES - SALT_BYTES);
    seal->sequence = 0;
    for (size_t i = 0; i < sizeof(seal->sequence); i++) {
        seal->sequence = seal->sequence << 8 | sequence[i];
    }
}

void seal_end(struct tls_seal *seal)
{
    OPENSSL_cleanse(seal, sizeof(*seal));
}

bool seal_record(struct tls_seal *seal, struct sealer *sealer, struct bytes_const content,
                 struct buffer *into)
{
    struct bytes    room = buffer_writable(into);
    uint8_t         type = seal->type != 0 ? seal->type : SSL3_RT_APPLICATION_DATA;
    EVP_CIPHER_CTX *context = keyed(seal, sealer);
    uint8_t         nonce[SEAL_IV_BYTES];

    require(content.len > 0 && content.len <= SSL3_RT_MAX_PLAIN_LENGTH);
    require(room.len >= content.len + SEAL_OVERHEAD_BYTES);
    nonce_of(seal, nonce);
    if (context == NULL || !seal_into(context, nonce, content, type, room.data)) {
        return false;
    }
    buffer_produced(into, content.len + SEAL_OVERHEAD_BYTES);
    seal->sequence++;
    seal->type = 0;
    if (type == SSL3_RT_HANDSHAKE && content.data[0] == SSL3_MT_KEY_UPDATE) {
        seal_end(seal);
    }
    return true;
}

/* The context of its cipher, with its key. */
static EVP_CIPHER_CTX *keyed(const struct tls_seal *seal, struct sealer *sealer)
{
    EVP_CIPHER_CTX *context = sealer->contexts[seal->cipher];

    if (sealer->holders[seal->cipher] != seal->serial) {
        sealer->holders[seal->cipher] = 0;
        if (!EVP_EncryptInit_ex2(context, NULL, seal->key, NULL, NULL)) {
            return NULL;
        }
        sealer->holders[seal->cipher] = seal->serial;
    }
    return context;
}

/* RFC 8446 section 5.3. */
static void nonce_of(const struct tls_seal *seal, uint8_t nonce[SEAL_IV_BYTES])
{
    memcpy(nonce, seal->iv, SEAL_IV_BYTES);
    for (size_t i = 0; i < sizeof(seal->sequence); i++) {
        nonce[SEAL_IV_BYTES - 1 - i] ^= (uint8_t)(seal->sequence >> (8 * i));
    }
}

/* RFC 8446 section 5.2: the head, which is also what is authenticated; sealed content and its type;
 * the tag. */
static bool seal_into(EVP_CIPHER_CTX *context, const uint8_t nonce[SEAL_IV_BYTES],
                      struct bytes_const content, uint8_t type, uint8_t *record)
{
    size_t   sealed_bytes = content.len + 1 + TAG_BYTES;
    uint8_t *at = record + HEAD_BYTES;
    uint8_t  head[HEAD_BYTES] = {SSL3_RT_APPLICATION_DATA, TLS1_2_VERSION_MAJOR,
                                 TLS1_2_VERSION_MINOR, (uint8_t)(sealed_bytes >> LENGTH_BITS_LOW),
                                 (uint8_t)sealed_bytes};
    int      len = 0, type_len = 0, rest = 0;

    memcpy(record, head, HEAD_BYTES);
    return EVP_EncryptInit_ex2(context, NULL, NULL, nonce, NULL) &&
           EVP_EncryptUpdate(context, NULL, &len, record, HEAD_BYTES) &&
           EVP_EncryptUpdate(context, at, &len, content.data, (int)content.len) &&
           EVP_EncryptUpdate(context, at + len, &type_len, &type, 1) &&
           EVP_EncryptFinal_ex(context, at + len + type_len, &rest) &&
           (size_t)(len + type_len + rest) == content.len + 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, at + content.len + 1);
}
