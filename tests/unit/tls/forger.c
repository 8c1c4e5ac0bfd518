#include "forger.h"

#include "suite.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/ssl.h>
#include <string.h>

enum { RANDOM_BYTES = 32, MASTER_BYTES = 48, TAG_BYTES = 16, NONCE_BYTES = 8, HEAD_BYTES = 5 };

static void derive(uint8_t *master, uint8_t *seed, size_t seed_len, uint8_t *into, size_t into_len)
{
    char         digest[] = "SHA256";
    EVP_KDF     *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
    OSSL_PARAM   parameters[] = {
          OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
          OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, master, MASTER_BYTES),
          OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed, seed_len),
          OSSL_PARAM_construct_end()};

    ck_assert_int_eq(EVP_KDF_derive(context, into, into_len, parameters), 1);
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
}

/* Key block of RFC 5246 section 6.3: both keys, then both salts, the client's first. */
void forger_init(struct forger *forger, const struct pair *pair)
{
    static const char label[] = "key expansion";
    enum { LABEL_BYTES = sizeof(label) - 1, SALT_AT = 32, BLOCK_BYTES = 40 };
    SSL    *ssl = pair->client.engine.ssl;
    uint8_t master[MASTER_BYTES];
    uint8_t seed[LABEL_BYTES + 2 * RANDOM_BYTES];
    uint8_t block[BLOCK_BYTES];

    memcpy(seed, label, LABEL_BYTES);
    ck_assert_uint_eq(SSL_get_server_random(ssl, seed + LABEL_BYTES, RANDOM_BYTES), RANDOM_BYTES);
    ck_assert_uint_eq(SSL_get_client_random(ssl, seed + LABEL_BYTES + RANDOM_BYTES, RANDOM_BYTES),
                      RANDOM_BYTES);
    ck_assert_uint_eq(SSL_SESSION_get_master_key(SSL_get_session(ssl), master, sizeof(master)),
                      MASTER_BYTES);
    derive(master, seed, sizeof(seed), block, sizeof(block));
    memcpy(forger->key, block, sizeof(forger->key));
    memcpy(forger->salt, block + SALT_AT, sizeof(forger->salt));
    forger->sequence = 1; /* 0 was Finished */
}

static void put_number(uint8_t *into, uint64_t number, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        into[i] = (uint8_t)(number >> (8 * (bytes - 1 - i)));
    }
}

/* RFC 5288 section 3 and RFC 5246 section 6.2.3.3. */
void forger_write(struct forger *forger, struct end *client, uint8_t type,
                  struct bytes_const plaintext)
{
    enum { AAD_BYTES = 13, VERSION = 0x0303, SEQUENCE_BYTES = 8, PLAIN_MAX = 16384 };
    uint8_t         iv[sizeof(forger->salt) + NONCE_BYTES];
    uint8_t         aad[AAD_BYTES];
    static uint8_t  record[HEAD_BYTES + NONCE_BYTES + PLAIN_MAX + TAG_BYTES];
    uint8_t        *body = record + HEAD_BYTES + NONCE_BYTES;
    size_t          len = HEAD_BYTES + NONCE_BYTES + plaintext.len + TAG_BYTES;
    int             moved = 0;
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();

    ck_assert_uint_le(plaintext.len, PLAIN_MAX);
    put_number(aad, forger->sequence, SEQUENCE_BYTES);
    aad[8] = type;
    put_number(aad + 9, VERSION, 2);
    put_number(aad + 11, plaintext.len, 2);
    record[0] = type;
    put_number(record + 1, VERSION, 2);
    put_number(record + 3, len - HEAD_BYTES, 2);
    put_number(record + HEAD_BYTES, forger->sequence, NONCE_BYTES);
    memcpy(iv, forger->salt, sizeof(forger->salt));
    memcpy(iv + sizeof(forger->salt), record + HEAD_BYTES, NONCE_BYTES);
    ck_assert_int_eq(EVP_EncryptInit_ex(cipher, EVP_aes_128_gcm(), NULL, forger->key, iv), 1);
    ck_assert_int_eq(EVP_EncryptUpdate(cipher, NULL, &moved, aad, AAD_BYTES), 1);
    ck_assert_int_eq(EVP_EncryptUpdate(cipher, body, &moved, plaintext.data, (int)plaintext.len),
                     1);
    ck_assert_int_eq(EVP_EncryptFinal_ex(cipher, body + plaintext.len, &moved), 1);
    ck_assert_int_eq(
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, body + plaintext.len), 1);
    EVP_CIPHER_CTX_free(cipher);
    forger->sequence++;
    ck_assert_uint_eq(buffer_append(&client->wire, (struct bytes_const){record, len}), len);
}
