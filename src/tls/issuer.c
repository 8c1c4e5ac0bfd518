/* Certificates above the leaf: a thousand leaves of one authority share them, as DER where they are
 * loaded and parsed in each library. */
#include "base/require.h"
#include "tls/openssl_error.h"
#include "tls/tls_internal.h"

#include <stdlib.h>
#include <string.h>

/* An issuer as one library has it parsed. */
struct parsed_issuer {
    struct id_entry entry; /* by the issuer's id */
    X509           *x509;
    size_t          holds;
};

static struct issuer        *issuer_new(struct tls_library *library, struct bytes_const der);
static void                  issuer_free(struct issuer *issuer);
static struct parsed_issuer *parsed_find(const struct tls_library *library, uint64_t id);

struct issuer *issuer_take(struct tls_library *library, struct bytes_const der)
{
    struct id_entry *entry = id_table_find(&library->issuers, id_of_bytes(der));

    for (; entry != NULL; entry = id_table_find_next(entry)) {
        struct issuer *issuer = container_of(entry, struct issuer, entry);

        if (issuer->der.len == der.len && memcmp(issuer->der.data, der.data, der.len) == 0) {
            issuer->holds++;
            return issuer;
        }
    }
    return issuer_new(library, der);
}

void issuer_give(struct tls_library *library, struct issuer *issuer)
{
    require(issuer->holds > 0);
    if (--issuer->holds == 0) {
        id_table_remove(&library->issuers, &issuer->entry);
        issuer_free(issuer);
    }
}

X509 *issuer_x509_take(struct tls_library *library, const struct issuer *issuer)
{
    struct parsed_issuer *parsed = parsed_find(library, issuer->id);

    if (parsed == NULL) {
        parsed = calloc(1, sizeof(*parsed));
        if (parsed == NULL) {
            return NULL;
        }
        parsed->x509 = x509_read(library, (struct bytes_const){issuer->der.data, issuer->der.len});
        if (parsed->x509 == NULL || !id_table_add(&library->parsed, &parsed->entry, issuer->id)) {
            X509_free(parsed->x509);
            free(parsed);
            return NULL;
        }
    }
    parsed->holds++;
    return parsed->x509;
}

void issuer_x509_give(struct tls_library *library, uint64_t issuer_id)
{
    struct parsed_issuer *parsed = parsed_find(library, issuer_id);

    require(parsed != NULL && parsed->holds > 0);
    if (--parsed->holds == 0) {
        id_table_remove(&library->parsed, &parsed->entry);
        X509_free(parsed->x509);
        free(parsed);
    }
}

/* Parsed here as well, to see that it can be and that policies take it. */
static struct issuer *issuer_new(struct tls_library *library, struct bytes_const der)
{
    struct issuer *issuer = calloc(1, sizeof(*issuer));

    if (issuer == NULL) {
        return NULL;
    }
    issuer->x509 = x509_read(library, der);
    issuer->der.data = issuer->x509 != NULL ? malloc(der.len) : NULL;
    if (issuer->der.data == NULL ||
        !id_table_add(&library->issuers, &issuer->entry, id_of_bytes(der))) {
        issuer_free(issuer);
        return NULL;
    }
    memcpy(issuer->der.data, der.data, der.len);
    issuer->der.len = der.len;
    issuer->id = ++library->ids;
    issuer->holds = 1;
    return issuer;
}

static void issuer_free(struct issuer *issuer)
{
    X509_free(issuer->x509);
    free(issuer->der.data);
    free(issuer);
}

static struct parsed_issuer *parsed_find(const struct tls_library *library, uint64_t id)
{
    struct id_entry *entry = id_table_find(&library->parsed, id);

    return entry == NULL ? NULL : container_of(entry, struct parsed_issuer, entry);
}
