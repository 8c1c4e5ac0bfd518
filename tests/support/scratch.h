/* A directory of a test's own, and files in it. */
#ifndef SALLYPORT_TESTS_SCRATCH_H
#define SALLYPORT_TESTS_SCRATCH_H

enum { SCRATCH_PATH_BYTES = 256 };

struct scratch {
    char path[SCRATCH_PATH_BYTES];
};

void scratch_open(struct scratch *scratch);
/* Removes the directory with all that is in it. */
void scratch_close(struct scratch *scratch);

/* The path of `name` inside. */
void scratch_name(const struct scratch *scratch, const char *name,
                  char into[static SCRATCH_PATH_BYTES]);
/* Makes directories on the way. */
void scratch_write(const struct scratch *scratch, const char *name, const char *text);

#endif
