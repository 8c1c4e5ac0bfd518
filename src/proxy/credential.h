/* Names of files as a configuration has them: a path, or "credential:NAME" for what the service
 * manager hands over (systemd.exec(5), LoadCredential=). */
#ifndef SALLYPORT_PROXY_CREDENTIAL_H
#define SALLYPORT_PROXY_CREDENTIAL_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { CREDENTIAL_PATH_BYTES = 4096 };

/* The path to open. False and error: no credentials were handed over, a NAME that is no file name,
 * or a path too long. */
__attribute__((warn_unused_result)) bool credential_path(const char *written, char *path,
                                                         size_t path_bytes, struct error *error);

#endif
