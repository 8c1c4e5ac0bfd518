/*
 * Files of OCSP answers, by path and by the certificate they are for, each checked once. A file
 * that has not changed is not read again; one that can no longer be used leaves its last good
 * answer in use until that expires. Belongs to the certificate store, and goes by its rounds.
 */
#ifndef SALLYPORT_PROXY_STAPLE_FILES_H
#define SALLYPORT_PROXY_STAPLE_FILES_H

#include "base/id_table.h"
#include "base/text.h"
#include "tls/staple.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is beside a certificate's file has its name and this. */
#define STAPLE_SUFFIX ".ocsp"

enum { STAPLE_FILE_BYTES_MAX = 64 * 1024 };

/* Zeroed memory is empty. */
struct staple_files {
    /* private */
    struct id_table by_path;
    uint64_t        round;
    size_t          missing;
};

/* What one round found. */
struct staple_tally {
    size_t  count;   /* staples in use */
    size_t  read;    /* of these, new ones */
    size_t  kept;    /* of these, last good ones of files that cannot be used now */
    size_t  errors;  /* files that cannot be used and have no such one */
    size_t  revoked; /* of these in use, those that say so */
    size_t  missing; /* certificates without, whose authority has a responder */
    int64_t next_update_s;
    char    next_update_path[256]; /* "" when there is no staple */
    char    revoked_path[256];
};

void staple_files_begin(struct staple_files *files);
void staple_files_tally(const struct staple_files *files, struct staple_tally *tally);
/* Forgets what this round did not ask for. */
void staple_files_sweep(struct staple_files *files);
void staple_files_fini(struct staple_files *files);

/*
 * The answer in a file, for this certificate; the store's hold on it lasts until a sweep. NULL when
 * there is none that is good. `problem` says what is wrong with the file and what comes of it.
 */
struct tls_staple *staple_files_get(struct staple_files *files, struct tls_certificate *certificate,
                                    const char *path, struct text *problem);

/* That file was asked for in this or the last round, for this certificate. */
bool staple_files_knows(const struct staple_files *files, const struct tls_certificate *certificate,
                        const char *path);

/* This certificate has no staple, and could have one. */
void staple_files_miss(struct staple_files *files);

#endif
