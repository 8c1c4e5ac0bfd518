/* Certificates made at run time, as PEM text in memory: nothing expires, nothing lies in the tree.
 */
#ifndef SALLYPORT_TESTS_CERTIFICATES_H
#define SALLYPORT_TESTS_CERTIFICATES_H

#include <stddef.h>

enum certificate_kind { CERTIFICATE_EC_P256, CERTIFICATE_RSA_2048, CERTIFICATE_RSA_1024 };

struct certificate_options {
    enum certificate_kind kind;
    const char           *common_name; /* NULL: none */
    const char           *names;       /* "DNS:a.example,DNS:*.b.example"; NULL: no extension */
    int                   days;        /* until it expires; below 0: it has */
    const char           *challenge;   /* acmeIdentifier, "critical,DER:04:20:..."; NULL: none */
};

/* Self-signed; the certificate, then the key, in one text to be freed with free. Aborts when
 * OpenSSL refuses: a test cannot go on without. */
char *certificate_make(const struct certificate_options *options);

/* The same certificate and key, the key in the older form named for its algorithm ("BEGIN EC
 * PRIVATE KEY"); to be freed with free. */
char *certificate_in_old_form(const char *pem);

/* The same with the key under a passphrase (PKCS #8, AES); to be freed with free. */
char *certificate_sealed(const char *pem, const char *passphrase);

/* The key alone, or the certificate alone, of such a text; to be freed with free. */
char *certificate_only_key(const char *pem);
char *certificate_only_leaf(const char *pem);

#endif
