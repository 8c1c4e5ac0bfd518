/* OCSP responders made at run time: their answers about a certificate, with whatever in them a test
 * likes better than a real one would. Aborts when OpenSSL refuses. */
#ifndef SALLYPORT_TESTS_RESPONDER_H
#define SALLYPORT_TESTS_RESPONDER_H

#include "authority.h"

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>

struct answer_options {
    const struct credential *issuer;     /* of the certificate */
    const struct credential *about;      /* the certificate */
    const struct credential *also_about; /* another of that issuer, told of first; or NULL */
    const struct credential *signer;     /* NULL: the issuer */
    const char              *digest;     /* "SHA256", of the certificate's id; NULL: SHA1 */
    int                      status;     /* V_OCSP_CERTSTATUS_GOOD and the like */
    int                      refusal;    /* OCSP_RESPONSE_STATUS_TRYLATER, say; 0: none */
    long                     begins_s;   /* from now; 0: an hour ago */
    long                     ends_s;     /* 0: in an hour */
    bool                     has_no_end;
    size_t                   ballast_bytes; /* in an extension */
};

/* DER; `data` to be freed with free. */
struct bytes answer_make(const struct answer_options *options);
/* The same as PEM text, to be freed with free. */
char *answer_pem(struct bytes der);

#endif
