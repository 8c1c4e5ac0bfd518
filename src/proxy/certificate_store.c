#include "proxy/certificate_store.h"

#include "base/clock.h"
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
    char                   *paths[FILES_COUNT]; /* as configured; NULL: no file of its own */
    char                   *sibling;            /* with the key, found beside; NULL: none */
    uint64_t                passphrase_place;
    struct tls_certificate *certificate;                 /* NULL: none yet */
    struct pem_identity     identities[FILES_COUNT + 1]; /* the last is that of the passphrase */
    uint8_t                 digest[TLS_PEM_DIGEST_BYTES];
    bool                    is_settled; /* equal identities mean equal bytes */
    bool                    is_public;
    bool                    is_encrypted;
    bool                    is_passphrase_public;
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
    uint64_t            passphrases_until_ns;
};

static struct stored *store_find(const struct certificate_store  *store,
                                 const struct certificate_source *source);
static struct stored *store_add(struct certificate_store        *store,
                                const struct certificate_source *source);
static void           stored_free(struct stored *stored);
static void           store_drop(struct certificate_store *store, struct stored *stored);
static void           sweep(struct certificate_store *store, uint64_t round);
static uint64_t       place_of(const struct certificate_source *source);
static uint64_t       id_of_source(const struct certificate_source *source);
static bool has_source(const struct stored *stored, const struct certificate_source *source);
static bool is_unchanged(const struct stored *stored, const struct certificate_source *source);
static bool is_same_file(const char *path, const struct pem_identity *identity);
static bool is_sibling_chosen(const struct stored *stored);
static enum store_outcome refresh(struct certificate_store *store, struct stored *stored,
                                  const struct certificate_source *source, struct text *problem);
static bool               make(struct certificate_store *store, struct stored *stored,
                               const struct certificate_files *files, struct text *problem);
static bool               note(struct stored *stored, const struct certificate_files *files);
static bool adopt(struct certificate_store *store, struct stored *stored, const struct tls_pem *pem,
                  const uint8_t *digest, struct text *problem);
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
    store->passphrases_until_ns = clock_now_ns() + PASSPHRASES_SECONDS_MAX * NS_PER_S;
}

uint64_t certificate_store_passphrases_until(const struct certificate_store *store)
{
    return store->passphrases_until_ns;
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
        if (stored->round != round ||
            (stored->certificate == NULL && stored->outcome != STORE_KEY_ONLY)) {
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
        text_string(&path, stored->paths[FILE_CERTIFICATE]);
    }
}

/* --- certificates ------------------------------------------------------------------------- */

struct tls_certificate *certificate_store_get(struct certificate_store        *store,
                                              const struct certificate_source *source,
                                              enum store_outcome *outcome, struct text *problem)
{
    struct stored *stored = store_find(store, source);

    *outcome = STORE_FAILED;
    if (stored == NULL) {
        stored = store_add(store, source);
    }
    if (stored == NULL) {
        text_string(problem, "out of memory");
        return NULL;
    }
    bool is_first = stored->round != store->round;

    stored->is_new = stored->is_new && !is_first;
    stored->round = store->round;
    if (is_first ? !is_unchanged(stored, source) : stored->outcome != STORE_GOOD) {
        stored->outcome = refresh(store, stored, source, problem);
    } else if (stored->outcome == STORE_KEY_ONLY) {
        text_format(problem, "%s: no certificate in it", source->certificate_path);
    } else {
        stored->outcome = STORE_GOOD;
    }
    *outcome = stored->outcome;
    return stored->certificate;
}

void certificate_store_each(const struct certificate_store *store, certificate_store_file *each,
                            void *owner)
{
    for (struct id_entry *at = id_table_first(&store->by_path); at != NULL;
         at = id_table_after(&store->by_path, at)) {
        const struct stored *stored = container_of(at, struct stored, by_path);

        if (stored->certificate != NULL) {
            each(owner, stored->paths[FILE_CERTIFICATE], stored->certificate);
        }
    }
}

const char *certificate_store_public_file(const struct certificate_store  *store,
                                          const struct certificate_source *source, size_t index)
{
    const struct stored *stored = store_find(store, source);
    const char          *found[2];
    size_t               count = 0;

    if (stored != NULL && stored->is_public) {
        found[count++] = stored->sibling != NULL           ? stored->sibling
                         : stored->paths[FILE_KEY] != NULL ? stored->paths[FILE_KEY]
                                                           : stored->paths[FILE_CERTIFICATE];
    }
    if (stored != NULL && stored->is_passphrase_public) {
        found[count++] = source->passphrase->file->text;
    }
    return index < count ? found[index] : NULL;
}

bool certificate_store_each_in(const struct certificate_store *store, const char *directory,
                               certificate_store_path *each, void *owner)
{
    size_t len = strlen(directory);

    for (struct id_entry *at = id_table_first(&store->by_path); at != NULL;
         at = id_table_after(&store->by_path, at)) {
        const struct stored *stored = container_of(at, struct stored, by_path);
        const char          *path = stored->paths[FILE_CERTIFICATE];

        if (stored->paths[FILE_KEY] == NULL && stored->paths[FILE_CHAIN] == NULL &&
            stored->certificate != NULL && strncmp(path, directory, len) == 0 && path[len] == '/' &&
            strchr(path + len + 1, '/') == NULL && !each(owner, path)) {
            return false;
        }
    }
    return true;
}

static struct stored *store_find(const struct certificate_store  *store,
                                 const struct certificate_source *source)
{
    struct id_entry *at = id_table_find(&store->by_path, id_of_source(source));

    while (at != NULL && !has_source(container_of(at, struct stored, by_path), source)) {
        at = id_table_find_next(at);
    }
    return at == NULL ? NULL : container_of(at, struct stored, by_path);
}

static struct stored *store_add(struct certificate_store        *store,
                                const struct certificate_source *source)
{
    struct stored *stored = calloc(1, sizeof(*stored));
    bool           is_whole = stored != NULL;

    for (size_t i = 0; is_whole && i < FILES_COUNT; i++) {
        const char *path = certificate_source_path(source, i);

        stored->paths[i] = path != NULL ? strdup(path) : NULL;
        is_whole = path == NULL || stored->paths[i] != NULL;
    }
    if (is_whole) {
        stored->passphrase_place = place_of(source);
        is_whole = id_table_add(&store->by_path, &stored->by_path, id_of_source(source));
    }
    if (!is_whole) {
        stored_free(stored);
        return NULL;
    }
    return stored;
}

static void stored_free(struct stored *stored)
{
    for (size_t i = 0; stored != NULL && i < FILES_COUNT; i++) {
        free(stored->paths[i]);
    }
    if (stored != NULL) {
        free(stored->sibling);
    }
    free(stored);
}

static void store_drop(struct certificate_store *store, struct stored *stored)
{
    id_table_remove(&store->by_path, &stored->by_path);
    if (stored->certificate != NULL) {
        id_table_remove(&store->by_content, &stored->by_content);
    }
    tls_certificate_free(&stored->certificate);
    stored_free(stored);
}

static uint64_t place_of(const struct certificate_source *source)
{
    return source->passphrase != NULL ? passphrase_place(source->passphrase) : 0;
}

static uint64_t id_of_source(const struct certificate_source *source)
{
    uint64_t id = place_of(source);

    for (size_t i = 0; i < FILES_COUNT; i++) {
        const char *path = certificate_source_path(source, i);

        if (path != NULL) {
            id += (i + 1) * id_of_bytes((struct bytes_const){(const uint8_t *)path, strlen(path)});
        }
    }
    return id;
}

static bool has_source(const struct stored *stored, const struct certificate_source *source)
{
    bool has_all = stored->passphrase_place == place_of(source);

    for (size_t i = 0; has_all && i < FILES_COUNT; i++) {
        const char *path = certificate_source_path(source, i);

        has_all = path == NULL ? stored->paths[i] == NULL
                               : stored->paths[i] != NULL && strcmp(stored->paths[i], path) == 0;
    }
    return has_all;
}

/* --- looking at files --------------------------------------------------------------------- */

static bool is_unchanged(const struct stored *stored, const struct certificate_source *source)
{
    bool is_same =
        stored->is_settled && (stored->certificate != NULL || stored->outcome == STORE_KEY_ONLY);

    for (size_t i = 0; is_same && i < FILES_COUNT; i++) {
        const char *path =
            i == FILE_KEY && stored->sibling != NULL ? stored->sibling : stored->paths[i];

        is_same = path == NULL || is_same_file(path, &stored->identities[i]);
    }
    if (is_same && stored->is_encrypted && source->passphrase->file->text[0] != '\0') {
        is_same = is_same_file(source->passphrase->file->text, &stored->identities[FILES_COUNT]);
    }
    return is_same && is_sibling_chosen(stored);
}

static bool is_same_file(const char *path, const struct pem_identity *identity)
{
    struct pem_identity found;

    return pem_file_identify(path, &found) && pem_identity_is_equal(&found, identity);
}

/* False: one that comes before it is there now. */
static bool is_sibling_chosen(const struct stored *stored)
{
    char                path[SIBLING_BYTES];
    struct pem_identity identity;

    return stored->sibling == NULL ||
           !certificate_sibling(stored->paths[FILE_CERTIFICATE], 0, path) ||
           strcmp(path, stored->sibling) == 0 || !pem_file_identify(path, &identity);
}

/* What is good replaces what was; what is not leaves it as it is, to be looked at again. */
static enum store_outcome refresh(struct certificate_store *store, struct stored *stored,
                                  const struct certificate_source *source, struct text *problem)
{
    struct certificate_files files;
    bool                     is_good =
        certificate_files_read(&files, source, problem) && make(store, stored, &files, problem);
    enum store_outcome outcome = is_good                       ? STORE_GOOD
                                 : stored->certificate != NULL ? STORE_KEPT
                                 : files.is_key_only           ? STORE_KEY_ONLY
                                                               : STORE_FAILED;

    if ((is_good || outcome == STORE_KEY_ONLY) && !note(stored, &files)) {
        text_string(problem, "out of memory");
        outcome = stored->certificate != NULL ? STORE_KEPT : STORE_FAILED;
    }
    certificate_files_fini(&files);
    return outcome;
}

static bool make(struct certificate_store *store, struct stored *stored,
                 const struct certificate_files *files, struct text *problem)
{
    uint8_t digest[TLS_PEM_DIGEST_BYTES];

    if (!tls_pem_digest(store->library, &files->pem, digest)) {
        text_string(problem, "out of memory");
        return false;
    }
    return adopt(store, stored, &files->pem, digest, problem);
}

/* What was read, to know it again. False when memory is short. */
static bool note(struct stored *stored, const struct certificate_files *files)
{
    const struct passphrase *passphrase = files->source->passphrase;
    char                    *sibling = files->sibling[0] != '\0' ? strdup(files->sibling) : NULL;

    stored->is_settled = files->sibling[0] == '\0' || sibling != NULL;
    if (!stored->is_settled) {
        return false;
    }
    free(stored->sibling);
    stored->sibling = sibling;
    for (size_t i = 0; i < FILES_COUNT; i++) {
        stored->identities[i] = *pem_file_identity(&files->files[i]);
        stored->is_settled =
            stored->is_settled && (!files->is_there[i] || pem_file_is_settled(&files->files[i]));
    }
    stored->is_public =
        pem_file_is_public(&files->files[files->is_there[FILE_KEY] ? FILE_KEY : FILE_CERTIFICATE]);
    stored->is_encrypted = files->is_encrypted;
    stored->is_passphrase_public = files->is_encrypted && passphrase->is_public;
    if (files->is_encrypted) {
        stored->identities[FILES_COUNT] = passphrase->identity;
        stored->is_settled = stored->is_settled && passphrase->is_settled;
    }
    return true;
}

/* The same bytes are the same certificate, whatever file they are in. */
static bool adopt(struct certificate_store *store, struct stored *stored, const struct tls_pem *pem,
                  const uint8_t *digest, struct text *problem)
{
    struct tls_certificate *certificate = find_content(store, digest);

    if (certificate != NULL && certificate == stored->certificate) {
        return true;
    }
    bool is_new = certificate == NULL;

    certificate = is_new ? tls_certificate_new(store->library, pem, problem)
                         : tls_certificate_hold(certificate);
    if (certificate == NULL) {
        return false;
    }
    if (stored->certificate != NULL) {
        id_table_remove(&store->by_content, &stored->by_content);
        tls_certificate_free(&stored->certificate);
    }
    if (!id_table_add(&store->by_content, &stored->by_content, id_of_digest(digest))) {
        text_string(problem, "out of memory");
        tls_certificate_free(&certificate);
        return false;
    }
    stored->certificate = certificate;
    stored->is_new = is_new;
    memcpy(stored->digest, digest, sizeof(stored->digest));
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
