/*
 * Files of certificates or of lists of revoked ones, and directories of such files, read whole.
 * A file that was named must be good; what is found in a directory and cannot be used is passed
 * over with a warning, so that one bad file does not take the others with it. Read once more, a
 * file that has not changed is not read again, and one that cannot be used now stays as it was.
 */
#ifndef SALLYPORT_PROXY_TRUST_FILES_H
#define SALLYPORT_PROXY_TRUST_FILES_H

#include "base/bytes.h"
#include "config/config.h"
#include "proxy/pem_file.h"
#include "tls/verify.h"

enum { TRUST_FILE_BYTES_MAX = 64 * 1024 * 1024 }; /* lists of revoked certificates grow */

/* Immutable, counted by the control thread. */
struct trust_file {
    struct pem_file file;
    size_t          holds;
    char           *path; /* of its own, also when it was found in a directory */
    int64_t good_until_s; /* when the first thing in it expires, since the epoch; 0: never */
};

/* Zeroed memory is empty. */
struct trust_files {
    struct bytes_const *bytes; /* of each file */
    struct trust_file **files;
    size_t              count;
    /* private */
    size_t room;
};

struct trust_files_options {
    enum tls_trust_kind          kind;
    const struct config_strings *paths;
    const struct config_strings *directories;
    const struct trust_files    *previous; /* what they were when they were read last; or NULL */
    struct config_report        *report;
};

/* False when memory is short; what is wrong with a file is in the report, at its line. */
__attribute__((warn_unused_result)) bool
     trust_files_read(struct trust_files *files, const struct trust_files_options *options);
void trust_files_fini(struct trust_files *files);

/* The same bytes in the same order. */
bool trust_files_is_equal(const struct trust_files *one, const struct trust_files *other);

#endif
