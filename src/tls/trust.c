/* Authorities (RFC 5280 section 6) and their lists of revoked certificates (section 5). */
#include "base/require.h"
#include "tls/openssl_error.h"
#include "tls/tls_internal.h"
#include "tls/verify_internal.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

/* A file on its way to being objects of OpenSSL. */
struct reading {
    OSSL_LIB_CTX *openssl; /* NULL: OpenSSL's own */
    BIO          *bio;
    bool          is_der; /* holds one */
};

static bool  reading_open(struct reading *reading, OSSL_LIB_CTX *openssl, struct bytes_const bytes);
static X509 *next_authority(struct reading *reading);
static X509_CRL *next_revocation(struct reading *reading);
static int       no_passphrase(char *into, int into_bytes, int is_to_encrypt, void *unused);
static bool      reading_close(struct reading *reading);
static size_t    look_at_authorities(struct reading *reading, int64_t *good_until_s);
static size_t    look_at_revocations(struct reading *reading, int64_t *good_until_s);
static void      note_end(const ASN1_TIME *end, int64_t *good_until_s);
static bool      add_authorities(struct trust *trust, struct reading *reading, bool sends_names);
static bool      add_authority(struct trust *trust, X509 *certificate, bool sends_names);
static bool      add_revocations(struct trust *trust, struct reading *reading);
static struct trust *find(const struct tls_library *library, const struct tls_trust *options,
                          const uint8_t *digest);
static struct trust *trust_new(struct tls_library *library, const struct tls_trust *options,
                               const uint8_t *digest);
static void          trust_free(struct trust *trust);
static uint64_t      id_of_digest(const uint8_t *digest);
static bool          read_all(struct tls_library *library, const struct tls_trust *options,
                              struct trust *trust);
static void          make_searchable(X509_CRL *list);
static void          apply_checks(const struct tls_trust *options, struct trust *trust);
static bool          hash_trust(struct tls_library *library, const struct tls_trust *options,
                                uint8_t into[static VERIFY_DIGEST_BYTES]);
static bool          hash_files(EVP_MD_CTX *hash, const struct bytes_const *files, size_t count);

struct trust *trust_take(struct tls_library *library, const struct tls_trust *options)
{
    uint8_t       digest[VERIFY_DIGEST_BYTES];
    bool          is_hashed = hash_trust(library, options, digest);
    struct trust *trust = is_hashed ? find(library, options, digest) : NULL;

    if (trust != NULL) {
        trust->holds++;
    } else if (is_hashed) {
        trust = trust_new(library, options, digest);
    }
    openssl_error_drop();
    return trust;
}

void trust_give(struct trust *trust)
{
    require(trust->holds > 0);
    if (--trust->holds == 0) {
        id_table_remove(&trust->library->trusts, &trust->entry);
        trust_free(trust);
    }
}

static struct trust *find(const struct tls_library *library, const struct tls_trust *options,
                          const uint8_t *digest)
{
    struct id_entry *at = id_table_find(&library->trusts, id_of_digest(digest));

    for (; at != NULL; at = id_table_find_next(at)) {
        struct trust *trust = container_of(at, struct trust, entry);

        if (trust->sends_names == options->sends_names &&
            memcmp(trust->digest, digest, sizeof(trust->digest)) == 0) {
            return trust;
        }
    }
    return NULL;
}

static struct trust *trust_new(struct tls_library *library, const struct tls_trust *options,
                               const uint8_t *digest)
{
    struct trust *trust = calloc(1, sizeof(*trust));

    if (trust == NULL) {
        return NULL;
    }
    trust->library = library;
    trust->holds = 1;
    trust->may_miss_list = options->may_miss_list;
    trust->may_have_old = options->may_have_old;
    trust->sends_names = options->sends_names;
    trust->store = X509_STORE_new();
    trust->names = sk_X509_NAME_new_null();
    memcpy(trust->digest, digest, sizeof(trust->digest));
    if (trust->store == NULL || trust->names == NULL || !read_all(library, options, trust) ||
        !id_table_add(&library->trusts, &trust->entry, id_of_digest(digest))) {
        trust_free(trust);
        return NULL;
    }
    apply_checks(options, trust);
    return trust;
}

static void trust_free(struct trust *trust)
{
    X509_STORE_free(trust->store);
    sk_X509_NAME_pop_free(trust->names, X509_NAME_free);
    free(trust);
}

static uint64_t id_of_digest(const uint8_t *digest)
{
    uint64_t id = 0;

    memcpy(&id, digest, sizeof(id));
    return id;
}

static bool read_all(struct tls_library *library, const struct tls_trust *options,
                     struct trust *trust)
{
    bool is_read = true;

    for (size_t i = 0; i < options->authorities_count + options->revocations_count; i++) {
        bool               is_authority = i < options->authorities_count;
        struct reading     reading;
        struct bytes_const bytes = is_authority
                                       ? options->authorities[i]
                                       : options->revocations[i - options->authorities_count];

        is_read = reading_open(&reading, library->openssl, bytes) &&
                  (is_authority ? add_authorities(trust, &reading, options->sends_names)
                                : add_revocations(trust, &reading));
        if (!reading_close(&reading) || !is_read) {
            return false;
        }
    }
    return true;
}

static bool add_authorities(struct trust *trust, struct reading *reading, bool sends_names)
{
    X509 *certificate = NULL;
    bool  is_added = true;

    while (is_added && (certificate = next_authority(reading)) != NULL) {
        is_added = add_authority(trust, certificate, sends_names);
        X509_free(certificate);
    }
    return is_added;
}

/* Directories made for OpenSSL have each certificate under two names. */
static bool add_authority(struct trust *trust, X509 *certificate, bool sends_names)
{
    int known = sk_X509_OBJECT_num(X509_STORE_get0_objects(trust->store));

    if (X509_STORE_add_cert(trust->store, certificate) != 1) {
        return false;
    }
    if (!sends_names || sk_X509_OBJECT_num(X509_STORE_get0_objects(trust->store)) == known) {
        return true;
    }
    X509_NAME *name = X509_NAME_dup(X509_get_subject_name(certificate));

    if (name == NULL || sk_X509_NAME_push(trust->names, name) <= 0) {
        X509_NAME_free(name);
        return false;
    }
    return true;
}

static bool add_revocations(struct trust *trust, struct reading *reading)
{
    X509_CRL *list = NULL;
    bool      is_added = true;

    while (is_added && (list = next_revocation(reading)) != NULL) {
        note_end(X509_CRL_get0_nextUpdate(list), &trust->lists_good_until_s);
        make_searchable(list);
        is_added = X509_STORE_add_crl(trust->store, list) == 1;
        X509_CRL_free(list);
    }
    return is_added;
}

/* The first search sorts the list, for 80 ms where it is of 100,000: not in a handshake. */
static void make_searchable(X509_CRL *list)
{
    ASN1_INTEGER *serial = ASN1_INTEGER_new();
    X509_REVOKED *found = NULL;

    if (serial != NULL) {
        (void)X509_CRL_get0_by_serial(list, &found, serial);
    }
    ASN1_INTEGER_free(serial);
}

static void apply_checks(const struct tls_trust *options, struct trust *trust)
{
    unsigned long flags = 0;

    if (options->checks_leaf || options->checks_chain) {
        flags = X509_V_FLAG_CRL_CHECK | (options->checks_chain ? X509_V_FLAG_CRL_CHECK_ALL : 0);
    }
    (void)X509_STORE_set_flags(trust->store, flags);
    (void)X509_STORE_set_depth(trust->store, (int)options->depth);
}

/* Of everything that decides whether a certificate is good. */
static bool hash_trust(struct tls_library *library, const struct tls_trust *options,
                       uint8_t into[static VERIFY_DIGEST_BYTES])
{
    uint8_t     checks[] = {options->checks_leaf, options->checks_chain, options->may_miss_list,
                            options->may_have_old};
    EVP_MD     *sha256 = EVP_MD_fetch(library->openssl, "SHA256", NULL);
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    bool is_hashed = sha256 != NULL && hash != NULL && EVP_DigestInit_ex(hash, sha256, NULL) == 1 &&
                     EVP_DigestUpdate(hash, &options->depth, sizeof(options->depth)) == 1 &&
                     EVP_DigestUpdate(hash, checks, sizeof(checks)) == 1 &&
                     hash_files(hash, options->authorities, options->authorities_count) &&
                     hash_files(hash, options->revocations, options->revocations_count) &&
                     EVP_DigestFinal_ex(hash, into, NULL) == 1;

    EVP_MD_CTX_free(hash);
    EVP_MD_free(sha256);
    return is_hashed;
}

static bool hash_files(EVP_MD_CTX *hash, const struct bytes_const *files, size_t count)
{
    bool is_hashed = EVP_DigestUpdate(hash, &count, sizeof(count)) == 1;

    for (size_t i = 0; is_hashed && i < count; i++) {
        is_hashed = EVP_DigestUpdate(hash, &files[i].len, sizeof(files[i].len)) == 1 &&
                    EVP_DigestUpdate(hash, files[i].data, files[i].len) == 1;
    }
    return is_hashed;
}

/* --- files -------------------------------------------------------------------------------- */

void tls_trust_look(struct bytes_const bytes, enum tls_trust_kind kind,
                    struct tls_trust_facts *facts)
{
    struct reading reading;

    *facts = (struct tls_trust_facts){0};
    if (reading_open(&reading, NULL, bytes)) {
        facts->count = kind == TLS_AUTHORITIES
                           ? look_at_authorities(&reading, &facts->good_until_s)
                           : look_at_revocations(&reading, &facts->good_until_s);
    }
    if (!reading_close(&reading)) {
        struct error error = error_from_openssl("trust");

        facts->reason = openssl_error_reason(&error);
    }
    openssl_error_drop();
}

static size_t look_at_authorities(struct reading *reading, int64_t *good_until_s)
{
    X509  *certificate = NULL;
    size_t count = 0;

    for (; (certificate = next_authority(reading)) != NULL; count++) {
        note_end(X509_get0_notAfter(certificate), good_until_s);
        X509_free(certificate);
    }
    return count;
}

static size_t look_at_revocations(struct reading *reading, int64_t *good_until_s)
{
    X509_CRL *list = NULL;
    size_t    count = 0;

    for (; (list = next_revocation(reading)) != NULL; count++) {
        note_end(X509_CRL_get0_nextUpdate(list), good_until_s);
        X509_CRL_free(list);
    }
    return count;
}

/* The end may be absent, or no date. */
static void note_end(const ASN1_TIME *end, int64_t *good_until_s)
{
    struct tm parts;

    if (end == NULL || ASN1_TIME_to_tm(end, &parts) != 1) {
        return;
    }
    int64_t end_s = (int64_t)timegm(&parts);

    if (*good_until_s == 0 || end_s < *good_until_s) {
        *good_until_s = end_s;
    }
}

static bool reading_open(struct reading *reading, OSSL_LIB_CTX *openssl, struct bytes_const bytes)
{
    enum { ASN1_SEQUENCE = 0x30 };

    openssl_error_drop();
    *reading = (struct reading){.openssl = openssl};
    if (bytes.len > 0 && bytes.len <= INT_MAX) {
        reading->is_der = bytes.data[0] == ASN1_SEQUENCE;
        reading->bio = BIO_new_mem_buf(bytes.data, (int)bytes.len);
    }
    return reading->bio != NULL;
}

/* The next of the file; NULL when there is none left, or it is broken. */
static X509 *next_authority(struct reading *reading)
{
    X509 *certificate = BIO_eof(reading->bio) ? NULL : X509_new_ex(reading->openssl, NULL);

    if (certificate == NULL) {
        return NULL;
    }
    bool is_read = reading->is_der
                       ? d2i_X509_bio(reading->bio, &certificate) != NULL
                       : PEM_read_bio_X509(reading->bio, &certificate, no_passphrase, NULL) != NULL;

    if (!is_read) {
        X509_free(certificate);
        return NULL;
    }
    return certificate;
}

static X509_CRL *next_revocation(struct reading *reading)
{
    X509_CRL *list = BIO_eof(reading->bio) ? NULL : X509_CRL_new_ex(reading->openssl, NULL);

    if (list == NULL) {
        return NULL;
    }
    bool is_read = reading->is_der
                       ? d2i_X509_CRL_bio(reading->bio, &list) != NULL
                       : PEM_read_bio_X509_CRL(reading->bio, &list, no_passphrase, NULL) != NULL;

    if (!is_read) {
        X509_CRL_free(list);
        return NULL;
    }
    return list;
}

/* A block may say that it is encrypted, and OpenSSL would ask the terminal. */
static int no_passphrase(char *into, int into_bytes, int is_to_encrypt, void *unused)
{
    (void)into;
    (void)into_bytes;
    (void)is_to_encrypt;
    (void)unused;
    return -1;
}

/* False when it ended because something was broken. Text that is no PEM is nothing, not broken. */
static bool reading_close(struct reading *reading)
{
    unsigned long code = ERR_peek_last_error();
    bool          is_whole = code == 0 || (ERR_GET_LIB(code) == ERR_LIB_PEM &&
                                  ERR_GET_REASON(code) == PEM_R_NO_START_LINE);

    BIO_free(reading->bio);
    *reading = (struct reading){0};
    return is_whole;
}
