#include "proxy/staple_files.h"

#include "base/require.h"
#include "proxy/pem_file.h"
#include "tls/context.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum outcome { OUTCOME_GOOD, OUTCOME_KEPT, OUTCOME_FAILED };

struct stored {
    struct id_entry         by_path;
    char                   *path;
    struct tls_certificate *certificate;
    struct tls_staple      *staple; /* NULL: none that is good */
    struct pem_identity     identity;
    bool                    is_settled; /* an equal identity means equal bytes */
    bool                    is_new;     /* read in this round */
    enum outcome            outcome;
    uint64_t                round; /* in which it was last asked for */
};

static struct stored     *find(const struct staple_files    *files,
                               const struct tls_certificate *certificate, const char *path);
static struct stored     *add(struct staple_files *files, struct tls_certificate *certificate,
                              const char *path);
static void               drop(struct staple_files *files, struct stored *stored);
static uint64_t           id_of_path(const char *path);
static bool               is_unchanged(const struct stored *stored);
static bool               is_good_now(const struct tls_staple *staple);
static enum outcome       refresh(struct stored *stored, struct text *problem);
static struct tls_staple *read_staple(const struct stored *stored, struct pem_file *file,
                                      struct text *problem);
static void               adopt(struct stored *stored, struct tls_staple *staple);
static void               tell_consequence(const struct stored *stored, struct text *problem);
static void               tally_staple(struct staple_tally *tally, const struct stored *stored);
static void               copy_path(char *into, size_t into_bytes, const char *path);

/* --- rounds ------------------------------------------------------------------------------- */

void staple_files_begin(struct staple_files *files)
{
    files->round++;
    files->missing = 0;
}

void staple_files_sweep(struct staple_files *files)
{
    struct id_entry *next = NULL;

    for (struct id_entry *at = id_table_first(&files->by_path); at != NULL; at = next) {
        struct stored *stored = container_of(at, struct stored, by_path);

        next = id_table_after(&files->by_path, at);
        if (stored->round != files->round) {
            drop(files, stored);
        }
    }
}

void staple_files_fini(struct staple_files *files)
{
    files->round++;
    staple_files_sweep(files);
    id_table_fini(&files->by_path);
}

void staple_files_tally(const struct staple_files *files, struct staple_tally *tally)
{
    *tally = (struct staple_tally){.missing = files->missing};
    for (struct id_entry *at = id_table_first(&files->by_path); at != NULL;
         at = id_table_after(&files->by_path, at)) {
        const struct stored *stored = container_of(at, struct stored, by_path);

        if (stored->round != files->round) {
            continue;
        }
        tally->errors += stored->outcome == OUTCOME_FAILED ? 1 : 0;
        if (stored->staple != NULL) {
            tally_staple(tally, stored);
        }
    }
}

static void tally_staple(struct staple_tally *tally, const struct stored *stored)
{
    int64_t good_until_s = tls_staple_good_until(stored->staple);

    tally->count++;
    tally->read += stored->is_new ? 1 : 0;
    tally->kept += stored->outcome == OUTCOME_KEPT ? 1 : 0;
    if (tally->count == 1 || good_until_s < tally->next_update_s) {
        tally->next_update_s = good_until_s;
        copy_path(tally->next_update_path, sizeof(tally->next_update_path), stored->path);
    }
    if (tls_staple_is_revoked(stored->staple)) {
        tally->revoked++;
        copy_path(tally->revoked_path, sizeof(tally->revoked_path), stored->path);
    }
}

static void copy_path(char *into, size_t into_bytes, const char *path)
{
    struct text text;

    text_init(&text, into, into_bytes);
    text_string(&text, path);
}

/* --- staples ------------------------------------------------------------------------------ */

struct tls_staple *staple_files_get(struct staple_files *files, struct tls_certificate *certificate,
                                    const char *path, struct text *problem)
{
    struct stored *stored = find(files, certificate, path);

    if (stored == NULL) {
        stored = add(files, certificate, path);
    }
    if (stored == NULL) {
        text_format(problem, "%s: out of memory", path);
        return NULL;
    }
    bool is_first = stored->round != files->round;

    stored->is_new = stored->is_new && !is_first;
    stored->round = files->round;
    if (is_first ? !is_unchanged(stored) : stored->outcome != OUTCOME_GOOD) {
        stored->outcome = refresh(stored, problem);
    } else {
        stored->outcome = OUTCOME_GOOD;
    }
    return stored->staple;
}

bool staple_files_knows(const struct staple_files *files, const struct tls_certificate *certificate,
                        const char *path)
{
    return find(files, certificate, path) != NULL;
}

void staple_files_miss(struct staple_files *files)
{
    files->missing++;
}

static struct stored *find(const struct staple_files    *files,
                           const struct tls_certificate *certificate, const char *path)
{
    struct id_entry *at = id_table_find(&files->by_path, id_of_path(path));

    for (; at != NULL; at = id_table_find_next(at)) {
        struct stored *stored = container_of(at, struct stored, by_path);

        if (stored->certificate == certificate && strcmp(stored->path, path) == 0) {
            return stored;
        }
    }
    return NULL;
}

static struct stored *add(struct staple_files *files, struct tls_certificate *certificate,
                          const char *path)
{
    struct stored *stored = calloc(1, sizeof(*stored));

    if (stored == NULL) {
        return NULL;
    }
    stored->path = strdup(path);
    if (stored->path == NULL ||
        !id_table_add(&files->by_path, &stored->by_path, id_of_path(path))) {
        free(stored->path);
        free(stored);
        return NULL;
    }
    stored->certificate = tls_certificate_hold(certificate);
    return stored;
}

static void drop(struct staple_files *files, struct stored *stored)
{
    id_table_remove(&files->by_path, &stored->by_path);
    tls_staple_free(&stored->staple);
    tls_certificate_free(&stored->certificate);
    free(stored->path);
    free(stored);
}

static uint64_t id_of_path(const char *path)
{
    return id_of_bytes((struct bytes_const){(const uint8_t *)path, strlen(path)});
}

/* --- looking at files --------------------------------------------------------------------- */

/* One that has expired meanwhile is to be complained of. */
static bool is_unchanged(const struct stored *stored)
{
    struct pem_identity identity;

    return stored->staple != NULL && stored->is_settled && is_good_now(stored->staple) &&
           pem_file_identify(stored->path, &identity) &&
           pem_identity_is_equal(&identity, &stored->identity);
}

static bool is_good_now(const struct tls_staple *staple)
{
    return tls_staple_good_until(staple) > (int64_t)time(NULL);
}

/* What is good replaces what was; what is not leaves it, to be looked at again. */
static enum outcome refresh(struct stored *stored, struct text *problem)
{
    struct pem_file    file = {0};
    struct tls_staple *staple = read_staple(stored, &file, problem);

    if (staple != NULL) {
        adopt(stored, staple);
        stored->identity = *pem_file_identity(&file);
        stored->is_settled = pem_file_is_settled(&file);
        pem_file_fini(&file);
        return OUTCOME_GOOD;
    }
    pem_file_fini(&file);
    if (stored->staple != NULL && !is_good_now(stored->staple)) {
        tls_staple_free(&stored->staple);
    }
    stored->is_settled = false;
    tell_consequence(stored, problem);
    return stored->staple != NULL ? OUTCOME_KEPT : OUTCOME_FAILED;
}

static struct tls_staple *read_staple(const struct stored *stored, struct pem_file *file,
                                      struct text *problem)
{
    struct tls_staple *staple = NULL;
    struct error       error;
    struct text        reason;
    char               why[TLS_PROBLEM_BYTES];

    if (!pem_file_read_long(file, stored->path, STAPLE_FILE_BYTES_MAX, &error)) {
        text_format(problem, "cannot read \"%s\": %s", stored->path,
                    error_text(&error, why, sizeof(why)));
        return NULL;
    }
    text_init(&reason, why, sizeof(why));
    staple =
        tls_staple_new(stored->certificate, pem_file_bytes(file), (int64_t)time(NULL), &reason);
    if (staple == NULL) {
        text_format(problem, "%s: %s", stored->path, why);
    }
    return staple;
}

/* The same bytes are the same staple, so that a file merely touched is no news. */
static void adopt(struct stored *stored, struct tls_staple *staple)
{
    if (stored->staple != NULL && tls_staple_is_equal(stored->staple, staple)) {
        tls_staple_free(&staple);
        return;
    }
    tls_staple_free(&stored->staple);
    stored->staple = staple;
    stored->is_new = true;
}

static void tell_consequence(const struct stored *stored, struct text *problem)
{
    char      date[sizeof("2026-01-01T00:00:00Z") + 8] = "-";
    struct tm parts;
    time_t    until = 0;

    if (stored->staple == NULL) {
        text_string(problem, "; it is not sent");
        return;
    }
    until = (time_t)tls_staple_good_until(stored->staple);
    if (gmtime_r(&until, &parts) != NULL) {
        (void)strftime(date, sizeof(date), "%FT%TZ", &parts);
    }
    text_format(problem, "; the last good one is sent until %s", date);
}
