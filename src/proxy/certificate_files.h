/* The files that one certificate is made of, found and read. */
#ifndef SALLYPORT_PROXY_CERTIFICATE_FILES_H
#define SALLYPORT_PROXY_CERTIFICATE_FILES_H

#include "proxy/passphrase.h"
#include "proxy/pem_file.h"
#include "tls/certificate.h"

/* As configured. */
struct certificate_source {
    const char        *certificate_path;
    const char        *key_path;   /* NULL: in the certificate's file, or beside it */
    const char        *chain_path; /* NULL: in the certificate's file */
    struct passphrase *passphrase; /* for an encrypted key; NULL: none */
};

enum { FILE_CERTIFICATE, FILE_KEY, FILE_CHAIN, FILES_COUNT };
enum { SIBLING_BYTES = 4096 };

/* Zeroed memory has none. */
struct certificate_files {
    const struct certificate_source *source;
    struct pem_file                  files[FILES_COUNT];
    bool                             is_there[FILES_COUNT];
    char                             sibling[SIBLING_BYTES]; /* that the key is in, or "" */
    struct tls_pem                   pem;                    /* points into all this */
    bool                             is_encrypted;           /* the key, and it has a passphrase */
    bool is_key_only; /* a key and no certificate: the file belongs to another */
};

/* The path as configured; NULL: no file of its own. */
const char *certificate_source_path(const struct certificate_source *source, size_t file);

/* False, and `problem` says what is wrong, with the path. Then, too, _fini. */
__attribute__((warn_unused_result)) bool
certificate_files_read(struct certificate_files *files, const struct certificate_source *source,
                       struct text *problem);
void certificate_files_fini(struct certificate_files *files);

/* Where the key of "www.pem" is looked for when it is not in there: "www.pem.key", then "www.key".
 * False: nowhere else, or the path would be too long. */
bool certificate_sibling(const char *certificate_path, size_t index,
                         char into[static SIBLING_BYTES]);

#endif
