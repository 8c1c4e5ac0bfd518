/* Where OpenSSL has another structure for the kernel's keys, or none: it seals itself. */
#include "tls/seal.h"

#include "base/require.h"

bool sealer_init(struct sealer *sealer, struct ossl_lib_ctx_st *openssl)
{
    (void)sealer;
    (void)openssl;
    return true;
}

void sealer_fini(struct sealer *sealer)
{
    (void)sealer;
}

bool seal_begin(struct tls_seal *seal, struct sealer *sealer, const void *crypto_info)
{
    (void)seal;
    (void)sealer;
    (void)crypto_info;
    return false;
}

void seal_end(struct tls_seal *seal)
{
    (void)seal;
}

bool seal_record(struct tls_seal *seal, struct sealer *sealer, struct bytes_const content,
                 struct buffer *into)
{
    (void)seal;
    (void)sealer;
    (void)content;
    (void)into;
    require(!"nothing is sealed here");
    return false;
}
