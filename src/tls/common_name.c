#include "tls/common_name.h"

#include "tls/client_names.h"
#include "tls/tls_internal.h"

#include <string.h>

struct finding {
    struct bytes *into; /* its len becomes that of the name */
};

static bool is_common_name(const void *owner, enum tls_allow_kind kind, struct bytes_const name);

size_t common_name_read(const struct tls_engine *engine, struct bytes into)
{
    const X509    *certificate = SSL_get0_peer_certificate(engine->ssl);
    struct bytes   found = into;
    struct finding finding = {.into = &found};

    if (certificate == NULL || !client_names_find(certificate, is_common_name, &finding)) {
        return 0;
    }
    return found.len;
}

static bool is_common_name(const void *owner, enum tls_allow_kind kind, struct bytes_const name)
{
    const struct finding *finding = owner;

    if (kind != TLS_ALLOW_CN || name.len > finding->into->len) {
        return false;
    }
    memcpy(finding->into->data, name.data, name.len);
    finding->into->len = name.len;
    return true;
}
