/*
 * Authorities made at run time: they sign clients' certificates, with whatever names a test likes
 * better than a real one would, and lists of revoked ones. Aborts when OpenSSL refuses.
 */
#ifndef SALLYPORT_TESTS_AUTHORITY_H
#define SALLYPORT_TESTS_AUTHORITY_H

#include <openssl/x509v3.h>

/* A certificate and its key. */
struct credential {
    X509     *certificate;
    EVP_PKEY *key;
};

/* A part of the subject (NID_commonName and the like) or an alternative name (GEN_DNS, GEN_URI). */
struct name_part {
    int         kind;
    const char *bytes;
    int         len;  /* 0: as long as the string */
    int         type; /* of ASN.1; 0: UTF8String */
};

enum { NAME_PARTS_MAX = 4 };
struct credential_options {
    struct name_part subject[NAME_PARTS_MAX]; /* until one without bytes */
    struct name_part names[NAME_PARTS_MAX];
    int              begins_days; /* from now; 0: yesterday */
    int              ends_days;   /* 0: tomorrow */
    const char      *usage;       /* "serverAuth"; NULL: no such extension */
    const char      *responder;   /* its issuer's for OCSP, as "http://a/"; NULL: none */
    const char      *features;    /* "status_request"; NULL: none */
    int              is_authority;
};

/* Signed by `issuer`; NULL: by itself. */
struct credential credential_make(const struct credential         *issuer,
                                  const struct credential_options *options);
struct credential authority_make(const struct credential *issuer, const char *name);
/* A client's certificate of that common name. */
struct credential client_make(const struct credential *issuer, const char *name);
void              credential_fini(struct credential *credential);

/* PEM text, to be freed with free. */
char *credential_pem(const struct credential *credential);
/* The same with the key, and behind it the issuer's certificate unless that is NULL. */
char *credential_pem_with_key(const struct credential *credential, const struct credential *issuer);
/* A list of what the issuer has revoked: `revoked`, unless NULL. It is good until then. */
char *revocations_pem(const struct credential *issuer, const struct credential *revoked,
                      int ends_days);

#endif
