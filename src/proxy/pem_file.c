#include "proxy/pem_file.h"

#include "base/require.h"
#include "proxy/credential.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_SECOND INT64_C(1000000000)
#define SETTLED_NS    NS_PER_SECOND

static int  open_resolved(const char *path, struct error *error);
static bool file_fill(struct pem_file *file, int fd, size_t bytes_max, struct error *error);
static struct pem_identity identity_of(const struct stat *status);
static int64_t             ns_of(const struct timespec *time);
static bool file_read_bytes(struct pem_file *file, int fd, size_t bytes, struct error *error);

bool pem_file_read(struct pem_file *file, const char *path, struct error *error)
{
    return pem_file_read_long(file, path, PEM_FILE_BYTES_MAX, error);
}

bool pem_file_read_long(struct pem_file *file, const char *path, size_t bytes_max,
                        struct error *error)
{
    int fd = open_resolved(path, error);

    *file = (struct pem_file){0};
    if (fd < 0) {
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

bool pem_file_identify(const char *path, struct pem_identity *identity)
{
    char         found[CREDENTIAL_PATH_BYTES];
    struct stat  status;
    struct error error;

    if (!credential_path(path, found, sizeof(found), &error) || stat(found, &status) != 0 ||
        !S_ISREG(status.st_mode)) {
        return false;
    }
    *identity = identity_of(&status);
    return true;
}

bool pem_identity_is_equal(const struct pem_identity *one, const struct pem_identity *other)
{
    return one->device == other->device && one->inode == other->inode && one->size == other->size &&
           one->modified_ns == other->modified_ns && one->changed_ns == other->changed_ns;
}

/* O_NONBLOCK: a FIFO of that name must not hold the start up. */
static int open_resolved(const char *path, struct error *error)
{
    char  found[CREDENTIAL_PATH_BYTES];
    char *resolved = NULL;
    int   fd = -1;

    if (!credential_path(path, found, sizeof(found), error)) {
        return -1;
    }
    resolved = realpath(found, NULL);
    if (resolved != NULL) {
        fd = open(resolved, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
    }
    if (fd < 0) {
        *error = error_from_errno(errno, "open");
    }
    free(resolved);
    return fd;
}

static bool file_fill(struct pem_file *file, int fd, size_t bytes_max, struct error *error)
{
    struct timespec now = {0};
    struct stat     status;

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
    (void)clock_gettime(CLOCK_REALTIME, &now);
    file->identity = identity_of(&status);
    file->is_settled = ns_of(&now) - file->identity.changed_ns > SETTLED_NS &&
                       ns_of(&now) - file->identity.modified_ns > SETTLED_NS;
    file->is_public = (status.st_mode & (S_IROTH | S_IWOTH)) != 0;
    return file_read_bytes(file, fd, (size_t)status.st_size, error);
}

/* A file that shrinks while it is read is simply shorter. */
static struct pem_identity identity_of(const struct stat *status)
{
    return (struct pem_identity){.device = (uint64_t)status->st_dev,
                                 .inode = (uint64_t)status->st_ino,
                                 .size = (uint64_t)status->st_size,
                                 .modified_ns = ns_of(&status->st_mtim),
                                 .changed_ns = ns_of(&status->st_ctim)};
}

static int64_t ns_of(const struct timespec *time)
{
    return (int64_t)time->tv_sec * NS_PER_SECOND + time->tv_nsec;
}

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
