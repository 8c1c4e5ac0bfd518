#include "proxy/pem_file.h"

#include "base/require.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool file_fill(struct pem_file *file, int fd, size_t bytes_max, struct error *error);
static bool file_read_bytes(struct pem_file *file, int fd, size_t bytes, struct error *error);

bool pem_file_read(struct pem_file *file, const char *path, struct error *error)
{
    return pem_file_read_long(file, path, PEM_FILE_BYTES_MAX, error);
}

bool pem_file_read_long(struct pem_file *file, const char *path, size_t bytes_max,
                        struct error *error)
{
    /* O_NONBLOCK: a FIFO of that name must not hold the start up. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    *file = (struct pem_file){0};
    if (fd < 0) {
        *error = error_from_errno(errno, "open");
        return false;
    }
    bool is_read = file_fill(file, fd, bytes_max, error);

    (void)close(fd);
    if (!is_read) {
        pem_file_fini(file);
    }
    return is_read;
}

void pem_file_fini(struct pem_file *file)
{
    if (file->memory != NULL) {
        explicit_bzero(file->memory, file->len);
        free(file->memory);
    }
    *file = (struct pem_file){0};
}

static bool file_fill(struct pem_file *file, int fd, size_t bytes_max, struct error *error)
{
    struct stat status;

    if (fstat(fd, &status) != 0) {
        *error = error_from_errno(errno, "stat");
        return false;
    }
    if (!S_ISREG(status.st_mode)) {
        *error = error_from_errno(S_ISDIR(status.st_mode) ? EISDIR : ENODEV, "not a regular file");
        return false;
    }
    if (status.st_size > (off_t)bytes_max) {
        *error = error_from_errno(EFBIG, "too long");
        return false;
    }
    file->is_public = (status.st_mode & S_IROTH) != 0;
    return file_read_bytes(file, fd, (size_t)status.st_size, error);
}

/* A file that shrinks while it is read is simply shorter. */
static bool file_read_bytes(struct pem_file *file, int fd, size_t bytes, struct error *error)
{
    file->memory = malloc(bytes + 1);
    if (file->memory == NULL) {
        *error = error_from_errno(ENOMEM, "read");
        return false;
    }
    while (file->len < bytes) {
        ssize_t got = read(fd, file->memory + file->len, bytes - file->len);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            *error = error_from_errno(errno, "read");
            return false;
        }
        if (got == 0) {
            break;
        }
        file->len += (size_t)got;
    }
    return true;
}
