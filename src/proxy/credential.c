#include "proxy/credential.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool credential_path(const char *written, char *path, size_t path_bytes, struct error *error)
{
    static const char scheme[] = "credential:";
    const char       *name = written + sizeof(scheme) - 1;
    const char       *directory = getenv("CREDENTIALS_DIRECTORY");
    int               len = 0;

    if (strncmp(written, scheme, sizeof(scheme) - 1) != 0) {
        len = snprintf(path, path_bytes, "%s", written);
    } else if (directory == NULL || directory[0] == '\0') {
        *error = error_make(ERROR_CONFIG, "the service manager handed no credentials over "
                                          "(CREDENTIALS_DIRECTORY is not set)");
        return false;
    } else if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL) {
        *error = error_make(ERROR_CONFIG, "the name of a credential is a plain file name");
        return false;
    } else {
        len = snprintf(path, path_bytes, "%s/%s", directory, name);
    }
    if (len < 0 || (size_t)len >= path_bytes) {
        *error = error_make(ERROR_CONFIG, "the path is too long");
        return false;
    }
    return true;
}
