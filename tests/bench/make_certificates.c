/*
 * Makes many certificates with their keys, for a proxy that serves many names:
 *
 *   certificates DIRECTORY COUNT
 *
 * Each is a file "host0.bench.example.pem" and so on; a file that is there already is left.
 */
#include "certificates.h"
#include "names.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COUNT_MAX = 100000, DAYS = 3650, PATH_BYTES = 4096 };

static bool make(const char *directory, unsigned index);
static bool save(int fd, const char *pem);

int main(int count, char **arguments)
{
    unsigned long certificates = count == 3 ? strtoul(arguments[2], NULL, 10) : 0;

    if (certificates == 0 || certificates > COUNT_MAX) {
        fprintf(stderr, "usage: certificates DIRECTORY COUNT\n");
        return 2;
    }
    for (unsigned i = 0; i < certificates; i++) {
        if (!make(arguments[1], i)) {
            perror("certificates");
            return 1;
        }
    }
    return 0;
}

static bool make(const char *directory, unsigned index)
{
    char  name[NAMES_BYTES];
    char  names[NAMES_BYTES + 4];
    char  path[PATH_BYTES];
    char *pem;
    int   fd;
    bool  is_saved;

    names_write(index, name);
    (void)snprintf(names, sizeof(names), "DNS:%s", name);
    (void)snprintf(path, sizeof(path), "%s/%s.pem", directory, name);
    if (access(path, F_OK) == 0) {
        return true;
    }
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0) {
        return false;
    }
    pem = certificate_make(&(struct certificate_options){
        .kind = CERTIFICATE_EC_P256, .common_name = name, .names = names, .days = DAYS});
    is_saved = save(fd, pem);
    free(pem);
    return is_saved;
}

static bool save(int fd, const char *pem)
{
    size_t len = strlen(pem);
    bool   is_written = write(fd, pem, len) == (ssize_t)len;

    return close(fd) == 0 && is_written;
}
