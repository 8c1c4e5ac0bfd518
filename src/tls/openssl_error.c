#include "tls/openssl_error.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

static unsigned long   telling_error(void);
static enum error_kind kind_of(unsigned long code);

struct error error_from_openssl(const char *step)
{
    unsigned long code = telling_error();

    return (struct error){.kind = (uint8_t)kind_of(code),
                          .source = ERROR_FROM_OPENSSL,
                          .code = (uint32_t)code,
                          .step = step};
}

/* The last in the queue, which goes; but want of memory, wherever it stands: what fails for it is
 * told behind it, in other words. */
static unsigned long telling_error(void)
{
    unsigned long telling = 0;
    unsigned long code = 0;

    while ((code = ERR_get_error()) != 0) {
        if (ERR_GET_REASON(telling) != ERR_R_MALLOC_FAILURE) {
            telling = code;
        }
    }
    return telling;
}

/* Looks first: clearing costs more, and there is seldom anything. */
void openssl_error_drop(void)
{
    if (ERR_peek_error() != 0) {
        ERR_clear_error();
    }
}

const char *openssl_error_reason(const struct error *error)
{
    const char *reason = error->source == ERROR_FROM_OPENSSL && error->code != 0
                             ? ERR_reason_error_string(error->code)
                             : NULL;

    return reason != NULL ? reason : "-";
}

/* Other libraries count their reasons from the same numbers; want of memory is one for all, and so
 * is what no peer can be blamed for. */
static enum error_kind kind_of(unsigned long code)
{
    int reason = ERR_GET_REASON(code);

    if (reason == ERR_R_MALLOC_FAILURE) {
        return ERROR_EXHAUSTED;
    }
    if (reason == ERR_R_INTERNAL_ERROR) {
        return ERROR_INTERNAL;
    }
    switch (ERR_GET_LIB(code) == ERR_LIB_SSL ? reason : 0) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        return ERROR_TLS_CERTIFICATE;
    default:
        return ERROR_TLS_PROTOCOL;
    }
}
