/* OpenSSL's verdicts and error queue in our words. The only place that reads either. */
#ifndef SALLYPORT_TLS_OPENSSL_ERROR_H
#define SALLYPORT_TLS_OPENSSL_ERROR_H

#include "base/error.h"

/* Takes the newest error and empties the queue. `kind` is ERROR_TLS_CERTIFICATE for errors about
 * certificates, ERROR_EXHAUSTED for want of memory, else ERROR_TLS_PROTOCOL. */
struct error error_from_openssl(const char *step);

/* Empties the queue. */
void openssl_error_drop(void);

/* "no shared cipher"; "-" when there is none. Static. */
const char *openssl_error_reason(const struct error *error);

#endif
