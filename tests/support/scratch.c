#include "scratch.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPEN_MAX_WHILE_REMOVING = 8, DIRECTORY_MODE = 0700 };

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

void scratch_open(struct scratch *scratch)
{
    (void)snprintf(scratch->path, sizeof(scratch->path), "/tmp/sallyport-unit-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(scratch->path));
}

void scratch_close(struct scratch *scratch)
{
    ck_assert_int_eq(nftw(scratch->path, remove_one, OPEN_MAX_WHILE_REMOVING, FTW_DEPTH | FTW_PHYS),
                     0);
}

void scratch_name(const struct scratch *scratch, const char *name,
                  char into[static SCRATCH_PATH_BYTES])
{
    ck_assert_int_lt(snprintf(into, SCRATCH_PATH_BYTES, "%s/%s", scratch->path, name),
                     SCRATCH_PATH_BYTES);
}

void scratch_write(const struct scratch *scratch, const char *name, const char *text)
{
    char path[SCRATCH_PATH_BYTES];

    scratch_name(scratch, name, path);
    for (char *slash = path + strlen(scratch->path) + 1; (slash = strchr(slash, '/')) != NULL;
         slash++) {
        *slash = '\0';
        (void)mkdir(path, DIRECTORY_MODE);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}
