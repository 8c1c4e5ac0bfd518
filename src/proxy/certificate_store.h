/*
 * Every certificate the daemon has read, by the path of its file, each parsed once and shared by
 * frontends and snapshots. A file that has not changed is not read again; one that can no longer be
 * used keeps its last good version. Belongs to the control thread.
 */
#ifndef SALLYPORT_PROXY_CERTIFICATE_STORE_H
#define SALLYPORT_PROXY_CERTIFICATE_STORE_H

#include "base/error.h"
#include "base/text.h"
#include "proxy/certificate_files.h"
#include "proxy/staple_files.h"
#include "tls/certificate.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct certificate_store;

/* NULL and error. */
__attribute__((warn_unused_result)) struct certificate_store *
certificate_store_new(struct error *error);
/* No snapshot may be left. */
void certificate_store_free(struct certificate_store **store);

/* Where its certificates are made. */
struct tls_library *certificate_store_library(struct certificate_store *store);

/* What they are sent with; its rounds are the store's. */
struct staple_files *certificate_store_staples(struct certificate_store *store);

/* --- rounds ------------------------------------------------------------------------------- */

/* What one round found. */
struct certificate_tally {
    size_t  count;  /* certificates in use */
    size_t  parsed; /* of these, new ones */
    size_t  kept;   /* of these, last good versions of files that cannot be used now */
    size_t  errors; /* files that cannot be used and have no such version */
    int64_t next_expiry_s;
    char    next_expiry_path[256]; /* "" when there is no certificate */
};

/* Before a configuration's certificates are asked for: a file is looked at once a round. */
void certificate_store_begin(struct certificate_store *store);
/* When the programs that give passphrases must have ended, all of the round together. */
uint64_t certificate_store_passphrases_until(const struct certificate_store *store);
void     certificate_store_tally(const struct certificate_store *store,
                                 struct certificate_tally       *tally);
/* After: forgets what this round did not ask for. */
void certificate_store_sweep(struct certificate_store *store);

/* Calls `each` with every certificate there is and the path of its file, in no order. */
typedef void certificate_store_file(void *owner, const char *path,
                                    const struct tls_certificate *certificate);
void certificate_store_each(const struct certificate_store *store, certificate_store_file *each,
                            void *owner);

/* --- certificates ------------------------------------------------------------------------- */

/* STORE_KEY_ONLY: there is a key in the file and no certificate, so it belongs to another file. */
enum store_outcome { STORE_GOOD, STORE_KEPT, STORE_FAILED, STORE_KEY_ONLY };

/*
 * The certificate that these files make; the store's hold on it lasts until a sweep. NULL when
 * STORE_FAILED or STORE_KEY_ONLY. `problem` says what is wrong, with the path, unless STORE_GOOD.
 * Without a key of its own, the file "www.pem" has it in "www.pem.key" or "www.key".
 */
struct tls_certificate *certificate_store_get(struct certificate_store        *store,
                                              const struct certificate_source *source,
                                              enum store_outcome *outcome, struct text *problem);

/* Of files certificate_store_get was asked for: the first or, with `index` 1, the second with a
 * secret in it that everyone on this machine may read; NULL: none. */
const char *certificate_store_public_file(const struct certificate_store  *store,
                                          const struct certificate_source *source, size_t index);

/* For a directory that cannot be read now: calls `each` with the paths of its files that have a
 * last good version, in no order, until one call returns false; so does this then. */
typedef bool certificate_store_path(void *owner, const char *path);
__attribute__((warn_unused_result)) bool
certificate_store_each_in(const struct certificate_store *store, const char *directory,
                          certificate_store_path *each, void *owner);

#endif
