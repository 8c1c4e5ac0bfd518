#include "daemon/cpus.h"

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char CGROUP_ROOT[] = "/sys/fs/cgroup";
static const char CGROUP_OURS[] = "/proc/self/cgroup";

enum { LINE_BYTES = 4096 };

static unsigned cpus_of_affinity(void);
static bool     read_line(const char *path, const char *prefix, char *into, size_t into_bytes);

unsigned cpus_allowed(void)
{
    char     group[LINE_BYTES];
    unsigned allowed = cpus_of_affinity();

    /* The line "0::PATH" is cgroup v2's; a host with v1 alone has none. */
    if (read_line(CGROUP_OURS, "0::", group, sizeof(group))) {
        unsigned quota = cpus_of_cgroup(CGROUP_ROOT, group);

        if (quota != 0 && quota < allowed) {
            allowed = quota;
        }
    }
    return allowed;
}

static unsigned cpus_of_affinity(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof(set), &set) != 0 || CPU_COUNT(&set) < 1) {
        return 1;
    }
    return (unsigned)CPU_COUNT(&set);
}

unsigned cpus_of_quota(const char *cpu_max)
{
    char              *end = NULL;
    unsigned long long quota = strtoull(cpu_max, &end, 10);

    if (end == cpu_max || *end != ' ') {
        return 0; /* "max": no limit */
    }
    unsigned long long period = strtoull(end, NULL, 10);

    if (quota == 0 || period == 0 || quota / period >= UINT_MAX) {
        return 0;
    }
    return (unsigned)((quota + period - 1) / period);
}

unsigned cpus_of_cgroup(const char *root, const char *group)
{
    char     path[LINE_BYTES];
    char     line[LINE_BYTES];
    char     below[LINE_BYTES];
    unsigned smallest = 0;

    (void)snprintf(below, sizeof(below), "%s", group);
    for (;;) {
        int      len = snprintf(path, sizeof(path), "%s%s/cpu.max", root, below);
        unsigned quota =
            len > 0 && (size_t)len < sizeof(path) && read_line(path, "", line, sizeof(line))
                ? cpus_of_quota(line)
                : 0;

        if (quota != 0 && (smallest == 0 || quota < smallest)) {
            smallest = quota;
        }
        char *last = strrchr(below, '/');

        if (last == NULL) {
            return smallest;
        }
        *last = '\0';
    }
}

/* The rest of the first line that begins with `prefix`. */
static bool read_line(const char *path, const char *prefix, char *into, size_t into_bytes)
{
    FILE *file = fopen(path, "re");
    char  line[LINE_BYTES];
    bool  is_found = false;

    while (file != NULL && !is_found && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, prefix, strlen(prefix)) == 0) {
            line[strcspn(line, "\n")] = '\0';
            is_found = snprintf(into, into_bytes, "%s", line + strlen(prefix)) < (int)into_bytes;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return is_found;
}
