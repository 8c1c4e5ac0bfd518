#include "tls/challenges.h"

#include "base/require.h"
#include "tls/challenge_internal.h"
#include "tls/openssl_error.h"
#include "tls/tls_internal.h"

#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

/* id-pe-acmeIdentifier (RFC 8737 section 3): an OCTET STRING with a SHA-256 digest. */
#define ACME_IDENTIFIER "1.3.6.1.5.5.7.1.31"

enum { ACME_DIGEST_BYTES = 32 };

/* The challenges of one directory. */
struct shelf {
    char              *directory;
    struct name_table *names; /* their places among the certificates */
};

struct tls_challenges {
    size_t                   holds;
    struct shelf            *shelves;
    size_t                   shelves_count;
    struct tls_certificate **certificates;
    size_t                   count;
    size_t                   room;
};

static bool is_challenge(const struct tls_certificate *certificate, struct text *problem);
static bool has_extensions(const struct tls_certificate *certificate);
static int  find_identifier(const X509 *leaf);
static bool is_identifier(X509_EXTENSION *extension);
static struct bytes_const first_name(const struct tls_certificate *certificate);
static bool               on_name(void *owner, struct bytes_const name);
static bool put(struct tls_challenges *challenges, struct shelf *shelf, struct bytes_const name,
                struct tls_certificate *certificate);
static bool append(struct tls_challenges *challenges, struct tls_certificate *certificate);
static struct shelf *shelf_find(const struct tls_challenges *challenges, const char *directory);
static struct shelf *shelf_add(struct tls_challenges *challenges, const char *directory);

struct tls_challenges *tls_challenges_new(void)
{
    struct tls_challenges *challenges = calloc(1, sizeof(*challenges));

    if (challenges != NULL) {
        challenges->holds = 1;
    }
    return challenges;
}

struct tls_challenges *tls_challenges_hold(struct tls_challenges *challenges)
{
    require(challenges->holds > 0);
    challenges->holds++;
    return challenges;
}

void tls_challenges_free(struct tls_challenges **challenges)
{
    struct tls_challenges *freed = *challenges;

    *challenges = NULL;
    if (freed == NULL || --freed->holds > 0) {
        return;
    }
    for (size_t i = 0; i < freed->count; i++) {
        tls_certificate_free(&freed->certificates[i]);
    }
    for (size_t i = 0; i < freed->shelves_count; i++) {
        name_table_free(&freed->shelves[i].names);
        free(freed->shelves[i].directory);
    }
    free(freed->certificates);
    free(freed->shelves);
    free(freed);
}

bool tls_challenges_add(struct tls_challenges *challenges, const char *directory,
                        struct tls_certificate *certificate, struct text *problem)
{
    struct shelf *shelf = shelf_find(challenges, directory);

    if (!is_challenge(certificate, problem)) {
        return false;
    }
    if (shelf == NULL) {
        shelf = shelf_add(challenges, directory);
    }
    if (shelf == NULL || !put(challenges, shelf, first_name(certificate), certificate)) {
        text_string(problem, "out of memory");
        return false;
    }
    return true;
}

size_t tls_challenges_count(const struct tls_challenges *challenges)
{
    return challenges->count;
}

bool tls_challenges_is_equal(const struct tls_challenges *one, const struct tls_challenges *other)
{
    bool is_equal = one->count == other->count && one->shelves_count == other->shelves_count;

    for (size_t i = 0; is_equal && i < one->shelves_count; i++) {
        const struct shelf *left = &one->shelves[i];
        const struct shelf *right = &other->shelves[i];

        is_equal = strcmp(left->directory, right->directory) == 0 &&
                   name_table_count(left->names) == name_table_count(right->names);
    }
    for (size_t i = 0; is_equal && i < one->count; i++) {
        is_equal = memcmp(one->certificates[i]->digest, other->certificates[i]->digest,
                          sizeof(one->certificates[i]->digest)) == 0;
    }
    return is_equal;
}

void tls_library_set_challenges(struct tls_library          *library,
                                const struct tls_challenges *challenges)
{
    library->challenges = challenges;
}

const struct tls_certificate *challenges_find(const struct tls_challenges *challenges,
                                              const char *directory, struct bytes_const name)
{
    const struct shelf *shelf = shelf_find(challenges, directory);
    int                 place = NAME_TABLE_NONE;

    if (shelf != NULL && name.len > 0) {
        place = name_table_find_exact(shelf->names, name);
    }
    return place == NAME_TABLE_NONE ? NULL : challenges->certificates[place];
}

bool challenge_is_marked(const X509 *leaf)
{
    return find_identifier(leaf) >= 0;
}

/* --- what is a challenge ------------------------------------------------------------------ */

static bool is_challenge(const struct tls_certificate *certificate, struct text *problem)
{
    if (!has_extensions(certificate)) {
        text_string(problem, "no certificate of an ACME challenge: it lacks a critical "
                             "acmeIdentifier of 32 bytes, or a subjectAltName");
    } else if (certificate->names_count != 1) {
        text_format(problem, "a challenge is for one host name, and this one for %zu",
                    certificate->names_count);
    } else if (first_name(certificate).data[0] == '*') {
        text_string(problem, "a challenge is for a host name, not for a wildcard");
    } else if (certificate->weakness != NULL) {
        text_string(problem, certificate->weakness);
    } else {
        return true;
    }
    return false;
}

static struct bytes_const first_name(const struct tls_certificate *certificate)
{
    struct bytes_const name = {0};

    (void)tls_certificate_each_name(certificate, on_name, &name);
    return name;
}

static bool on_name(void *owner, struct bytes_const name)
{
    *(struct bytes_const *)owner = name;
    return false;
}

static bool has_extensions(const struct tls_certificate *certificate)
{
    struct bytes_const der = {certificate->leaf.data, certificate->leaf.len};
    X509              *leaf = x509_read(certificate->library, der);
    int                at = leaf != NULL ? find_identifier(leaf) : -1;
    bool               has_both = at >= 0 && is_identifier(X509_get_ext(leaf, at)) &&
                    X509_get_ext_by_NID(leaf, NID_subject_alt_name, -1) >= 0;

    X509_free(leaf);
    openssl_error_drop();
    return has_both;
}

/* Its place among the extensions; below 0: there is none, or memory is short. */
static int find_identifier(const X509 *leaf)
{
    ASN1_OBJECT *kind = OBJ_txt2obj(ACME_IDENTIFIER, 1);
    int          at = kind != NULL ? X509_get_ext_by_OBJ(leaf, kind, -1) : -1;

    ASN1_OBJECT_free(kind);
    return at;
}

static bool is_identifier(X509_EXTENSION *extension)
{
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(extension);
    const unsigned char     *at = ASN1_STRING_get0_data(value);
    const unsigned char     *end = at + ASN1_STRING_length(value);
    ASN1_OCTET_STRING       *digest = d2i_ASN1_OCTET_STRING(NULL, &at, end - at);
    bool is_whole = digest != NULL && at == end && ASN1_STRING_length(digest) == ACME_DIGEST_BYTES;

    ASN1_OCTET_STRING_free(digest);
    return is_whole && X509_EXTENSION_get_critical(extension) == 1;
}

/* --- where it is kept --------------------------------------------------------------------- */

/* What an ACME client left behind must not stand in the way of what it asks for now. */
static bool put(struct tls_challenges *challenges, struct shelf *shelf, struct bytes_const name,
                struct tls_certificate *certificate)
{
    int place = name_table_find_exact(shelf->names, name);

    if (place == NAME_TABLE_NONE) {
        return append(challenges, certificate) &&
               name_table_add(shelf->names, name, (int)(challenges->count - 1));
    }
    struct tls_certificate **present = &challenges->certificates[place];

    if (certificate->not_before_s > (*present)->not_before_s) {
        tls_certificate_free(present);
        *present = tls_certificate_hold(certificate);
    }
    return true;
}

static bool append(struct tls_challenges *challenges, struct tls_certificate *certificate)
{
    if (challenges->count == challenges->room) {
        size_t                   room = challenges->room == 0 ? 4 : challenges->room * 2;
        struct tls_certificate **grown =
            realloc(challenges->certificates, room * sizeof(struct tls_certificate *));

        if (grown == NULL) {
            return false;
        }
        challenges->certificates = grown;
        challenges->room = room;
    }
    challenges->certificates[challenges->count++] = tls_certificate_hold(certificate);
    return true;
}

static struct shelf *shelf_find(const struct tls_challenges *challenges, const char *directory)
{
    for (size_t i = 0; i < challenges->shelves_count; i++) {
        if (strcmp(challenges->shelves[i].directory, directory) == 0) {
            return &challenges->shelves[i];
        }
    }
    return NULL;
}

static struct shelf *shelf_add(struct tls_challenges *challenges, const char *directory)
{
    struct shelf *grown =
        realloc(challenges->shelves, (challenges->shelves_count + 1) * sizeof(*grown));

    if (grown == NULL) {
        return NULL;
    }
    challenges->shelves = grown;
    struct shelf *shelf = &grown[challenges->shelves_count];

    *shelf = (struct shelf){.directory = strdup(directory), .names = name_table_new()};
    if (shelf->directory == NULL || shelf->names == NULL) {
        free(shelf->directory);
        name_table_free(&shelf->names);
        return NULL;
    }
    challenges->shelves_count++;
    return shelf;
}
