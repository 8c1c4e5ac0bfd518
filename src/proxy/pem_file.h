/* A file of certificates or keys, read whole into memory that is wiped before it is given back. */
#ifndef SALLYPORT_PROXY_PEM_FILE_H
#define SALLYPORT_PROXY_PEM_FILE_H

#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PEM_FILE_BYTES_MAX = 1024 * 1024 };

struct pem_file {
    /* private */
    uint8_t *memory;
    size_t   len;
    bool     is_public;
};

/*
 * Opens, looks at what was opened (fstat, so that a name changed meanwhile cannot matter), reads
 * once. False and error: not readable, no regular file, or longer than PEM_FILE_BYTES_MAX.
 */
__attribute__((warn_unused_result)) bool pem_file_read(struct pem_file *file, const char *path,
                                                       struct error *error);

/* The same with another bound. */
__attribute__((warn_unused_result)) bool pem_file_read_long(struct pem_file *file, const char *path,
                                                            size_t bytes_max, struct error *error);

/* Zeroed or already finished is fine. */
void pem_file_fini(struct pem_file *file);

static inline struct bytes_const pem_file_bytes(const struct pem_file *file)
{
    return (struct bytes_const){file->memory, file->len};
}

/* Everyone on this machine may read it, which is no place for a key. */
static inline bool pem_file_is_public(const struct pem_file *file)
{
    return file->is_public;
}

#endif
