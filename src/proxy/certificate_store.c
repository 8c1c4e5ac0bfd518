#include "proxy/certificate_store.h"

#include "base/id_table.h"
#include "base/require.h"
#include "proxy/pem_file.h"
#include "tls/context.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct stored {
    struct id_entry         by_path;
    struct id_entry         by_content;
    char                   *certificate_path;
    char                   *key_path;    /* NULL: in the same file */
    struct tls_certificate *certificate; /* NULL: none yet */
    struct pem_identity     identities[2];
    uint8_t                 digest[TLS_PEM_DIGEST_BYTES];
    bool                    is_settled; /* equal identities mean equal bytes */
    bool                    is_public;
    bool                    is_new; /* parsed in this round */
    enum store_outcome      outcome;
    uint64_t                round; /* in which it was last asked for */
};

struct certificate_store {
    struct tls_library *library;
    struct id_table     by_path;
    struct id_table     by_content; /* those with a certificate */
    struct staple_files staples;
    uint64_t            round;
};

/* The files of one certificate while they are looked at. */
struct reading {
    struct pem_file files[2];
    struct tls_pem  pem;
    uint8_t         digest[TLS_PEM_DIGEST_BYTES];
};

static struct stored *store_find(const struct certificate_store *store,
                                 const char *certificate_path, const char *key_path);
static struct stored *store_add(struct certificate_store *store, const char *certificate_path,
                                const char *key_path);
static void           store_drop(struct certificate_store *store, struct stored *stored);
static void           sweep(struct certificate_store *store, uint64_t round);
static uint64_t       id_of_paths(const char *certificate_path, const char *key_path);
static bool           has_path(const struct stored *stored, const char *certificate_path,
                               const char *key_path);
static bool           is_unchanged(const struct stored *stored);
static bool refresh(struct certificate_store *store, struct stored *stored, struct text *problem);
static bool reading_open(struct reading *reading, const struct stored *stored,
                         struct text *problem);
static void reading_close(struct reading *reading);
static bool adopt(struct certificate_store *store, struct stored *stored,
                  const struct reading *reading, struct text *problem);
static struct tls_certificate *find_content(const struct certificate_store *store,
                                            const uint8_t                  *digest);
static uint64_t                id_of_digest(const uint8_t *digest);
static void tally_expiry(struct certificate_tally *tally, const struct stored *stored);

struct certificate_store *certificate_store_new(struct error *error)
{
    struct certificate_store *store = calloc(1, sizeof(*store));

    *error = error_from_errno(ENOMEM, "certificates");
    if (store != NULL) {
        store->library = tls_library_new(error);
        if (store->library == NULL) {
            certificate_store_free(&store);
        }
    }
    return store;
}

void certificate_store_free(struct certificate_store **store)
{
    if (*store == NULL) {
        return;
    }
    staple_files_fini(&(*store)->staples);
    sweep(*store, UINT64_MAX);
    id_table_fini(&(*store)->by_path);
    id_table_fini(&(*store)->by_content);
    tls_library_free(&(*store)->library);
    free(*store);
    *store = NULL;
}

struct tls_library *certificate_store_library(struct certificate_store *store)
{
    return store->library;
}

struct staple_files *certificate_store_staples(struct certificate_store *store)
{
    return &store->staples;
}

/* --- rounds ------------------------------------------------------------------------------- */

void certificate_store_begin(struct certificate_store *store)
{
    store->round++;
    staple_files_begin(&store->staples);
}

void certificate_store_sweep(struct certificate_store *store)
{
    staple_files_sweep(&store->staples);
    sweep(store, store->round);
}

/* Drops all that were not asked for in `round`. */
static void sweep(struct certificate_store *store, uint64_t round)
{
    struct id_entry *next = NULL;

    for (struct id_entry *at = id_table_first(&store->by_path); at != NULL; at = next) {
        struct stored *stored = container_of(at, struct stored, by_path);

        next = id_table_after(&store->by_path, at);
        if (stored->round != round || stored->certificate == NULL) {
            store_drop(store, stored);
        }
    }
}

void certificate_store_tally(const struct certificate_store *store, struct certificate_tally *tally)
{
    *tally = (struct certificate_tally){0};
    for (struct id_entry *at = id_table_first(&store->by_path); at != NULL;
         at = id_table_after(&store->by_path, at)) {
        const struct stored *stored = container_of(at, struct stored, by_path);

        if (stored->round != store->round) {
            continue;
        }
        tally->errors += stored->outcome == STORE_FAILED ? 1 : 0;
        tally->kept += stored->outcome == STORE_KEPT ? 1 : 0;
        if (stored->certificate != NULL) {
            tally->count++;
            tally->parsed += stored->is_new ? 1 : 0;
            tally_expiry(tally, stored);
        }
    }
}

static void tally_expiry(struct certificate_tally *tally, const struct stored *stored)
{
    int64_t     expiry_s = tls_certificate_expiry(stored->certificate);
    struct text path;

    if (tally->count == 1 || expiry_s < tally->next_expiry_s) {
        tally->next_expiry_s = expiry_s;
        text_init(&path, tally->next_expiry_path, sizeof(tally->next_expiry_path));
        text_string(&path, stored->certificate_path);
    }
}

/* --- certificates ------------------------------------------------------------------------- */

struct tls_certificate *certificate_store_get(struct certificate_store *store,
                                              const char *certificate_path, const char *key_path,
                                              enum store_outcome *outcome, struct text *problem)
{
    struct stored *stored = store_find(store, certificate_path, key_path);

    *outcome = STORE_FAILED;
    if (stored == NULL) {
        stored = store_add(store, certificate_path, key_path);
    }
    if (stored == NULL) {
        text_string(problem, "out of memory");
        return NULL;
    }
    bool is_first = stored->round != store->round;

    stored->is_new = stored->is_new && !is_first;
    stored->round = store->round;
    if (is_first ? !is_unchanged(stored) : stored->outcome != STORE_GOOD) {
        bool is_good = refresh(store, stored, problem);

        stored->outcome = is_good                       ? STORE_GOOD
                          : stored->certificate != NULL ? STORE_KEPT
                                                        : STORE_FAILED;
    } else {
        stored->outcome = STORE_GOOD;
    }
    *outcome = stored->outcome;
    return stored->certificate;
}

bool certificate_store_is_public(const struct certificate_store *store,
                                 const char *certificate_path, const char *key_path)
{
    const struct stored *stored = store_find(store, certificate_path, key_path);

    return stored != NULL && stored->is_public;
}

bool certificate_store_each_in(const struct certificate_store *store, const char *directory,
                               certificate_store_path *each, void *owner)
{
    size_t len = strlen(directory);

    for (struct id_entry *at = id_table_first(&store->by_path); at != NULL;
         at = id_table_after(&store->by_path, at)) {
        const struct stored *stored = container_of(at, struct stored, by_path);
        const char          *path = stored->certificate_path;

        if (stored->key_path == NULL && stored->certificate != NULL &&
            strncmp(path, directory, len) == 0 && path[len] == '/' &&
            strchr(path + len + 1, '/') == NULL && !each(owner, path)) {
            return false;
        }
    }
    return true;
}

static struct stored *store_find(const struct certificate_store *store,
                                 const char *certificate_path, const char *key_path)
{
    uint64_t         id = id_of_paths(certificate_path, key_path);
    struct id_entry *at = id_table_find(&store->by_path, id);

    while (at != NULL &&
           !has_path(container_of(at, struct stored, by_path), certificate_path, key_path)) {
        at = id_table_find_next(at);
    }
    return at == NULL ? NULL : container_of(at, struct stored, by_path);
}

static struct stored *store_add(struct certificate_store *store, const char *certificate_path,
                                const char *key_path)
{
    struct stored *stored = calloc(1, sizeof(*stored));

    if (stored == NULL) {
        return NULL;
    }
    stored->certificate_path = strdup(certificate_path);
    stored->key_path = key_path != NULL ? strdup(key_path) : NULL;
    if (stored->certificate_path == NULL || (key_path != NULL && stored->key_path == NULL) ||
        !id_table_add(&store->by_path, &stored->by_path, id_of_paths(certificate_path, key_path))) {
        free(stored->certificate_path);
        free(stored->key_path);
        free(stored);
        return NULL;
    }
    return stored;
}

static void store_drop(struct certificate_store *store, struct stored *stored)
{
    id_table_remove(&store->by_path, &stored->by_path);
    if (stored->certificate != NULL) {
        id_table_remove(&store->by_content, &stored->by_content);
    }
    tls_certificate_free(&stored->certificate);
    free(stored->certificate_path);
    free(stored->key_path);
    free(stored);
}

static uint64_t id_of_paths(const char *certificate_path, const char *key_path)
{
    uint64_t id = id_of_bytes(
        (struct bytes_const){(const uint8_t *)certificate_path, strlen(certificate_path)});

    return key_path == NULL
               ? id
               : id +
                     id_of_bytes((struct bytes_const){(const uint8_t *)key_path, strlen(key_path)});
}

static bool has_path(const struct stored *stored, const char *certificate_path,
                     const char *key_path)
{
    return strcmp(stored->certificate_path, certificate_path) == 0 &&
           (key_path == NULL ? stored->key_path == NULL
                             : stored->key_path != NULL && strcmp(stored->key_path, key_path) == 0);
}

/* --- looking at files --------------------------------------------------------------------- */

static bool is_unchanged(const struct stored *stored)
{
    const char *const paths[] = {stored->certificate_path, stored->key_path};

    if (stored->certificate == NULL || !stored->is_settled) {
        return false;
    }
    for (size_t i = 0; i < 2; i++) {
        struct pem_identity identity;

        if (paths[i] != NULL && (!pem_file_identify(paths[i], &identity) ||
                                 !pem_identity_is_equal(&identity, &stored->identities[i]))) {
            return false;
        }
    }
    return true;
}

/* What is good replaces what was; what is not leaves it as it is, to be looked at again. */
static bool refresh(struct certificate_store *store, struct stored *stored, struct text *problem)
{
    struct reading reading = {0};
    bool           is_good = reading_open(&reading, stored, problem);

    if (is_good && !tls_pem_digest(store->library, &reading.pem, reading.digest)) {
        text_string(problem, "out of memory");
        is_good = false;
    }
    is_good = is_good && adopt(store, stored, &reading, problem);
    for (size_t i = 0; is_good && i < 2; i++) {
        stored->identities[i] = *pem_file_identity(&reading.files[i]);
    }
    if (is_good) {
        const struct pem_file *key = &reading.files[stored->key_path != NULL ? 1 : 0];

        stored->is_public = pem_file_is_public(key);
        stored->is_settled = pem_file_is_settled(&reading.files[0]) && pem_file_is_settled(key);
    }
    reading_close(&reading);
    return is_good;
}

static bool reading_open(struct reading *reading, const struct stored *stored, struct text *problem)
{
    const char *const paths[] = {stored->certificate_path, stored->key_path};

    for (size_t i = 0; i < 2 && paths[i] != NULL; i++) {
        struct error error;
        char         why[TLS_PROBLEM_BYTES];

        if (!pem_file_read(&reading->files[i], paths[i], &error)) {
            text_format(problem, "cannot read \"%s\": %s", paths[i],
                        error_text(&error, why, sizeof(why)));
            return false;
        }
    }
    reading->pem = (struct tls_pem){.certificate_path = stored->certificate_path,
                                    .certificate = pem_file_bytes(&reading->files[0]),
                                    .key_path = stored->key_path,
                                    .key = pem_file_bytes(&reading->files[1])};
    return true;
}

static void reading_close(struct reading *reading)
{
    pem_file_fini(&reading->files[0]);
    pem_file_fini(&reading->files[1]);
}

/* The same bytes are the same certificate, whatever file they are in. */
static bool adopt(struct certificate_store *store, struct stored *stored,
                  const struct reading *reading, struct text *problem)
{
    struct tls_certificate *certificate = find_content(store, reading->digest);

    if (certificate != NULL && certificate == stored->certificate) {
        return true;
    }
    bool is_new = certificate == NULL;

    certificate = is_new ? tls_certificate_new(store->library, &reading->pem, problem)
                         : tls_certificate_hold(certificate);
    if (certificate == NULL) {
        return false;
    }
    if (stored->certificate != NULL) {
        id_table_remove(&store->by_content, &stored->by_content);
        tls_certificate_free(&stored->certificate);
    }
    if (!id_table_add(&store->by_content, &stored->by_content, id_of_digest(reading->digest))) {
        text_string(problem, "out of memory");
        tls_certificate_free(&certificate);
        return false;
    }
    stored->certificate = certificate;
    stored->is_new = is_new;
    memcpy(stored->digest, reading->digest, sizeof(stored->digest));
    return true;
}

static struct tls_certificate *find_content(const struct certificate_store *store,
                                            const uint8_t                  *digest)
{
    struct id_entry *at = id_table_find(&store->by_content, id_of_digest(digest));

    for (; at != NULL; at = id_table_find_next(at)) {
        const struct stored *stored = container_of(at, struct stored, by_content);

        if (memcmp(stored->digest, digest, TLS_PEM_DIGEST_BYTES) == 0) {
            return stored->certificate;
        }
    }
    return NULL;
}

static uint64_t id_of_digest(const uint8_t *digest)
{
    uint64_t id = 0;

    memcpy(&id, digest, sizeof(id));
    return id;
}
