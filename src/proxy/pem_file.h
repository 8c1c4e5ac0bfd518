/* A file of certificates or keys, read whole into memory that is wiped before it is given back. */
#ifndef SALLYPORT_PROXY_PEM_FILE_H
#define SALLYPORT_PROXY_PEM_FILE_H

#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PEM_FILE_BYTES_MAX = 1024 * 1024 };

/* Which file it is and which state of it: equal means that it need not be read again. */
struct pem_identity {
    uint64_t device;
    uint64_t inode;
    uint64_t size;
    int64_t  modified_ns;
    int64_t  changed_ns;
};

struct pem_file {
    /* private */
    uint8_t            *memory;
    size_t              len;
    struct pem_identity identity;
    bool                is_public;
    bool                is_settled;
};

/*
 * `path` as a configuration has it, which may be a credential (proxy/credential.h). Follows
 * symbolic links to their end and opens what is there, as a link no more; looks at what was opened
 * (fstat, so that a name changed meanwhile cannot matter); reads once. False and error: not
 * readable, no regular file, or longer than PEM_FILE_BYTES_MAX.
 */
__attribute__((warn_unused_result)) bool pem_file_read(struct pem_file *file, const char *path,
                                                       struct error *error);

/* The same with another bound. */
__attribute__((warn_unused_result)) bool pem_file_read_long(struct pem_file *file, const char *path,
                                                            size_t bytes_max, struct error *error);

/* Zeroed or already finished is fine. */
void pem_file_fini(struct pem_file *file);

/* Of the file a name stands for now; false: there is none. */
bool pem_file_identify(const char *path, struct pem_identity *identity);
bool pem_identity_is_equal(const struct pem_identity *one, const struct pem_identity *other);

static inline const struct pem_identity *pem_file_identity(const struct pem_file *file)
{
    return &file->identity;
}

/* It was last changed long enough ago that another change would show in its identity: a clock tick
 * of the kernel is some milliseconds. */
static inline bool pem_file_is_settled(const struct pem_file *file)
{
    return file->is_settled;
}

static inline struct bytes_const pem_file_bytes(const struct pem_file *file)
{
    return (struct bytes_const){file->memory, file->len};
}

/* Everyone on this machine may read or change it, which is no place for a key. */
static inline bool pem_file_is_public(const struct pem_file *file)
{
    return file->is_public;
}

#endif
