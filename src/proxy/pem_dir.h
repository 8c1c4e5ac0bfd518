/* The files of a directory of certificates, those that are none left out. */
#ifndef SALLYPORT_PROXY_PEM_DIR_H
#define SALLYPORT_PROXY_PEM_DIR_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { PEM_DIR_FILES_MAX = 262144 };

/* Zeroed memory is an empty list. */
struct pem_dir {
    char **paths; /* in byte order */
    size_t count;
    char **staples; /* of OCSP answers; in byte order */
    size_t staples_count;
    /* private */
    size_t room;
    size_t staples_room;
};

/*
 * Lists the files whose names fit the glob (fnmatch(3); empty: all): no hidden ones, no
 * directories, and none that editors and package managers leave behind ("www.pem~",
 * "www.pem.dpkg-old"). OCSP answers ("www.pem.ocsp") are listed apart, whatever the glob. False and
 * error: the directory cannot be read, or holds more than PEM_DIR_FILES_MAX.
 */
__attribute__((warn_unused_result)) bool pem_dir_list(struct pem_dir *list, const char *path,
                                                      const char *glob, struct error *error);

/* One path more, and all in order; for lists made otherwise. False when memory is short. */
__attribute__((warn_unused_result)) bool pem_dir_add(struct pem_dir *list, const char *path);
void                                     pem_dir_sort(struct pem_dir *list);

void pem_dir_fini(struct pem_dir *list);

/* What is listed beside the certificate in `path` for its staple; NULL: nothing. */
const char *pem_dir_staple_of(const struct pem_dir *list, const char *path);

/* True for names of certificates rather than of staples or leftovers. */
bool pem_dir_is_wanted(const char *name, const char *glob);

#endif
