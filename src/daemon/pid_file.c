#include "daemon/pid_file.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PID_FILE_MODE = 0644, NUMBER_BYTES = 24 };

static bool write_number(const char *path);

bool pid_file_write(const char *path)
{
    char aside[PATH_MAX];

    if (path[0] == '\0') {
        return true;
    }
    int  len = snprintf(aside, sizeof(aside), "%s.new", path);
    bool is_written =
        len > 0 && (size_t)len < sizeof(aside) && write_number(aside) && rename(aside, path) == 0;

    if (!is_written) {
        log_error("pid file cannot be written path=%s: %s", path, strerrordesc_np(errno));
    }
    return is_written;
}

/* Never through a link that someone left there for us. */
static bool write_number(const char *path)
{
    char number[NUMBER_BYTES];
    int  len = snprintf(number, sizeof(number), "%ld\n", (long)getpid());
    int  fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, PID_FILE_MODE);

    if (fd < 0) {
        return false;
    }
    bool is_written = write(fd, number, (size_t)len) == (ssize_t)len;

    return close(fd) == 0 && is_written;
}

void pid_file_remove(const char *path)
{
    char  line[NUMBER_BYTES] = "";
    FILE *file = path[0] != '\0' ? fopen(path, "re") : NULL;

    if (file == NULL) {
        return;
    }
    bool is_ours =
        fgets(line, sizeof(line), file) != NULL && strtol(line, NULL, 10) == (long)getpid();

    (void)fclose(file);
    if (is_ours) {
        (void)unlink(path);
    }
}
